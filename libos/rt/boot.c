/* Modules of the boot image. */
#include "image.h"
#include "private.h"

#include <rt/boot.h>

static const struct boot_module *
find(const struct boot_header *header, const char *name)
{
    const struct boot_module *modules =
        (const struct boot_module *)(const void *)(rt_image_segments(header) +
                                                   header->segment_count);
    for (uint32_t i = 0; i < header->module_count; i++)
        if (strncmp(modules[i].name, name, sizeof(modules[i].name)) == 0)
            return &modules[i];
    return NULL;
}

const void *
rt_module(const char *name, uint64_t *bytes)
{
    const struct boot_header *image = rt_image();
    int64_t err;
    if (image == NULL)
        return NULL;
    uint32_t pages = rt_pages_of(image->header_bytes);
    const struct boot_header *header = rt_map_at_any(EXO_BOOT_IMAGE, 0, pages, EXO_PROT_READ, &err);
    const struct boot_module *module = header != NULL ? find(header, name) : NULL;
    const void *at = NULL;
    if (module != NULL && module->bytes > 0) {
        *bytes = module->bytes;
        at = rt_map_at_any(EXO_BOOT_IMAGE, (uint32_t)(module->offset / EXO_PAGE_BYTES),
                           rt_pages_of(module->bytes), EXO_PROT_READ, &err);
    }
    if (header != NULL)
        (void)rt_unmap_pages(exo_address(header), pages);
    return at;
}
