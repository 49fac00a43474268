// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=net:user
/* Programs that give a NIC of their own what is no frame: the machine goes on. */
#include "vring.h"

#define DEVICE EXO_BOOT_DEVICE
#define SEND   1u /* index of the queue */
#define HEADER 12u
#define NEXT   EXO_DESCRIPTOR_NEXT

static bool
open_nic(struct vring *vring)
{
    return check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, DEVICE, 2, 0, 0).status), EXO_OK) &&
           open_vring(vring, EXO_BOOT_CELL, DEVICE, SEND, 0, 0, 1);
}

/* QEMU would abort at a frame without a whole header, and take the machine with it. */
static void
frame_shorter_than_its_header_is_refused(void)
{
    struct vring vring;
    if (!open_nic(&vring))
        return;
    for (uint32_t bytes = 1; bytes < HEADER + 14; bytes++) {
        struct exo_descriptor frame[] = {vring_buffer(0, 0, 0, bytes), vring_buffer(1, 0, 0, 1)};
        check_equal(vring_submit(&vring, frame, 1).status, EXO_E_ARG);
        frame[0].flags = NEXT;
        if (bytes < HEADER + 13)
            check_equal(vring_submit(&vring, frame, 2).status, EXO_E_ARG);
    }
    check_equal(vring_info(vring.slot).submitted, 0);
    const struct exo_descriptor frame = vring_buffer(0, 0, 0, HEADER + 60);
    check_equal(vring_submit(&vring, &frame, 1).status, EXO_OK);
    check(vring_wait(&vring, 1));
}

/* It stops, and goes on when it was opened anew. */
static void
nic_that_was_given_nonsense_can_be_opened_again(void)
{
    struct vring vring;
    const struct exo_descriptor written = vring_buffer(0, EXO_DESCRIPTOR_WRITE, 0, 64);
    if (!open_nic(&vring))
        return;
    check_equal(vring_submit(&vring, &written, 1).status, EXO_OK);
    check_equal(rt_drop(vring.slot), EXO_OK);
    if (!open_nic(&vring))
        return;
    const struct exo_descriptor frame = vring_buffer(0, 0, 0, HEADER + 60);
    check_equal(vring_submit(&vring, &frame, 1).status, EXO_OK);
    check(vring_wait(&vring, 1));
}

static const struct test tests[] = {
    TEST(frame_shorter_than_its_header_is_refused),
    TEST(nic_that_was_given_nonsense_can_be_opened_again),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
