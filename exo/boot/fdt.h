/*
 * The device tree, read once at boot: a bounded walk of a flattened tree (Devicetree Specification
 * v0.4, chapter 5) that takes what the kernel needs and believes nothing. Portable: it is fuzzed on
 * the host.
 */
#ifndef EXO_BOOT_FDT_H
#define EXO_BOOT_FDT_H

#include "core/base.h"

struct fdt_range {
    uint64_t base, bytes; /* bytes 0: not there */
};

/* Pointers lead into the tree. */
struct fdt_machine {
    uint64_t tree_bytes;     /* to the end of the structure and strings blocks */
    struct fdt_range memory; /* the largest */
    struct fdt_range initrd, uart, rtc, gic_distributor, gic_redistributors;
    uint64_t mpidr[EXO_CPUS_MAX];
    uint32_t cpus; /* usable ones, the first EXO_CPUS_MAX */
    bool psci_smc;
    const char *bootargs; /* bootargs_bytes long, without the 0; NULL: none */
    size_t bootargs_bytes;
    const uint8_t *seed; /* rng-seed */
    size_t seed_bytes;
    uint64_t kaslr_seed;
};

/*
 * False when `tree`, of which at most max_bytes may be read, is malformed. Nodes are found below
 * the root (CPUs below /cpus) by what they are compatible with; buses that translate are not
 * followed.
 */
bool fdt_read(const void *tree, size_t max_bytes, struct fdt_machine *machine);

#endif
