/* libos/elf: what of an executable is mapped, what is refused, and names of functions. */
#include <elf.h>
#include <elf/elf.h>
#include <exo/abi.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define PAGE     4096u
#define TEXT_VA  0x400000ull
#define SECTIONS 3u

/* Text, read-only data, data; a page each in the file, and symbols behind them. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr program[4];
    unsigned char gap[PAGE - sizeof(Elf64_Ehdr) - 4 * sizeof(Elf64_Phdr)];
    unsigned char part[3][PAGE];
    Elf64_Sym symbol[4];
    char names[32];
    Elf64_Shdr section[SECTIONS];
};

static struct image image;
static struct rt_program program;
static const char *why;

static void
make_image(void)
{
    static const char names[] = "\0first\0second\0word";
    static const uint32_t flags[3] = {PF_R | PF_X, PF_R, PF_R | PF_W};
    memset(&image, 0, sizeof(image));
    image.header = (Elf64_Ehdr){.e_type = ET_EXEC,
                                .e_machine = EM_AARCH64,
                                .e_version = EV_CURRENT,
                                .e_entry = TEXT_VA + 8,
                                .e_phoff = offsetof(struct image, program),
                                .e_shoff = offsetof(struct image, section),
                                .e_ehsize = sizeof(Elf64_Ehdr),
                                .e_phentsize = sizeof(Elf64_Phdr),
                                .e_phnum = 4,
                                .e_shentsize = sizeof(Elf64_Shdr),
                                .e_shnum = SECTIONS};
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
    image.header.e_ident[EI_DATA] = ELFDATA2LSB;
    image.header.e_ident[EI_VERSION] = EV_CURRENT;
    for (unsigned i = 0; i < 3; i++)
        image.program[i] = (Elf64_Phdr){.p_type = PT_LOAD,
                                        .p_flags = flags[i],
                                        .p_offset = PAGE * (i + 1),
                                        .p_vaddr = TEXT_VA + PAGE * i,
                                        .p_filesz = 100,
                                        .p_memsz = i == 2 ? 2 * PAGE + 1 : 100};
    image.program[3] = (Elf64_Phdr){.p_type = PT_TLS, .p_memsz = 1}; /* is in the others */
    memcpy(image.names, names, sizeof(names));
    image.symbol[1] = (Elf64_Sym){1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, TEXT_VA, 16};
    image.symbol[2] = (Elf64_Sym){7, ELF64_ST_INFO(STB_LOCAL, STT_FUNC), 0, 1, TEXT_VA + 32, 64};
    image.symbol[3] =
        (Elf64_Sym){14, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 0, 1, TEXT_VA + 2 * PAGE, 8};
    image.section[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                    .sh_offset = offsetof(struct image, symbol),
                                    .sh_size = sizeof(image.symbol),
                                    .sh_link = 2};
    image.section[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
                                    .sh_offset = offsetof(struct image, names),
                                    .sh_size = sizeof(names)};
}

/* A copy of exactly that size, so that the sanitizer sees a read past its end. */
static bool
read_bytes(size_t bytes)
{
    unsigned char *copy = malloc(bytes ? bytes : 1);
    memcpy(copy, &image, bytes);
    bool fine = elf_program(copy, bytes, &program, &why);
    free(copy);
    return fine;
}

/* Whether the image as it is now is refused in these words; it is whole again then. */
static bool
refused(const char *text)
{
    bool fine = !read_bytes(sizeof(image)) && strstr(why, text) != NULL;
    if (!fine)
        printf("# %s\n", why == NULL ? "accepted" : why);
    make_image();
    return fine;
}

static bool
named(uint64_t address, const char *name, uint64_t offset)
{
    struct elf_symbol symbol;
    return elf_function_at(&image, sizeof(image), address, &symbol) &&
           strcmp(symbol.name, name) == 0 && symbol.offset == offset;
}

