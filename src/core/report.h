// SPDX-License-Identifier: MIT
/* report.h - who is where: what each rank calls or last called, and whom it waits for. */
#ifndef WEFT_CORE_REPORT_H
#define WEFT_CORE_REPORT_H

#include "core/operation.h"

#define WEFT_LONG_NS 20000 /* a wait that is noted for reports */

/* Notes in the rank's slot that it waits, since when, and for whom (as weft_until.target). call: that of a message; NULL: a collective. */
WEFT_COLD void weft_report_waits(const weft_comm *comm, const char *call, int target, int tag, int64_t since_ns);
WEFT_COLD void weft_report_goes_on(const weft_comm *comm);
/* Notes the calling thread as the rank's. */
void weft_report_thread(const weft_comm *comm);

/* Where a report goes: `write` gets it in pieces. */
struct weft_report {
    bool (*write)(void *to, const char *text, size_t bytes);
    void *to;
    bool failed;
    size_t used;
    char piece[512];
};
/* One communicator. Takes no lock and does not allocate or wait; in a signal handler, too, if `write` may be called there. */
void weft_report_world(struct weft_report *report, const struct weft_world *world);
/* All of the process. */
void weft_report_process(struct weft_report *report);

/* Where the environment asks for reports on a signal: from now on. */
void weft_report_setup(void);

#endif
