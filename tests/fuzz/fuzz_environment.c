// SPDX-License-Identifier: MIT
/* Every variable that the library reads, with any values at once. WEFT_TRACE and WEFT_REPORT are read once a process: the first
 * input decides on the latter, and the former's values come by weft_trace_start, which takes the same way. Files are
 * written to a folder of the fuzzer's own, which goes with it. */
#include "fuzz.h"

#include <unistd.h>

#include <weft/info.h>

static char folder[] = "/tmp/weft-fuzz-XXXXXX";

static void leave(void)
{
    rmdir(folder);
}

/* A path below the folder; to be freed. */
static char *path_of(char *name)
{
    size_t size = sizeof folder + strlen(name) + 2;
    char *path = malloc(size);
    if (path == NULL)
        abort();
    for (char *each = name; *each != 0; each++)
        *each = *each == '/' ? '_' : *each;
    snprintf(path, size, "%s/%s", folder, name);
    free(name);
    return path;
}

static void set(const char *variable, struct bytes *bytes)
{
    char *value = take_string(bytes);
    setenv(variable, value, 1);
    free(value);
}

/* hwloc builds what it is told to, and a machine of 10^9 processors takes as long: numbers keep two digits. */
static void set_topology(struct bytes *bytes)
{
    char *value = take_string(bytes), *to = value;
    size_t digits = 0, numbers = 0;
    for (const char *from = value; *from != 0; from++) {
        bool digit = *from >= '0' && *from <= '9';
        digits = digit ? digits + 1 : 0;
        numbers += digits == 1;
        if (!digit || (digits <= 2 && numbers <= 4))
            *to++ = *from;
    }
    *to = 0;
    setenv("WEFT_TOPOLOGY", value, 1);
    free(value);
}

static weft_status talk(weft_comm *comm, void *arg)
{
    int mine = 1, sum = 0;
    weft_comm *part = NULL;
    weft_status status = weft_allreduce(comm, &mine, &sum, 1, WEFT_INT32, WEFT_SUM);
    EXPECT(status != WEFT_OK || sum == weft_comm_size(comm));
    expect_status(status);
    expect_status(weft_comm_split_by(comm, *(const weft_domain *)arg, 0, &part));
    if (part != NULL)
        weft_comm_destroy(part);
    return WEFT_OK;
}

static void use(struct bytes *bytes)
{
    weft_domain domain = (weft_domain)take_below(bytes, 4);
    weft_config config = WEFT_CONFIG_INIT;
    weft_comm *comms[3] = {NULL, NULL, NULL};
    int n = 1 + (int)take_below(bytes, 3);
    char *algorithms = take_string(bytes), *name = take_string(bytes);
    config.algorithms = take_below(bytes, 2) ? algorithms : NULL;
    config.name = take_below(bytes, 2) ? name : NULL;
    config.wait = (weft_wait)((int)take_below(bytes, 5) - 1);
    weft_status status = weft_comm_create_all(n, &config, comms);
    expect_status(status);
    for (int r = 0; r < n; r++) {
        EXPECT((comms[r] != NULL) == (status == WEFT_OK));
        weft_comm_destroy(comms[r]);
    }
    if (status == WEFT_OK)
        expect_status(weft_run(n, &config, talk, &domain));
    free(algorithms);
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    static bool begun;
    if (!begun && (mkdtemp(folder) == NULL || atexit(leave) != 0))
        abort();
    char *report = path_of(take_string(&bytes)), *trace = path_of(take_string(&bytes));
    if (!begun)
        setenv("WEFT_REPORT", report, 1);
    begun = true;
    set("WEFT_ALGORITHMS", &bytes);
    set("WEFT_TIMEOUT_MS", &bytes);
    set("WEFT_STALL_MS", &bytes);
    set("WEFT_CHECK", &bytes);
    set_topology(&bytes);
    weft_info_level levels[3];
    size_t count;
    expect_status(weft_info_topology(levels, 3, &count));
    bool traced = take_below(&bytes, 4) == 1;
    weft_status status = traced ? weft_trace_start(trace) : WEFT_OK;
    expect_status(status);
    use(&bytes);
    if (traced && status == WEFT_OK)
        expect_status(weft_trace_stop());
    remove(trace);
    free(report);
    free(trace);
    return 0;
}
