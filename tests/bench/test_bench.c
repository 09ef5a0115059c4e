// SPDX-License-Identifier: MIT
/* test_bench.c - `weft bench` as a user runs it: what it writes, and that it notices wrong results. No times are judged.
 *
 * The environment names the command (WEFT) and two folders with a program each that passes for the peer "pthread": one
 * that is right (PEERS_RIGHT), one whose barrier waits for nobody (PEERS_WRONG). */
#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SHORT " --seconds 0.005 --repeat 5 --window 50"

/* Runs `weft bench ARGUMENTS` through the shell, behind `prefix` (variables); returns its output, to be freed. */
static char *run(const char *prefix, const char *arguments, int *exit_code)
{
    char command[2048], *output = malloc(1);
    size_t length = 0;
    assert_non_null(getenv("WEFT"));
    snprintf(command, sizeof command, "%s '%s' bench %s", prefix, getenv("WEFT"), arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (char part[4096]; fgets(part, sizeof part, pipe) != NULL; length += strlen(part)) {
        output = realloc(output, length + strlen(part) + 1);
        assert_non_null(output);
        strcpy(output + length, part);
    }
    output[length] = '\0';
    const int status = pclose(pipe);
    *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return output;
}

static cJSON *run_json(const char *prefix, const char *arguments, int *exit_code)
{
    char *output = run(prefix, arguments, exit_code);
    cJSON *root = cJSON_Parse(output);
    if (root == NULL)
        print_error("not JSON: %s\n", output);
    assert_non_null(root);
    free(output);
    return root;
}

static const char *text_of(const cJSON *row, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(row, name));
    return text != NULL ? text : "";
}

static double number_of(const cJSON *row, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(row, name);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

/* The row of that subject and point; NULL if there is none. sources may be "". */
static const cJSON *find(const cJSON *root, const char *subject, const char *collective, int ranks, size_t bytes,
                         const char *sources)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(root, "results"))
    {
        if (strcmp(text_of(row, "subject"), subject) == 0 && strcmp(text_of(row, "collective"), collective) == 0 &&
            (int)number_of(row, "ranks") == ranks && (size_t)number_of(row, "bytes") == bytes &&
            strcmp(text_of(row, "sources"), sources) == 0)
            return row;
    }
    return NULL;
}

static void assert_sound(const cJSON *row)
{
    assert_non_null(row);
    assert_string_equal(text_of(row, "result"), "right");
    assert_true(number_of(row, "windows") >= 1);
    assert_true(number_of(row, "operations_a_window") >= 1);
    assert_true(number_of(row, "min_ns") > 0);
    assert_true(number_of(row, "min_ns") <= number_of(row, "median_ns"));
    assert_true(number_of(row, "median_ns") <= number_of(row, "max_ns"));
}

/* Sizes above 4 KiB come with sources left alone and rewritten; limits stand beside. */
static void json_has_a_row_for_each_point(void **state)
{
    static const char *const collectives[] = {"allreduce", "broadcast", "allgather"};
    int exit_code;
    (void)state;
    cJSON *root = run_json("", "barrier allreduce broadcast allgather --ranks 2,3 --sizes 8,8K --limits --json -" SHORT,
                           &exit_code);
    assert_int_equal(exit_code, 0);
    assert_non_null(cJSON_GetObjectItem(root, "processors"));
    for (int ranks = 2; ranks <= 3; ranks++) {
        assert_sound(find(root, "weft", "barrier", ranks, 0, ""));
        assert_non_null(find(root, "flags", "barrier", ranks, 0, ""));
        for (size_t i = 0; i < 3; i++) {
            assert_sound(find(root, "weft", collectives[i], ranks, 8, "left"));
            assert_null(find(root, "weft", collectives[i], ranks, 8, "rewritten"));
            assert_sound(find(root, "weft", collectives[i], ranks, 8192, "left"));
            assert_sound(find(root, "weft", collectives[i], ranks, 8192, "rewritten"));
            assert_non_null(find(root, "loop", collectives[i], ranks, 8192, "rewritten"));
        }
    }
    cJSON_Delete(root);
}

/* Forms with counts of their own, nonblocking ones, and messages. */
static void other_forms_are_measured_and_right(void **state)
{
    static const char *const names[] = {"gatherv",    "scatterv",   "allgatherv",  "alltoallv",  "reduce_scatterv",
                                        "igather",    "iscatter",   "iallgather",  "ialltoall",  "ireduce_scatter",
                                        "ibroadcast", "iallreduce", "ireduce",     "iscan",      "iexscan",
                                        "igatherv",   "iscatterv",  "iallgatherv", "ialltoallv", "ireduce_scatterv",
                                        "pingpong",   "sendrecv"};
    char arguments[400] = "";
    int exit_code;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        strcat(strcat(arguments, names[i]), " ");
    strcat(arguments, "ibarrier --ranks 2,3 --sizes 8,2K --limits --json -" SHORT);
    cJSON *root = run_json("", arguments, &exit_code);
    assert_int_equal(exit_code, 0);
    assert_sound(find(root, "weft", "ibarrier", 2, 0, ""));
    assert_sound(find(root, "weft", "ibarrier", 3, 0, ""));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (int ranks = 2; ranks <= 3; ranks++) {
            assert_sound(find(root, "weft", names[i], ranks, 8, "left"));
            assert_sound(find(root, "weft", names[i], ranks, 2048, "left"));
        }
    assert_non_null(find(root, "pingpong", "pingpong", 2, 8, "left"));
    assert_non_null(find(root, "loop", "pingpong", 2, 2048, "left"));
    cJSON_Delete(root);
}

