/* Modules of the boot image: found in its table, mapped in place. */
#include <rt/module.h>

#include "image.h"
#include "private.h"

bool
rt_module_at(uint32_t number, struct rt_module *module)
{
    const struct boot_header *image = rt_image();
    if (image == NULL || number >= image->module_count)
        return false;
    const struct boot_module *entry =
        (const struct boot_module *)(const void *)(rt_image_segments(image) +
                                                   image->segment_count) +
        number;
    *module = (struct rt_module){.name = entry->name,
                                 .bytes = entry->bytes,
                                 .page = (uint32_t)(entry->offset / EXO_PAGE_BYTES)};
    return true;
}

bool
rt_module_map(struct rt_module *module)
{
    int64_t err;
    module->at = rt_map_at_any(EXO_BOOT_IMAGE, module->page, rt_pages_of(module->bytes),
                               EXO_PROT_READ, &err);
    return err == EXO_OK;
}

bool
rt_module_find(const char *name, struct rt_module *module)
{
    for (uint32_t i = 0; rt_module_at(i, module); i++)
        if (strncmp(module->name, name, BOOT_MODULE_NAME) == 0)
            return rt_module_map(module);
    return false;
}
