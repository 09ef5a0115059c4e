// SPDX-License-Identifier: MIT
/* main.c - plays sessions: random ones by their seeds, all schedules of small ones; or counts what calls transfer. Usage: see usage().
 *
 * The counters stand on the stack of main and in memory of their own, since variables are set back before every schedule. */
#include "session.h"
#include "transfers.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void usage(FILE *out)
{
    fputs("Usage: weft_schedules [OPTION...]\n"
          "Plays the calls of whole communicators on one thread, move by move, in orders that a seed decides;\n"
          "half the time for random sessions, half for small ones of which all orders are tried.\n"
          "  -l          list the small sessions\n"
          "  -n COUNT    random sessions at most, each in 4 to 50 orders\n"
          "  -x COUNT    orders of each small session at most (2000)\n"
          "  -t SECONDS  in all (60)\n"
          "  -r RANKS    at most (1024)\n"
          "  -f SEED     the first seed (1)\n"
          "  -m          random sessions of messages alone\n"
          "  -s SEED     replay one order of a random session\n"
          "  -c NAME     try one small session, without a limit but the time\n"
          "  --transfers[=NAME]\n"
          "              count the transfers of lines of each algorithm, or of those of one collective: the tables in\n"
          "              docs/scaling.md; all of them take long\n",
          out);
}

enum { ORDERS = 50 }; /* of a random session, at most */

struct options {
    long sessions, orders;
    double seconds;
    int ranks;
    uint64_t first_seed;
    const char *small, *seed;
    bool list, transfers, messages;
    const char *collective;
};

