/* Devices that misbehave: they lie, are pulled out, do not become quiet, do not answer. */
#include "devices/buffers.h"
#include "tap.h"

#include <string.h>

struct lie {
    const char *what;
    uint32_t id, length; /* of the used element that is told ... */
    uint16_t jump;       /* ... and how far the index moves beyond it */
    unsigned first;      /* so many completions are honest */
};

/* Sixteen chains of 64 bytes are in flight: of one buffer, ids 0 to 15, or with a second one behind
 * each, ids 32 to 47. */
static const struct lie lies[] = {
    {"an id beyond the ring", 256, 64, 0, 0},
    {"a wild id", 0xffffffff, 64, 0, 0},
    {"an id never given", 16, 64, 0, 0},
    {"an id that begins no chain", 32, 32, 0, 0},
    {"an id twice", 0, 64, 0, 1},
    {"a length beyond the buffer", 3, 65, 0, 0},
    {"a wild length", 3, 0xffffffff, 0, 0},
    {"an index beyond what is in flight", 0, 64, 16, 0},
    {"an index that jumps", 0, 64, 40000, 0},
    {"an index that goes back", 0, 64, 65533, 0},
};

static void
fly_pairs(void)
{
    for (unsigned i = 0; i < 32; i += 2) {
        put_buffer(i, (uint16_t)(i / 2), 0, W | N, i * 64, 24);
        put_buffer(i + 1, (uint16_t)(32 + i / 2), 0, W, i * 64 + 2048, 40);
    }
    CHECK_EQ(submit_batch(QUEUE, 32, 0, false), EXO_OK);
}

static void
tell(const struct lie *lie)
{
    struct fake_ring *ring = &rng->rings[0];
    for (unsigned i = 0; i < lie->first; i++)
        fake_push_used(rng, 0, i, 64);
    fake_push_used(rng, 0, lie->id, lie->length);
    ring->used = (uint16_t)(ring->used + lie->jump);
    __atomic_store_n(&ring->page->used_index, ring->used, __ATOMIC_RELEASE);
}

/* Whoever looks: who submits, who releases the region, who drops the frames. */
static void
is_found_out(const struct lie *lie, int who)
{
    if (who == 0) {
        uint16_t used = queue_at(QUEUE)->page->used_index;
        if (submit_batch(QUEUE, 0, used, false) != EXO_E_RESET)
            printf("# %s\n", lie->what);
        CHECK_EQ(fake_result(0), EXO_E_RESET);
    } else if (who == 1) {
        CHECK_EQ(CALL(queue_release, QUEUE, 0), EXO_E_BUSY);
        CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_RESET);
    } else {
        CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    }
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK(rng->resets >= 1);
}

static void
a_device_that_lies_is_reset(void)
{
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        for (int who = 0; who < 6; who++) {
            begin_devices();
            open_rng();
            if (who < 3)
                fly(QUEUE, 16, 0);
            else
                fly_pairs();
            tell(&lies[i]);
            is_found_out(&lies[i], who % 3);
            CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
            CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
            end_devices();
        }
    }
}

/* Of earlier requests the ring still says what would do for these. */
static void
an_index_that_jumps_completes_nothing(void)
{
    begin_devices();
    open_rng();
    for (uint16_t i = 0; i < 16; i++)
        put_buffer(i, i, 0, W, i * 64, 64);
    for (unsigned used = 0; used < FAKE_ENTRIES; used += 16) {
        CHECK_EQ(submit_batch(QUEUE, 16, used, false), EXO_OK);
        CHECK_EQ(fake_run(rng, 0, 1), 16);
    }
    CHECK_EQ(submit_batch(QUEUE, 16, FAKE_ENTRIES, false), EXO_OK);
    rng->rings[0].page->used_index += 17;
    CHECK_EQ(CALL(queue_release, QUEUE, 0), EXO_E_BUSY);
    CHECK_EQ(fake_run(rng, 0, 1), 16);
    CHECK_EQ(rng->bad_dma, 0);
    end_devices();
}

/* Alone, or behind a flush, which goes another way: nothing to write but a status. */
static void
a_device_that_writes_what_it_may_only_read_is_reset(void)
{
    for (uint32_t length = 0; length < 2; length++) {
        begin_devices();
        open_rng();
        put_buffer(0, 7, 0, 0, 0, 64);
        CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_OK);
        fake_push_used(rng, 0, 7, length);
        CHECK_EQ(submit_batch(QUEUE, 0, 1, false), length == 0 ? EXO_OK : EXO_E_RESET);
        end_devices();
    }
    for (uint16_t id = 0; id < 2; id++) {
        begin_devices();
        CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 1, 0, 0), EXO_OK);
        CHECK_EQ(CALL(queue_open, CELL, QUEUE, BLOCK, 0, RING, 0, 10), EXO_OK);
        CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 1, BOTH), 0);
        put_buffer(0, 0, 0, 0, 0, 512);
        batch[0].operation = EXO_BLOCK_WRITE;
        put_buffer(1, 1, 0, 0, 0, 0);
        batch[1].operation = EXO_BLOCK_FLUSH;
        CHECK_EQ(submit_batch(QUEUE, 2, 0, false), EXO_OK);
        fake_push_used(block, 0, 64 + id, 2);
        CHECK_EQ(submit_batch(QUEUE, 0, 1, false), EXO_E_RESET);
        end_devices();
    }
}

