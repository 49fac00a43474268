/*
 * A store image in memory with two bundles, whose parts tests can change: "one" in the generations
 * 1 and 2, "two" in generation 7, each with a manifest and "a.bin".
 */
#ifndef TESTS_BUNDLE_IMAGE_FIXTURE_H
#define TESTS_BUNDLE_IMAGE_FIXTURE_H

#include <model/image.h>

#define IMAGE_FIXTURE_ENTRIES 6
#define IMAGE_FIXTURE_BYTES   ((1 + IMAGE_FIXTURE_ENTRIES) * IMAGE_ALIGN_BYTES)

struct image_fixture {
    struct image_device device;
    bool broken; /* the device: every read fails */
    union {
        struct {
            struct image_superblock superblock;
            struct image_entry entries[IMAGE_FIXTURE_ENTRIES];
        };
        uint8_t bytes[IMAGE_FIXTURE_BYTES];
    };
};

/* Makes a correct image. Byte i of file n is n * 16 + i, files are 100, 200, ... bytes long. */
void image_fixture_make(struct image_fixture *fixture);

/* Makes the checksums right again. */
void image_fixture_seal(struct image_fixture *fixture);

#endif
