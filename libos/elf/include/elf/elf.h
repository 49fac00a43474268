/*
 * Executables: static, aarch64, little-endian, laid out in pages as our linker scripts do
 * (System V ABI, "Object Files"; ELF for the Arm 64-bit Architecture). The file may be anything:
 * nothing outside of it is read, and what is accepted can be mapped as it stands.
 */
#ifndef ELF_ELF_H
#define ELF_ELF_H

#include <rt/program.h>
#include <stdbool.h>

/*
 * What is to be mapped. Refused are: other machines, dynamic linking, segments that do not begin on
 * a page in memory and in the file, share one, lie below EXO_BOOT_STACK_TOP or end above
 * EXO_VA_END, are writable and executable, or only read and longer than in the file; more than
 * RT_SEGMENTS_MAX of them, or more written pages than one run of frames has; an entry that is not
 * in executable memory. True: all of `program` is set but `first`. False: *why says it.
 */
bool elf_program(const void *file, uint64_t bytes, struct rt_program *program, const char **why);

struct elf_symbol {
    const char *name; /* in the file */
    uint64_t offset;  /* of the address in the function */
};

/* The function in which the address lies; false when the file does not tell. */
bool elf_function_at(const void *file, uint64_t bytes, uint64_t address, struct elf_symbol *symbol);

#endif
