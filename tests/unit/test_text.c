// SPDX-License-Identifier: MIT
/* What puts words together where printf may not be called does what printf does, and cuts what does not fit. */
#include "core/text.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static void numbers_and_strings_are_as_printf_writes_them(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    char found[200], expected[200];
    for (int i = 0; i < 1000; i++) {
        uint64_t bits = random_next(&state) >> random_below(&state, 64);
        int number = (int)random_next(&state);
        size_t length = weft_text_add(found, sizeof found, 0, "%s: %d, %llu %lld; %08x%% %u", "word", number,
                                      (unsigned long long)bits, (long long)bits, (unsigned)bits, (unsigned)bits);
        snprintf(expected, sizeof expected, "%s: %d, %llu %lld; %08x%% %u", "word", number, (unsigned long long)bits,
                 (long long)bits, (unsigned)bits, (unsigned)bits);
        CHECK(strcmp(found, expected) == 0 && length == strlen(expected), "'%s', expected '%s'", found, expected);
    }
}

static void what_does_not_fit_is_cut(void **unused)
{
    (void)unused;
    for (size_t size = 1; size < 12; size++) {
        char text[16], expected[16];
        memset(text, '#', sizeof text);
        size_t length = weft_text_add(text, size, 0, "%s%d", "rank ", 1234);
        snprintf(expected, size, "%s%d", "rank ", 1234);
        CHECK(strcmp(text, expected) == 0 && length == strlen(expected), "'%s' of size %zu", text, size);
        CHECK(text[size] == '#', "it wrote behind %zu bytes", size);
        length = weft_text_add(text, size, length, "more");
        CHECK(length == strlen(text) && length < size && text[size] == '#', "added: '%s' of size %zu", text, size);
    }
}

static void durations_have_a_unit(void **unused)
{
    (void)unused;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {{0, "0 ns"},           {-5, "0 ns"},
                 {999, "999 ns"},       {1000, "1.0 us"},
                 {12345678, "12.3 ms"}, {999999999, "999.9 ms"},
                 {1000000000, "1.0 s"}, {INT64_C(86400050000000), "86400.0 s"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[WEFT_DURATION_TEXT];
        weft_text_duration(cases[i].ns, text);
        CHECK(strcmp(text, cases[i].text) == 0, "'%s', expected '%s'", text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_and_strings_are_as_printf_writes_them),
        TEST(what_does_not_fit_is_cut),
        TEST(durations_have_a_unit),
    };
    return RUN_TESTS("text", tests);
}
