/* Files that were packed into the boot image under a name (exo/bootimage.h). */
#ifndef RT_MODULE_H
#define RT_MODULE_H

#include <stdbool.h>
#include <stdint.h>

struct rt_module {
    const void
        *at; /* mapped read-only, page-aligned; zero bytes behind the last up to the page's end */
    uint64_t bytes;
};

/* Maps it; needs the image in slot EXO_BOOT_IMAGE. False: no such module, or no room for it. */
bool rt_module_find(const char *name, struct rt_module *module);

#endif
