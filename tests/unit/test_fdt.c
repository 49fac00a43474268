/*
 * The device tree, from a tree that is built here: everything in it is found, and 200,000 damaged
 * ones are read without a step outside of them (the tree ends where its allocation does).
 */
#include "boot/fdt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "tap.h"

#define MUTATIONS    200000
#define SECONDS_MAX  120 /* of a CPU, to take it for a loop */
#define TREE_MAX     4096
#define HEADER_BYTES 40

enum { BEGIN_NODE = 1, END_NODE, PROP, NOP, END = 9 };

static uint8_t tree[TREE_MAX], strings[1024];
static size_t tree_bytes, strings_bytes;

static void
put_word_at(size_t offset, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        tree[offset + (size_t)i] = (uint8_t)(word >> (24 - 8 * i));
}

static void
put_word(uint32_t word)
{
    put_word_at(tree_bytes, word);
    tree_bytes += 4;
}

static void
put_bytes(const void *bytes, size_t length)
{
    memcpy(tree + tree_bytes, bytes, length);
    tree_bytes += (length + 3) & ~(size_t)3;
}

static void
begin_node(const char *name)
{
    put_word(BEGIN_NODE);
    put_bytes(name, strlen(name) + 1);
}

static void
end_node(void)
{
    put_word(END_NODE);
}

static void
put_property(const char *name, const void *value, size_t length)
{
    put_word(PROP);
    put_word((uint32_t)length);
    put_word((uint32_t)strings_bytes);
    put_bytes(value, length);
    memcpy(strings + strings_bytes, name, strlen(name) + 1);
    strings_bytes += strlen(name) + 1;
}

static void
put_text(const char *name, const char *text)
{
    put_property(name, text, strlen(text) + 1);
}

static void
put_words(const char *name, size_t count, const uint32_t *words)
{
    put_property(name, "", 0);
    put_word_at(tree_bytes - 8, (uint32_t)(4 * count));
    for (size_t i = 0; i < count; i++)
        put_word(words[i]);
}
#define WORDS(name, ...) \
    put_words(name, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]){__VA_ARGS__})

static void
put_cpu(const char *name, uint32_t mpidr, const char *status)
{
    begin_node(name);
    put_text("device_type", "cpu");
    WORDS("reg", mpidr);
    put_text("status", status);
    end_node();
}

static void
begin_device(const char *name, const char *compatible, uint32_t base)
{
    begin_node(name);
    put_property("compatible", compatible, strlen(compatible) + 1);
    WORDS("reg", 0, base, 0, 0x1000, 1, base, 0, 0x20000);
}

static void
put_device(const char *name, const char *compatible, uint32_t base)
{
    begin_device(name, compatible, base);
    end_node();
}

/* With the ITS below it. */
static void
put_interrupt_controller(void)
{
    begin_device("intc@8000000", "arm,gic-v3", 0x8000000);
    WORDS("#address-cells", 2);
    WORDS("#size-cells", 2);
    put_device("its@8080000", "arm,gic-v3-its", 0x8080000);
    end_node();
}

/* As QEMU has it; `base` is the address of 32-bit memory on the other side. */
static void
put_pci(uint32_t first_bus, uint32_t base)
{
    begin_node("pcie@10000000");
    put_text("compatible", "pci-host-ecam-generic");
    WORDS("reg", 0x40, 0x10000000, 0, 0x10000000);
    WORDS("bus-range", first_bus, 0x3f);
    WORDS("ranges", 0x1000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x2000000, 0, base, 0, 0x10000000,
          0, 0x2eff0000, 0x3000000, 0x80, 0, 0x80, 0, 0x80, 0);
    WORDS("msi-map", 0, 0x8006, 0x100, 0x10000);
    end_node();
}

