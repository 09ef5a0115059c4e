// SPDX-License-Identifier: MIT
/* support.hpp - the C tests' helpers for C++: checks in any thread, ranks on threads, exceptions as results. */
#ifndef WEFT_TESTS_CPP_SUPPORT_HPP
#define WEFT_TESTS_CPP_SUPPORT_HPP

#include <weft/weft.hpp>

#include <atomic>
#include <exception>
#include <stdexcept>
#include <utility>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
extern "C" {
#include "support.h"
}

/* As in C, without a compound literal. */
template <void (*Function)(void **)>
CMUnitTest test_of(const char *name)
{
    static test_body body{Function};
    return {name, test_run, test_setup, test_teardown, &body};
}
#undef TEST
#define TEST(function) test_of<function>(#function)

/* Notes a failure, from any thread; evaluates to whether the condition held. */
#define EXPECT(...) test_check(__FILE__, __LINE__, (__VA_ARGS__), #__VA_ARGS__, "%s", "")

/* The status of the weft::error that a call throws; WEFT_OK if it returns. */
template <class Call>
weft_status failure_of(Call &&call)
{
    try {
        call();
    } catch (const weft::error &failure) {
        CHECK(*failure.what() != '\0', "an error without a sentence, %s", weft_status_name(failure.status()));
        return failure.status();
    }
    return WEFT_OK;
}

template <class Exception, class Call>
bool throws(Call &&call)
{
    try {
        call();
    } catch (const Exception &) {
        return true;
    }
    return false;
}

/* Runs body on n ranks, and fails the test for what leaves it. The main thread only. */
template <class Body>
void on_ranks(int n_ranks, Body body, const weft::config &settings = weft::config())
{
    test_case("%d ranks", n_ranks);
    try {
        weft::run(n_ranks, settings, body);
    } catch (const std::exception &exception) {
        CHECK(false, "%s", exception.what());
    }
    finish_case();
}

/* An exception that no library throws. */
struct mishap : std::runtime_error {
    mishap() : std::runtime_error("mishap") {}
};

/* Counts its living instances, and throws from its copies while it is told to. */
class tracked {
public:
    explicit tracked(int number) : value(number) { living++; }
    tracked() : tracked(0) {}
    tracked(const tracked &other) : value(other.value), fragile(other.fragile)
    {
        if (fragile)
            throw mishap();
        living++;
    }
    tracked &operator=(const tracked &other)
    {
        if (fragile || other.fragile)
            throw mishap();
        value = other.value;
        return *this;
    }
    ~tracked() { living--; }

    int value;
    bool fragile = false; /* copying this throws, and so does copying to it */
    static inline std::atomic<int> living{0};
};

#endif
