/*
 * How a program begins and ends. The kernel (or a parent, rt/spawn.h) enters rt, which sets up the
 * control page and the console and calls rt_main(); what that returns is given to rt_exit. Without
 * a libOS configuration rt_main() is rt's own, which calls main(); with one it is what the
 * configuration made: it starts the parts that were named, and calls main() from there.
 */
#ifndef RT_START_H
#define RT_START_H

#include <exo/abi.h>
#include <stdbool.h>

/* The program. */
int rt_main(void);
int main(void);

/* What init found at EXO_BOOT_INFO_VA; NULL in a child. */
extern const struct exo_boot_info *rt_boot;

/* What the machine is: from the boot information, or from the parent. */
extern struct exo_machine_info rt_machine;

/*
 * Ends the program: powers the machine off with that code when it may (slot EXO_BOOT_MACHINE);
 * otherwise leaves the code for its parent and stops its environment.
 */
_Noreturn void rt_exit(int code);

/* The value of `name=value` in the kernel's command line, up to the next space; false: not there.
 */
bool rt_option(const char *name, char *value, unsigned size);

/* The same as a number (decimal, or 0x hexadecimal), or the default. */
uint64_t rt_option_number(const char *name, uint64_t otherwise);

#endif