static void
put_nodes(void)
{
    begin_node("");
    WORDS("#address-cells", 2);
    WORDS("#size-cells", 2);
    begin_node("chosen");
    put_text("bootargs", "exo.test=1");
    WORDS("linux,initrd-start", 0x48000000);
    WORDS("linux,initrd-end", 0, 0x48001000);
    put_property("rng-seed", "12345678", 8);
    WORDS("kaslr-seed", 7, 8);
    end_node();
    begin_node("psci");
    put_property("compatible", "arm,psci-1.0\0arm,psci-0.2", 26);
    put_text("method", "smc");
    end_node();
    put_word(NOP);
    begin_node("memory@40000000");
    put_text("device_type", "memory");
    WORDS("reg", 0, 0x1000, 0, 0x1000, 0, 0x40000000, 1, 0);
    end_node();
    begin_node("cpus");
    WORDS("#address-cells", 1);
    WORDS("#size-cells", 0);
    put_cpu("cpu@0", 0, "okay");
    put_cpu("cpu@1", 1, "disabled");
    put_cpu("cpu@100", 0x100, "okay");
    end_node();
    put_device("pl011@9000000", "arm,pl011", 0x9000000);
    put_device("pl011@9100000", "arm,pl011", 0x9100000);
    put_device("pl031@9010000", "arm,pl031", 0x9010000);
    put_interrupt_controller();
    put_pci(0, 0x10000000);
    end_node();
    put_word(END);
}

static void
build_tree_of(void (*nodes)(void))
{
    memset(tree, 0, sizeof(tree));
    tree_bytes = HEADER_BYTES;
    strings_bytes = 0;
    nodes();
    size_t structure_bytes = tree_bytes - HEADER_BYTES;
    put_bytes(strings, strings_bytes);
    uint32_t total = (uint32_t)tree_bytes;
    const uint32_t header[] = {0xd00dfeed,
                               total,
                               HEADER_BYTES,
                               (uint32_t)(HEADER_BYTES + structure_bytes),
                               0,
                               17,
                               16,
                               0,
                               (uint32_t)strings_bytes,
                               (uint32_t)structure_bytes};
    for (size_t i = 0; i < 10; i++)
        put_word_at(4 * i, header[i]);
}

static void
build_tree(void)
{
    build_tree_of(put_nodes);
}

static void
check_range(struct boot_range range, uint64_t base, uint64_t bytes)
{
    CHECK_EQ(range.base, base);
    CHECK_EQ(range.bytes, bytes);
}

static void
everything_is_found(void)
{
    struct boot_machine machine = {0};
    build_tree();
    CHECK(fdt_read(tree, tree_bytes, &machine));
    CHECK(machine.device_tree.bytes > tree_bytes - 4 && machine.device_tree.bytes <= tree_bytes);
    check_range(machine.ram, 0x40000000, 1ull << 32);
    check_range(machine.initrd, 0x48000000, 0x1000);
    check_range(machine.uart, 0x9000000, 0x1000);
    check_range(machine.rtc, 0x9010000, 0x1000);
    check_range(machine.gic_distributor, 0x8000000, 0x1000);
    check_range(machine.gic_redistributors, 0x108000000, 0x20000);
    check_range(machine.its, 0x8080000, 0x1000);
    CHECK_EQ(machine.pci_buses, 0x40);
    check_range(machine.pci_config, 0x4010000000, 0x10000000);
    check_range(machine.pci_memory, 0x10000000, 0x2eff0000);
    CHECK_EQ(machine.pci_msi_base, 0x100);
    CHECK_EQ(machine.cpus, 2);
    CHECK_EQ(machine.mpidr[1], 0x100);
    CHECK(machine.psci_smc);
    CHECK(memcmp(machine.cmdline, "exo.test=1", 11) == 0);
    CHECK(memcmp(machine.seed, "12345678\0", 9) == 0);
}

static void
put_many_cpus(void)
{
    begin_node("");
    begin_node("cpus");
    WORDS("#address-cells", 1);
    for (uint32_t i = 0; i < EXO_CPUS_MAX + 3; i++)
        put_cpu("", i, "okay");
    end_node();
    end_node();
    put_word(END);
}

static void
more_cpus_than_there_is_room_for_are_left_out(void)
{
    struct boot_machine machine = {0};
    build_tree_of(put_many_cpus);
    CHECK(fdt_read(tree, tree_bytes, &machine));
    CHECK_EQ(machine.cpus, EXO_CPUS_MAX);
}

static void
put_pci_that_begins_later(void)
{
    begin_node("");
    put_pci(1, 0x10000000);
    end_node();
    put_word(END);
}

