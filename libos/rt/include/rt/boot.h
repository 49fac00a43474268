/* The files that were packed with the program (build/tools/mkboot: name=path). */
#ifndef RT_BOOT_H
#define RT_BOOT_H

#include <stdint.h>

/* Maps the module of that name, to be read, for good. NULL: there is none, or it is empty. */
const void *rt_module(const char *name, uint64_t *bytes);

#endif
