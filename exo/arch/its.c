/*
 * Message-signalled interrupts: the interrupt translation service of a GICv3 (IHI 0069, chapter 5
 * and 12.19), which makes LPIs of a device's writes.
 *
 * It and the redistributors read their tables from memory that they share coherently. An LPI is
 * masked by a bit of its property byte, of which the redistributors are told by a command (INV).
 * At boot each command is waited for, and hardware that does not answer stops the machine; later
 * the queue is never full, since each waits a little while for the one before.
 */
#include "arch/mmu.h"

#include "arch/hint.h"
#include "arch/machine.h"
#include "boot/boot.h"
#include "core/irq.h"

#define GITS_CTLR       0x0
#define GITS_TYPER      0x8
#define GITS_CBASER     0x80
#define GITS_CWRITER    0x88
#define GITS_CREADR     0x90
#define GITS_BASER      0x100
#define GITS_BASERS     8
#define GITS_TRANSLATER 0x10040 /* in its second page of 64 KiB */

#define TYPER_ENTRY_BYTES(typer) (((typer) >> 4 & 15) + 1) /* of a device's own table */
#define TYPER_BY_ADDRESS         (1ull << 19)              /* PTA: how redistributors are named */

#define GICR_CTLR        0x0
#define GICR_ENABLE_LPIS 1u
#define GICR_TYPER       0x8
#define GICR_PROPBASER   0x70
#define GICR_PENDBASER   0x78
#define PEND_ZERO        (1ull << 62)

#define VALID (1ull << 63)
/* Write-back, allocating, inner shareable: of the redistributors', and of the ITS's registers. */
#define GICR_CACHED (7ull << 7 | 1ull << 10)
#define GITS_CACHED (7ull << 59 | 1ull << 10)

#define LPI_BITS       14         /* of INTIDs; fewer count as none (GICR_PROPBASER) */
#define PROPERTY_PAGES 2          /* a byte each, without the first 8192 INTIDs */
#define ALIGNMENT      0x10000ull /* of pending tables and the command queue */

#define BASER_DEVICES     1 /* types of the ITS's tables */
#define BASER_COLLECTIONS 4
#define BASER_PAGE_MASK   (3ull << 8) /* 0: 4 KiB */
#define DEVICE_PAGES      16
#define EVENT_BITS        4
#define ITT_BYTES         256 /* at most 16 bytes for each of 16 events */

#define COMMAND_BYTES 32u

static struct spinlock lock = SPINLOCK(RANK_CONTROLLER); /* the command queue */
static char *its;                                        /* NULL: there is none */
static uint64_t *queue;
static uint64_t written; /* its offset for the next command */
static uint8_t *properties;
static char *device_table, *collection_table, *translation_tables;
static void *pending[EXO_CPUS_MAX];
static uint64_t targets[EXO_CPUS_MAX];       /* redistributors, as commands name them */
static uint32_t requesters[IRQ_DEVICES_MAX]; /* of the devices that are mapped */
static uint32_t requesters_end;              /* that the device table has room for */
_Static_assert(1 << EVENT_BITS == DEVICE_VECTORS, "events of a device");

void
its_take_memory(void)
{
    if (boot_machine.its.bytes == 0)
        return;
    for (uint32_t i = 0; i < boot_machine.cpus; i++)
        pending[i] = memory_take_aligned(ALIGNMENT);
    queue = memory_take_aligned(ALIGNMENT);
    properties = memory_take(PROPERTY_PAGES);
    device_table = memory_take(DEVICE_PAGES);
    collection_table = memory_take(1);
    translation_tables = memory_take(IRQ_DEVICES_MAX * ITT_BYTES / PAGE_BYTES);
}

/* Whether the ITS took it within 1/100 s. */
static bool
command(enum its_command what, uint64_t device, uint64_t second, uint64_t third)
{
    HOLD(&lock);
    uint64_t *at_queue = &queue[written / sizeof(*queue)];
    at_queue[0] = what | device << 32;
    at_queue[1] = second;
    at_queue[2] = third;
    written = (written + COMMAND_BYTES) % PAGE_BYTES;
    __asm__ volatile("dsb ishst" ::: "memory"); /* it, and property bytes, before it is fetched */
    *at64(its, GITS_CWRITER) = written;
    uint64_t end = arch_ticks() + arch_ticks_hz() / 100;
    while (*at64(its, GITS_CREADR) != written) {
        if (arch_ticks() > end)
            return false;
        spin_hint();
    }
    return true;
}