static void
put_pci_that_translates(void)
{
    begin_node("");
    put_pci(0, 0);
    end_node();
    put_word(END);
}

static void
pci_that_is_laid_out_otherwise_is_left_alone(void)
{
    struct boot_machine machine = {0};
    build_tree_of(put_pci_that_begins_later);
    CHECK(fdt_read(tree, tree_bytes, &machine));
    CHECK_EQ(machine.pci_buses, 0);
    build_tree_of(put_pci_that_translates);
    CHECK(fdt_read(tree, tree_bytes, &machine));
    check_range(machine.pci_memory, 0, 0);
}

/* --- Damaged ones --- */

/* A copy that ends where its allocation ends. */
static bool
read_exactly(const uint8_t *from, size_t bytes, struct boot_machine *machine, uint8_t **copy)
{
    *copy = malloc(bytes + (bytes == 0));
    memcpy(*copy, from, bytes);
    return fdt_read(*copy, bytes, machine);
}

static void
every_truncation_is_refused(void)
{
    build_tree();
    for (size_t bytes = 0; bytes < tree_bytes; bytes++) {
        struct boot_machine machine = {0};
        uint8_t *copy;
        CHECK(!read_exactly(tree, bytes, &machine, &copy));
        free(copy);
    }
}

static void
check_machine(const struct boot_machine *machine, size_t bytes)
{
    CHECK(machine->device_tree.bytes <= bytes);
    CHECK(machine->cpus <= EXO_CPUS_MAX);
    CHECK(machine->ram.bytes <= UINT64_MAX - machine->ram.base);
    CHECK(machine->initrd.bytes <= UINT64_MAX - machine->initrd.base);
    CHECK_EQ(machine->cmdline[sizeof(machine->cmdline) - 1], 0);
}

static void
mutate(uint64_t *random, size_t bytes)
{
    static const uint32_t words[] = {0, 1, 2, 3, 4, 9, 40, 0x7fffffff, 0xfffffffc, 0xffffffff};
    for (uint32_t count = 1 + tap_random(random, 4); count > 0; count--) {
        size_t at = tap_random(random, (uint32_t)bytes);
        if (tap_random(random, 4) == 0) /* the header, for its offsets and sizes */
            at %= HEADER_BYTES;
        switch (tap_random(random, 3)) {
        case 0: tree[at] ^= (uint8_t)(1u << tap_random(random, 8)); break;
        case 1: tree[at] = (uint8_t)tap_random(random, 256); break;
        default:
            put_word_at(at & ~(size_t)3, tap_random(random, 2) == 0
                                             ? words[tap_random(random, 10)]
                                             : tap_random(random, (uint32_t)bytes));
        }
    }
}

static void
damaged_trees_are_read_within_their_bounds(void)
{
    uint64_t random = 0x9e3779b97f4a7c15;
    unsigned accepted = 0;
    const struct itimerval limit = {.it_value.tv_sec = SECONDS_MAX};
    CHECK_EQ(setitimer(ITIMER_PROF, &limit, NULL), 0);
    build_tree();
    static uint8_t sound[TREE_MAX];
    memcpy(sound, tree, sizeof(sound));
    size_t bytes = tree_bytes;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct boot_machine machine = {0};
        uint8_t *copy;
        memcpy(tree, sound, sizeof(sound));
        mutate(&random, bytes);
        size_t length = tap_random(&random, 8) == 0 ? tap_random(&random, (uint32_t)bytes) : bytes;
        if (read_exactly(tree, length, &machine, &copy)) {
            check_machine(&machine, length);
            accepted++;
        }
        free(copy);
    }
    printf("# %u of %u accepted\n", accepted, MUTATIONS);
    CHECK(accepted > MUTATIONS / 100 && accepted < MUTATIONS);
}

static const struct tap_test tests[] = {
    TAP(everything_is_found),
    TAP(more_cpus_than_there_is_room_for_are_left_out),
    TAP(pci_that_is_laid_out_otherwise_is_left_alone),
    TAP(every_truncation_is_refused),
    TAP(damaged_trees_are_read_within_their_bounds),
};
TAP_MAIN(tests)
