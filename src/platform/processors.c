// SPDX-License-Identifier: MIT
/* processors.c - how many processors the threads of this process can run on at once, and what they are.
 *
 * The union of all threads' affinity masks, since a launcher may have pinned the calling thread alone to one processor;
 * and at most what the control group's quota grants, rounded up (cgroup v2's cpu.max or v1's cfs_quota_us, the tightest on
 * the way up to the root that is visible here). */
#include "platform/platform.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MASK_PROCESSORS 8192

static int affinity_union(int online)
{
    size_t bytes = CPU_ALLOC_SIZE(MASK_PROCESSORS);
    cpu_set_t *all = CPU_ALLOC(MASK_PROCESSORS), *one = CPU_ALLOC(MASK_PROCESSORS);
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    if (all != NULL && one != NULL) {
        CPU_ZERO_S(bytes, all);
        if (sched_getaffinity(0, bytes, one) == 0)
            CPU_OR_S(bytes, all, all, one);
        for (struct dirent *task = tasks ? readdir(tasks) : NULL; task != NULL; task = readdir(tasks))
            if (task->d_name[0] != '.' && sched_getaffinity(atoi(task->d_name), bytes, one) == 0)
                CPU_OR_S(bytes, all, all, one);
        count = CPU_COUNT_S(bytes, all);
    }
    if (tasks != NULL)
        closedir(tasks);
    CPU_FREE(all);
    CPU_FREE(one);
    return count > 0 ? count : online;
}

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    bool got = file != NULL && fgets(line, (int)size, file) != NULL;
    if (file != NULL)
        fclose(file);
    return got;
}

static double lesser_quota(double quota, double other)
{
    return other > 0 && (quota == 0 || other < quota) ? other : quota;
}

/* cpu.max of one folder: "max 100000" or "150000 100000". */
static double quota_v2(const char *folder)
{
    char path[4200], line[128];
    long long quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (read_line(path, line, sizeof line) && sscanf(line, "%lld %lld", &quota, &period) == 2 && period > 0)
        return (double)quota / (double)period;
    return 0;
}

static double quota_v1(const char *folder)
{
    char path[4200], quota[64], period[64];
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_line(path, quota, sizeof quota) || atoll(quota) <= 0)
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!read_line(path, period, sizeof period) || atoll(period) <= 0)
        return 0;
    return (double)atoll(quota) / (double)atoll(period);
}

/* The tightest quota from `group` of the hierarchy at `mount` up to its root. */
static double quota_upward(const char *mount, char *group, double (*read_quota)(const char *))
{
    char folder[4096];
    double quota = 0;
    for (;;) {
        snprintf(folder, sizeof folder, "%s%s", mount, group);
        quota = lesser_quota(quota, read_quota(folder));
        char *slash = strrchr(group, '/');
        if (slash == NULL || group[0] == 0)
            return quota;
        *slash = 0;
    }
}

static double cgroup_quota(void)
{
    char line[2048];
    double quota = 0;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (group == NULL)
            continue;
        *group++ = 0;
        if (controllers[1] == 0)
            quota = lesser_quota(quota, quota_upward("/sys/fs/cgroup", group, quota_v2));
        else if (strstr(controllers + 1, "cpu,") == controllers + 1 || strcmp(controllers + 1, "cpu") == 0)
            quota = lesser_quota(quota, quota_upward("/sys/fs/cgroup/cpu", group, quota_v1));
    }
    if (file != NULL)
        fclose(file);
    return quota;
}

void weft_processors_count(struct weft_processors *out)
{
    int saved = errno;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    out->online = online > 0 ? (int)online : 1;
    out->affinity = affinity_union(out->online);
    out->cgroup_quota = cgroup_quota();
    out->usable = out->affinity;
    int granted = (int)out->cgroup_quota;
    if (out->cgroup_quota > granted)
        granted++;
    if (granted > 0 && granted < out->usable)
        out->usable = granted;
    errno = saved;
}

/* What the first processor says of itself: its name, or on ARM the numbers of its maker and part. */
static void processor_name(char *name, size_t size)
{
    static const char *const keys[] = {"model name", "CPU implementer", "CPU part", "processor 0"};
    char line[512];
    size_t at = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    name[0] = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL && line[0] != '\n')
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            const char *value = strchr(line, ':');
            if (strncmp(line, keys[i], strlen(keys[i])) != 0 || value == NULL || at + 2 >= size)
                continue;
            value += 1 + strspn(value + 1, " \t");
            at += (size_t)snprintf(name + at, size - at, "%s%.*s", at > 0 ? " " : "", (int)strcspn(value, "\n"), value);
        }
    if (file != NULL)
        fclose(file);
}

void weft_machine_name(char name[WEFT_MACHINE_TEXT])
{
    char processor[WEFT_MACHINE_TEXT - 30];
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    processor_name(processor, sizeof processor);
    snprintf(name, WEFT_MACHINE_TEXT, "%s, %ld processors", processor[0] != 0 ? processor : "unknown", online);
}
