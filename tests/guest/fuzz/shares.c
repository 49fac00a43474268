/* What workers share, and what is granted to them; taken away at times. */
#include "crew.h"

#define GRANT_TRIES 1000u

void
shares_begin(void)
{
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &crew.code), EXO_OK);
    memcpy(crew.code.at, fuzz_code_begin, (size_t)(fuzz_code_end - fuzz_code_begin));
    check_equal(rt_unmap_pages(exo_address(crew.code.at), 1), EXO_OK);
    check_equal(rt_memory_take(FUZZ_SHARED_FRAMES, EXO_PROT_READ, &crew.frames), EXO_OK);
    check_equal(rt_unmap_pages(exo_address(crew.frames.at), FUZZ_SHARED_FRAMES), EXO_OK);
    for (uint32_t i = 0; i < FUZZ_ENDPOINTS; i++) {
        crew.endpoints[i] = rt_slot_take();
        check_equal(exo_endpoint_create(EXO_BOOT_CELL, crew.endpoints[i]), EXO_OK);
    }
    for (uint32_t i = 0; i < FUZZ_BELLS; i++) {
        crew.bells[i] = rt_slot_take();
        check_equal(exo_notification_create(EXO_BOOT_CELL, crew.bells[i]), EXO_OK);
    }
}

/* --- Grants -------------------------------------------------------------------------------------
 */

/* A copy; again while a revocation is under way in the tree: each try helps it on. */
static void
grant(uint32_t src, const struct member *to, uint32_t dst, uint32_t rights, uint64_t base,
      uint32_t count)
{
    for (uint32_t tries = 0; to->alive && tries < GRANT_TRIES; tries++)
        if (exo_cap_copy(src, to->child.env, dst, rights, base, count) != EXO_E_BUSY)
            return;
}

static void
grant_endpoint(uint32_t which, const struct member *to)
{
    grant(crew.endpoints[which], to, FUZZ_SLOT_ENDPOINT + which, EXO_READ | EXO_WRITE | EXO_COPY, 0,
          0);
}

static void
grant_bell(uint32_t which, const struct member *to)
{
    grant(crew.bells[which], to, FUZZ_SLOT_BELL + which, EXO_WRITE | EXO_COPY,
          1ull << test_random() % 64, 0);
}

static void
grant_frames(const struct member *to)
{
    grant(crew.frames.slot, to, FUZZ_SLOT_SHARED, EXO_RIGHTS_ALL, 0, 0);
}

/* Each gets the other's environment. */
static void
introduce(uint32_t a, uint32_t b)
{
    uint32_t place = (b - a - 1 + crew.count) % crew.count;
    if (place < FUZZ_PEERS && crew.members[b].alive) {
        grant(crew.members[b].child.env, &crew.members[a], FUZZ_SLOT_PEER + place,
              EXO_RIGHTS_ALL & ~(uint32_t)EXO_EXEC, 0, 0);
    }
}

static void
grant_shared(const struct member *member)
{
    grant_frames(member);
    for (uint32_t i = 0; i < FUZZ_ENDPOINTS; i++)
        grant_endpoint(i, member);
    for (uint32_t i = 0; i < FUZZ_BELLS; i++)
        grant_bell(i, member);
}

static void
grant_own(const struct member *member)
{
    const uint32_t use = EXO_READ | EXO_WRITE | EXO_COPY;
    grant(member->memory.slot, member, FUZZ_SLOT_PAGE, EXO_READ | EXO_WRITE, 0, 0);
    grant(crew.code.slot, member, FUZZ_SLOT_CODE, EXO_READ | EXO_EXEC | EXO_COPY, 0, 0);
    grant(EXO_BOOT_MACHINE, member, FUZZ_SLOT_MACHINE, EXO_READ | EXO_COPY, 0, 0);
    grant(EXO_BOOT_TRACE, member, FUZZ_SLOT_TRACE, EXO_READ | EXO_CONTROL | EXO_COPY, 0, 0);
    grant(EXO_BOOT_IRQ, member, FUZZ_SLOT_IRQS, EXO_WRITE | EXO_COPY, FUZZ_IRQ_FIRST, FUZZ_IRQS);
    for (uint32_t i = 0; i < FUZZ_DEVICES; i++)
        grant(EXO_BOOT_DEVICE + i, member, FUZZ_SLOT_DEVICE + i, EXO_RIGHTS_ALL, 0, 0);
    for (uint32_t i = 0; i < rt_machine.cpus; i++)
        grant(EXO_BOOT_CPU + i, member, FUZZ_SLOT_CPU + i, use, 0, FUZZ_CPU_SHARE);
}

void
shares_grant(uint32_t number)
{
    grant_own(&crew.members[number]);
    grant_shared(&crew.members[number]);
    for (uint32_t i = 0; i < crew.count; i++) {
        if (i != number) {
            introduce(number, i);
            introduce(i, number);
        }
    }
}

/* --- Taking away --------------------------------------------------------------------------------
 */

static void
renew_endpoint(uint32_t which)
{
    (void)rt_drop(crew.endpoints[which]);
    check_equal(exo_endpoint_create(EXO_BOOT_CELL, crew.endpoints[which]), EXO_OK);
}

void
shares_take_away(void)
{
    uint32_t which = (uint32_t)(test_random() >> 40) % (2 + FUZZ_ENDPOINTS);
    if (which < FUZZ_ENDPOINTS)
        renew_endpoint(which);
    else if (which == FUZZ_ENDPOINTS)
        check_equal(rt_revoke(crew.frames.slot), EXO_OK);
    else
        check_equal(rt_revoke(crew.bells[test_random() % FUZZ_BELLS]), EXO_OK);
    for (uint32_t i = 0; i < crew.count; i++)
        grant_shared(&crew.members[i]);
    crew.totals->takeaways++;
}
