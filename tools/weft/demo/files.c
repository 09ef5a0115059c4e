// SPDX-License-Identifier: MIT
/* files.c - reads a text, any file or the plain files of the fortunes package in the order of their names, and numbers
 * the bytes that occur: they are the vocabulary. Weights are kept as a header, which says what they were trained on, and
 * the floats as they are, in a file that is written beside its place and then renamed. */
#define _POSIX_C_SOURCE 200809L
#include "files.h"

#include "base.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char fortunes[] = "/usr/share/games/fortunes";

static bool append(struct text *text, const char *path)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    const bool regular = fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode);
    errno = regular ? ENOMEM : EINVAL;
    uint8_t *grown = regular ? realloc(text->symbols, text->size + (size_t)about.st_size + 1) : NULL;
    if (grown != NULL) {
        text->symbols = grown;
        text->size += fread(grown + text->size, 1, (size_t)about.st_size, file);
    }
    const int failure = errno;
    fclose(file);
    errno = failure;
    return grown != NULL;
}

/* A fortune file comes as text, with an index (.dat) and a second name (.u8): the text has no dot. */
static int is_text(const struct dirent *entry)
{
    return strchr(entry->d_name, '.') == NULL;
}

static void append_fortunes(struct text *text)
{
    struct dirent **entries = NULL;
    const int count = scandir(fortunes, &entries, is_text, alphasort);
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", fortunes, entries[i]->d_name);
        append(text, path);
        free(entries[i]);
    }
    free(entries);
}

static void number_bytes(struct text *text)
{
    bool seen[256] = {false};
    for (size_t i = 0; i < text->size; i++)
        seen[text->symbols[i]] = true;
    for (int byte = 0; byte < 256; byte++) {
        text->symbol_of[byte] = seen[byte] ? text->kinds : -1;
        if (seen[byte])
            text->bytes[text->kinds++] = (uint8_t)byte;
    }
    for (size_t i = 0; i < text->size; i++)
        text->symbols[i] = (uint8_t)text->symbol_of[text->symbols[i]];
}

bool text_load(struct text *text, const char *path, char *why, size_t why_size)
{
    const size_t least = TEXT_BLOCK * TEXT_PERIOD;
    *text = (struct text){.symbols = NULL};
    if (path == NULL)
        append_fortunes(text);
    if (path != NULL && !append(text, path))
        snprintf(why, why_size, "cannot read %s: %s", path, strerror(errno));
    else if (path == NULL && text->size == 0)
        snprintf(why, why_size, "no text in %s: install the package fortunes, or name a file with --text", fortunes);
    else if (text->size < least)
        snprintf(why, why_size, "%s is too short to learn from: it has %zu bytes of at least %zu",
                 path != NULL ? path : fortunes, text->size, least);
    if (text->size < least)
        return false;
    text->checksum = checksum(text->symbols, text->size);
    number_bytes(text);
    return true;
}

struct header {
    char magic[8];
    struct model_shape shape;
    uint64_t text;
    uint64_t weights;
};

static struct header describe(const struct model_shape *shape, uint64_t text, const float *whole)
{
    const uint64_t weights = checksum(whole, model_weights(shape) * sizeof *whole);
    return (struct header){.magic = "weftdem", .shape = *shape, .text = text, .weights = weights};
}

void weights_default_path(char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    path[0] = '\0';
    if (cache != NULL && cache[0] == '/')
        snprintf(path, size, "%s/weft/demo.weights", cache);
    else if (home != NULL && home[0] == '/')
        snprintf(path, size, "%s/.cache/weft/demo.weights", home);
}

enum weights_state weights_load(const char *path, const struct model_shape *shape, uint64_t text, float *whole)
{
    struct header found = {.magic = ""};
    const size_t count = model_weights(shape);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return errno == ENOENT ? WEIGHTS_ABSENT : WEIGHTS_FOREIGN;
    const bool ours = fread(&found, sizeof found, 1, file) == 1 && memcmp(found.magic, "weftdem", 8) == 0;
    const bool full = ours && fread(whole, sizeof *whole, count, file) == count;
    fclose(file);
    if (!full)
        return ours ? WEIGHTS_STALE : WEIGHTS_FOREIGN;
    const struct header expected = describe(shape, text, whole);
    return memcmp(&found, &expected, sizeof found) == 0 ? WEIGHTS_GOOD : WEIGHTS_STALE;
}

bool weights_save(const char *path, const struct model_shape *shape, uint64_t text, const float *whole)
{
    char beside[4096];
    const struct header header = describe(shape, text, whole);
    const size_t count = model_weights(shape);
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(beside, sizeof beside, "%.*s", (int)(slash - path), path);
        mkdir(beside, 0777); /* mostly there already; what else goes wrong shows when the file is opened */
    }
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "wb");
    if (file == NULL)
        return false;
    const bool written =
        fwrite(&header, sizeof header, 1, file) == 1 && fwrite(whole, sizeof *whole, count, file) == count;
    const bool kept = fclose(file) == 0 && written && rename(beside, path) == 0;
    if (!kept)
        remove(beside);
    return kept;
}
