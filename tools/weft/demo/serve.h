// SPDX-License-Identifier: MIT
/* serve.h - serves the trained model with its heads, feed-forward columns and vocabulary split over several ranks. */
#ifndef WEFT_DEMO_SERVE_H
#define WEFT_DEMO_SERVE_H

#include "files.h"

enum { SERVE_REQUESTS = 8, SERVE_LETTERS = 64 };

struct serve_plan {
    const struct text *text;
    struct model_shape shape;
    const float *weights;  /* the whole model's; rank 0 reads them */
    const float *expected; /* logits that the first `context` symbols of the text must give */
    const char *prompt;    /* the first request's; the others have their own */
    int ranks;
    double measure_seconds;
    double idle_seconds;
    int invent_letters; /* not 0: only continue the prompt, so far at most, and choose among the likely letters */
};

struct serve_result {
    double worst_difference;         /* of any logit from what was expected */
    char letters[SERVE_LETTERS + 1]; /* what the first request brought, always the likeliest letter */
    double tokens_per_second;
    double communicating;        /* share of rank 0's time */
    double idle_processor_share; /* of one processor, all ranks together */
};

weft_status serve(const struct serve_plan *plan, struct serve_result *result);

#endif
