/*
 * A program that another one supervises (services/init). It finds the same as what the kernel
 * starts, struct exo_boot_info with its own command line and seed, and the slots of enum
 * exo_boot_slot as far as it has them; besides, its supervisor's endpoint, and behind the boot
 * information what its supervisor tells it. Started by the kernel it has no supervisor: then
 * rt_ready does nothing, and nobody ever asks it to stop.
 */
#ifndef RT_SERVICE_H
#define RT_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RT_SLOT_SUPERVISOR 11u /* endpoint, WRITE */
#define RT_SLOT_PROGRAM    12u /* frames, READ and EXEC: the program's own file */

/*
 * Event bit of the program's first vCPU: it was asked to stop, or its supervisor wants attention.
 * It only wakes; rt_stop_requested says what is so. (The bits above are the scheduler's.)
 */
#define RT_EVENT_STOP (1ull << 61)

/* The exit code of a program whose command line or manifest asks for what cannot be, or whose
 * machine lacks what it needs: it would end so again, and is not started again. */
#define RT_EXIT_REFUSED 2

/* On the page of the boot information, which the program may only read. */
#define RT_SERVICE_OFFSET 2048u

struct rt_service {
    uint32_t size, version; /* size 0: no supervisor */
    _Atomic uint32_t stop;  /* 1: it should finish what it has begun, refuse what is new, and end */
    uint32_t reserved;
};

/* What it says in a call on the endpoint: word 0, and further ones. */
enum rt_service_call {
    RT_SERVICE_READY = 16, /* it does its work; the reply comes at once */
    RT_SERVICE_EXIT = 17,  /* word 1: the exit code; there is no reply */
    /* Word 0: | kind << 8 | access << 16 | number of the vCPU << 32; 1: address, or pc of a trap;
     * 2: syndrome; 3: address of its struct exo_context. There is no reply. */
    RT_SERVICE_FAULT = 18,
};

/* It does what it is for: what waits for it may begin. */
void rt_ready(void);

/*
 * Whether it was asked to stop: then it finishes what it has begun, and calls rt_exit(0) before its
 * supervisor's patience ends. A word in memory: loops may look as often as they like, and wait for
 * RT_EVENT_STOP (rt_wait_events) together with what else wakes them.
 */
bool rt_stop_requested(void);

#endif
