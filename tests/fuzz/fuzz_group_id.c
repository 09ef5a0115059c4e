// SPDX-License-Identifier: MIT
/* Group ids: any text, any bytes, and a true id with some bits flipped, or with some bytes of the text exchanged. Only the true one joins. */
#include "fuzz.h"

static void expect_refused(const weft_group_id *id)
{
    weft_comm *comm = NULL;
    EXPECT(weft_comm_create(id, 2, WEFT_ANY_RANK, NULL, &comm) == WEFT_ERR_GROUP);
    EXPECT(weft_group_id_destroy(id) == WEFT_ERR_GROUP);
    EXPECT(comm == NULL);
}

static void try_text(const char *text)
{
    weft_group_id id, before;
    char again[WEFT_GROUP_ID_TEXT_SIZE];
    memset(&id, 0x5a, sizeof id);
    before = id;
    weft_status status = weft_group_id_from_text(text, &id);
    if (status == WEFT_OK) {
        EXPECT(weft_group_id_to_text(&id, again) == WEFT_OK);
        EXPECT(strlen(text) == strlen(again));
    } else {
        EXPECT(status == WEFT_ERR_GROUP && memcmp(&id, &before, sizeof id) == 0);
    }
}

/* A group of two ranks, of which the first joins by the true id before anything else is tried. */
static void try_flipped(struct bytes bytes)
{
    weft_group_id id, flipped;
    char text[WEFT_GROUP_ID_TEXT_SIZE];
    weft_comm *comms[2] = {NULL, NULL};
    EXPECT(weft_group_id_create(&id) == WEFT_OK && weft_group_id_to_text(&id, text) == WEFT_OK);
    EXPECT(weft_comm_create(&id, 2, 0, NULL, &comms[0]) == WEFT_OK);
    flipped = id;
    while (bytes.left > 0) {
        size_t at = take(&bytes);
        unsigned char with = take(&bytes);
        flipped.bytes[at % WEFT_GROUP_ID_SIZE] ^= with;
        text[at] = with != 0 ? (char)with : text[at];
        try_text(text);
        if (memcmp(&flipped, &id, sizeof id) != 0)
            expect_refused(&flipped);
    }
    EXPECT(weft_comm_create(&id, 2, WEFT_ANY_RANK, NULL, &comms[1]) == WEFT_OK && weft_comm_rank(comms[1]) == 1);
    expect_refused(&id); /* complete */
    weft_comm_destroy(comms[0]);
    weft_comm_destroy(comms[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    weft_group_id id = {{0}};
    char *text;
    switch (take_below(&bytes, 3)) {
    case 0:
        text = take_string(&bytes);
        try_text(text);
        free(text);
        break;
    case 1:
        for (int i = 0; i < WEFT_GROUP_ID_SIZE; i++)
            id.bytes[i] = take(&bytes);
        expect_refused(&id);
        break;
    default:
        try_flipped(bytes);
    }
    return 0;
}
