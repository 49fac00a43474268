/* What of an executable is to be mapped, and where. */
#include "private.h"

#define TYPE_EXECUTABLE 2u
#define MACHINE_AARCH64 183u
#define PAGE_MASK       (EXO_PAGE_BYTES - 1ull)
/* Of one run, which has the stack and a page of information, too. */
#define DATA_PAGES_MAX (EXO_ALLOC_MAX - EXO_BOOT_STACK_BYTES / EXO_PAGE_BYTES - 1)

enum { PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERPRETER = 3 };
enum { PF_EXEC = 1, PF_WRITE = 2, PF_READ = 4 };

struct program_header {
    uint32_t type, flags;
    uint64_t offset, va, pa, file_bytes, mem_bytes, align;
};

bool
elf_take(const struct elf_file *file, uint64_t offset, void *to, uint64_t bytes)
{
    if (offset > file->bytes || bytes > file->bytes - offset)
        return false;
    __builtin_memcpy(to, file->at + offset, bytes);
    return true;
}

const char *
elf_header(const struct elf_file *file, struct elf_header *header)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1}; /* 64 bits, little-endian, 1 */
    if (!elf_take(file, 0, header, sizeof(*header)))
        return "too short for an ELF file";
    for (size_t i = 0; i < sizeof(ident); i++)
        if (header->ident[i] != ident[i])
            return "no ELF file of 64 bits, little-endian";
    if (header->machine != MACHINE_AARCH64)
        return "not for aarch64";
    return header->type == TYPE_EXECUTABLE ? NULL : "no static executable";
}

static uint64_t
pages_of(uint64_t bytes)
{
    return bytes / EXO_PAGE_BYTES + (bytes % EXO_PAGE_BYTES != 0);
}

static const char *
check_place(const struct elf_file *file, const struct program_header *header)
{
    if ((header->va | header->offset) & PAGE_MASK)
        return "a segment does not begin on a page";
    if (header->file_bytes > header->mem_bytes)
        return "a segment is longer in the file than in memory";
    if (header->offset > file->bytes || header->file_bytes > file->bytes - header->offset)
        return "a segment is outside of the file";
    if (header->va < EXO_BOOT_STACK_TOP || header->va >= EXO_VA_END ||
        header->mem_bytes > EXO_VA_END - header->va)
        return "a segment is outside of a program's addresses";
    return NULL;
}

static const char *
check_use(const struct program_header *header)
{
    if (!(header->flags & PF_READ))
        return "a segment is not readable";
    if ((header->flags & PF_WRITE) && (header->flags & PF_EXEC))
        return "a segment is writable and executable";
    if (!(header->flags & PF_WRITE) && pages_of(header->file_bytes) != pages_of(header->mem_bytes))
        return "a segment that is only read is not all in the file";
    return NULL;
}

/* Behind those before it. */
static const char *
add_segment(struct rt_program *program, const struct program_header *header)
{
    const struct rt_segment *last =
        program->count > 0 ? &program->segment[program->count - 1] : NULL;
    if (program->count == RT_SEGMENTS_MAX)
        return "too many segments";
    if (last != NULL && last->va + pages_of(last->mem_bytes) * EXO_PAGE_BYTES > header->va)
        return "segments overlap, or are not in order of address";
    program->segment[program->count++] = (struct rt_segment){
        .va = header->va,
        .file_bytes = header->file_bytes,
        .mem_bytes = header->mem_bytes,
        .page = (uint32_t)(header->offset / EXO_PAGE_BYTES),
        .prot = EXO_PROT_READ | (header->flags & PF_WRITE ? EXO_PROT_WRITE : 0u) |
                (header->flags & PF_EXEC ? EXO_PROT_EXEC : 0u),
    };
    return NULL;
}

static const char *
look_at(const struct elf_file *file, const struct program_header *header,
        struct rt_program *program)
{
    if (header->type == PT_DYNAMIC || header->type == PT_INTERPRETER)
        return "it is linked dynamically";
    if (header->type != PT_LOAD || header->mem_bytes == 0)
        return NULL;
    const char *wrong = check_place(file, header);
    if (wrong == NULL)
        wrong = check_use(header);
    return wrong != NULL ? wrong : add_segment(program, header);
}

static const char *
check_whole(const struct rt_program *program)
{
    uint64_t data = 0;
    bool entered = false;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct rt_segment *segment = &program->segment[i];
        data += segment->prot & EXO_PROT_WRITE ? pages_of(segment->mem_bytes) : 0;
        entered |= (segment->prot & EXO_PROT_EXEC) && program->entry >= segment->va &&
                   program->entry - segment->va < segment->mem_bytes;
    }
    if (data > DATA_PAGES_MAX)
        return "its data is larger than a run of frames";
    return entered ? NULL : "its entry is not in executable memory";
}

static const char *
read_program(const struct elf_file *file, struct rt_program *program)
{
    struct elf_header header;
    struct program_header segment;
    const char *wrong = elf_header(file, &header);
    if (wrong == NULL && header.program_bytes != sizeof(segment))
        wrong = "its program headers have another size";
    if (wrong == NULL && pages_of(file->bytes) > UINT32_MAX)
        wrong = "it is too long";
    if (wrong != NULL)
        return wrong;
    *program = (struct rt_program){.entry = header.entry, .pages = (uint32_t)pages_of(file->bytes)};
    for (uint32_t i = 0; i < header.program_count && wrong == NULL; i++) {
        uint64_t offset = header.program_offset + i * sizeof(segment);
        wrong = offset >= header.program_offset && elf_take(file, offset, &segment, sizeof(segment))
                    ? look_at(file, &segment, program)
                    : "its program headers are outside of the file";
    }
    return wrong != NULL ? wrong : check_whole(program);
}

bool
elf_program(const void *bytes, uint64_t count, struct rt_program *program, const char **why)
{
    *why = read_program(&(struct elf_file){bytes, count}, program);
    return *why == NULL;
}
