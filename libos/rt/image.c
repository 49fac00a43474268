/* This program in the boot image (exo/bootimage.h). */
#include "image.h"

#include "private.h"

const struct boot_header *
rt_image(void)
{
    static bool mapped;
    const struct boot_header *image = (const struct boot_header *)(uintptr_t)RT_IMAGE_VA;
    if (!mapped)
        mapped = rt_map_pages(RT_IMAGE_VA, EXO_BOOT_IMAGE, 0, 1, EXO_PROT_READ) == EXO_OK;
    if (!mapped || memcmp(image->magic, BOOT_MAGIC, sizeof(image->magic)) != 0)
        return NULL;
    /* Only the first page is mapped: the segments' table must lie in it. */
    return image->segment_count <= (EXO_PAGE_BYTES - sizeof(*image)) / sizeof(struct boot_segment)
               ? image
               : NULL;
}

uint32_t
rt_image_data_pages(const struct boot_header *image)
{
    const struct boot_segment *segments = rt_image_segments(image);
    uint32_t pages = 0;
    for (uint32_t i = 0; i < image->segment_count; i++)
        pages += segments[i].prot & BOOT_WRITE ? rt_pages_of(segments[i].mem_bytes) : 0;
    return pages;
}

static int64_t
copy_segment(const struct boot_segment *segment, char *to)
{
    uint32_t first = (uint32_t)(segment->file_offset / EXO_PAGE_BYTES);
    uint32_t pages = rt_pages_of(segment->file_bytes);
    int64_t err = EXO_OK;
    if (pages > 0) {
        const char *from = rt_map_at_any(EXO_BOOT_IMAGE, first, pages, EXO_PROT_READ, &err);
        if (from != NULL) {
            memcpy(to, from, segment->file_bytes);
            err = rt_unmap_pages((uint64_t)(uintptr_t)from, pages);
        }
    }
    uint64_t bytes = (uint64_t)rt_pages_of(segment->mem_bytes) * EXO_PAGE_BYTES;
    memset(to + segment->file_bytes, 0, bytes - segment->file_bytes);
    return err;
}

int64_t
rt_image_copy_data(const struct boot_header *image, char *to)
{
    const struct boot_segment *segments = rt_image_segments(image);
    int64_t err = EXO_OK;
    for (uint32_t i = 0; i < image->segment_count && err == EXO_OK; i++) {
        if (segments[i].prot & BOOT_WRITE) {
            err = copy_segment(&segments[i], to);
            to += (uint64_t)rt_pages_of(segments[i].mem_bytes) * EXO_PAGE_BYTES;
        }
    }
    return err;
}

uint32_t
rt_image_map(const struct boot_header *image, struct exo_map *entries)
{
    const struct boot_segment *segments = rt_image_segments(image);
    uint32_t data = 0;
    for (uint32_t i = 0; i < image->segment_count; i++) {
        bool written = segments[i].prot & BOOT_WRITE;
        entries[i] = (struct exo_map){
            .va = segments[i].va,
            .slot = written ? EXO_BOOT_DATA : EXO_BOOT_IMAGE,
            .first = written ? data : (uint32_t)(segments[i].file_offset / EXO_PAGE_BYTES),
            .pages = rt_pages_of(segments[i].mem_bytes),
            .prot = segments[i].prot,
        };
        data += written ? entries[i].pages : 0;
    }
    return image->segment_count;
}
