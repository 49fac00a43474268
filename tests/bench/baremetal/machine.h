/*
 * The bare machine: QEMU's virt board, its addresses as QEMU has them. One CPU, no interrupts, no
 * protection; whatever goes wrong ends it with a message and exit status 1.
 */
#pragma once

#include <stdint.h>

/* Prints one line: `text`, the number in decimal, `unit`. */
void machine_print(const char *text, uint64_t number, const char *unit);

/* Ends the machine with an exit status (semihosting). */
_Noreturn void machine_exit(uint64_t status);

/* Ends the machine with "error: `text` `number`" and status 1. */
_Noreturn void machine_fail(const char *text, uint64_t number);

/* Where exceptions end. */
_Noreturn void machine_fault(uint64_t syndrome, uint64_t pc, uint64_t address);

static inline uint64_t
machine_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

/* Events a second, of `count` events between two readings of the counter. */
static inline uint64_t
machine_rate(uint64_t count, uint64_t from, uint64_t to)
{
    uint64_t hz;
    __asm__("mrs %0, cntfrq_el0" : "=r"(hz));
    return count * hz / (to - from);
}
