/*
 * The kernel's own page tables, and what changes in the MMU while it runs.
 *
 * W^X holds for the kernel too: only the image's code is executable at EL1, and it is read-only
 * wherever it is mapped; SCTLR_EL1.WXN makes the hardware insist. One block of 2 MiB holds the
 * image, so one table of pages maps it, and another one the linear map's view of that block.
 */
#include "arch/mmu.h"

#include "arch/machine.h"
#include "arch/pte.h"
#include "arch/sysreg.h"

#define ENTRIES               512
#define GIB_SHIFT             30
#define BLOCK_SHIFT           21
#define BLOCK_BYTES           (1ull << BLOCK_SHIFT)
#define INDEX(address, shift) ((address) >> (shift) & (ENTRIES - 1))

#define KERNEL_BITS   (PTE_AF | PTE_SH_INNER | PTE_ATTR_NORMAL | PTE_UXN)
#define DATA_BITS     (KERNEL_BITS | PTE_PXN)
#define CONSTANT_BITS (DATA_BITS | PTE_READ_ONLY)
#define DEVICE_BITS   (PTE_AF | PTE_ATTR_DEVICE | PTE_PXN | PTE_UXN)
#define TABLE_BITS    (PTE_VALID | PTE_TABLE)

typedef uint64_t table_t[ENTRIES] __attribute__((aligned(EXO_PAGE_BYTES)));

/* start.S loads the first two. The identity map becomes the space without mappings after boot. */
table_t kernel_root, boot_identity;
static table_t identity_blocks, image_blocks, image_pages, stack_pages;
static table_t linear_image, linear_blocks[3]; /* of the GiB of the image, and of the device tree */

extern char _exo_start[], _rodata_start[], _data_start[], _exo_end[];

static pa_t image_pa;
static uint32_t device_used; /* blocks */
static uint32_t linear_blocks_used;

void boot_map_early(pa_t device_tree);

/* --- Before the MMU is on: symbols are physical addresses, and the tables are zero
 * ----------------- */

/* The compiler must not think that a symbol has the same address after the MMU is on. */
static pa_t
physical(const void *symbol)
{
    __asm__ volatile("" : "+r"(symbol));
    return (pa_t)symbol;
}

static uint64_t
table_entry(const uint64_t *table)
{
    return physical(table) | TABLE_BITS;
}

static void
map_image(uint64_t guarded)
{
    for (uint64_t i = 0; i < ENTRIES; i++) {
        char *page = _exo_start + i * PAGE_BYTES;
        uint64_t bits = page >= _data_start     ? DATA_BITS
                        : page >= _rodata_start ? CONSTANT_BITS
                                                : KERNEL_BITS | PTE_READ_ONLY | guarded;
        if (page < _exo_end)
            image_pages[i] = (pa_t)page | bits | PTE_PAGE;
        linear_image[i] = (pa_t)page | (bits & ~PTE_GUARDED) | PTE_PXN | PTE_PAGE;
    }
}

/* A block of the linear map; `offset` leads from a table's address to where it can be written. */
static void
map_block(pa_t block, uintptr_t offset, pa_t (*take_table)(void))
{
    uint64_t *gib = &kernel_root[INDEX(block, GIB_SHIFT)];
    if (*gib == 0)
        *gib = take_table() | TABLE_BITS;
    uint64_t *table = (uint64_t *)((*gib & PTE_ADDRESS) + offset);
    uint64_t *entry = &table[INDEX(block, BLOCK_SHIFT)];
    if (*entry == 0)
        *entry = block | DATA_BITS | PTE_BLOCK;
}

static pa_t
take_early_table(void)
{
    return physical(linear_blocks[linear_blocks_used++]);
}

/* Of the linear map, the image's block, and two from where the device tree begins (booting.rst). */
void
boot_map_early(pa_t device_tree)
{
    bool bti = id_field(read_sysreg(id_aa64pfr1_el1), 0) != 0;
    pa_t start = image_pa = physical(_exo_start);
    map_image(bti ? PTE_GUARDED : 0);
    kernel_root[INDEX(KERNEL_BASE, GIB_SHIFT)] = table_entry(image_blocks);
    image_blocks[INDEX(KERNEL_BASE, BLOCK_SHIFT)] = table_entry(image_pages);
    image_blocks[INDEX(STACKS_BASE, BLOCK_SHIFT)] = table_entry(stack_pages);
    kernel_root[INDEX(start, GIB_SHIFT)] = take_early_table() | TABLE_BITS;
    linear_blocks[0][INDEX(start, BLOCK_SHIFT)] = table_entry(linear_image);
    device_tree &= ~(BLOCK_BYTES - 1);
    map_block(device_tree, 0, take_early_table);
    map_block(device_tree + BLOCK_BYTES, 0, take_early_table);
    /* Read-only, so that WXN lets it be executed: for the instructions around MMU-on. */
    boot_identity[INDEX(start, GIB_SHIFT)] = table_entry(identity_blocks);
    identity_blocks[INDEX(start, BLOCK_SHIFT)] = start | KERNEL_BITS | PTE_READ_ONLY | PTE_BLOCK;
}

