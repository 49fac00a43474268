/* From the device tree to the first program: CPU 0 goes through boot_main once, top to bottom. */
#include "boot/boot.h"

#include "arch/hint.h"
#include "arch/mmu.h"
#include "arch/sysreg.h"
#include "boot/fdt.h"
#include "core/sched.h"

#define DEVICE_TREE_MAX 0x200000 /* booting.rst; boot_map_early mapped so much */
#define UART_BYTES      0x1000

#define MPIDR_AFFINITY 0xff00ffffffull

extern const char _exo_start[], _exo_end[];

void boot_stack_switch(void *stack_top, void (*next)(void));

bool
boot_option(const char *name)
{
    const char *word = boot_machine.cmdline;
    while (*word != '\0') {
        size_t i = 0;
        while (name[i] != '\0' && word[i] == name[i])
            i++;
        if (name[i] == '\0' &&
            (word[i] == '\0' || word[i] == ' ' || (word[i] == '=' && word[i + 1] != '0'))) {
            return true;
        }
        while (*word != '\0' && *word != ' ')
            word++;
        word += *word == ' ';
    }
    return false;
}

static struct boot_range
range(struct fdt_range range)
{
    return (struct boot_range){range.base, range.bytes};
}

/* CPU 0 is the one that runs; the others keep their order. */
static void
take_cpus(const struct fdt_machine *fdt)
{
    uint64_t self = read_sysreg(mpidr_el1) & MPIDR_AFFINITY;
    boot_machine.cpus = 1;
    boot_machine.mpidr[0] = self;
    for (uint32_t i = 0; i < fdt->cpus && boot_machine.cpus < EXO_CPUS_MAX; i++)
        if (fdt->mpidr[i] != self)
            boot_machine.mpidr[boot_machine.cpus++] = fdt->mpidr[i];
}

static void
take_chosen(const struct fdt_machine *fdt)
{
    memcpy(boot_machine.cmdline, fdt->bootargs,
           min_u64(fdt->bootargs_bytes, sizeof(boot_machine.cmdline) - 1));
    memcpy(boot_machine.seed, &fdt->kaslr_seed, sizeof(fdt->kaslr_seed));
    memcpy(boot_machine.seed, fdt->seed, min_u64(fdt->seed_bytes, sizeof(boot_machine.seed)));
    boot_machine.test = boot_option("exo.test");
    boot_machine.features |= boot_machine.test ? EXO_FEATURE_TEST : 0u;
}

static void
read_device_tree(pa_t device_tree)
{
    struct fdt_machine fdt;
    bool sound = fdt_read(linear_from_pa(device_tree), DEVICE_TREE_MAX, &fdt);
    if (sound && fdt.uart.bytes != 0) {
        boot_machine.uart = range(fdt.uart);
        console_init(mmu_map_device((struct boot_range){fdt.uart.base, UART_BYTES}));
    }
    boot_machine.psci_smc = fdt.psci_smc;
    if (!sound || fdt.memory.bytes == 0 || fdt.gic_redistributors.bytes == 0)
        panic("device tree at %lx: damaged, or without memory or GICv3", device_tree);
    boot_machine.ram = range(fdt.memory);
    boot_machine.initrd = range(fdt.initrd);
    boot_machine.rtc = range(fdt.rtc);
    boot_machine.gic_distributor = range(fdt.gic_distributor);
    boot_machine.gic_redistributors = range(fdt.gic_redistributors);
    boot_machine.device_tree = (struct boot_range){device_tree, fdt.tree_bytes};
    take_cpus(&fdt);
    take_chosen(&fdt);
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
    cpu->trace = memory_take((sizeof(struct trace_ring) + PAGE_BYTES - 1) / PAGE_BYTES);
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
    console_printf("exo: %u CPUs online\n", cpu_count);
}

/* On CPU 0's own stack. */
static void
start_machine(void)
{
    gic_init();
    start_cpu(&cpus[0]);
    cpu_count = 1;
    start_others();
    genesis();
    arch_enter_user(sched_next());
}

void
boot_main(pa_t device_tree, uint64_t ticks, bool el2)
{
    boot_machine.boot_ticks = ticks;
    boot_machine.features = el2 ? EXO_FEATURE_EL2 : 0u;
    boot_machine.el2 = el2;
    boot_machine.kernel =
        (struct boot_range){image_to_pa(_exo_start), (uint64_t)(_exo_end - _exo_start)};
    read_device_tree(device_tree);
    cpu_find_features();
    memory_init();
    for (uint32_t i = 0; i < boot_machine.cpus; i++)
        prepare_cpu(i);
    memory_give_rest();
    boot_stack_switch(cpus[0].stack_top, start_machine);
    __builtin_unreachable();
}

/* The others sleep in the scheduler until there is something to run. */
void
boot_secondary(struct cpu *cpu)
{
    start_cpu(cpu);
    arch_enter_user(sched_next());
}
