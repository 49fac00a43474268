/* Which function an address belongs to. */
#include "private.h"

#define SECTION_SYMBOLS 2u
#define TYPE_FUNCTION   2u

struct section_header {
    uint32_t name, type;
    uint64_t flags, va, offset, bytes;
    uint32_t link, info;
    uint64_t align, entry_bytes;
};

struct symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, bytes;
};

/* The table of symbols, and the table of strings that has their names. */
static bool
find_tables(const struct elf_file *file, struct section_header *symbols,
            struct section_header *names)
{
    struct elf_header header;
    if (elf_header(file, &header) != NULL || header.section_bytes != sizeof(*symbols))
        return false;
    for (uint32_t i = 0; i < header.section_count; i++) {
        if (!elf_take(file, header.section_offset + i * sizeof(*symbols), symbols,
                      sizeof(*symbols)))
            return false;
        if (symbols->type == SECTION_SYMBOLS && symbols->link < header.section_count)
            return elf_take(file, header.section_offset + symbols->link * sizeof(*names), names,
                            sizeof(*names));
    }
    return false;
}

/* The string, if it ends within the table; else NULL. */
static const char *
name_at(const struct elf_file *file, const struct section_header *names, uint32_t at)
{
    if (names->offset > file->bytes || names->bytes > file->bytes - names->offset)
        return NULL;
    const unsigned char *name = file->at + names->offset;
    for (uint64_t i = at; i < names->bytes; i++)
        if (name[i] == 0)
            return (const char *)name + at;
    return NULL;
}

bool
elf_function_at(const void *bytes, uint64_t count, uint64_t address, struct elf_symbol *found)
{
    const struct elf_file file = {bytes, count};
    struct section_header symbols, names;
    struct symbol symbol;
    if (!find_tables(&file, &symbols, &names))
        return false;
    for (uint64_t i = 0; i < symbols.bytes / sizeof(symbol); i++) {
        if (!elf_take(&file, symbols.offset + i * sizeof(symbol), &symbol, sizeof(symbol)))
            return false;
        if ((symbol.info & 0xf) != TYPE_FUNCTION || address < symbol.value ||
            address - symbol.value >= symbol.bytes)
            continue;
        *found = (struct elf_symbol){name_at(&file, &names, symbol.name), address - symbol.value};
        return found->name != NULL;
    }
    return false;
}
