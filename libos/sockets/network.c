/* The thread that drives the NIC, and lwIP's core lock around it. */
#include <sockets/network.h>

#include <entropy/entropy.h>
#include <net/find.h>
#include <rt/call.h>
#include <rt/console.h>
#include <rt/start.h>
#include <rt/string.h>
#include <sched/sync.h>
#include <sched/thread.h>
#include <sched/timer.h>

#include <lwip/tcpip.h>

#define BUFFERS 128u
/* Checksums of what is sent are made here: what goes to our own address does not pass the NIC. */
#define FEATURES (NIC_OFFLOADS & ~NIC_CHECKSUM)
#define STARTING 1 /* no error and not EXO_OK */

static struct stack stack;
static _Atomic int32_t status = STARTING;
static _Atomic uint32_t events; /* a futex word: it changes with what anybody here waits for */
static _Atomic bool draining;

static void
tell(void)
{
    atomic_fetch_add(&events, 1);
    (void)futex_wake(&events, UINT32_MAX);
}

/* --- For libos/net/stack.c (lwipopts.h): the core lock is held by who drives, but while it waits.
 */

void
network_begin(void)
{
    tcpip_init(NULL, NULL);
    network_lock();
}

void
network_lock(void)
{
    LOCK_TCPIP_CORE();
}

void
network_unlock(void)
{
    UNLOCK_TCPIP_CORE();
}

/* --- The thread */

static int64_t
open_stack(void)
{
    struct nic_source source = {.cell = EXO_BOOT_CELL,
                                .buffers = BUFFERS,
                                .event = sched_event_take(),
                                .features = FEATURES,
                                .link_event = sched_event_take()};
    struct stack_address address;
    const char *wrong;
    if (stack_read_address(&address, &wrong) != EXO_OK) {
        rt_printf("network: %s must be an IPv4 address\n", wrong);
        return EXO_E_ARG;
    }
    int64_t err = nic_find(&source);
    return err == EXO_OK ? stack_open(&stack, &source, &address, "chitin") : err;
}

static _Noreturn void
fail(int64_t err)
{
    rt_printf("network: %s\n", exo_error_text(err));
    rt_exit(1);
}

/* The core lock is held. */
static bool
is_acknowledged(void)
{
    struct stack_usage usage;
    stack_read_usage(&stack, &usage);
    return usage.segments == 0;
}

static void
drive_once(void)
{
    bool was_up = stack_is_up(&stack);
    if (stack_poll(&stack) == 0) {
        stack_wait(&stack, 0, EXO_FOREVER);
    } else {
        network_unlock(); /* a flood keeps nobody out */
        thread_yield();
        network_lock();
    }
    if (stack_is_up(&stack) != was_up || (atomic_load(&draining) && is_acknowledged()))
        tell();
    int64_t err = stack.nic.rx.error != EXO_OK ? stack.nic.rx.error : stack.nic.tx.error;
    if (err != EXO_OK)
        fail(err);
}

static void *
drive(void *unused)
{
    (void)unused;
    atomic_store(&status, (int32_t)open_stack());
    tell();
    while (atomic_load(&status) == EXO_OK)
        drive_once();
    return NULL;
}

/* The NIC's events come to the first vCPU, as what opened its queues runs there. */
__attribute__((constructor)) static void
start(void)
{
    const struct thread_attributes attributes = {.vcpu = 0, .detached = 1};
    struct thread *thread;
    if (rt_boot != NULL)
        entropy_add(rt_boot->seed, sizeof(rt_boot->seed));
    int64_t err = thread_create(&thread, &attributes, drive, NULL);
    if (err != EXO_OK)
        fail(err);
    while (atomic_load(&status) == STARTING)
        (void)futex_wait(&events, 0, EXO_FOREVER);
    if (network_status() != EXO_OK)
        rt_printf("network: there is none: %s\n", exo_error_text(network_status()));
}

/* --- For the program */

int64_t
network_status(void)
{
    return atomic_load(&status);
}

void
network_wait(uint8_t ip[4])
{
    for (;;) {
        uint32_t seen = atomic_load(&events);
        network_lock();
        bool up = stack_is_up(&stack);
        memcpy(ip, &netif_ip4_addr(&stack.netif)->addr, 4);
        network_unlock();
        if (up)
            return;
        (void)futex_wait(&events, seen, EXO_FOREVER);
    }
}

void
network_drain(void)
{
    atomic_store(&draining, true);
    for (;;) {
        uint32_t seen = atomic_load(&events);
        network_lock();
        bool done = is_acknowledged();
        network_unlock();
        if (done)
            return;
        (void)futex_wait(&events, seen, EXO_FOREVER);
    }
}

const struct stack_counts *
network_counts(void)
{
    return &stack.counts;
}

void
network_copied(enum stack_copy routine, size_t bytes)
{
    (void)__atomic_fetch_add(&stack.counts.copied[routine], bytes, __ATOMIC_RELAXED);
}
