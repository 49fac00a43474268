/* What lwIP asks of the compiler and the platform. */
#ifndef ARCH_CC_H
#define ARCH_CC_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

/* newlib has ssize_t without this; lwIP would define it as int. */
#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

#define LWIP_NO_CTYPE_H 1

/* An assertion of lwIP is one of ours: the stack's state cannot be trusted any more. */
_Noreturn void stack_failed(const char *what);
#define LWIP_PLATFORM_ASSERT(what) stack_failed(what)
#define LWIP_PLATFORM_DIAG(x)

uint16_t stack_ooseq_max(void);
uint32_t stack_random(void);
#define LWIP_RAND() stack_random()

/* The heap lies in memory that the NIC reads: headers are sent from where they were made. */
extern void *stack_heap;
#define LWIP_RAM_HEAP_POINTER stack_heap

/* 64 bits at a time; the NIC's own is used where it is offered (libos/net/wire.c). */
uint16_t wire_sum(const void *bytes, int count);
#define LWIP_CHKSUM wire_sum

#endif
