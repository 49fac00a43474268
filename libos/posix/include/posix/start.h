/* How a POSIX program begins. */
#ifndef POSIX_START_H
#define POSIX_START_H

#include <stdint.h>

/* Most bytes that malloc may have; a libOS configuration defines it. */
extern const uint64_t posix_heap_bytes;

/*
 * Runs in the first thread: mounts an empty file system in memory at / and, where the boot image
 * has a module "root.pack", that packed image at /rom; opens the console as descriptors 0 to 2;
 * reads the clock; runs constructors, main(argc, argv, environ) and exit().
 */
int posix_main(void);

#endif