static void
command_at_boot(enum its_command what, uint64_t device, uint64_t second, uint64_t third)
{
    if (!command(what, device, second, third))
        panic("the ITS at %lx does not take command %x", boot_machine.its.base, what);
}

/* Gives it memory for its tables; false when it wants pages of another size. */
static bool
give_tables(void)
{
    for (uint32_t i = 0; i < GITS_BASERS; i++) {
        volatile uint64_t *base = at64(its, GITS_BASER + 8 * i);
        uint64_t type = *base >> 56 & 7, entry = (*base >> 48 & 31) + 1;
        uint64_t pages = type == BASER_DEVICES ? DEVICE_PAGES : 1;
        const char *table = type == BASER_DEVICES ? device_table : collection_table;
        if (type != BASER_DEVICES && type != BASER_COLLECTIONS)
            continue;
        *base = VALID | GITS_CACHED | linear_to_pa(table) | (pages - 1);
        if (*base & BASER_PAGE_MASK)
            return false;
        if (type == BASER_DEVICES)
            requesters_end = (uint32_t)(pages * PAGE_BYTES / entry);
    }
    return true;
}

void
its_init(void)
{
    struct boot_range range = boot_machine.its;
    if (range.bytes == 0)
        return;
    range.bytes = min_u64(range.bytes, ALIGNMENT); /* what is behind is for devices */
    its = mmu_map_device(range);
    *at(its, GITS_CTLR) = 0;
    memset(properties, ITS_LPI, PROPERTY_PAGES * PAGE_BYTES);
    if (!give_tables() || TYPER_ENTRY_BYTES(*at64(its, GITS_TYPER)) * DEVICE_VECTORS > ITT_BYTES) {
        console_printf("exo: the ITS wants larger tables: no message-signalled interrupts\n");
        its = NULL;
        return;
    }
    *at64(its, GITS_CBASER) = VALID | GITS_CACHED | linear_to_pa(queue);
    *at64(its, GITS_CWRITER) = 0;
    *at(its, GITS_CTLR) = 1;
}

/* Its collection has the CPU's number. */
void
its_init_cpu(const struct cpu *cpu, char *redistributor, pa_t redistributor_pa)
{
    if (its == NULL)
        return;
    uint64_t number = *at64(redistributor, GICR_TYPER) >> 8 & 0xffff;
    bool by_address = *at64(its, GITS_TYPER) & TYPER_BY_ADDRESS;
    targets[cpu->number] = by_address ? redistributor_pa : number << 16;
    *at64(redistributor, GICR_PROPBASER) = linear_to_pa(properties) | GICR_CACHED | (LPI_BITS - 1);
    *at64(redistributor, GICR_PENDBASER) =
        linear_to_pa(pending[cpu->number]) | GICR_CACHED | PEND_ZERO;
    *at(redistributor, GICR_CTLR) |= GICR_ENABLE_LPIS;
    command_at_boot(ITS_MAPC, 0, 0, VALID | targets[cpu->number] | cpu->number);
    command_at_boot(ITS_SYNC, 0, 0, targets[cpu->number]);
}

err_t
arch_msi_map(uint32_t index, uint32_t requester, pa_t *doorbell)
{
    if (its == NULL || requester >= requesters_end)
        return EXO_E_RANGE;
    requesters[index] = requester;
    *doorbell = boot_machine.its.base + GITS_TRANSLATER;
    command_at_boot(ITS_MAPD, requester, EVENT_BITS - 1,
                    VALID | linear_to_pa(translation_tables + index * ITT_BYTES));
    for (uint64_t v = 0; v < DEVICE_VECTORS; v++)
        command_at_boot(ITS_MAPTI, requester, v | (LPI_FIRST + index * DEVICE_VECTORS + v) << 32,
                        0);
    command_at_boot(ITS_SYNC, 0, 0, targets[0]);
    return EXO_OK;
}

bool
its_knows(uint32_t line)
{
    return its != NULL && line < LPI_END;
}

void
its_command(enum its_command what, uint32_t line, uint32_t cpu)
{
    uint32_t event = line - LPI_FIRST;
    (void)command(what, requesters[event / DEVICE_VECTORS], event % DEVICE_VECTORS, cpu);
}

uint8_t *
its_property(uint32_t line)
{
    return &properties[line - LPI_FIRST];
}
