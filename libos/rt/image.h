/* The segments of this program in the boot image, as a parent copies them into a child. */
#ifndef RT_IMAGE_H
#define RT_IMAGE_H

#include <exo/bootimage.h>
#include <rt/frames.h>

#define RT_IMAGE_VA                                                               \
    0x11000ull /* where the first page of the boot image is mapped once asked for \
                */

/* The header, with the table of segments behind it; NULL when slot EXO_BOOT_IMAGE has none. */
const struct boot_header *rt_image(void);

static inline const struct boot_segment *
rt_image_segments(const struct boot_header *image)
{
    return (const struct boot_segment *)(const void *)(image + 1);
}

static inline uint32_t
rt_pages_of(uint64_t bytes)
{
    return (uint32_t)((bytes + EXO_PAGE_BYTES - 1) / EXO_PAGE_BYTES);
}

/* Pages of all segments that are written to. */
uint32_t rt_image_data_pages(const struct boot_header *image);

/* Fills `to` with those segments, one after the other, as they are before a program runs. */
int64_t rt_image_copy_data(const struct boot_header *image, char *to);

/*
 * The mappings of the program: what is only read comes from the image (slot EXO_BOOT_IMAGE), the
 * rest from the run in slot EXO_BOOT_DATA, in the order of rt_image_copy_data. Returns the number
 * of entries, at most segment_count.
 */
uint32_t rt_image_map(const struct boot_header *image, struct exo_map *entries);

#endif
