// SPDX-License-Identifier: MIT
/* tuning.c - reads the table of figures. */
#include "core/tuning.h"

#include "platform/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct weft_tuning_entry weft_tuning_entries[] = {
#define WEFT_TUNING(name, initial, least, most, help) {#name, help, initial, least, most},
#include "lists/tuning.def"
#undef WEFT_TUNING
};
const size_t weft_tuning_count = sizeof weft_tuning_entries / sizeof weft_tuning_entries[0];

static const size_t offsets[] = {
#define WEFT_TUNING(name, initial, least, most, help) offsetof(struct weft_tuning, name),
#include "lists/tuning.def"
#undef WEFT_TUNING
};

static int64_t *value_at(struct weft_tuning *tuning, size_t entry)
{
    return (int64_t *)((char *)tuning + offsets[entry]);
}

int64_t weft_tuning_value(const struct weft_tuning *tuning, size_t entry)
{
    return *(const int64_t *)((const char *)tuning + offsets[entry]);
}

void weft_tuning_default(struct weft_tuning *tuning)
{
    for (size_t entry = 0; entry < weft_tuning_count; entry++)
        *value_at(tuning, entry) = weft_tuning_entries[entry].initial;
}

/* ---- One line */

enum line { FIGURE, OTHER_MACHINE, WRONG };

static enum line read_figure(struct weft_tuning *tuning, const char *name, const char *text, char *why, size_t size)
{
    for (size_t entry = 0; entry < weft_tuning_count; entry++) {
        const struct weft_tuning_entry *known = &weft_tuning_entries[entry];
        if (strcmp(known->name, name) != 0)
            continue;
        char *end;
        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (end == text || *end != 0 || errno != 0 || value < known->least || value > known->most) {
            snprintf(why, size, "%s is \"%.40s\", expected a number from %lld to %lld", name, text,
                     (long long)known->least, (long long)known->most);
            return WRONG;
        }
        *value_at(tuning, entry) = value;
        return FIGURE;
    }
    snprintf(why, size, "there is no \"%.40s\"", name);
    return WRONG;
}

/* Cuts the line into its first word and the rest, without blanks around them and without what follows a "#". */
static char *cut(char *line, char **rest)
{
    line[strcspn(line, "#\r\n")] = 0;
    char *name = line + strspn(line, " \t");
    char *end = name + strcspn(name, " \t");
    *rest = end + strspn(end, " \t");
    for (char *last = *rest + strlen(*rest); last > *rest && (last[-1] == ' ' || last[-1] == '\t');)
        *--last = 0;
    *end = 0;
    return name;
}

static enum line read_line(struct weft_tuning *tuning, char *line, char *why, size_t size)
{
    char *rest, *name = cut(line, &rest), machine[WEFT_MACHINE_TEXT];
    if (*name == 0)
        return FIGURE;
    if (strcmp(name, "machine") != 0)
        return read_figure(tuning, name, rest, why, size);
    weft_machine_name(machine);
    if (strcmp(rest, machine) == 0)
        return FIGURE;
    snprintf(why, size, "%.100s", rest);
    return OTHER_MACHINE;
}

/* ---- The file */

static weft_status read_table(FILE *file, const char *path, struct weft_tuning *tuning, char where[WEFT_TUNING_TEXT])
{
    char line[512], why[200];
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        if (strchr(line, '\n') == NULL && !feof(file)) {
            snprintf(where, WEFT_TUNING_TEXT, "%.250s, line %d: longer than %zu bytes", path, number, sizeof line - 2);
            return WEFT_ERR_ARGUMENT;
        }
        switch (read_line(tuning, line, why, sizeof why)) {
        case FIGURE:
            break;
        case OTHER_MACHINE:
            weft_tuning_default(tuning);
            snprintf(where, WEFT_TUNING_TEXT, "the defaults: %.250s is of another machine, \"%s\"", path, why);
            return WEFT_OK;
        default:
            snprintf(where, WEFT_TUNING_TEXT, "%.250s, line %d: %s", path, number, why);
            return WEFT_ERR_ARGUMENT;
        }
    }
    if (ferror(file)) {
        snprintf(where, WEFT_TUNING_TEXT, "%.250s cannot be read: %s", path, strerror(errno));
        return WEFT_ERR_ARGUMENT;
    }
    snprintf(where, WEFT_TUNING_TEXT, "%.450s", path);
    return WEFT_OK;
}

bool weft_tuning_path(char path[WEFT_TUNING_PATH])
{
    size_t size = WEFT_TUNING_PATH;
    const char *named = secure_getenv("WEFT_TUNING"), *folder = secure_getenv("XDG_CONFIG_HOME"),
               *home = secure_getenv("HOME");
    path[0] = 0;
    if (named != NULL && named[0] != 0) {
        snprintf(path, size, "%s", named);
        return true;
    }
    if (folder != NULL && folder[0] == '/')
        snprintf(path, size, "%s/weft/tuning", folder);
    else if (home != NULL && home[0] != 0)
        snprintf(path, size, "%s/.config/weft/tuning", home);
    return false;
}

weft_status weft_tuning_read(struct weft_tuning *tuning, char where[WEFT_TUNING_TEXT])
{
    char path[WEFT_TUNING_PATH];
    bool named = weft_tuning_path(path);
    weft_tuning_default(tuning);
    snprintf(where, WEFT_TUNING_TEXT, "the defaults: there is no table");
    FILE *file = path[0] != 0 ? fopen(path, "re") : NULL;
    if (file == NULL && named) {
        snprintf(where, WEFT_TUNING_TEXT, "WEFT_TUNING names %.250s: %s", path, strerror(errno));
        return WEFT_ERR_ARGUMENT;
    }
    if (file == NULL)
        return WEFT_OK;
    weft_status status = read_table(file, path, tuning, where);
    fclose(file);
    return status;
}
