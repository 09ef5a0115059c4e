// SPDX-License-Identifier: MIT
/* stall.c - keeps the log hook, and puts a report into words for it.
 *
 * The hook is called under the lock that guards it: so one call at a time, and none any more once weft_log_set has returned. */
#include "core/stall.h"

#include "core/record.h"
#include "core/report.h"
#include "core/request.h"
#include "core/text.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static weft_log_hook *hook;
static void *hook_context;

void weft_log_set(weft_log_hook *new_hook, void *context)
{
    pthread_mutex_lock(&lock);
    hook = new_hook;
    hook_context = context;
    pthread_mutex_unlock(&lock);
}

void weft_log(const char *text)
{
    pthread_mutex_lock(&lock);
    if (hook != NULL)
        hook(text, hook_context);
    pthread_mutex_unlock(&lock);
}

int64_t weft_stall_due(const struct weft_operation *operation, int64_t begin_ns)
{
    int64_t stall_ns = operation->comm->world->stall_ns;
    return stall_ns == 0 || operation->call->idle ? INT64_MAX : begin_ns + stall_ns;
}

/* ---- The text */

struct page {
    char *text; /* NULL: only to be counted */
    size_t used, size;
};

static bool write_page(void *page_, const char *text, size_t bytes)
{
    struct page *page = page_;
    if (page->text != NULL) {
        if (bytes > page->size - 1 - page->used)
            bytes = page->size - 1 - page->used;
        memcpy(page->text + page->used, text, bytes);
    }
    page->used += bytes;
    return true;
}

/* "rank 2 has waited for 10.0 s in call 17, allreduce(4 x int32, sum)" */
static void headline(const weft_comm *comm, uint64_t number, const char *message, int64_t waited_ns, char text[256])
{
    char duration[WEFT_DURATION_TEXT], call[WEFT_CALL_TEXT];
    weft_text_duration(waited_ns, duration);
    size_t at = weft_text_add(text, 256, 0, "weft: rank %d has waited for %s in ", comm->rank, duration);
    if (number == 0)
        weft_text_add(text, 256, at, "%s\n", message);
    else if (weft_record_read(comm->slot, number, false, call, NULL))
        weft_text_add(text, 256, at, "call %llu, %s\n", (unsigned long long)number, call);
    else
        weft_text_add(text, 256, at, "call %llu\n", (unsigned long long)number);
}

/* Another rank's warning of the same collective is enough. */
static bool warned(struct weft_world *world, uint64_t number)
{
    /* Q1, relaxed: only decides who warns. */
    uint64_t last = atomic_load_explicit(&world->stalled, memory_order_relaxed);
    while (number > last)
        /* Q1, relaxed: as above. */
        if (atomic_compare_exchange_weak_explicit(&world->stalled, &last, number, memory_order_relaxed,
                                                  memory_order_relaxed))
            return false;
    return true;
}

void weft_stall_warn(const weft_comm *comm, uint64_t number, const char *message, int64_t waited_ns)
{
    struct weft_world *world = comm->world;
    char head[256];
    struct page page = {.used = 0};
    struct weft_report report = {.write = write_page, .to = &page};
    if (number != 0 && warned(world, number))
        return;
    headline(comm, number, message, waited_ns, head);
    write_page(&page, head, strlen(head));
    weft_report_world(&report, world);
    page.size = page.used + 1024; /* it may grow meanwhile */
    page.text = malloc(page.size);
    page.used = 0;
    if (page.text == NULL) {
        weft_log(head);
        return;
    }
    write_page(&page, head, strlen(head));
    weft_report_world(&report, world);
    page.text[page.used] = 0;
    weft_log(page.text);
    free(page.text);
}

/* ---- Requests that are waited for */

static void note(struct weft_request *request, int64_t now_ns)
{
    int target = request->operation.until.target;
    if (request->noted == target + 1 || now_ns - request->vain_ns < WEFT_LONG_NS)
        return;
    weft_report_waits(request->operation.comm, request->name, target, request->tag, request->vain_ns);
    request->noted = target + 1;
}

static void warn(struct weft_request *request, int64_t now_ns)
{
    const struct weft_operation *operation = &request->operation;
    if (request->stalled || now_ns < weft_stall_due(operation, request->vain_ns))
        return;
    request->stalled = true;
    weft_stall_warn(operation->comm, request->name == NULL ? operation->number : 0, request->name,
                    now_ns - request->vain_ns);
}

/* What goes on beside what is waited for may take its time. Returns when to look again. */
int64_t weft_requests_tell(struct weft_request *const *requests, size_t count, int64_t now_ns, bool waits)
{
    size_t first = 0;
    int64_t due_ns = INT64_MAX;
    while (first < count && (requests[first] == NULL || weft_request_finished(requests[first])))
        first++;
    if (first == count)
        return due_ns;
    struct weft_request *request = requests[first];
    weft_comm *comm = request->operation.comm;
    weft_requests_lock(comm);
    if (!weft_request_finished(request) && request->waits && request->vain_ns != 0) {
        note(request, now_ns);
        if (waits)
            warn(request, now_ns);
        if (!request->stalled)
            due_ns = weft_stall_due(&request->operation, request->vain_ns);
    }
    weft_requests_unlock(comm);
    return due_ns;
}

void weft_log_hold(bool hold)
{
    if (hold)
        pthread_mutex_lock(&lock);
    else
        pthread_mutex_unlock(&lock);
}
