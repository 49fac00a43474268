/* The structures of an ELF file that are looked at. */
#ifndef ELF_PRIVATE_H
#define ELF_PRIVATE_H

#include <elf/elf.h>
#include <exo/abi.h>
#include <stddef.h>

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_offset, section_offset;
    uint32_t flags;
    uint16_t header_bytes, program_bytes, program_count;
    uint16_t section_bytes, section_count, section_names;
};

struct elf_file {
    const unsigned char *at;
    uint64_t bytes;
};

/* Copies a structure out of the file, wherever it lies; false when it is not all there. */
bool elf_take(const struct elf_file *file, uint64_t offset, void *to, uint64_t bytes);

/* The header of a file that can be ours; NULL, or what is wrong with it. */
const char *elf_header(const struct elf_file *file, struct elf_header *header);

#endif
