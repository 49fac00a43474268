/* From the device tree to the first program: CPU 0 goes through boot_main once, top to bottom. */
#include "boot/boot.h"

#include "arch/hint.h"
#include "arch/mmu.h"
#include "arch/sysreg.h"
#include "boot/fdt.h"
#include "core/irq.h"
#include "core/sched.h"
#include "pci/pci.h"

#define DEVICE_TREE_MAX 0x200000 /* booting.rst; boot_map_early mapped so much */
#define UART_BYTES      0x1000

#define MPIDR_AFFINITY 0xff00ffffffull

extern const char _exo_start[], _bss_start[], _exo_end[];

void boot_stack_switch(void *stack_top, void (*next)(void));

/* At the beginning of each word. */
bool
boot_option(const char *name)
{
    const char *line = boot_machine.cmdline;
    for (size_t at = 0; line[at] != '\0'; at++) {
        size_t i = 0;
        while (name[i] != '\0' && line[at + i] == name[i])
            i++;
        char end = line[at + i];
        if ((at == 0 || line[at - 1] == ' ') && name[i] == '\0' &&
            (end == '\0' || end == ' ' || (end == '=' && line[at + i + 1] != '0')))
            return true;
    }
    return false;
}

/* CPU 0 is the one that runs; the others keep their order. */
static void
order_cpus(void)
{
    uint64_t self = read_sysreg(mpidr_el1) & MPIDR_AFFINITY, *mpidr = boot_machine.mpidr;
    uint32_t at = 0;
    while (at < boot_machine.cpus - 1 && mpidr[at] != self)
        at++;
    for (; at > 0; at--)
        mpidr[at] = mpidr[at - 1];
    mpidr[0] = self;
}

static void
read_device_tree(pa_t device_tree)
{
    bool sound = fdt_read(linear_from_pa(device_tree), DEVICE_TREE_MAX, &boot_machine);
    boot_machine.device_tree.base = device_tree;
    if (sound && boot_machine.uart.bytes != 0)
        console_init(mmu_map_device((struct boot_range){boot_machine.uart.base, UART_BYTES}));
    if (!sound || boot_machine.ram.bytes == 0 || boot_machine.gic_redistributors.bytes == 0 ||
        boot_machine.cpus == 0)
        panic("device tree at %lx: damaged, or without memory, CPUs or GICv3", device_tree);
    order_cpus();
    boot_machine.test = boot_option("exo.test");
    boot_machine.features |= boot_machine.test ? EXO_FEATURE_TEST : 0u;
}

/* Data, stacks and trace ring of a CPU. */
static void
prepare_cpu(uint32_t number)
{
    struct cpu *cpu = &cpus[number];
    cpu->self = cpu;
    cpu->number = number;
    cpu->mpidr = boot_machine.mpidr[number];
    cpu->epoch = EPOCH_OUTSIDE;
    cpu->trace = memory_take(pages_for(sizeof(struct trace_ring)));
    pa_t stack = linear_to_pa(memory_take(STACK_SLOT_PAGES - STACK_FIRST_PAGE + 1));
    cpu->scratch[2] = (uintptr_t)mmu_map_stack(number, STACK_EMERGENCY_PAGE, stack);
    for (uint32_t page = STACK_FIRST_PAGE; page < STACK_SLOT_PAGES; page++) {
        stack += PAGE_BYTES;
        cpu->stack_top = mmu_map_stack(number, page, stack);
    }
    sched_init(cpu);
}

static void
start_cpu(struct cpu *cpu)
{
    cpu_configure();
    gic_init_cpu(cpu);
    cpu->epoch = global_epoch;
    cpu->online = true;
}

/* One by one: each is online before the next begins. */
static void
start_others(void)
{
    for (uint32_t i = 1; i < boot_machine.cpus; i++) {
        int64_t result = psci_cpu_on(&cpus[i]);
        if (result != 0)
            panic("CPU %u does not start: PSCI says %ld", i, (long)result);
        while (!cpus[i].online)
            spin_hint();
    }
    cpu_count = boot_machine.cpus;
    mmu_drop_identity();
    console_printf("exo: CPUs online: %u\n", cpu_count);
}

/* On CPU 0's own stack. */
static void
start_machine(void)
{
    gic_init();
    start_cpu(&cpus[0]);
    cpu_count = 1;
    start_others();
    irq_start();
    pci_scan();
    genesis();
    arch_enter_user(sched_choose(false));
}

void
boot_main(pa_t device_tree, uint64_t ticks, bool el2)
{
    boot_machine.boot_ticks = ticks;
    boot_machine.features = el2 ? EXO_FEATURE_EL2 : 0u;
    boot_machine.kernel.base = image_to_pa(_exo_start);
    boot_machine.kernel.bytes = (uint64_t)(_exo_end - _exo_start);
    boot_machine.image_bytes = (uint64_t)(_bss_start - _exo_start);
    read_device_tree(device_tree);
    cpu_find_features();
    memory_init();
    for (uint32_t i = 0; i < boot_machine.cpus; i++)
        prepare_cpu(i);
    its_take_memory();
    memory_give_rest();
    boot_stack_switch(cpus[0].stack_top, start_machine);
    __builtin_unreachable();
}

/* The others sleep in the scheduler until there is something to run. */
void
boot_secondary(struct cpu *cpu)
{
    start_cpu(cpu);
    arch_enter_user(sched_choose(false));
}
