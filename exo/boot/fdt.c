/* Reading the device tree: fdt.h. */
#include "boot/fdt.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_VERSION    16 /* the oldest that it says it is compatible with */
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE   2
#define FDT_PROP       3
#define FDT_NOP        4
#define FDT_END        9
#define HEADER_BYTES   40
#define DEPTH_MAX      16

/* Big-endian bytes, read with a bound: too far reads as `bad`. */
struct bytes {
    const uint8_t *at;
    size_t length;
};

/* The properties that say what a node is. */
struct node {
    struct bytes name, compatible, device_type, reg, method, status;
    uint32_t address_cells, size_cells; /* of its children's reg */
};

struct walk {
    struct bytes structure, strings;
    size_t offset; /* into structure */
    bool bad;
    int depth; /* of the innermost open node; the root has 0; -1: none */
    struct node nodes[DEPTH_MAX];
    struct fdt_machine *machine;
};

static uint32_t
word_at(struct bytes bytes, size_t offset)
{
    if (offset > bytes.length || bytes.length - offset < 4)
        return 0;
    const uint8_t *b = bytes.at + offset;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* A number of one or two cells. */
static uint64_t
number_at(struct bytes bytes, size_t offset, uint32_t cells)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < cells; i++)
        value = value << 32 | word_at(bytes, offset + i * 4);
    return value;
}

/* From `offset` to the NUL; length 0 and at NULL when there is none. */
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
    size_t length = 0;
    while (text[length] != '\0')
        length++;
    return bytes.length == length && memcmp(bytes.at, text, length) == 0;
}

/* A list of strings, each with its NUL. */
static bool
lists(struct bytes list, const char *text)
{
    for (size_t offset = 0; offset < list.length;) {
        struct bytes string = string_at(list, offset);
        if (string.at == NULL)
            return false;
        if (equals(string, text))
            return true;
        offset += string.length + 1;
    }
    return false;
}

static uint32_t
next_word(struct walk *walk)
{
    if (walk->structure.length - walk->offset < 4) {
        walk->bad = true;
        return FDT_END;
    }
    uint32_t word = word_at(walk->structure, walk->offset);
    walk->offset += 4;
    return word;
}

/* `length` bytes, padded to a multiple of four. */
static struct bytes
next_bytes(struct walk *walk, size_t length)
{
    size_t padded = (length + 3) & ~(size_t)3;
    if (padded > walk->structure.length - walk->offset) {
        walk->bad = true;
        return (struct bytes){NULL, 0};
    }
    struct bytes bytes = {walk->structure.at + walk->offset, length};
    walk->offset += padded;
    return bytes;
}

/* --- What the nodes say
 * ---------------------------------------------------------------------------- */

/* Range `index` of a reg property, in the parent's cells: one or two each (PCI has three). */
static struct fdt_range
range_of(const struct walk *walk, const struct node *node, size_t index)
{
    const struct node *parent = &walk->nodes[walk->depth - 1];
    size_t bytes = 4 * (size_t)(parent->address_cells + parent->size_cells);
    size_t offset = index * bytes;
    if (parent->address_cells > 2 || parent->size_cells > 2 || bytes == 0 ||
        offset + bytes > node->reg.length) {
        return (struct fdt_range){0, 0};
    }
    return (struct fdt_range){
        number_at(node->reg, offset, parent->address_cells),
        number_at(node->reg, offset + 4 * (size_t)parent->address_cells, parent->size_cells)};
}

static void
take_memory(struct walk *walk, const struct node *node)
{
    struct fdt_range *memory = &walk->machine->memory, range;
    for (size_t i = 0; (range = range_of(walk, node, i)).bytes != 0; i++)
        if (range.bytes > memory->bytes && range.bytes <= UINT64_MAX - range.base)
            *memory = range;
}

static void
take_cpu(struct walk *walk, const struct node *node)
{
    struct fdt_machine *machine = walk->machine;
    uint32_t cells = walk->nodes[walk->depth - 1].address_cells;
    bool usable = node->status.length == 0 || lists(node->status, "okay");
    if (usable && machine->cpus < EXO_CPUS_MAX && cells <= 2 &&
        node->reg.length >= 4 * (size_t)cells) {
        machine->mpidr[machine->cpus++] = number_at(node->reg, 0, cells);
    }
}

static void
take_device(struct walk *walk, const struct node *node)
{
    struct fdt_machine *machine = walk->machine;
    if (lists(node->compatible, "arm,pl011") && machine->uart.bytes == 0) {
        machine->uart = range_of(walk, node, 0);
    } else if (lists(node->compatible, "arm,pl031")) {
        machine->rtc = range_of(walk, node, 0);
    } else if (lists(node->compatible, "arm,gic-v3")) {
        machine->gic_distributor = range_of(walk, node, 0);
        machine->gic_redistributors = range_of(walk, node, 1);
    } else if (lists(node->compatible, "arm,psci-0.2") || lists(node->compatible, "arm,psci-1.0")) {
        machine->psci = true;
        machine->psci_smc = lists(node->method, "smc");
    } else if (lists(node->device_type, "memory")) {
        take_memory(walk, node);
    }
}