static void
segments_are_mapped_as_the_file_says(void)
{
    make_image();
    CHECK(read_bytes(sizeof(image)));
    CHECK_EQ(program.entry, TEXT_VA + 8);
    CHECK_EQ(program.count, 3);
    CHECK_EQ(program.first, 0);
    CHECK_EQ(program.pages, (sizeof(image) + PAGE - 1) / PAGE);
    CHECK_EQ(program.segment[0].prot, EXO_PROT_READ | EXO_PROT_EXEC);
    CHECK_EQ(program.segment[1].prot, EXO_PROT_READ);
    CHECK_EQ(program.segment[2].prot, EXO_PROT_READ | EXO_PROT_WRITE);
    CHECK_EQ(program.segment[2].va, TEXT_VA + 2 * PAGE);
    CHECK_EQ(program.segment[2].page, 3);
    CHECK_EQ(program.segment[2].file_bytes, 100);
    CHECK_EQ(program.segment[2].mem_bytes, 2 * PAGE + 1);
}

static void
what_is_no_program_of_ours_is_refused(void)
{
    make_image();
    image.header.e_ident[0] = 0;
    CHECK(refused("no ELF file"));
    image.header.e_ident[EI_CLASS] = ELFCLASS32;
    CHECK(refused("64 bits"));
    image.header.e_ident[EI_DATA] = ELFDATA2MSB;
    CHECK(refused("little-endian"));
    image.header.e_machine = EM_X86_64;
    CHECK(refused("aarch64"));
    image.header.e_type = ET_DYN;
    CHECK(refused("static"));
    image.program[3].p_type = PT_INTERP;
    CHECK(refused("dynamically"));
    image.program[3].p_type = PT_DYNAMIC;
    CHECK(refused("dynamically"));
    image.header.e_phentsize = 55;
    CHECK(refused("another size"));
}

static void
headers_outside_of_the_file_are_refused(void)
{
    make_image();
    image.header.e_phoff = sizeof(image);
    CHECK(refused("outside of the file"));
    image.header.e_phoff = UINT64_MAX - 60;
    CHECK(refused("outside of the file"));
    image.header.e_phnum = UINT16_MAX;
    CHECK(!read_bytes(sizeof(image)));
    make_image();
    image.header.e_phnum = 0;
    CHECK(refused("entry"));
}

static void
segments_that_cannot_be_mapped_are_refused(void)
{
    make_image();
    image.program[0].p_vaddr += 8;
    CHECK(refused("begin on a page"));
    image.program[0].p_offset += 8;
    CHECK(refused("begin on a page"));
    image.program[0].p_filesz = 101;
    CHECK(refused("longer in the file"));
    image.program[0].p_offset = 1ull << 40;
    CHECK(refused("outside of the file"));
    image.program[2].p_filesz = image.program[2].p_memsz = sizeof(image);
    CHECK(refused("outside of the file"));
    image.program[0].p_vaddr = 0;
    CHECK(refused("addresses"));
    image.program[0].p_vaddr = EXO_BOOT_STACK_TOP - PAGE;
    CHECK(refused("addresses"));
    image.program[2].p_vaddr = EXO_VA_END - PAGE;
    CHECK(refused("addresses"));
    image.program[2].p_memsz = UINT64_MAX;
    CHECK(refused("addresses"));
    image.program[2].p_memsz = 16ull << 20;
    CHECK(refused("larger than a run"));
    image.program[1].p_vaddr = TEXT_VA;
    CHECK(refused("overlap"));
    image.program[1].p_vaddr = TEXT_VA + 16 * PAGE;
    CHECK(refused("order"));
}

static void
segments_are_writable_or_executable_and_what_is_read_is_in_the_file(void)
{
    make_image();
    image.program[0].p_flags = PF_R | PF_W | PF_X;
    CHECK(refused("writable and executable"));
    image.program[1].p_flags = PF_W;
    CHECK(refused("not readable"));
    image.program[1].p_memsz = PAGE;
    CHECK(read_bytes(sizeof(image)));
    image.program[0].p_filesz = 100;
    image.program[0].p_memsz = PAGE + 1;
    CHECK(refused("not all in the file"));
}

