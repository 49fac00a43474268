// config: smp=1,4 cpu=max,cortex-a72 devices=blk:4M,rng,net:user
/* The libOS's drivers on real devices: disks through extents, randomness, frames of a private NIC.
 */
#include "fixture.h"

#include <blk/blk.h>
#include <net/nic.h>
#include <rng/rng.h>
#include <supervise/supervise.h>

enum { NET = 1, BLOCK = 2, ENTROPY = 4 };
enum { EVENT = 1 };

#define SECTORS   8192u
#define FLYING    32u
#define DISK_PAGE (EXO_PAGE_BYTES / BLK_SECTOR_BYTES) /* sectors of a page */

static const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;

static uint32_t
device_of(uint32_t type)
{
    struct exo_device_info info;
    for (uint32_t slot = EXO_BOOT_DEVICE; slot < EXO_BOOT_SLOTS; slot++)
        if (exo_device_info(slot, &info) == EXO_OK && info.type == type)
            return slot;
    check(false);
    return EXO_NONE;
}

/* --- Disks ---------------------------------------------------------------------------------------
 */

struct disk {
    struct blk blk;
    struct rt_memory memory; /* FLYING pages */
    uint16_t region;
    unsigned done;
    int64_t worst;
};

static struct disk disk;

static void
open_disk(uint32_t queue, uint64_t first, uint64_t count)
{
    const struct vq_source source = {EXO_BOOT_CELL, device_of(BLOCK), queue, first, count};
    memset(&disk, 0, sizeof(disk));
    check_equal(vq_open_device(EXO_BOOT_CELL, source.device, 2, ~0ull), EXO_OK);
    check_equal(blk_open(&disk.blk, &source, EVENT), EXO_OK);
    check_equal(rt_memory_take(FLYING, read_write, &disk.memory), EXO_OK);
    int64_t region = vq_region(&disk.blk.vq, disk.memory.slot, 0, FLYING, EXO_READ | EXO_WRITE);
    check(region >= 0);
    disk.region = (uint16_t)region;
}

static void
close_disk(void)
{
    blk_close(&disk.blk);
    rt_memory_put(&disk.memory);
    check_equal(exo_again(exo_device_close(device_of(BLOCK))), EXO_OK);
}

static uint64_t *
page_of(unsigned i)
{
    return (uint64_t *)(void *)((char *)disk.memory.at + (uint64_t)i * EXO_PAGE_BYTES);
}

static void
note(struct blk_request *request, void *context)
{
    (void)context;
    disk.done++;
    disk.worst = request->result < disk.worst ? request->result : disk.worst;
}

static void
fill_request(struct blk_request *request, enum exo_block_operation operation, unsigned page,
             uint64_t sector)
{
    *request = (struct blk_request){
        .operation = operation,
        .part_count = 1,
        .sector = sector,
        .part = {{disk.region, operation == EXO_BLOCK_READ, page * EXO_PAGE_BYTES, EXO_PAGE_BYTES}},
        .done = note,
    };
}

/* Every page of a request of its own, all of them on their way together. */
static void
move_pages(enum exo_block_operation operation, uint64_t first_sector, uint64_t step)
{
    static struct blk_request requests[FLYING];
    struct exo_queue_info info;
    disk.done = 0;
    for (unsigned i = 0; i < FLYING; i++) {
        fill_request(&requests[i], operation, i, first_sector + i * step);
        check(blk_submit(&disk.blk, &requests[i]));
    }
    check_equal(vq_flush(&disk.blk.vq, false), EXO_OK);
    check_equal(exo_queue_info(disk.blk.vq.slot, &info), EXO_OK);
    check_equal(info.in_flight, FLYING);
    while (disk.done < FLYING && blk_wait(&disk.blk, test_patience()) > 0) {
    }
    check_equal(disk.done, FLYING);
    check_equal(disk.worst, EXO_OK);
}

