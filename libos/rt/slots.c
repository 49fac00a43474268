/* Capability slots of the own table: a bitmap of those that are taken. */
#include "private.h"

#define SLOTS (EXO_CAP_PAGES_MAX * EXO_CAPS_PER_PAGE)

static struct rt_lock slots_lock; /* protects all of the following */
static uint64_t taken[SLOTS / 64];
static uint32_t table_pages = 1;       /* of the table, from page 0 on */
static uint32_t first = RT_SLOT_FIRST; /* that may be taken */

void
rt_slots_begin(void)
{
    struct exo_cap_info info;
    uint32_t slot = EXO_BOOT_DEVICE;
    while (slot < EXO_BOOT_SLOTS && exo_cap_info(slot, &info) == EXO_OK)
        slot++;
    first = slot > first ? slot : first;
}

static bool
is_taken(uint32_t slot)
{
    return slot < first || (taken[slot / 64] >> slot % 64 & 1);
}

static bool
grow(void)
{
    if (table_pages == EXO_CAP_PAGES_MAX)
        return false;
    int64_t err = exo_cap_extend(EXO_SELF, table_pages);
    if (err == EXO_OK || err == EXO_E_OCCUPIED) {
        table_pages++;
        return true;
    }
    return false;
}

static uint32_t
take_locked(void)
{
    for (uint32_t slot = first; slot < SLOTS; slot++) {
        if (slot == table_pages * EXO_CAPS_PER_PAGE && !grow())
            return EXO_NONE;
        if (!is_taken(slot)) {
            taken[slot / 64] |= 1ull << slot % 64;
            return slot;
        }
    }
    return EXO_NONE;
}

uint32_t
rt_slot_take(void)
{
    rt_lock(&slots_lock);
    uint32_t slot = take_locked();
    rt_unlock(&slots_lock);
    return slot;
}

void
rt_slot_put(uint32_t slot)
{
    if (slot >= first && slot < SLOTS) {
        rt_lock(&slots_lock);
        taken[slot / 64] &= ~(1ull << slot % 64);
        rt_unlock(&slots_lock);
    }
}

void
rt_slots_clear(void)
{
    for (uint32_t slot = table_pages * EXO_CAPS_PER_PAGE; slot-- > first;) {
        if (is_taken(slot)) {
            (void)rt_drop(slot);
            rt_slot_put(slot);
        }
    }
}
