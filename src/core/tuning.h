// SPDX-License-Identifier: MIT
/* tuning.h - the figures by which algorithms and waits are chosen, from a table that `weft tune` writes and a person can edit.
 *
 * A line is a name and a number, or "machine" and a description: a table of another machine is left alone; "#" begins a comment.
 * The table is the file that WEFT_TUNING names, or weft/tuning in the user's folder for settings ($XDG_CONFIG_HOME, ~/.config), if
 * that is there. All ranks of a communicator must choose alike, so it is read by whoever makes the world. */
#ifndef WEFT_CORE_TUNING_H
#define WEFT_CORE_TUNING_H

#include <weft/weft.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft_tuning {
#define WEFT_TUNING(name, initial, least, most, help) int64_t name;
#include "lists/tuning.def"
#undef WEFT_TUNING
};

struct weft_tuning_entry {
    const char *name, *help;
    int64_t initial, least, most;
};
extern const struct weft_tuning_entry weft_tuning_entries[];
extern const size_t weft_tuning_count;
int64_t weft_tuning_value(const struct weft_tuning *tuning, size_t entry);

/* The figures that hold without a table. */
void weft_tuning_default(struct weft_tuning *tuning);

/* Where the table is looked for; empty: nowhere. True: it was asked for by name. */
#define WEFT_TUNING_PATH 4096
bool weft_tuning_path(char path[WEFT_TUNING_PATH]);

#define WEFT_TUNING_TEXT 500
/* Reads the table. `where`: a sentence on where the figures come from; of a table that cannot be read or makes no sense, what is
 * wrong, and ARGUMENT. */
weft_status weft_tuning_read(struct weft_tuning *tuning, char where[WEFT_TUNING_TEXT]);

#endif
