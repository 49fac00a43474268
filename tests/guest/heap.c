// config: smp=1
/* The heap of libos/single, where there is no more memory. */
#include "test.h"

#include <stdlib.h>

#define MUCH  (1u << 30) /* more than the machine has */
#define TRIES 100u

static uint32_t
next_slot(void)
{
    uint32_t slot = rt_slot_take();
    rt_slot_put(slot);
    return slot;
}

static bool
can_have(size_t bytes)
{
    void *volatile some = malloc(bytes); /* volatile: else no malloc is called for it */
    bool any = some != NULL;
    free(some);
    return any;
}

static void
memory_that_is_not_there_costs_no_slots(void)
{
    check(!can_have(MUCH)); /* what there was is the heap's now */
    uint32_t slot = next_slot();
    for (uint32_t i = 0; i < TRIES; i++)
        check(!can_have(MUCH));
    check_equal(next_slot(), slot);
}

static void
what_was_taken_meanwhile_can_be_had(void)
{
    check(can_have(MUCH >> 10));
}

static const struct test tests[] = {TEST(memory_that_is_not_there_costs_no_slots),
                                    TEST(what_was_taken_meanwhile_can_be_had)};

int
main(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}