/* The scratch disk's word at each byte offset is that offset (build/tools/devices.py). */
static void
reads_32_at_a_time(void)
{
    open_disk(0, 0, 0);
    for (unsigned round = 0; round < 8; round++) {
        uint64_t step = DISK_PAGE * (1 + 2 * round), first = round;
        memset(disk.memory.at, 0xee, (uint64_t)FLYING * EXO_PAGE_BYTES);
        move_pages(EXO_BLOCK_READ, first, step);
        for (unsigned i = 0; i < FLYING; i++)
            for (unsigned word = 0; word < EXO_PAGE_BYTES / 8; word += 61)
                check_equal(page_of(i)[word], (first + i * step) * BLK_SECTOR_BYTES + 8ull * word);
    }
    close_disk();
}

static void
writes_are_read_back_through_another_queue(void)
{
    open_disk(0, 1024, 1024);
    for (unsigned i = 0; i < FLYING; i++)
        memset(page_of(i), (int)(0x40 + i), EXO_PAGE_BYTES);
    move_pages(EXO_BLOCK_WRITE, 8, DISK_PAGE);
    check_equal(blk_transfer(&disk.blk, EXO_BLOCK_FLUSH, 0, 0, 0, 0, test_patience()), EXO_OK);
    close_disk();
    open_disk(1, 0, 0);
    move_pages(EXO_BLOCK_READ, 1024 + 8, DISK_PAGE);
    for (unsigned i = 0; i < FLYING; i++)
        check_equal(page_of(i)[i] & 0xff, 0x40 + i);
    close_disk();
}

static void
extent_ends_where_it_says(void)
{
    open_disk(0, 100, 16);
    check_equal(
        blk_transfer(&disk.blk, EXO_BLOCK_READ, 8, disk.region, 0, EXO_PAGE_BYTES, test_patience()),
        EXO_OK);
    check_equal(page_of(0)[0], 108 * BLK_SECTOR_BYTES);
    check_equal(
        blk_transfer(&disk.blk, EXO_BLOCK_READ, 9, disk.region, 0, EXO_PAGE_BYTES, test_patience()),
        EXO_E_RANGE);
    close_disk();
}

/* Offset, region and length of what the device wrote: no byte was moved by anybody else. */
static void
what_arrives_lies_where_the_device_wrote_it(void)
{
    open_disk(0, 0, 0);
    memset(disk.memory.at, 0, EXO_PAGE_BYTES);
    check_equal(
        blk_transfer(&disk.blk, EXO_BLOCK_READ, 77, disk.region, 512, 1024, test_patience()),
        EXO_OK);
    check_equal(page_of(0)[63], 0);
    check_equal(page_of(0)[64], 77 * BLK_SECTOR_BYTES);
    check_equal(page_of(0)[191], 77 * BLK_SECTOR_BYTES + 1016);
    check_equal(page_of(0)[192], 0);
    close_disk();
}

/* --- Randomness ----------------------------------------------------------------------------------
 */

static void
randomness_comes_and_differs(void)
{
    static uint8_t one[5000], other[64];
    struct rng rng;
    unsigned counts[256] = {0}, most = 0;
    check_equal(rng_open(&rng, device_of(ENTROPY), EVENT), EXO_OK);
    check_equal(rng_read(&rng, one, sizeof(one), test_patience()), EXO_OK);
    check_equal(rng_read(&rng, other, sizeof(other), test_patience()), EXO_OK);
    check(memcmp(one, other, sizeof(other)) != 0);
    for (unsigned i = 0; i < sizeof(one); i++)
        counts[one[i]]++;
    for (unsigned i = 0; i < 256; i++)
        most = counts[i] > most ? counts[i] : most;
    check(most < 100); /* 20 each on average */
    rng_close(&rng);
    check_equal(exo_again(exo_device_close(device_of(ENTROPY))), EXO_OK);
}

/* --- Frames --------------------------------------------------------------------------------------
 */

/* An ARP request for the host (RFC 826), in the buffer. */
static void
ask_for_host(struct nic *nic, uint32_t buffer, struct nic_frame *frame)
{
    static const uint8_t request[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,  0, 0, 0,  0, 0, 8, 6, /* broadcast, ARP */
        0,    1,    8,    0,    6,    4,    0,  1,                    /* Ethernet, IPv4, request */
        0,    0,    0,    0,    0,    0,    10, 0, 2, 15,             /* from */
        0,    0,    0,    0,    0,    0,    10, 0, 2, 2,              /* for */
    };
    uint8_t *bytes = nic_bytes(nic, buffer);
    memset(bytes, 0, 60);
    memcpy(bytes, request, sizeof(request));
    memcpy(bytes + 6, nic->mac, 6);
    memcpy(bytes + 22, nic->mac, 6);
    *frame = (struct nic_frame){buffer, 60};
}