static void
the_entry_is_in_executable_memory(void)
{
    make_image();
    image.header.e_entry = TEXT_VA + 100;
    CHECK(refused("entry"));
    image.header.e_entry = TEXT_VA + PAGE;
    CHECK(refused("entry"));
    image.header.e_entry = 0;
    CHECK(refused("entry"));
}

static void
there_are_no_more_segments_than_a_parent_maps(void)
{
    Elf64_Phdr many[RT_SEGMENTS_MAX + 1];
    make_image();
    for (unsigned i = 0; i < RT_SEGMENTS_MAX + 1; i++) {
        many[i] = image.program[0];
        many[i].p_vaddr = TEXT_VA + i * PAGE;
    }
    memcpy(image.part[2], many, sizeof(many));
    image.header.e_phoff = offsetof(struct image, part[2]);
    image.header.e_phnum = RT_SEGMENTS_MAX;
    CHECK(read_bytes(sizeof(image)));
    image.header.e_phnum = RT_SEGMENTS_MAX + 1;
    CHECK(refused("too many"));
}

static void
an_address_belongs_to_the_function_around_it(void)
{
    make_image();
    CHECK(named(TEXT_VA, "first", 0));
    CHECK(named(TEXT_VA + 15, "first", 15));
    CHECK(named(TEXT_VA + 95, "second", 63));
    struct elf_symbol symbol;
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA + 16, &symbol));
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA - 1, &symbol));
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA + 2 * PAGE, &symbol));
}

static void
tables_of_symbols_that_lie_are_no_tables(void)
{
    struct elf_symbol symbol;
    make_image();
    image.section[2].sh_size = 4; /* the name does not end in it */
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA, &symbol));
    image.section[2].sh_offset = UINT64_MAX;
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA, &symbol));
    make_image();
    image.section[1].sh_link = SECTIONS;
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA, &symbol));
    make_image();
    image.section[1].sh_offset = UINT64_MAX - 8;
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA, &symbol));
    make_image();
    image.symbol[1].st_name = UINT32_MAX;
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA, &symbol));
    make_image();
    image.header.e_shnum = 0;
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA, &symbol));
    image.header.e_shoff = UINT64_MAX;
    image.header.e_shnum = SECTIONS;
    CHECK(!elf_function_at(&image, sizeof(image), TEXT_VA, &symbol));
}

static void
every_prefix_of_a_file_is_read_within_its_bytes(void)
{
    struct elf_symbol symbol;
    make_image();
    for (size_t bytes = 0; bytes < sizeof(image); bytes += bytes < 400 ? 1 : 97) {
        unsigned char *copy = malloc(bytes ? bytes : 1);
        memcpy(copy, &image, bytes);
        (void)elf_program(copy, bytes, &program, &why); /* the sanitizers watch */
        CHECK(!elf_function_at(copy, bytes, TEXT_VA, &symbol));
        free(copy);
    }
}

static const struct tap_test tests[] = {
    TAP(segments_are_mapped_as_the_file_says),
    TAP(what_is_no_program_of_ours_is_refused),
    TAP(headers_outside_of_the_file_are_refused),
    TAP(segments_that_cannot_be_mapped_are_refused),
    TAP(segments_are_writable_or_executable_and_what_is_read_is_in_the_file),
    TAP(the_entry_is_in_executable_memory),
    TAP(there_are_no_more_segments_than_a_parent_maps),
    TAP(an_address_belongs_to_the_function_around_it),
    TAP(tables_of_symbols_that_lie_are_no_tables),
    TAP(every_prefix_of_a_file_is_read_within_its_bytes),
};

TAP_MAIN(tests)