/* What interrupts sets bit 3 of init's events. */
static void
bind_bit(uint64_t object)
{
    CHECK_EQ(CALL(notification_create, CELL, 50), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 50, EXO_BOOT_VCPU), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, WRITE | EXO_COPY, 8, 0), EXO_OK);
    CHECK_EQ(CALL(irq_bind, object, 51), EXO_OK);
}

static void
a_device_that_is_pulled_out_is_gone(void)
{
    for (int told = 0; told < 2; told++) {
        begin_devices();
        open_rng();
        fly(QUEUE, 32, 0);
        const struct exo_ring *page = queue_at(QUEUE)->page;
        bind_bit(RNG);
        rng->removed = true;
        rng->mastering = false;
        if (told)
            device_removed(&devices[FAKE_RNG]);
        else
            CHECK_EQ(CALL_AGAIN(device_close, RNG), EXO_OK);
        CHECK_EQ(take_events(), 8);
        CHECK_EQ(page->state, EXO_RING_GONE);
        CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_GONE);
        CHECK_EQ(info_of(QUEUE).state, EXO_RING_GONE);
        CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_E_GONE);
        CHECK_EQ(CALL(queue_open, CELL, 52, RNG, 0, 53, 0, 0), EXO_E_GONE);
        CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
        end_devices();
    }
}

static struct exo_device_info
device_info_of(uint64_t slot)
{
    struct exo_device_info info;
    CHECK_EQ(CALL(device_info, slot, FAKE_USER), EXO_OK);
    memcpy(&info, fake_user, sizeof(info));
    return info;
}

/* The button was pressed, and it is still there: nothing that it knows of is given back accounts.
 */
static void
a_device_that_is_removed_may_do_no_dma(void)
{
    begin_devices();
    open_rng();
    fly(QUEUE, 32, 0);
    CHECK(rng->mastering && rng->status != 0);
    device_removed(&devices[FAKE_RNG]);
    CHECK(!rng->mastering);
    CHECK_EQ(rng->status, 0);
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_GONE);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    end_devices();
}

/* The button was pressed, and its status does not become 0: it keeps what it has. */
static void
a_device_that_does_not_become_quiet_is_not_removed(void)
{
    begin_devices();
    open_rng();
    bind_bit(QUEUE);
    fly(QUEUE, 32, 0);
    rng->stuck = true;
    CHECK_EQ(take_events(), 0);
    CHECK(!device_removed(&devices[FAKE_RNG]));
    CHECK(!rng->mastering && !devices[FAKE_RNG].gone);
    CHECK_EQ(take_events(), 8); /* who waits for a completion would wait for ever */
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_RESET);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN);
    rng->stuck = false;
    CHECK(device_removed(&devices[FAKE_RNG]));
    CHECK_EQ(take_events(), 8); /* who looks at the ring page only sees it now */
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_GONE);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    end_devices();
}

/* Who reads its configuration finds out; who is bound is told, once. */
static void
a_device_that_does_not_answer_is_gone(void)
{
    begin_devices();
    uint64_t sectors = 0;
    CHECK_EQ(CALL(device_config, BLOCK, 0, FAKE_USER, sizeof(sectors)), EXO_OK);
    memcpy(&sectors, fake_user, sizeof(sectors));
    CHECK_EQ(sectors, FAKE_SECTORS);
    CHECK_EQ(CALL(device_config, BLOCK, 1, FAKE_USER, 1), EXO_E_AGAIN); /* the double's way */
    CHECK_EQ(device_info_of(BLOCK).state, EXO_DEVICE_CLOSED);
    bind_bit(BLOCK);
    block->removed = true;
    CHECK_EQ(take_events(), 0);
    CHECK_EQ(CALL(device_config, BLOCK, 0, FAKE_USER, sizeof(sectors)), EXO_E_GONE);
    CHECK_EQ(take_events(), 8);
    CHECK_EQ(CALL(device_config, BLOCK, 0, FAKE_USER, sizeof(sectors)), EXO_E_GONE);
    CHECK_EQ(take_events(), 0);
    CHECK_EQ(device_info_of(BLOCK).state, EXO_DEVICE_GONE);
    CHECK_EQ(device_info_of(NET).state, EXO_DEVICE_CLOSED);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 1, 0, 0), EXO_E_GONE);
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(a_device_that_lies_is_reset),
    TAP(an_index_that_jumps_completes_nothing),
    TAP(a_device_that_writes_what_it_may_only_read_is_reset),
    TAP(a_device_that_is_pulled_out_is_gone),
    TAP(a_device_that_is_removed_may_do_no_dma),
    TAP(a_device_that_does_not_become_quiet_is_not_removed),
    TAP(a_device_that_does_not_answer_is_gone),
};
TAP_MAIN(tests)
