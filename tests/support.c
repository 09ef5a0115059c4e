// SPDX-License-Identifier: MIT
/* support.c - see support.h. The list of failures is guarded by a mutex; the text of the running case is written by the
 * main thread while no rank runs, and read by the signal handlers as it stands. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WATCHDOG_SECONDS = 60, FAILURES_SHOWN = 12, STACK_BYTES = 512 * 1024 };

static struct {
    const char *group;
    uint64_t seed;
    char running[400]; /* of test_case() */
    pthread_mutex_t lock;
    int failures;
    char messages[FAILURES_SHOWN * 1300];
    char noted[400];                   /* the case that the last message named */
    struct sigaction crash_actions[4]; /* what the sanitizers and the shell left, before cmocka */
} test = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

/* ---- Signals: a hang, a crash ---- */

static void write_text(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void write_where(const char *what)
{
    char digits[32] = "0x0000000000000000";
    for (int i = 0; i < 16; i++)
        digits[2 + i] = "0123456789abcdef"[test.seed >> (60 - 4 * i) & 15];
    write_text("\n[ ");
    write_text(test.group ? test.group : "?");
    write_text(" ] ");
    write_text(what);
    write_text(" in: ");
    write_text(test.running);
    write_text(" (WEFT_TEST_SEED=");
    write_text(digits);
    write_text(")\n");
    write_text(test.messages); /* what was noted before */
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
    write_where("HANG: the test's time is over");
    _exit(1);
}

/* Says where, then hands over to whoever handled it before cmocka: the instruction faults again at once. */
static void on_crash(int signal_number)
{
    write_where("CRASH");
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        if (crash_signals[i] == signal_number)
            sigaction(signal_number, &test.crash_actions[i], NULL);
}

/* cmocka installs handlers that longjmp before each test; from a rank's thread that would be one disaster more. */
static void install_crash_handlers(void)
{
    struct sigaction action = {.sa_handler = on_crash};
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        sigaction(crash_signals[i], &action, NULL);
}

void test_watchdog(unsigned seconds)
{
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    const char *patience = getenv("WEFT_TEST_PATIENCE");
    double factor = patience ? strtod(patience, NULL) : 0;
    alarm((unsigned)(seconds * (factor > 0 ? factor : TEST_SANITIZED ? 4 : 1)));
}

/* ---- The program and its tests ---- */

int test_setup(void **state)
{
    (void)state;
    test.failures = 0;
    test.messages[0] = test.noted[0] = 0;
    test_case("(start)");
    test_watchdog(WATCHDOG_SECONDS);
    return 0;
}

int test_teardown(void **state)
{
    (void)state;
    alarm(0);
    return 0;
}

void test_run(void **state)
{
    const struct test_body *body = *state;
    body->function(state);
    finish_case();
}

int test_main(const char *group, const struct CMUnitTest *tests, size_t count)
{
    test.group = group;
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        sigaction(crash_signals[i], NULL, &test.crash_actions[i]);
    const char *seed = getenv("WEFT_TEST_SEED");
    if (seed) {
        test.seed = strtoull(seed, NULL, 0);
    } else {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        test.seed = (uint64_t)now.tv_nsec ^ ((uint64_t)now.tv_sec << 20) ^ ((uint64_t)getpid() << 40);
        test.seed = random_next(&test.seed);
    }
    printf("%s: WEFT_TEST_SEED=0x%016llx, scale %g\n", group, (unsigned long long)test.seed, test_scale());
    fflush(stdout);
    if (getenv("WEFT_TEST_FILTER"))
        cmocka_set_test_filter(getenv("WEFT_TEST_FILTER"));
    return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}

void test_case(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(test.running, sizeof test.running, format, arguments);
    va_end(arguments);
    install_crash_handlers();
}

void skip_if_emulated(const char *lack)
{
    if (getenv("WEFT_TEST_EMULATED") == NULL)
        return;
    printf("skipped under qemu-user: %s\n", lack);
    skip();
}

/* ---- Failures ---- */

static void note(const char *file, int line, const char *what, const char *details)
{
    const char *base = strrchr(file, '/');
    pthread_mutex_lock(&test.lock);
    size_t used = strlen(test.messages), size = sizeof test.messages;
    if (test.failures++ < FAILURES_SHOWN) {
        if (strcmp(test.noted, test.running) != 0)
            snprintf(test.messages + used, size - used, "  in: %s\n", test.running);
        memcpy(test.noted, test.running, sizeof test.noted);
        used += strlen(test.messages + used);
        snprintf(test.messages + used, size - used, "    %s:%d: %s: %s\n", base ? base + 1 : file, line, what, details);
    }
    pthread_mutex_unlock(&test.lock);
}

bool test_check(const char *file, int line, bool held, const char *condition, const char *format, ...)
{
    if (held)
        return true;
    char details[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(details, sizeof details, format, arguments);
    va_end(arguments);
    note(file, line, condition, details);
    return false;
}

bool test_check_status(const char *file, int line, weft_status expected, weft_status found, const char *call)
{
    if (expected == found)
        return true;
    char details[700];
    snprintf(details, sizeof details, "expected %s, found %s (%s)", weft_status_name(expected), weft_status_name(found),
             found < 0 ? weft_last_error() : "");
    note(file, line, call, details);
    return false;
}

static bool says_number(const char *text, int number)
{
    for (const char *p = text; *p; p++)
        if (*p >= '0' && *p <= '9') {
            char *end;
            long value = strtol(p, &end, 10);
            if (value == number)
                return true;
            p = end - 1;
        }
    return false;
}

bool test_check_error(const char *file, int line, const char *word, int number)
{
    const char *text = weft_last_error();
    char details[700];
    if (strstr(text, word) && (number < 0 || says_number(text, number)))
        return true;
    if (number < 0)
        snprintf(details, sizeof details, "weft_last_error() does not say '%s': \"%s\"", word, text);
    else
        snprintf(details, sizeof details, "weft_last_error() does not say '%s' and %d: \"%s\"", word, number, text);
    note(file, line, "weft_last_error", details);
    return false;
}

void finish_case(void)
{
    int failures = test.failures;
    test.failures = 0; /* told once */
    if (failures == 0)
        return;
    fprintf(stderr, "%s", test.messages); /* cmocka would cut it short */
    fail_msg("%d failure(s), WEFT_TEST_SEED=0x%016llx", failures, (unsigned long long)test.seed);
}

static bool child;

void start_process(void)
{
    child = true;
    test.failures = 0;
    test.messages[0] = test.noted[0] = 0;
}

int finish_process(void)
{
    fprintf(stderr, "%s", test.messages);
    return test.failures == 0 ? 0 : 1;
}

/* After a case: the next ones may say more, unless enough has been said. The end of the test tells all. */
static void after_case(void)
{
    if (test.failures >= FAILURES_SHOWN && child)
        _exit(finish_process());
    if (test.failures >= FAILURES_SHOWN)
        finish_case();
}

/* ---- Threads and ranks ---- */

struct thread {
    pthread_t handle;
    thread_body body;
    void *arg;
    int index;
};

static void *thread_main(void *pointer)
{
    struct thread *thread = pointer;
    thread->body(thread->index, thread->arg);
    return NULL;
}

static void start_and_join(int n_threads, thread_body body, void *arg)
{
    struct thread *threads = test_alloc(sizeof *threads * (size_t)n_threads);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (int i = 0; i < n_threads; i++) {
        threads[i] = (struct thread){.body = body, .arg = arg, .index = i};
        int error = pthread_create(&threads[i].handle, &attributes, thread_main, &threads[i]);
        if (error) {
            fprintf(stderr, "pthread_create of thread %d of %d: %s\n", i, n_threads, strerror(error));
            _exit(1);
        }
    }
    for (int i = 0; i < n_threads; i++)
        pthread_join(threads[i].handle, NULL);
    pthread_attr_destroy(&attributes);
    free(threads);
}

void run_threads(int n_threads, thread_body body, void *arg)
{
    install_crash_handlers();
    start_and_join(n_threads, body, arg);
    after_case();
}

struct ranks {
    weft_comm **comms;
    rank_body body;
    void *arg;
};

static void rank_main(int index, void *arg)
{
    struct ranks *ranks = arg;
    ranks->body(ranks->comms[index], ranks->arg);
}

void run_ranks(int n_ranks, const weft_config *config, rank_body body, void *arg)
{
    install_crash_handlers();
    struct ranks ranks = {.comms = test_alloc(sizeof(weft_comm *) * (size_t)n_ranks), .body = body, .arg = arg};
    if (CHECK_OK(weft_comm_create_all(n_ranks, config, ranks.comms))) {
        start_and_join(n_ranks, rank_main, &ranks);
        for (int r = 0; r < n_ranks; r++)
            CHECK_OK(weft_comm_destroy(ranks.comms[r]));
    }
    free(ranks.comms);
    after_case();
}

/* ---- Small things ---- */

uint64_t test_seed(void)
{
    return test.seed;
}

double test_scale(void)
{
    const char *text = getenv("WEFT_TEST_SCALE");
    double scale = text ? strtod(text, NULL) : 0;
    return scale > 0 ? scale : TEST_SANITIZED ? 0.1 : 1.0;
}

int scaled(int cases)
{
    double n = cases * test_scale();
    return n < 1 ? 1 : (int)n;
}

bool sampled(uint64_t *state)
{
    return (double)random_below(state, 1000) < 1000 * test_scale();
}

int scaled_ranks(int ranks)
{
    int n = (int)(ranks * test_scale());
    if (n > ranks)
        n = ranks;
    return ranks <= 64 ? ranks : n < 64 ? 64 : n;
}

int64_t clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_processor_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void sleep_us(unsigned microseconds)
{
    struct timespec left = {.tv_sec = microseconds / 1000000, .tv_nsec = (long)(microseconds % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

void *test_alloc(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) {
        write_where("out of memory");
        _exit(1);
    }
    return memory;
}

void *pages_map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        write_where("out of memory");
        _exit(1);
    }
    return pages;
}

void pages_forbid(void *pages, size_t bytes)
{
    void *same = mmap(pages, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    CHECK(same == pages, "%s", strerror(errno));
}

void pages_unmap(void *pages, size_t bytes)
{
    CHECK(munmap(pages, bytes) == 0, "%s", strerror(errno));
}
