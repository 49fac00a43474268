/*
 * A program that lies in the boot image, as a parent maps it into a child: the one that runs
 * (rt_program_self), or a module that is a static ELF file (elf/elf.h).
 */
#ifndef RT_PROGRAM_H
#define RT_PROGRAM_H

#include <stdint.h>

#define RT_SEGMENTS_MAX 8u

/* Segments begin on pages and share none. What is not written to lies whole in the file. */
struct rt_segment {
    uint64_t va, file_bytes, mem_bytes; /* what the file does not have is zero */
    uint32_t page;                      /* of the program's file, where file_bytes begin */
    uint32_t prot;                      /* enum exo_prot; never WRITE and EXEC */
};

struct rt_program {
    uint64_t entry;
    uint32_t first, pages; /* of the boot image: its file */
    uint32_t count;
    struct rt_segment segment[RT_SEGMENTS_MAX];
};

/* The one that the kernel started from this boot image; NULL without EXO_BOOT_IMAGE, or in a
 * service, which has another program than that. */
const struct rt_program *rt_program_self(void);

#endif