static bool
is_answer(const struct nic *nic, const struct nic_frame *frame)
{
    static const uint8_t host[] = {10, 0, 2, 2};
    const uint8_t *bytes = nic_bytes(nic, frame->buffer);
    return bytes[12] == 8 && bytes[13] == 6 && bytes[21] == 2 && memcmp(bytes + 28, host, 4) == 0 &&
           memcmp(bytes, nic->mac, 6) == 0;
}

static void
host_answers_frames(struct nic *nic)
{
    struct nic_frame frame;
    unsigned answers = 0;
    uint32_t buffer = 31; /* not with the device: nic_open gives it all but this one */
    for (unsigned i = 0; i < 20; i++) {
        ask_for_host(nic, buffer, &frame);
        check(nic_send(nic, &frame));
        bool sent = false, answered = false;
        while (!(sent && answered) && nic_wait(nic, test_patience())) {
            while (nic_receive(nic, &frame)) {
                answered |= is_answer(nic, &frame);
                check(nic_receive_into(nic, frame.buffer));
            }
            sent |= nic_sent(nic, &buffer);
        }
        check(sent && answered);
        answers += answered;
    }
    check_equal(answers, 20);
}

static void
private_nic_sends_and_receives(void)
{
    static struct nic nic;
    const struct nic_source source = {
        .cell = EXO_BOOT_CELL, .device = device_of(NET), .buffers = 31, .event = EVENT};
    check_equal(nic_open(&nic, &source), EXO_OK);
    check_equal(nic.mac[0], 0x52);
    host_answers_frames(&nic);
    nic_close(&nic);
    check_equal(exo_again(exo_device_close(source.device)), EXO_OK);
}

static void
port_of_a_shared_nic_sends_and_receives(void)
{
    static struct nic nic;
    const struct nic_source source = {.cell = EXO_BOOT_CELL,
                                      .device = device_of(NET),
                                      .port = true,
                                      .port_number = 1,
                                      .mac = {0x52, 0x54, 0, 0, 0, 0x31},
                                      .buffers = 31,
                                      .event = EVENT};
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, source.device, 2, 0, 2).status), EXO_OK);
    check_equal(nic_open(&nic, &source), EXO_OK);
    host_answers_frames(&nic);
    nic_close(&nic);
    check_equal(exo_again(exo_device_close(source.device)), EXO_OK);
}

/* --- Supervision ---------------------------------------------------------------------------------
 */

struct report {
    _Atomic uint32_t reads, falls; /* the second: it is to fault, with reads in flight */
};

/* A disk driver as a program of its own: reads for ever, 32 at a time. */
static int
read_for_ever(uint64_t argument)
{
    const struct vq_source source = {EXO_BOOT_CELL, SUPERVISE_DEVICE, 0, 0, 0};
    struct report *report = supervise_shared(NULL);
    (void)argument;
    memset(&disk, 0, sizeof(disk));
    child_expects(vq_open_device(EXO_BOOT_CELL, SUPERVISE_DEVICE, 1, ~0ull) == EXO_OK);
    child_expects(blk_open(&disk.blk, &source, EVENT) == EXO_OK);
    child_expects(rt_memory_take(FLYING, read_write, &disk.memory) == EXO_OK);
    int64_t region = vq_region(&disk.blk.vq, disk.memory.slot, 0, FLYING, EXO_WRITE);
    child_expects(region >= 0);
    disk.region = (uint16_t)region;
    supervise_ready();
    for (;;) {
        static struct blk_request requests[FLYING];
        disk.done = 0;
        for (unsigned i = 0; i < FLYING; i++) {
            fill_request(&requests[i], EXO_BLOCK_READ, i, i * DISK_PAGE);
            child_expects(blk_submit(&disk.blk, &requests[i]));
        }
        child_expects(vq_flush(&disk.blk.vq, false) == EXO_OK);
        if (atomic_load(&report->falls) != 0)
            try_write(8, 0);
        while (disk.done < FLYING)
            child_expects(blk_wait(&disk.blk, EXO_FOREVER) > 0);
        atomic_fetch_add(&report->reads, FLYING);
    }
}

