/*
 * The device tree, read once at boot: a bounded walk of a flattened tree (Devicetree Specification
 * v0.4, chapter 5) that takes what the kernel needs and believes nothing. Portable: it is fuzzed on
 * the host.
 */
#ifndef EXO_BOOT_FDT_H
#define EXO_BOOT_FDT_H

#include "arch/arch.h"

/*
 * False when `tree`, of which at most max_bytes may be read, is malformed. Nodes are found below
 * the root (CPUs below /cpus, the ITS below the interrupt controller) by what they are compatible
 * with; buses that translate are not followed.
 *
 * Fills these members of *machine, which was all zero (as a range is that is not there): `ram`, the
 * largest; initrd, uart, rtc, gic_*, its; pci_*, of the first bridge with ECAM (0 buses: none);
 * `device_tree.bytes`, to the end of the structure and strings blocks; `mpidr` and `cpus`, the
 * first EXO_CPUS_MAX usable ones; psci_smc; `cmdline`, cut to fit; `seed`, from kaslr-seed or
 * rng-seed.
 */
bool fdt_read(const void *tree, size_t max_bytes, struct boot_machine *machine);

#endif
