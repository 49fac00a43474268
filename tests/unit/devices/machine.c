/* A machine with devices. */
#include "core/frame.h"
#include "core/genesis.h"
#include "machine.h"
#include "tap.h"

#include <string.h>

struct exo_cell_info accounts;

void
begin_devices(void)
{
    fake_boot(8192, 2);
    fake_virtio_begin();
    accounts = fake_cell_info(CELL);
}

static void
drop_everything(void)
{
    for (uint64_t i = 0; i < FAKE_DEVICES; i++) {
        fake_devices[i].stuck = false;
        CHECK_EQ(CALL_AGAIN(device_close, FAKE_DEVICE_SLOT + i), EXO_OK);
    }
    for (uint64_t slot = 24; slot < 64; slot++) {
        int64_t err = CALL_AGAIN(cap_drop, slot);
        CHECK(err == EXO_OK || err == EXO_E_SLOT);
    }
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
}

void
end_devices(void)
{
    drop_everything();
    struct exo_cell_info after = fake_cell_info(CELL);
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        CHECK_EQ(after.own[i], accounts.own[i]);
        CHECK_EQ(after.carved[i], accounts.carved[i]);
    }
    CHECK_EQ(after.dying_objects, 0);
    for (int i = 0; i < FAKE_DEVICES; i++) {
        CHECK_EQ(fake_devices[i].bad_dma, 0);
        CHECK_EQ(fake_devices[i].late_dma, 0);
        for (uint32_t queue = 0; queue < FAKE_QUEUES; queue++)
            CHECK(irq_entry(devices[i].first_lpi + 1 + queue)->irq == NULL);
    }
    fake_machine_end();
}

void
make_cell(uint64_t slot, uint32_t frames)
{
    fake_put_limits(frames, 512, 4, 8);
    CHECK_EQ(CALL(cell_create, CELL, slot, FAKE_USER), EXO_OK);
}

int64_t
submit(uint64_t queue, const struct exo_descriptor *d, unsigned count, uint64_t consumed, bool arm)
{
    if (count > 0)
        memcpy(fake_user, d, count * sizeof(*d));
    return CALL(queue_submit, queue, FAKE_USER, count, consumed, arm);
}

struct exo_queue_info
info_of(uint64_t queue)
{
    struct exo_queue_info info;
    CHECK_EQ(CALL(queue_info, queue, FAKE_USER), EXO_OK);
    memcpy(&info, fake_user, sizeof(info));
    return info;
}

struct queue *
queue_at(uint64_t slot)
{
    struct cap cap;
    CHECK_EQ(cap_lookup(fake_init->env, slot, EXO_TYPE_NONE, 0, &cap), EXO_OK);
    return cap.object;
}

unsigned char *
frame_at(uint64_t slot, uint64_t page)
{
    struct cap cap;
    CHECK_EQ(cap_lookup(fake_init->env, slot, EXO_TYPE_FRAMES, 0, &cap), EXO_OK);
    return frame_to_kernel(cap.base + page);
}

uint64_t
take_events(void)
{
    return __atomic_exchange_n(&fake_init->control->events, 0, __ATOMIC_SEQ_CST);
}
