// SPDX-License-Identifier: MIT
/* bench_child.c - pipes to and from a process group, with a deadline on every answer. */
#include "bench_child.h"
#include "harness_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_MS = 3000, STEP_MS = 5 };

/* In the child, between fork and exec. */
static void become(char *const *argv, int in, int out, int errors)
{
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
        _exit(127);
    execvp(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

bool bench_child_start(struct bench_child *child, char *const *argv)
{
    int in[2], out[2];
    *child = (struct bench_child){0};
    if (pipe2(in, O_CLOEXEC) != 0)
        return false;
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return false;
    }
    child->errors = tmpfile();
    if (child->errors != NULL)
        fcntl(fileno(child->errors), F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN); /* a child that has ended shows when it is asked */
    child->to = in[1];
    child->from = out[0];
    child->pid = child->errors != NULL ? fork() : -1;
    if (child->pid == 0)
        become(argv, in[0], out[1], fileno(child->errors));
    close(in[0]);
    close(out[1]);
    if (child->pid > 0)
        return true;
    close(child->to);
    close(child->from);
    child->pid = 0;
    bench_child_stop(child);
    return false;
}

/* One line, without its end, NULL at the end of the stream or past the deadline. Lives until the next call. */
static const char *next_line(struct bench_child *child, char *line, size_t size, int64_t deadline_ns)
{
    for (;;) {
        char *end = memchr(child->buffer, '\n', child->filled);
        if (end != NULL) {
            const size_t length = (size_t)(end - child->buffer), kept = length < size ? length : size - 1;
            memcpy(line, child->buffer, kept);
            line[kept] = '\0';
            child->filled -= length + 1;
            memmove(child->buffer, end + 1, child->filled);
            return line;
        }
        const int64_t left_ms = (deadline_ns - bench_now_ns()) / 1000000;
        struct pollfd wait = {child->from, POLLIN, 0};
        if (left_ms <= 0 || child->filled == sizeof child->buffer || poll(&wait, 1, (int)left_ms) <= 0)
            return NULL;
        const ssize_t got = read(child->from, child->buffer + child->filled, sizeof child->buffer - child->filled);
        if (got <= 0)
            return NULL;
        child->filled += (size_t)got;
    }
}

bool bench_child_ready(struct bench_child *child, int64_t timeout_ns)
{
    char line[512];
    const int64_t deadline_ns = bench_now_ns() + timeout_ns;
    while (next_line(child, line, sizeof line, deadline_ns) != NULL)
        if (strcmp(line, "ready") == 0)
            return true;
    return false;
}

bool bench_child_ask(struct bench_child *child, const char *request, int64_t timeout_ns,
                     void (*take)(void *sink, const struct bench_result *result), void *sink)
{
    char line[512];
    const int64_t deadline_ns = bench_now_ns() + timeout_ns;
    struct bench_result result;
    if (dprintf(child->to, "%s\n", request) < 0)
        return false;
    while (next_line(child, line, sizeof line, deadline_ns) != NULL) {
        if (strcmp(line, "end") == 0)
            return true;
        if (bench_result_read(&result, line))
            take(sink, &result);
    }
    return false;
}

void bench_child_complaint(struct bench_child *child, char *line, size_t size)
{
    char next[512];
    line[0] = '\0';
    if (child->errors == NULL)
        return;
    rewind(child->errors);
    while (line[0] == '\0' && fgets(next, sizeof next, child->errors) != NULL) {
        next[strcspn(next, "\n")] = '\0';
        if (next[strspn(next, " -=*")] != '\0') /* not a mere rule */
            snprintf(line, size, "%s", next);
    }
}

static bool gone(pid_t pid, int wait_ms)
{
    for (; wait_ms > 0; wait_ms -= STEP_MS) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return true;
        poll(NULL, 0, STEP_MS);
    }
    return false;
}

void bench_child_dismiss(struct bench_child *child)
{
    if (child->pid > 0)
        close(child->to);
    child->to = -1;
}

void bench_child_stop(struct bench_child *child)
{
    if (child->pid > 0 && child->to >= 0)
        close(child->to);
    if (child->pid > 0)
        close(child->from);
    if (child->pid > 0 && !gone(child->pid, STOP_MS)) {
        kill(-child->pid, SIGTERM); /* mpirun then ends its processes */
        if (!gone(child->pid, STOP_MS)) {
            kill(-child->pid, SIGKILL);
            waitpid(child->pid, NULL, 0);
        }
    }
    if (child->errors != NULL)
        fclose(child->errors);
    *child = (struct bench_child){0};
}
