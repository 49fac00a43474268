/* Files that were packed into the boot image under a name (exo/bootimage.h). */
#ifndef RT_MODULE_H
#define RT_MODULE_H

#include <stdbool.h>
#include <stdint.h>

struct rt_module {
    const char *name;
    const void *at; /* NULL: not mapped. Else read-only; zero bytes behind the last, up to the
                       page's end */
    uint64_t bytes;
    uint32_t page; /* of the boot image, where it begins */
};

/* The module of that number, not mapped; needs the image in slot EXO_BOOT_IMAGE. False: there are
 * fewer, or no image. */
bool rt_module_at(uint32_t number, struct rt_module *module);

/* Finds it by name and maps it, for good. False: no such module, an empty one, or no room. */
bool rt_module_find(const char *name, struct rt_module *module);

/* Maps it, for good; false when it is empty, or there is no room. */
bool rt_module_map(struct rt_module *module);

#endif