/* --- Boot, with the MMU on: entries only become valid, so nothing needs flushing
 * -------------------- */

pa_t
image_to_pa(const void *pointer)
{
    return (pa_t)pointer - KERNEL_BASE + image_pa;
}

void
mmu_map_ram(pa_t block, pa_t (*take_table)(void))
{
    map_block(block, LINEAR_BASE, take_table);
}

/* In blocks, which need no tables: what lies beside registers in a block is no memory. */
void *
mmu_map_device(struct boot_range range)
{
    pa_t base = range.base & ~(BLOCK_BYTES - 1);
    uint64_t offset = range.base - base;
    uint64_t blocks = (offset + range.bytes + BLOCK_BYTES - 1) >> BLOCK_SHIFT;
    uint64_t first = INDEX(DEVICE_BASE, BLOCK_SHIFT) + device_used;
    if (!range_fits(first, blocks, ENTRIES))
        panic("%lu bytes of registers at %lx are more than is room for", range.bytes, range.base);
    char *mapped = (char *)DEVICE_BASE + device_used * BLOCK_BYTES;
    for (uint64_t i = 0; i < blocks; i++)
        image_blocks[first + i] = (base + i * BLOCK_BYTES) | DEVICE_BITS | PTE_BLOCK;
    device_used += (uint32_t)blocks;
    arch_tables_written();
    return mapped + offset;
}

void *
mmu_map_stack(uint32_t slot, uint32_t page, pa_t pa)
{
    uint32_t index = slot * STACK_SLOT_PAGES + page;
    stack_pages[index] = pa | DATA_BITS | PTE_PAGE;
    arch_tables_written();
    return (char *)STACKS_BASE + (index + 1) * PAGE_BYTES;
}

void
mmu_drop_identity(void)
{
    boot_identity[INDEX(image_pa, GIB_SHIFT)] = 0;
    __asm__ volatile("dsb ishst\n tlbi vmalle1is\n dsb ish\n isb" ::: "memory");
}

/* --- While it runs
 * ---------------------------------------------------------------------------------- */

uint32_t
arch_asid_count(void)
{
    return id_field(read_sysreg(id_aa64mmfr0_el1), 4) == 2 ? 65536 : 256;
}

/* TCR_EL1.A1 is 0: one write changes tables and ASID together. */
void
arch_space_load(uint64_t *root, uint16_t asid)
{
    pa_t pa = root == NULL ? image_to_pa(boot_identity) : linear_to_pa(root);
    write_sysreg(ttbr0_el1, pa | (uint64_t)asid << 48);
    isb();
}

/* Arm ARM C5.5: ASID in bits 63..48, address bits 55..12 below. */
#define TLBI(operation, operand, everywhere)                                        \
    do {                                                                            \
        if (everywhere)                                                             \
            __asm__ volatile("tlbi " operation "is, %0" ::"r"(operand) : "memory"); \
        else                                                                        \
            __asm__ volatile("tlbi " operation ", %0" ::"r"(operand) : "memory");   \
    } while (0)

void
arch_tlb_flush_page(uint16_t asid, va_t va, bool everywhere)
{
    TLBI("vae1", (uint64_t)asid << 48 | (va >> PAGE_SHIFT & 0xfffffffffff), everywhere);
}

void
arch_tlb_flush_asid(uint16_t asid, bool everywhere)
{
    TLBI("aside1", (uint64_t)asid << 48, everywhere);
}

void
arch_tables_written(void)
{
    __asm__ volatile("dsb ishst\n isb" ::: "memory");
}

void
arch_tlb_done(bool everywhere)
{
    if (everywhere)
        __asm__ volatile("dsb ish\n isb" ::: "memory");
    else
        __asm__ volatile("dsb nsh\n isb" ::: "memory");
}

/*
 * Arm ARM B2.4.4: clean data to the point of unification, then invalidate instructions; all of
 * them, since caches that are virtually indexed may hold them under the program's address.
 */
void
arch_sync_icache(const void *kernel_address, size_t bytes)
{
    uint64_t line = 4ull << id_field(read_sysreg(ctr_el0), 16);
    uintptr_t start = (uintptr_t)kernel_address;
    for (uintptr_t at = start & ~(line - 1); at < start + bytes; at += line)
        __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
    __asm__ volatile("dsb ish\n ic ialluis\n dsb ish\n isb" ::: "memory");
}
