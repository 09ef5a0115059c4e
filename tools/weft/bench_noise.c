// SPDX-License-Identifier: MIT
/* bench_noise.c - what the system counts as busy (/proc/stat), less what this process and its children used. */
#include "bench_noise.h"
#include "harness_clock.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds_of(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

struct bench_noise bench_noise_now(void)
{
    struct bench_noise now = {.at_s = (double)bench_now_ns() / 1e9};
    double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0, stolen = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file != NULL && fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &waiting,
                               &irq, &softirq, &stolen) == 8) {
        const double ticks = (double)sysconf(_SC_CLK_TCK);
        now.busy_s = (user + nice + system) / ticks;
        now.stolen_s = stolen / ticks;
    }
    if (file != NULL)
        fclose(file);
    struct rusage self, children;
    if (getrusage(RUSAGE_SELF, &self) == 0 && getrusage(RUSAGE_CHILDREN, &children) == 0)
        now.own_s = seconds_of(&self) + seconds_of(&children);
    return now;
}

void bench_noise_between(const struct bench_noise *before, const struct bench_noise *after, double *foreign,
                         double *stolen)
{
    const double all_s = (after->at_s - before->at_s) * (double)sysconf(_SC_NPROCESSORS_ONLN);
    const double others_s = after->busy_s - before->busy_s - (after->own_s - before->own_s);
    *foreign = all_s > 0 && others_s > 0 ? others_s / all_s : 0;
    *stolen = all_s > 0 ? (after->stolen_s - before->stolen_s) / all_s : 0;
}