/* A node is complete. */
static void
take_node(struct walk *walk)
{
    const struct node *node = &walk->nodes[walk->depth];
    if (walk->depth == 1) {
        take_device(walk, node);
    } else if (walk->depth == 2 && equals(walk->nodes[1].name, "cpus") &&
               lists(node->device_type, "cpu")) {
        take_cpu(walk, node);
    }
}

static void
take_chosen(struct walk *walk, struct bytes name, struct bytes value)
{
    struct fdt_machine *machine = walk->machine;
    uint32_t cells = value.length >= 8 ? 2 : 1;
    if (equals(name, "bootargs")) {
        struct bytes text = string_at(value, 0);
        machine->bootargs = (const char *)text.at;
        machine->bootargs_bytes = text.length;
    } else if (equals(name, "linux,initrd-start")) {
        machine->initrd.base = number_at(value, 0, cells);
    } else if (equals(name, "linux,initrd-end")) {
        machine->initrd.bytes = number_at(value, 0, cells); /* made a length at the end */
    } else if (equals(name, "rng-seed")) {
        machine->seed = value.at;
        machine->seed_bytes = value.length;
    } else if (equals(name, "kaslr-seed")) {
        machine->kaslr_seed = number_at(value, 0, cells);
    }
}

static void
take_property(struct walk *walk, struct bytes name, struct bytes value)
{
    struct node *node = &walk->nodes[walk->depth];
    if (walk->depth == 1 && equals(node->name, "chosen"))
        take_chosen(walk, name, value);
    else if (equals(name, "compatible"))
        node->compatible = value;
    else if (equals(name, "device_type"))
        node->device_type = value;
    else if (equals(name, "reg"))
        node->reg = value;
    else if (equals(name, "method"))
        node->method = value;
    else if (equals(name, "status"))
        node->status = value;
    else if (equals(name, "#address-cells"))
        node->address_cells = word_at(value, 0);
    else if (equals(name, "#size-cells"))
        node->size_cells = word_at(value, 0);
}

/* --- The walk
 * ---------------------------------------------------------------------------------------- */

static void
begin_node(struct walk *walk)
{
    struct bytes name = string_at(walk->structure, walk->offset);
    if (name.at == NULL || walk->depth == DEPTH_MAX - 1) {
        walk->bad = true;
        return;
    }
    (void)next_bytes(walk, name.length + 1);
    walk->depth++;
    walk->nodes[walk->depth] = (struct node){.name = name, .address_cells = 2, .size_cells = 1};
}

static void
read_property(struct walk *walk)
{
    uint32_t length = next_word(walk);
    uint32_t name = next_word(walk);
    struct bytes value = next_bytes(walk, length);
    struct bytes text = string_at(walk->strings, name);
    if (walk->bad || text.at == NULL || walk->depth < 0) {
        walk->bad = true;
        return;
    }
    take_property(walk, text, value);
}

static void
end_node(struct walk *walk)
{
    if (walk->depth < 0) {
        walk->bad = true;
        return;
    }
    take_node(walk);
    walk->depth--;
}

static bool
walk_tree(struct walk *walk)
{
    while (!walk->bad) {
        switch (next_word(walk)) {
        case FDT_BEGIN_NODE: begin_node(walk); break;
        case FDT_END_NODE: end_node(walk); break;
        case FDT_PROP: read_property(walk); break;
        case FDT_NOP: break;
        case FDT_END: return !walk->bad && walk->depth == -1;
        default: return false;
        }
    }
    return false;
}

/* A part of the tree that its header names by offset and size. */
static bool
block(struct bytes tree, size_t offset_at, size_t size_at, struct bytes *part)
{
    size_t offset = word_at(tree, offset_at), size = word_at(tree, size_at);
    if (!range_fits(offset, size, tree.length))
        return false;
    *part = (struct bytes){tree.at + offset, size};
    return true;
}

bool
fdt_read(const void *tree, size_t max_bytes, struct fdt_machine *machine)
{
    struct bytes all = {tree, max_bytes};
    struct walk walk = {.depth = -1, .machine = machine};
    *machine = (struct fdt_machine){0};
    size_t total = word_at(all, 4);
    if (word_at(all, 0) != FDT_MAGIC || total < HEADER_BYTES || total > max_bytes ||
        word_at(all, 24) > FDT_VERSION + 1) {
        return false;
    }
    all.length = total;
    if (!block(all, 8, 36, &walk.structure) || !block(all, 12, 32, &walk.strings) ||
        !walk_tree(&walk)) {
        return false;
    }
    /* QEMU leaves most of a MiB behind the last block empty. */
    machine->tree_bytes = max_u64((size_t)(walk.structure.at - all.at) + walk.structure.length,
                                  (size_t)(walk.strings.at - all.at) + walk.strings.length);
    struct fdt_range *initrd = &machine->initrd;
    initrd->bytes = initrd->bytes > initrd->base ? initrd->bytes - initrd->base : 0;
    return true;
}
