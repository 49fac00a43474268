/* The boot image, where its header and tables are looked at. */
#ifndef RT_IMAGE_H
#define RT_IMAGE_H

#include <exo/bootimage.h>
#include <rt/frames.h>
#include <rt/program.h>

/* Where the boot image's header is mapped once it was asked for. */
#define RT_IMAGE_VA 0x11000ull

/* The header, with both tables behind it; NULL when slot EXO_BOOT_IMAGE has none. */
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

#endif
