// config: smp=1,4 cpu=max,cortex-a72 devices=rng,net@port,rng@port,blk@port,rng@port
/*
 * Devices that are removed behind their backs: QEMU's device_del presses the attention button of
 * the root port, the kernel quiesces the device and switches its slot off, and QEMU takes it away.
 */
#include "fixture.h"

#define BIT 0x20ull

/* In the order of their requester ids. */
enum { STAYS = EXO_BOOT_DEVICE, NET, ENTROPY, BLOCK, OPENED };

static uint32_t
state_of(uint32_t device)
{
    struct exo_device_info info = {0};
    check_equal(exo_device_info(device, &info), EXO_OK);
    return info.state;
}

/* Once: a test is repeated when it left traces in its cell's account. */
static void
remove_device(uint32_t device, const char *name)
{
    if (state_of(device) != EXO_DEVICE_GONE)
        rt_printf("qmp: device_del id=%s\n", name);
}

static uint32_t
signal_to_us(void)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    return badged(notification, BIT);
}

static void
holder_is_told_that_the_device_is_gone(void)
{
    uint8_t mac[6];
    check_equal(exo_irq_bind(NET, signal_to_us()), EXO_OK);
    remove_device(NET, "net0");
    check_equal(rt_wait_events(BIT, test_patience()), BIT);
    check_equal(state_of(NET), EXO_DEVICE_GONE);
    check_equal(exo_device_config(NET, 0, mac, sizeof(mac)), EXO_E_GONE);
    check_equal(state_of(STAYS), EXO_DEVICE_CLOSED);
    check_equal(state_of(ENTROPY), EXO_DEVICE_CLOSED);
    check_equal(exo_device_config(BLOCK, 0, mac, sizeof(mac)), EXO_OK);
}

static void
who_binds_too_late_is_told_at_once(void)
{
    check_equal(exo_irq_bind(NET, signal_to_us()), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), BIT);
}

/* A name that is free again, and a slot that is: both refuse a second device otherwise. That the
 * next removal happens shows that QEMU did what came before. */
static void
slot_is_free_and_takes_nothing_in(void)
{
    if (state_of(ENTROPY) != EXO_DEVICE_GONE)
        rt_printf("qmp: device_add driver=virtio-rng-pci id=net0 bus=net0-port addr=0\n");
    check_equal(exo_irq_bind(ENTROPY, signal_to_us()), EXO_OK);
    remove_device(ENTROPY, "rng1");
    check_equal(rt_wait_events(BIT, test_patience()), BIT);
    check_equal(state_of(ENTROPY), EXO_DEVICE_GONE);
    check_equal(state_of(NET), EXO_DEVICE_GONE);
}

static int
removed_while_it_is_read(uint64_t device)
{
    uint64_t word;
    int64_t status;
    while ((status = exo_device_config((uint32_t)device, 0, &word, sizeof(word))) == EXO_OK ||
           status == EXO_E_AGAIN) {
    }
    return status == EXO_E_GONE ? 0 : (int)-status;
}

/* Sessions one after the other, whose memory comes back when the cell is reaped. */
static int
removed_while_it_is_opened(uint64_t device)
{
    int64_t status;
    do {
        status = exo_device_open(EXO_BOOT_CELL, (uint32_t)device, 1, 0, 0).status;
        if (status == EXO_OK)
            (void)exo_device_close((uint32_t)device);
        (void)exo_cell_reap(EXO_BOOT_CELL);
    } while (status == EXO_OK || status == EXO_E_AGAIN || status == EXO_E_LIMIT);
    return status == EXO_E_GONE ? 0 : (int)-status;
}

static void
removed_under(int (*entry)(uint64_t device), uint32_t device, const char *name)
{
    const struct rt_spawn spawn = {
        .entry = entry,
        .argument = RT_SLOT_GRANT,
        .cpu = other_cpu(),
        .grant = {{.src = device, .dst = RT_SLOT_GRANT, .rights = EXO_READ | EXO_CONTROL}}};
    struct rt_child child;
    if (!start_child(&spawn, &child))
        return;
    remove_device(device, name);
    child_succeeds(&child);
    check_equal(state_of(device), EXO_DEVICE_GONE);
}

static void
device_can_be_removed_while_it_is_read(void)
{
    removed_under(removed_while_it_is_read, BLOCK, "blk0");
}

static void
device_can_be_removed_while_it_is_opened(void)
{
    removed_under(removed_while_it_is_opened, OPENED, "rng2");
}

static const struct test tests[] = {
    TEST(holder_is_told_that_the_device_is_gone),   TEST(who_binds_too_late_is_told_at_once),
    TEST(slot_is_free_and_takes_nothing_in),        TEST(device_can_be_removed_while_it_is_read),
    TEST(device_can_be_removed_while_it_is_opened),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
