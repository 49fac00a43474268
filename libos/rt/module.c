/* Modules of the boot image: found in its table, mapped in place. */
#include <rt/module.h>

#include "image.h"
#include "private.h"

static const struct boot_module *
find(const struct boot_header *image, const char *name)
{
    const struct boot_module *modules =
        (const struct boot_module *)(const void *)(rt_image_segments(image) + image->segment_count);
    for (uint32_t i = 0; i < image->module_count; i++)
        if (strncmp(modules[i].name, name, BOOT_MODULE_NAME) == 0)
            return &modules[i];
    return NULL;
}

bool
rt_module_find(const char *name, struct rt_module *found)
{
    const struct boot_header *image = rt_image();
    const struct boot_module *module = image == NULL ? NULL : find(image, name);
    int64_t err;
    if (module == NULL)
        return false;
    found->bytes = module->bytes;
    found->at = rt_map_at_any(EXO_BOOT_IMAGE, (uint32_t)(module->offset / EXO_PAGE_BYTES),
                              rt_pages_of(module->bytes), EXO_PROT_READ, &err);
    return err == EXO_OK;
}