/* What was played so far. */
struct tally {
    long sessions, schedules, moves, failed, complete, smalls, sessions_by[SESSION_FAULTS];
    uint64_t seed;
    double began, told;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void tell(struct tally *tally, const char *what, bool end)
{
    bool terminal = isatty(STDOUT_FILENO);
    if (!end && (!terminal || now() - tally->told < 1))
        return;
    tally->told = now();
    printf("%s%s: %ld sessions, %ld schedules, %ld moves, %ld calls failed as they should, %.0f s%s",
           terminal ? "\r" : "", what, tally->sessions, tally->schedules, tally->moves, tally->failed,
           now() - tally->began, end ? "\n" : "  ");
    fflush(stdout);
}

static void play(struct session *session, struct tally *tally)
{
    model->harness = &session->harness;
    model->steps_most = 2000000 + 20000L * session->n_ranks * (long)(session->n_items + session->n_letters);
    model_schedule();
    tally->schedules++;
    tally->moves += model->steps;
    tally->failed += session->failed;
}

static bool found(const struct session *session, const char *how)
{
    if (!model->failed)
        return false;
    printf("\nFOUND: %s\n  in %s; algorithms %s\n  Replay: weft_schedules %s\n", model->why, session->name,
           session->algorithms[0] != 0 ? session->algorithms : "as the library chooses", how);
    return true;
}

/* One order of the session. */
static bool play_seed(struct session *session, uint64_t seed, int ranks, struct tally *tally)
{
    char how[60];
    tally->seed = seed;
    model_choose_randomly(seed);
    play(session, tally);
    snprintf(how, sizeof how, "-r %d -s %llu", ranks, (unsigned long long)seed);
    return !found(session, how);
}

static bool replay(uint64_t seed, int ranks, struct tally *tally)
{
    struct session session;
    session_draw(&session, seed / ORDERS, ranks);
    printf("%s; algorithms %s\n", session.name,
           session.algorithms[0] != 0 ? session.algorithms : "as the library chooses");
    bool clean = play_seed(&session, seed, ranks, tally);
    tell(tally, "replayed", true);
    return clean;
}

/* Of the many ranks of one session many orders are tried in each. */
static uint64_t orders_of(const struct session *session)
{
    return session->n_ranks > 100 ? 4 : session->n_ranks > 20 ? 20 : ORDERS;
}

/* To work out what must come takes longer than a schedule: so each session is played in several orders. */
static bool play_random(const struct options *options, double end, struct tally *tally)
{
    bool clean = true;
    for (uint64_t at = options->first_seed / ORDERS; clean && tally->sessions < options->sessions && now() < end;
         at++) {
        struct session session;
        session_draw(&session, at, options->ranks);
        if (options->messages && session.n_letters == 0) {
            session_free(&session);
            continue;
        }
        for (uint64_t order = 0; clean && order < orders_of(&session) && (order == 0 || now() < end); order++) {
            clean = play_seed(&session, at * ORDERS + order, options->ranks, tally);
            tell(tally, "random", false);
        }
        tally->sessions++;
        tally->sessions_by[session.fault]++;
        session_free(&session);
    }
    return clean;
}

/* All orders of one, or as many as are allowed. */
static bool play_all(struct session *session, long most, double end, struct tally *tally, bool *complete)
{
    bool more = true;
    long orders = 0;
    char how[200];
    model->coarse = true; /* what lies within a move is for tests/model to try */
    model_choose_all(session->preemptions);
    while (more && orders++ < most && (orders % 64 != 0 || now() < end)) {
        play(session, tally);
        snprintf(how, sizeof how, "-c %s", session->name);
        if (found(session, how))
            return false;
        more = model_choose_next();
    }
    model->coarse = false;
    *complete = !more;
    return true;
}

static bool play_small(const struct options *options, double end, struct tally *tally)
{
    struct session session;
    bool clean = true, any = false;
    for (int number = 0; clean && now() < end && session_small(&session, number); number++) {
        bool complete = false;
        if (options->small == NULL || strcmp(options->small, session.name) == 0) {
            any = true;
            clean = play_all(&session, options->small != NULL ? INT64_MAX : options->orders, end, tally, &complete);
            tally->sessions++;
            tally->smalls++;
            tally->complete += complete;
            tell(tally, "small", false);
        }
        session_free(&session);
    }
    if (!any)
        printf("There is no such session; -l lists them.\n");
    return clean && any;
}

static int list(void)
{
    struct session session;
    for (int number = 0; session_small(&session, number); number++) {
        printf("%s\n", session.name);
        session_free(&session);
    }
    return 0;
}

static bool campaign(const struct options *options)
{
    struct tally random = {.began = now()}, small;
    bool clean = true;
    if (options->small == NULL && options->sessions > 0) {
        clean = play_random(options, now() + options->seconds / (options->orders > 0 ? 2 : 1), &random);
        tell(&random, "random", true);
        printf("  seeds %llu to %llu; sessions:", (unsigned long long)options->first_seed / ORDERS * ORDERS,
               (unsigned long long)random.seed);
        for (int fault = 0; fault < SESSION_FAULTS; fault++)
            printf(" %s %ld%s", session_fault_names[fault], random.sessions_by[fault],
                   fault + 1 < SESSION_FAULTS ? "," : "\n");
    }
    small = (struct tally){.began = now()};
    if (clean && options->orders > 0) {
        clean = play_small(options, random.began + options->seconds, &small);
        tell(&small, "small", true);
        printf("  all orders of %ld of %ld sessions, within their preemptions\n", small.complete, small.smalls);
    }
    return clean;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {{"transfers", optional_argument, NULL, 'T'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "ln:x:t:r:f:ms:c:h", longs, NULL)) != -1;) {
        switch (option) {
        case 'l':
            options->list = true;
            break;
        case 'n':
            options->sessions = atol(optarg);
            break;
        case 'x':
            options->orders = atol(optarg);
            break;
        case 't':
            options->seconds = atof(optarg);
            break;
        case 'r':
            options->ranks = atoi(optarg);
            break;
        case 'f':
            options->first_seed = strtoull(optarg, NULL, 10);
            break;
        case 'm':
            options->messages = true;
            break;
        case 's':
            options->seed = optarg;
            break;
        case 'c':
            options->small = optarg;
            break;
        case 'T':
            options->transfers = true;
            options->collective = optarg;
            break;
        default:
            return false;
        }
    }
    return optind == argc && options->ranks >= 2 && options->ranks <= 1024;
}

int main(int argc, char **argv)
{
    struct options options = {.sessions = INT64_MAX, .orders = 2000, .seconds = 60, .ranks = 1024, .first_seed = 1};
    struct tally once = {.began = now()};
    if (!parse(argc, argv, &options)) {
        usage(stderr);
        return 2;
    }
    if (options.list)
        return list();
    model_schedules_setup();
    if (options.transfers)
        return transfers_print(options.collective) ? 0 : 1;
    if (options.seed == NULL)
        return campaign(&options) ? 0 : 1;
    return replay(strtoull(options.seed, NULL, 10), options.ranks, &once) ? 0 : 1;
}
