/*
 * Any header, nodes and names through the reader of the packed image. What is accepted can be read
 * to its end, and each node is found under its own name.
 *
 * config: runs=1000000 max_len=1024
 */
#include "packed_walk.h"

#include <stdlib.h>
#include <string.h>

#define PAGES 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is the nodes and the names; four bytes at its start choose the header, so that most
 * inputs get past it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t bytes = PAGES * PACKED_PAGE_BYTES;
    struct packed packed;
    uint8_t *image = calloc(1, bytes);
    if (image == NULL || size < 4 || size > PACKED_PAGE_BYTES) {
        free(image);
        return 0;
    }
    struct packed_header header = {.version = PACKED_VERSION, .image_bytes = bytes};
    memcpy(header.magic, PACKED_MAGIC, sizeof(header.magic));
    header.node_count = data[0];
    header.names_offset = PACKED_PAGE_BYTES + data[1] * 8u;
    header.names_bytes = data[2] * 4u;
    memcpy(image, &header, sizeof(header));
    memcpy(image + PACKED_PAGE_BYTES, data + 4, size - 4);
    if (packed_open(&packed, image, bytes) == VFS_OK && !packed_walk(&packed))
        abort();
    free(image);
    return 0;
}