static int
serve_randomness(uint64_t argument)
{
    struct rng rng;
    uint8_t bytes[16];
    (void)argument;
    child_expects(rng_open(&rng, SUPERVISE_DEVICE, EVENT) == EXO_OK);
    child_expects(rng_read(&rng, bytes, sizeof(bytes), test_patience()) == EXO_OK);
    supervise_ready();
    rt_sleep_until(EXO_FOREVER);
    return 0;
}

static const struct supervise_rule rules[] = {
    {.name = "disk",
     .device_type = BLOCK,
     .device_rights = EXO_READ | EXO_WRITE | EXO_CONTROL,
     .restarts_max = 3,
     .spawn = {.entry = read_for_ever}},
    {.name = "random",
     .device_type = ENTROPY,
     .device_rights = EXO_READ | EXO_WRITE | EXO_CONTROL,
     .restarts_max = 3,
     .spawn = {.entry = serve_randomness}},
};

static bool
reads_go_on(const struct supervised *program)
{
    struct report *report = supervise_shared(program);
    uint32_t before = atomic_load(&report->reads);
    uint64_t deadline = test_patience();
    while (atomic_load(&report->reads) == before && rt_ticks() < deadline)
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    return atomic_load(&report->reads) != before;
}

/* It faults by itself, or another ends it: then its page says so, as if it had been its parent. */
static void
end_in_traffic(struct supervised *program, bool by_itself)
{
    struct report *report = supervise_shared(program);
    if (by_itself) {
        atomic_store(&report->falls, 1);
        check_equal(rt_child_wait(&program->child, test_patience()), RT_CHILD_FAULTED);
        return;
    }
    check_equal(rt_stop_env(program->child.env), EXO_OK);
    atomic_store(&program->child.page->state, RT_CHILD_FAULTED);
}

static void
killed_drivers_are_started_again_and_go_on(void)
{
    static struct supervisor supervisor;
    supervise_start(&supervisor, rules, 2, EXO_BOOT_DEVICE, 3);
    check_equal(supervisor.count, 2);
    check(supervise_wait(&supervisor, test_patience()));
    for (unsigned i = 0; i < 3; i++) {
        check(reads_go_on(&supervisor.program[0]));
        end_in_traffic(&supervisor.program[0], i % 2 != 0);
        check_equal(supervise_look(&supervisor), 1);
        check(supervise_wait(&supervisor, test_patience()));
        check_equal(supervisor.program[0].restarts, i + 1);
    }
    check(reads_go_on(&supervisor.program[0]));
    check_equal(supervisor.program[1].restarts, 0);
    supervise_stop(&supervisor);
}

static void
program_that_ends_too_often_stays_down(void)
{
    static struct supervisor supervisor;
    supervise_start(&supervisor, &rules[1], 1, EXO_BOOT_DEVICE, 3);
    check(supervise_wait(&supervisor, test_patience()));
    for (unsigned i = 0; i <= rules[1].restarts_max; i++) {
        atomic_store(&supervisor.program[0].child.page->state, RT_CHILD_FAULTED);
        check_equal(supervise_look(&supervisor), i < rules[1].restarts_max);
        check_equal(supervise_wait(&supervisor, test_patience()), i < rules[1].restarts_max);
    }
    check_equal(supervisor.program[0].state, SUPERVISE_DOWN);
    supervise_stop(&supervisor);
}

static const struct test tests[] = {
    TEST(reads_32_at_a_time),
    TEST(writes_are_read_back_through_another_queue),
    TEST(extent_ends_where_it_says),
    TEST(what_arrives_lies_where_the_device_wrote_it),
    TEST(randomness_comes_and_differs),
    TEST(private_nic_sends_and_receives),
    TEST(port_of_a_shared_nic_sends_and_receives),
    TEST(killed_drivers_are_started_again_and_go_on),
    TEST(program_that_ends_too_often_stays_down),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
