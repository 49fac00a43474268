/*
 * Any bytes as an executable. What is accepted can be mapped as it stands: on pages, in order,
 * within the file and the addresses of a program, never writable and executable.
 *
 * config: runs=1000000 max_len=1024
 */
#include <elf/elf.h>
#include <exo/abi.h>
#include <stdlib.h>
#include <string.h>

static void
require(bool condition)
{
    if (!condition)
        abort();
}

static void
check(const struct rt_program *program, size_t size)
{
    uint64_t end = EXO_BOOT_STACK_TOP;
    require(program->count > 0 && program->count <= RT_SEGMENTS_MAX);
    for (uint32_t i = 0; i < program->count; i++) {
        const struct rt_segment *segment = &program->segment[i];
        require(segment->va % EXO_PAGE_BYTES == 0 && segment->va >= end);
        require(segment->mem_bytes > 0 && segment->file_bytes <= segment->mem_bytes);
        require((uint64_t)segment->page * EXO_PAGE_BYTES + segment->file_bytes <= size);
        require((segment->prot & (EXO_PROT_WRITE | EXO_PROT_EXEC)) !=
                (EXO_PROT_WRITE | EXO_PROT_EXEC));
        end = segment->va + segment->mem_bytes;
        require(end > segment->va && end <= EXO_VA_END);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_program program;
    struct elf_symbol symbol;
    const char *why;
    if (elf_program(data, size, &program, &why))
        check(&program, size);
    else
        require(why != NULL && why[0] != '\0');
    if (elf_function_at(data, size, 0x400000, &symbol))
        require(strlen(symbol.name) < size);
    return 0;
}
