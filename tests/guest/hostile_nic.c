// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=net:user
/* Programs that give a NIC of their own what is no frame: the machine goes on. */
#include "vring.h"

#include <rt/string.h>

#define DEVICE  EXO_BOOT_DEVICE
#define RECEIVE 0u /* index of the queue */
#define SEND    1u
#define HEADER  12u
#define LONGEST (1u << 20)
#define NEXT    EXO_DESCRIPTOR_NEXT
#define WRITE   EXO_DESCRIPTOR_WRITE

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

/* As long as a region's memory: it is no frame on any network. In one piece, and in several. */
static void
frame_of_a_megabyte_harms_nobody(void)
{
    static const uint32_t sizes[] = {1515, 9014, 65535, 65536, 65550, 100000, LONGEST};
    struct vring vring;
    if (!check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, DEVICE, 2, ~0ull, 0).status),
                     EXO_OK) ||
        !open_vring(&vring, EXO_BOOT_CELL, DEVICE, SEND, 0, 0, LONGEST / EXO_PAGE_BYTES))
        return;
    for (uint32_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *ethernet = (uint8_t *)vring.memory.at + HEADER;
        uint32_t bytes = sizes[i / 2];
        ethernet[12] = i % 2 == 0 ? 0x08 : 0x86; /* IPv4 or IPv6, of which nothing is right */
        ethernet[13] = i % 2 == 0 ? 0x00 : 0xdd;
        struct exo_descriptor frame[] = {vring_buffer(0, 0, 0, bytes),
                                         vring_buffer(1, 0, 0, bytes)};
        check_equal(vring_submit(&vring, frame, 1).status, EXO_OK);
        check(vring_wait(&vring, 1));
        frame[0].flags = NEXT;
        check_equal(vring_submit(&vring, frame, 2).status, EXO_OK);
        check(vring_wait(&vring, 1));
    }
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

/* QEMU would abort at a frame that comes for a buffer without room for its own header. */
static void
buffer_without_room_for_a_header_is_refused(void)
{
    struct vring rx;
    if (!check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, DEVICE, 2, 0, 0).status), EXO_OK) ||
        !open_vring(&rx, EXO_BOOT_CELL, DEVICE, RECEIVE, 0, 0, 1))
        return;
    for (uint32_t bytes = 1; bytes < HEADER; bytes++) {
        struct exo_descriptor buffer[] = {vring_buffer(0, WRITE, 0, bytes),
                                          vring_buffer(1, WRITE, 0, 1)};
        check_equal(vring_submit(&rx, buffer, 1).status, EXO_E_ARG);
        buffer[0].flags = WRITE | NEXT;
        if (bytes < HEADER - 1)
            check_equal(vring_submit(&rx, buffer, 2).status, EXO_E_ARG);
    }
    check_equal(vring_info(rx.slot).submitted, 0);
}

/* 10.0.2.2, of QEMU's user-mode networking, answers whoever asks for its address. */
static bool
ask_for_an_answer(struct vring *tx)
{
    static const uint8_t question[] = {
        255, 255, 255, 255, 255, 255, 0x52, 0x54, 0, 0,  0, 1, 8, 6, /* Ethernet */
        0,   1,   8,   0,   6,   4,   0,    1,                       /* ARP: who has */
        82,  84,  0,   0,   0,   1,   10,   0,    2, 15,             /* says us */
        0,   0,   0,   0,   0,   0,   10,   0,    2, 2};
    const struct exo_descriptor frame = vring_buffer(0, 0, 0, HEADER + 60);
    memcpy((char *)tx->memory.at + HEADER, question, sizeof(question));
    return check_equal(vring_submit(tx, &frame, 1).status, EXO_OK) && vring_wait(tx, 1);
}

/* It is lost, and the next one that has a buffer is not: the first may stay in its place. */
static void
frame_for_a_buffer_of_just_a_header_harms_nobody(void)
{
    struct vring rx, tx;
    const struct exo_descriptor least = vring_buffer(0, WRITE, 0, HEADER);
    const struct exo_descriptor good = vring_buffer(0, WRITE, 0, 2048);
    if (!open_nic(&tx) || !open_vring(&rx, EXO_BOOT_CELL, DEVICE, RECEIVE, 0, 0, 1))
        return;
    check_equal(vring_submit(&rx, &least, 1).status, EXO_OK);
    for (int i = 0; i < 3; i++)
        check(ask_for_an_answer(&tx));
    check_equal(rt_drop(tx.slot), EXO_OK);
    check_equal(rt_drop(rx.slot), EXO_OK);
    if (!open_nic(&tx) || !open_vring(&rx, EXO_BOOT_CELL, DEVICE, RECEIVE, 0, 0, 1))
        return;
    check_equal(vring_submit(&rx, &good, 1).status, EXO_OK);
    check(ask_for_an_answer(&tx));
    check(vring_wait(&rx, 1));
    check(vring_used(&rx, 0).length > HEADER);
}

static const struct test tests[] = {
    TEST(frame_shorter_than_its_header_is_refused),
    TEST(buffer_without_room_for_a_header_is_refused),
    TEST(frame_for_a_buffer_of_just_a_header_harms_nobody),
    TEST(frame_of_a_megabyte_harms_nobody),
    TEST(nic_that_was_given_nonsense_can_be_opened_again),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
