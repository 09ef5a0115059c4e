// SPDX-License-Identifier: MIT
/* text.c - the few conversions of printf that reports and sentences take. POSIX does not count printf's family among what a signal handler
 * may call. */
#include "core/text.h"

#include <stdbool.h>

struct sink {
    char *at, *last; /* where the final NUL goes at the latest */
};

static void put(struct sink *sink, char character)
{
    if (sink->at < sink->last)
        *sink->at++ = character;
}

static void put_string(struct sink *sink, const char *string)
{
    while (*string != 0)
        put(sink, *string++);
}

static void put_number(struct sink *sink, unsigned long long number, unsigned base, int width)
{
    char digits[24];
    int count = 0;
    for (; number > 0 || count == 0; number /= base)
        digits[count++] = "0123456789abcdef"[number % base];
    for (; width > count; width--)
        put(sink, '0');
    while (count > 0)
        put(sink, digits[--count]);
}

static void put_signed(struct sink *sink, long long number)
{
    if (number < 0)
        put(sink, '-');
    put_number(sink, number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number, 10, 0);
}

size_t weft_text_format(char *text, size_t size, const char *format, va_list arguments)
{
    struct sink sink = {text, text + size - 1};
    for (; *format != 0; format++) {
        if (*format != '%') {
            put(&sink, *format);
            continue;
        }
        int width = 0;
        bool wide = false;
        for (format++; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (*format - '0');
        for (; *format == 'l'; format++)
            wide = true;
        if (*format == 's')
            put_string(&sink, va_arg(arguments, const char *));
        else if (*format == 'd')
            put_signed(&sink, wide ? va_arg(arguments, long long) : va_arg(arguments, int));
        else if (*format == 'u' || *format == 'x')
            put_number(&sink, wide ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned),
                       *format == 'x' ? 16 : 10, width);
        else
            put(&sink, *format);
    }
    *sink.at = 0;
    return (size_t)(sink.at - text);
}

size_t weft_text_add(char *text, size_t size, size_t at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t length = weft_text_format(text + at, size - at, format, arguments);
    va_end(arguments);
    return at + length;
}

void weft_text_duration(int64_t ns, char text[WEFT_DURATION_TEXT])
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (ns >= units[i].ns) {
            weft_text_add(text, WEFT_DURATION_TEXT, 0, "%lld.%lld %s", (long long)(ns / units[i].ns),
                          (long long)(ns % units[i].ns / (units[i].ns / 10)), units[i].name);
            return;
        }
    weft_text_add(text, WEFT_DURATION_TEXT, 0, "%lld ns", (long long)(ns > 0 ? ns : 0));
}
