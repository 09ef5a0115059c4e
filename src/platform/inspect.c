// SPDX-License-Identifier: MIT
/* inspect.c - what reports ask of Linux, by system calls that a signal handler may make.
 *
 * After: signal-safety(7), proc_pid_stat(5). */
#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int weft_processor(void)
{
    return sched_getcpu();
}

int weft_thread_id(void)
{
    static _Thread_local int id; /* of a thread that has not forked */
    if (id == 0)
        id = (int)syscall(SYS_gettid);
    return id;
}

/* "/proc/self/task/4711/stat" */
static void stat_path(int thread, char path[64])
{
    char digits[16], *at = path + strlen(strcpy(path, "/proc/self/task/"));
    int count = 0;
    for (; thread > 0; thread /= 10)
        digits[count++] = (char)('0' + thread % 10);
    while (count > 0)
        *at++ = digits[--count];
    strcpy(at, "/stat");
}

bool weft_thread_look(int thread, int *processor, char *state)
{
    enum { STATE = 3, PROCESSOR = 39 }; /* fields, from 1; the second, in parentheses, may hold anything */
    char path[64], text[1024];
    stat_path(thread, path);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t bytes = read(file, text, sizeof text - 1);
    close(file);
    if (bytes <= 0)
        return false;
    text[bytes] = 0;
    char *at = strrchr(text, ')');
    for (int field = STATE; at != NULL; field++) {
        at = strchr(at, ' ');
        if (at == NULL)
            return false;
        at++;
        if (field == STATE)
            *state = *at;
        if (field < PROCESSOR)
            continue;
        for (*processor = 0; *at >= '0' && *at <= '9'; at++)
            *processor = *processor * 10 + (*at - '0');
        return true;
    }
    return false;
}

int weft_file_append(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

bool weft_file_write(int file, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t written = write(file, text, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        bytes -= (size_t)written;
    }
    return true;
}

void weft_file_close(int file)
{
    close(file);
}

bool weft_signal_handle(int signo, void (*handler)(int signo), bool unclaimed)
{
    struct sigaction action, before;
    if (unclaimed &&
        (sigaction(signo, NULL, &before) != 0 || (before.sa_flags & SA_SIGINFO) != 0 || before.sa_handler != SIG_DFL))
        return false;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask); /* a report is not interrupted by another, of another signal */
    return sigaction(signo, &action, NULL) == 0;
}
