/*
 * Reading the device tree: fdt.h. The walk takes bytes from the front of the structure block until
 * it is told of the end; what is too short reads as nothing and leaves nothing, which is no token.
 */
#include "boot/fdt.h"

#define FDT_MAGIC       0xd00dfeedu
#define FDT_VERSION_MAX 17
#define HEADER_BYTES    40
#define DEPTH           3 /* of the nodes that matter: root, device, CPU or ITS */

enum token { FDT_BEGIN_NODE = 1, FDT_END_NODE, FDT_PROP, FDT_NOP, FDT_END = 9 };

struct bytes {
    const uint8_t *at;
    size_t length;
};

struct node {
    struct bytes name, body, strings; /* body: from its first property on, which come first */
};

/* A big-endian number of up to two words; what is beyond the end is 0. */
static uint64_t
number_at(struct bytes bytes, size_t offset, uint64_t words)
{
    uint64_t value = 0;
    for (size_t i = offset; i < offset + 4 * words; i++)
        value = value << 8 | (i < bytes.length ? bytes.at[i] : 0);
    return value;
}

/* From `offset` to the NUL; `at` is NULL when there is none. */
static struct bytes
string_at(struct bytes bytes, size_t offset)
{
    for (size_t end = offset; end < bytes.length; end++)
        if (bytes.at[end] == 0)
            return (struct bytes){bytes.at + offset, end - offset};
    return (struct bytes){NULL, 0};
}

static bool
equals(struct bytes bytes, const char *text)
{
    size_t i = 0;
    while (i < bytes.length && text[i] != '\0' && bytes.at[i] == (uint8_t)text[i])
        i++;
    return i == bytes.length && text[i] == '\0';
}

/* Takes `length` bytes and what pads them to a multiple of four. */
static struct bytes
take(struct bytes *from, size_t length)
{
    size_t padded = (length + 3) & ~(size_t)3;
    struct bytes taken = {from->at, length};
    if (padded > from->length) {
        from->length = 0;
        return (struct bytes){NULL, 0};
    }
    *from = (struct bytes){from->at + padded, from->length - padded};
    return taken;
}

static uint32_t
take_word(struct bytes *from)
{
    return (uint32_t)number_at(take(from, 4), 0, 1);
}

static struct bytes
property(const struct node *node, const char *name)
{
    struct bytes rest = node->body;
    uint32_t token;
    while ((token = take_word(&rest)) == FDT_PROP || token == FDT_NOP) {
        if (token == FDT_NOP)
            continue;
        uint32_t length = take_word(&rest), name_at = take_word(&rest);
        struct bytes value = take(&rest, length);
        if (equals(string_at(node->strings, name_at), name))
            return value;
    }
    return (struct bytes){NULL, 0};
}

/* Whether a property, a list of strings, has this one. */
static bool
has(const struct node *node, const char *name, const char *text)
{
    struct bytes list = property(node, name), string;
    for (size_t at = 0; (string = string_at(list, at)).at != NULL; at += string.length + 1)
        if (equals(string, text))
            return true;
    return false;
}

/* --- What the nodes say: each behind its parent --- */

/* A number of as many words as its property has, at most two. */
static uint64_t
number(const struct node *node, const char *name, uint64_t otherwise)
{
    struct bytes value = property(node, name);
    return value.at == NULL ? otherwise : number_at(value, 0, min_u64(value.length / 4, 2));
}

/* Range `index` of a reg property, in the parent's cells: one or two each (PCI has three). */
static struct boot_range
range_of(const struct node *node, size_t index)
{
    struct bytes reg = property(node, "reg");
    uint64_t base = number(node - 1, "#address-cells", 2),
             size = number(node - 1, "#size-cells", 1);
    size_t offset = index * 4 * (base + size), end = offset + 4 * (base + size);
    if (base > 2 || size > 2 || end > reg.length)
        return (struct boot_range){0, 0};
    return (struct boot_range){number_at(reg, offset, base),
                               number_at(reg, offset + 4 * base, size)};
}

static void
take_cpu(const struct node *node, struct boot_machine *machine)
{
    struct bytes reg = property(node, "reg");
    uint64_t words = number(node - 1, "#address-cells", 2);
    bool usable = property(node, "status").length == 0 || has(node, "status", "okay");
    if (usable && machine->cpus < EXO_CPUS_MAX && words <= 2 && reg.length >= 4 * words)
        machine->mpidr[machine->cpus++] = number_at(reg, 0, words);
}

/*
 * Ranges: a child's address of three cells (IEEE 1275 PCI bus binding: the first says what kind of
 * space), the parent's of one or two, a size of two. Of 32-bit memory that has the same addresses
 * on both sides.
 */
static struct boot_range
pci_memory(const struct node *node)
{
    struct bytes ranges = property(node, "ranges");
    uint64_t parent = number(node - 1, "#address-cells", 2), entry = 4 * (3 + parent + 2);
    for (size_t at = 0; parent <= 2 && range_fits(at, entry, ranges.length); at += entry) {
        uint64_t base = number_at(ranges, at + 4, 2);
        if ((number_at(ranges, at, 1) >> 24 & 3) == 2 && base <= UINT32_MAX &&
            number_at(ranges, at + 12, parent) == base)
            return (struct boot_range){base, number_at(ranges, at + 12 + 4 * parent, 2)};
    }
    return (struct boot_range){0, 0};
}

