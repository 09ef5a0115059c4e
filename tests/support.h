// SPDX-License-Identifier: MIT
/* support.h - what every test program shares: ranks on threads, failures told from any thread, seeds, a watchdog.
 *
 * cmocka's assertions may be used in the main thread only. CHECK may be used in any: it notes the failure and goes on,
 * and the test fails in the main thread at its end, or as soon as enough was noted. What runs is named by test_case(), and
 * stands in the messages together with the seed: WEFT_TEST_SEED=<seed> runs the same again,
 * WEFT_TEST_FILTER='allreduce_*' only those tests. WEFT_TEST_SCALE multiplies how much is tried (1 by default, less in
 * sanitizer builds). A test that hangs ends the program after test_watchdog() seconds with what it was doing;
 * WEFT_TEST_PATIENCE multiplies them (1 by default, more in sanitizer builds), for a machine or a tool that is slow. WEFT_TEST_EMULATED says that qemu-user runs the program. */
#ifndef WEFT_TESTS_SUPPORT_H
#define WEFT_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <weft/weft.h>

#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define TEST_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#endif
#endif
#if defined(TEST_ASAN) || defined(TEST_TSAN)
#define TEST_SANITIZED 1
#else
#define TEST_SANITIZED 0
#endif

/* One test of a group, and the whole main() of a test program. */
#define TEST(function)                                                                                                 \
    {                                                                                                                  \
#function, test_run, test_setup, test_teardown, &(struct test_body)                                            \
        {                                                                                                              \
            function                                                                                                   \
        }                                                                                                              \
    }
struct test_body {
    void (*function)(void **state);
};
void test_run(void **state); /* the function, then finish_case() */
#define RUN_TESTS(group, tests) test_main(group, tests, sizeof(tests) / sizeof((tests)[0]))
int test_setup(void **state);
int test_teardown(void **state);
int test_main(const char *group, const struct CMUnitTest *tests, size_t count);

/* Says what runs from now on, for the messages of failures, hangs and crashes. The main thread only. */
void test_case(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the running test as skipped, and says why, where an emulator runs it that lacks something. The main thread only. */
void skip_if_emulated(const char *lack);
/* Gives the running test this many seconds from now on (60 at the start of each). */
void test_watchdog(unsigned seconds);

/* Notes a failure with where and why, from any thread; evaluates to whether the condition held. */
#define CHECK(condition, ...) test_check(__FILE__, __LINE__, (condition), #condition, __VA_ARGS__)
/* The same for a call's status; the message carries weft_last_error(). */
#define CHECK_STATUS(expected, call) test_check_status(__FILE__, __LINE__, (expected), (call), #call)
#define CHECK_OK(call) CHECK_STATUS(WEFT_OK, call)
bool test_check(const char *file, int line, bool held, const char *condition, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
bool test_check_status(const char *file, int line, weft_status expected, weft_status found, const char *call);
/* Checks that weft_last_error() of this thread holds `word`, and the number where it is not negative, as a whole number. */
#define CHECK_ERROR_SAYS(word, number) test_check_error(__FILE__, __LINE__, (word), (number))
bool test_check_error(const char *file, int line, const char *word, int number);
/* Fails the test now if anything was noted; its end does so anyway. The main thread only, when no other is left. */
void finish_case(void);

/* For a test's child process: forgets what the parent has noted; prints what was noted since, and returns the exit code. */
void start_process(void);
int finish_process(void);

/* Runs body on n threads, one for each rank of a new communicator, joins them, destroys the handles. */
typedef void (*rank_body)(weft_comm *comm, void *arg);
void run_ranks(int n_ranks, const weft_config *config, rank_body body, void *arg);
/* The same without a communicator; body gets its index. */
typedef void (*thread_body)(int index, void *arg);
void run_threads(int n_threads, thread_body body, void *arg);

/* Random numbers (splitmix64) from a state that starts with the running test's seed. */
uint64_t test_seed(void); /* the same for every test of a run */
uint64_t random_next(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t limit);
/* Fills elements of a built-in type: small numbers, any bits, and the corners (NaN, infinities, -0, denormals, extremes). */
void random_fill(uint64_t *state, const weft_type *type, void *data, size_t count);

/* A number of 1 to 8 bytes in memory, in the processor's order. */
uint64_t bits_load(const void *from, size_t size);
void bits_store(void *to, size_t size, uint64_t bits);

double test_scale(void);
int scaled(int cases); /* how many of so many cases to try, at least 1 */
/* Of cases that are alike in kind: whether to try this one; so many as the scale says, drawn at random. */
bool sampled(uint64_t *state);
int scaled_ranks(int ranks); /* at most so many threads, at least 64 where more were asked for */

int64_t clock_now_ns(void);       /* monotonic */
int64_t clock_processor_ns(void); /* processor time of the whole process */
void sleep_us(unsigned microseconds);

/* Memory that can be taken away. Forbidden pages are gone, but their place is kept: who touches them crashes. */
void *pages_map(size_t bytes);
void pages_forbid(void *pages, size_t bytes);
void pages_unmap(void *pages, size_t bytes);

/* malloc that fails the program, not the caller. */
void *test_alloc(size_t bytes);

#endif
