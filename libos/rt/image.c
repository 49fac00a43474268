/* The boot image's header, and this program in it (exo/bootimage.h). */
#include "image.h"

#include "private.h"

#define HEADER_PAGES_MAX ((EXO_BOOT_INFO_VA - RT_IMAGE_VA) / EXO_PAGE_BYTES)

_Static_assert((int)EXO_PROT_READ == (int)BOOT_READ && (int)EXO_PROT_WRITE == (int)BOOT_WRITE &&
                   (int)EXO_PROT_EXEC == (int)BOOT_EXEC,
               "protections of segments and mappings are the same bits");

/* The first page says how many there are; they have room below the boot information. */
static bool
map_tables(const struct boot_header *image)
{
    uint32_t pages = rt_pages_of(image->header_bytes);
    if (memcmp(image->magic, BOOT_MAGIC, sizeof(image->magic)) != 0 || pages > HEADER_PAGES_MAX)
        return false;
    return pages <= 1 || rt_map_pages(RT_IMAGE_VA + EXO_PAGE_BYTES, EXO_BOOT_IMAGE, 1, pages - 1,
                                      EXO_PROT_READ) == EXO_OK;
}

const struct boot_header *
rt_image(void)
{
    static bool mapped;
    const struct boot_header *image = (const struct boot_header *)(uintptr_t)RT_IMAGE_VA;
    if (!mapped)
        mapped = rt_map_pages(RT_IMAGE_VA, EXO_BOOT_IMAGE, 0, 1, EXO_PROT_READ) == EXO_OK &&
                 map_tables(image);
    return mapped ? image : NULL;
}

const struct rt_program *
rt_program_self(void)
{
    static struct rt_program self;
    const struct boot_header *image = rt_service == NULL ? rt_image() : NULL;
    if (image == NULL || image->segment_count > RT_SEGMENTS_MAX)
        return NULL;
    const struct boot_segment *segments = rt_image_segments(image);
    for (uint32_t i = 0; i < image->segment_count; i++) {
        self.segment[i] = (struct rt_segment){
            .va = segments[i].va,
            .file_bytes = segments[i].file_bytes,
            .mem_bytes = segments[i].mem_bytes,
            .page = (uint32_t)(segments[i].file_offset / EXO_PAGE_BYTES),
            .prot = segments[i].prot,
        };
    }
    self.entry = image->init_entry;
    self.pages = image->total_pages;
    self.count = image->segment_count;
    return &self;
}