static int count_of(const char *line, char c)
{
    int count = 0;
    for (; *line != '\0' && *line != '\n'; line++)
        count += *line == c;
    return count;
}

/* A line of names, and as many fields in every other line. */
static void csv_has_a_line_for_each_row(void **state)
{
    int exit_code, lines = 0;
    (void)state;
    char *output = run("", "barrier allreduce --sizes 8,8K --csv -" SHORT, &exit_code);
    assert_int_equal(exit_code, 0);
    assert_true(strncmp(output, "subject,collective,ranks,", 25) == 0);
    const int commas = count_of(output, ',');
    for (const char *line = output; line != NULL && *line != '\0'; lines++) {
        assert_int_equal(count_of(line, ','), commas);
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    assert_int_equal(lines, 1 + 1 + 3); /* names; the barrier; 8, 8K left alone and rewritten */
    assert_non_null(strstr(output, "weft,allreduce,2,"));
    free(output);
}

static void objects_arrive(void **state)
{
    static const char *const types[] = {"counted", "tuple"};
    char arguments[256];
    int exit_code;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(arguments, sizeof arguments, "broadcast allgather --ranks 3 --sizes 8,800 --type %s --json -" SHORT,
                 types[i]);
        cJSON *root = run_json("", arguments, &exit_code);
        assert_int_equal(exit_code, 0);
        assert_sound(find(root, "weft", "broadcast", 3, 800, "left"));
        assert_sound(find(root, "weft", "allgather", 3, 8, "left"));
        cJSON_Delete(root);
    }
}

/* Each launch asks the library, its baseline and the peer; what is not there is said on stderr. */
static void peers_take_turns(void **state)
{
    static const char *const subjects[] = {"weft", "grid", "pthread"};
    int exit_code;
    (void)state;
    cJSON *root = run_json("WEFT_BENCH_PEERS=\"$PEERS_RIGHT\"",
                           "barrier --peers --launches 2 --json - 2>/dev/null" SHORT, &exit_code);
    assert_int_equal(exit_code, 0);
    assert_int_equal((int)number_of(root, "launches"), 2);
    for (size_t i = 0; i < 3; i++) {
        const cJSON *row = find(root, subjects[i], "barrier", 2, 0, "");
        assert_sound(row);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(row, "launch_median_ns")), 2);
    }
    cJSON_Delete(root);
}

static void a_peer_that_is_missing_is_a_line(void **state)
{
    int exit_code;
    (void)state;
    char *output =
        run("WEFT_BENCH_PEERS=\"$PEERS_RIGHT\"", "barrier --peers --launches 1 2>/dev/null" SHORT, &exit_code);
    assert_int_equal(exit_code, 0);
    assert_non_null(strstr(output, "ck: not measured"));
    assert_non_null(strstr(output, "libck-dev"));
    assert_null(strstr(output, "pthread: not measured"));
    assert_non_null(strstr(output, " of 1"));
    free(output);
}

static void a_wrong_result_is_noticed(void **state)
{
    int exit_code;
    (void)state;
    cJSON *root = run_json("WEFT_BENCH_PEERS=\"$PEERS_WRONG\"",
                           "barrier --peers --launches 1 --json - 2>/dev/null" SHORT, &exit_code);
    assert_int_equal(exit_code, 1);
    const cJSON *row = find(root, "wrong", "barrier", 2, 0, "");
    assert_non_null(row);
    assert_string_equal(text_of(row, "result"), "WRONG");
    assert_sound(find(root, "weft", "barrier", 2, 0, ""));
    cJSON_Delete(root);
}

static void other_rows_have_figures(void **state)
{
    int exit_code;
    (void)state;
    cJSON *root = run_json("", "create --json -", &exit_code);
    assert_int_equal(exit_code, 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "figures")), 4);
    cJSON_Delete(root);
}

static void mistakes_are_sentences(void **state)
{
    static const char *const mistakes[] = {"--launches 0", "--ranks 0", "--no-such-option", "no_such_collective",
                                           "--sizes 4Q"};
    int exit_code;
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "%s 2>&1", mistakes[i]);
        char *output = run("", arguments, &exit_code);
        assert_int_equal(exit_code, 2);
        assert_true(strncmp(output, "weft bench: ", 12) == 0);
        free(output);
    }
    char *output = run("PATH=/nowhere", "allreduce --sizes 8 --plot /nowhere/a.svg 2>&1" SHORT, &exit_code);
    assert_int_equal(exit_code, 1);
    assert_non_null(strstr(output, "gnuplot-nox"));
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_a_row_for_each_point),
        cmocka_unit_test(other_forms_are_measured_and_right),
        cmocka_unit_test(csv_has_a_line_for_each_row),
        cmocka_unit_test(objects_arrive),
        cmocka_unit_test(peers_take_turns),
        cmocka_unit_test(a_peer_that_is_missing_is_a_line),
        cmocka_unit_test(a_wrong_result_is_noticed),
        cmocka_unit_test(other_rows_have_figures),
        cmocka_unit_test(mistakes_are_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