/* Devices have the numbers that the first entry of msi-map gives them; none: those of PCI. */
static void
take_pci(const struct node *node, struct boot_machine *machine)
{
    struct bytes buses = property(node, "bus-range"), msi = property(node, "msi-map");
    if (number_at(buses, 0, 1) != 0)
        return; /* the first bus would not be at the beginning */
    machine->pci_buses = buses.length == 0 ? 256 : (uint32_t)number_at(buses, 4, 1) + 1;
    machine->pci_config = range_of(node, 0);
    machine->pci_memory = pci_memory(node);
    machine->pci_msi_base = (uint32_t)(number_at(msi, 8, 1) - number_at(msi, 0, 1));
}

static void
take_device(const struct node *node, struct boot_machine *machine)
{
    if (has(node, "compatible", "arm,pl011") && machine->uart.bytes == 0) {
        machine->uart = range_of(node, 0);
    } else if (has(node, "compatible", "arm,pl031")) {
        machine->rtc = range_of(node, 0);
    } else if (has(node, "compatible", "arm,gic-v3")) {
        machine->gic_distributor = range_of(node, 0);
        machine->gic_redistributors = range_of(node, 1);
    } else if (has(node, "compatible", "pci-host-ecam-generic") && machine->pci_buses == 0) {
        take_pci(node, machine);
    } else if (has(node, "compatible", "arm,psci-0.2") || has(node, "compatible", "arm,psci-1.0")) {
        machine->psci_smc = has(node, "method", "smc");
    } else if (has(node, "device_type", "memory")) {
        struct boot_range range;
        for (size_t i = 0; (range = range_of(node, i)).bytes != 0; i++)
            if (range.bytes > machine->ram.bytes && range.bytes <= UINT64_MAX - range.base)
                machine->ram = range;
    }
}

static void
copy(void *to, size_t room, struct bytes from)
{
    if (from.at != NULL)
        memcpy(to, from.at, min_u64(from.length, room));
}

static void
take_chosen(const struct node *node, struct boot_machine *machine)
{
    uint64_t start = number(node, "linux,initrd-start", 0);
    uint64_t end = number(node, "linux,initrd-end", 0);
    machine->initrd = (struct boot_range){start, end > start ? end - start : 0};
    copy(machine->cmdline, sizeof(machine->cmdline) - 1, string_at(property(node, "bootargs"), 0));
    copy(machine->seed, sizeof(machine->seed), property(node, "kaslr-seed"));
    copy(machine->seed, sizeof(machine->seed), property(node, "rng-seed"));
}

static void
take_node(const struct node *node, size_t depth, struct boot_machine *machine)
{
    if (depth == 1 && equals(node->name, "chosen"))
        take_chosen(node, machine);
    else if (depth == 1)
        take_device(node, machine);
    else if (depth == 2 && equals(node[-1].name, "cpus") && has(node, "device_type", "cpu"))
        take_cpu(node, machine);
    else if (depth == 2 && has(node, "compatible", "arm,gic-v3-its"))
        machine->its = range_of(node, 0);
}

static bool
walk(struct bytes rest, struct bytes strings, struct boot_machine *machine)
{
    struct node nodes[DEPTH];
    size_t depth = 0;
    for (uint32_t token; (token = take_word(&rest)) != FDT_END;) {
        if (token == FDT_BEGIN_NODE) {
            struct bytes name = string_at(rest, 0);
            if (name.at == NULL)
                return false;
            (void)take(&rest, name.length + 1);
            if (depth++ < DEPTH)
                nodes[depth - 1] = (struct node){name, rest, strings};
        } else if (token == FDT_PROP && depth > 0) {
            uint32_t length = take_word(&rest);
            if (string_at(strings, take_word(&rest)).at == NULL || take(&rest, length).at == NULL)
                return false;
        } else if (token == FDT_END_NODE && depth > 0) {
            if (depth-- <= DEPTH)
                take_node(&nodes[depth], depth, machine);
        } else if (token != FDT_NOP) {
            return false;
        }
    }
    return depth == 0;
}

/* A part of the tree that its header names by offset and size. */
static bool
block(struct bytes tree, size_t offset_at, size_t size_at, struct bytes *part)
{
    size_t offset = number_at(tree, offset_at, 1), size = number_at(tree, size_at, 1);
    if (!range_fits(offset, size, tree.length))
        return false;
    *part = (struct bytes){tree.at + offset, size};
    return true;
}

bool
fdt_read(const void *tree, size_t max_bytes, struct boot_machine *machine)
{
    struct bytes all = {tree, max_bytes}, structure, strings;
    size_t total = number_at(all, 4, 1);
    if (number_at(all, 0, 1) != FDT_MAGIC || total < HEADER_BYTES || total > max_bytes ||
        number_at(all, 24, 1) > FDT_VERSION_MAX)
        return false;
    all.length = total;
    /* QEMU leaves most of a MiB behind the last block empty. */
    if (!block(all, 8, 36, &structure) || !block(all, 12, 32, &strings))
        return false;
    machine->device_tree.bytes = max_u64((size_t)(structure.at - all.at) + structure.length,
                                         (size_t)(strings.at - all.at) + strings.length);
    return walk(structure, strings, machine);
}
