/* The packed image's reader: what it finds, and that it refuses an image that contradicts itself.
 */
#include "packed/packed_walk.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#define PAGE  PACKED_PAGE_BYTES
#define NODES 6u
#define PAGES 5u

/* / with a, b/ (with c, d/) and e: root, a, b, e, c, d. */
static struct {
    struct packed_header header;
    uint8_t rest[PAGE - sizeof(struct packed_header)];
    struct packed_node node[NODES];
    char names[PAGE - NODES * sizeof(struct packed_node)];
    uint8_t contents[3][PAGE];
} image __attribute__((aligned(4096)));

static struct packed packed;

static void
make_image(void)
{
    memset(&image, 0, sizeof(image));
    memcpy(image.header.magic, PACKED_MAGIC, 8);
    image.header.version = PACKED_VERSION;
    image.header.node_count = NODES;
    image.header.names_offset = PAGE + sizeof(image.node);
    image.header.names_bytes = 5;
    image.header.image_bytes = sizeof(image);
    memcpy(image.names, "abecd", 5);
    image.node[0] = (struct packed_node){0, 0, VFS_DIRECTORY, 3, 1, 0};
    image.node[1] = (struct packed_node){0, 1, VFS_FILE, 0, 2 * PAGE, 10};
    image.node[2] = (struct packed_node){1, 1, VFS_DIRECTORY, 2, 4, 0};
    image.node[3] = (struct packed_node){2, 1, VFS_FILE, 0, 3 * PAGE, 2 * PAGE};
    image.node[4] = (struct packed_node){3, 1, VFS_FILE, 0, 3 * PAGE, 0};
    image.node[5] = (struct packed_node){4, 1, VFS_DIRECTORY, 0, 6, 0};
    memcpy(image.contents[0], "contents a", 10);
}

static int64_t
open_image(void)
{
    return packed_open(&packed, &image, sizeof(image));
}

static struct vfs_name
name_of(const char *text)
{
    return (struct vfs_name){text, (uint32_t)strlen(text)};
}

static void
finds_what_is_there(void)
{
    uint32_t found = 0;
    make_image();
    CHECK_EQ(open_image(), VFS_OK);
    CHECK_EQ(packed_lookup(&packed, 0, name_of("a"), &found), VFS_OK);
    CHECK_EQ(found, 1);
    CHECK(memcmp(packed_contents(&packed, found), "contents a", 10) == 0);
    CHECK_EQ(packed_lookup(&packed, 0, name_of("b"), &found), VFS_OK);
    CHECK_EQ(packed_lookup(&packed, found, name_of("d"), &found), VFS_OK);
    CHECK_EQ(found, 5);
    CHECK_EQ(packed_lookup(&packed, found, name_of("d"), &found), VFS_E_NONE);
    CHECK_EQ(packed_lookup(&packed, 0, name_of("c"), &found), VFS_E_NONE);
    CHECK_EQ(packed_lookup(&packed, 0, name_of("aa"), &found), VFS_E_NONE);
    CHECK(packed_walk(&packed));
}

#define REFUSES(change)                        \
    do {                                       \
        make_image();                          \
        change;                                \
        CHECK_EQ(open_image(), VFS_E_CORRUPT); \
    } while (0)

static void
refuses_a_wrong_header(void)
{
    REFUSES(image.header.magic[7] = '2');
    REFUSES(image.header.version++);
    REFUSES(image.header.image_bytes += PAGE);
    REFUSES(image.header.node_count = 0);
    REFUSES(image.header.node_count = PACKED_NODES_MAX + 1);
    REFUSES(image.header.node_count = NODES - 1);
    REFUSES(image.header.node_count = 60000);
    REFUSES(image.header.names_offset = 8);
    REFUSES(image.header.names_offset = UINT64_MAX);
    REFUSES(image.header.names_bytes = UINT64_MAX);
    REFUSES(image.header.names_bytes = 4);
    make_image();
    CHECK_EQ(packed_open(&packed, &image, PAGE - 1), VFS_E_CORRUPT);
    CHECK_EQ(packed_open(&packed, &image, sizeof(image) - PAGE), VFS_E_CORRUPT);
    CHECK_EQ(packed_open(&packed, &image, sizeof(image) - 8), VFS_E_CORRUPT);
}

static void
refuses_names_that_are_none(void)
{
    REFUSES(image.names[0] = '/');
    REFUSES(image.names[0] = '\0');
    REFUSES(image.names[0] = '.');
    REFUSES((image.names[0] = image.names[1] = '.', image.node[1].name_bytes = 2));
    REFUSES(image.node[1].name_bytes = 0);
    REFUSES(image.node[1].name_bytes = VFS_NAME_BYTES);
    REFUSES(image.node[1].name_offset = 5);
    REFUSES(image.node[1].name_offset = UINT32_MAX);
}

static void
refuses_names_out_of_order(void)
{
    REFUSES(image.names[1] = 'a'); /* twice */
    REFUSES(image.names[0] = 'x');
}

static void
refuses_a_tree_that_is_none(void)
{
    REFUSES(image.node[0].type = VFS_FILE);
    REFUSES(image.node[0].offset = 0); /* its own child */
    REFUSES(image.node[0].children = 4);
    REFUSES(image.node[0].children = 2);
    REFUSES(image.node[2].offset = 1); /* children of two */
    REFUSES(image.node[2].children = 1);
    REFUSES(image.node[2].children = UINT32_MAX);
    REFUSES(image.node[2].bytes = 1);
    REFUSES(image.node[5].offset = 5);
    REFUSES(image.node[5].type = VFS_DEVICE);
    REFUSES(image.node[1].children = 1);
}

static void
refuses_extents_outside(void)
{
    REFUSES(image.node[1].offset = 100);
    REFUSES(image.node[1].offset = 0);
    REFUSES(image.node[1].offset = 2 * PAGE + 8);
    REFUSES(image.node[1].offset = sizeof(image));
    REFUSES(image.node[1].offset = UINT64_MAX - PAGE + 1);
    REFUSES(image.node[3].bytes = 2 * PAGE + 1);
    REFUSES(image.node[3].bytes = UINT64_MAX);
}

/* Every byte of header, nodes and names, every bit: refused, or nothing outside is read. */
static void
survives_every_bit_flip(void)
{
    size_t last = PAGE + sizeof(image.node) + 5;
    uint8_t *copy = malloc(sizeof(image)); /* so that the sanitizer knows its end */
    unsigned accepted = 0;
    CHECK(copy != NULL);
    for (size_t i = 0; i < last * 8; i++) {
        make_image();
        memcpy(copy, &image, sizeof(image));
        copy[i / 8] ^= (uint8_t)(1u << i % 8);
        if (packed_open(&packed, copy, sizeof(image)) == VFS_OK) {
            accepted++;
            CHECK(packed_walk(&packed));
        }
    }
    CHECK(accepted > 8 * (PAGE - 100)); /* the rest of the header's page says nothing */
    free(copy);
}

static const struct tap_test tests[] = {
    TAP(finds_what_is_there),         TAP(refuses_a_wrong_header),
    TAP(refuses_names_that_are_none), TAP(refuses_names_out_of_order),
    TAP(refuses_a_tree_that_is_none), TAP(refuses_extents_outside),
    TAP(survives_every_bit_flip),
};

TAP_MAIN(tests)
