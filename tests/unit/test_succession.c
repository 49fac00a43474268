/*
 * Which model is served next: a bad generation is refused once, one without memory never, and what
 * is said where memory is short.
 */
#include "succession.h"

#include <string.h>

#include "shortage.h"
#include "tap.h"

static struct {
    unsigned refused, opened_anew, sought, used, given_up;
    bool has_memory;
} seen;

static bool
use(void)
{
    seen.used++;
    return seen.has_memory;
}

static void
close_model(bool is_short)
{
    seen.opened_anew += is_short;
    seen.refused += !is_short;
}

static void
seek(void)
{
    seen.sought++;
}

static void
give_up(void)
{
    seen.given_up++;
}

static const struct succession_program program = {use, close_model, seek, give_up};
static struct succession succession;
static uint64_t now_us;

static void
begin(bool has_memory)
{
    memset(&seen, 0, sizeof seen);
    seen.has_memory = has_memory;
    succession = (struct succession){.program = &program};
    now_us = 1;
}

static void
turn(bool lost, bool is_short)
{
    succession_turn(&succession, lost, is_short, now_us);
}

static void
a_bad_generation_is_refused_and_the_next_one_is_served(void)
{
    begin(true);
    turn(false, false);
    CHECK(seen.sought == 0 && !succession_waits(&succession));
    turn(true, false);
    CHECK(seen.refused == 1 && seen.opened_anew == 0 && seen.sought == 1);
    turn(true, false);
    CHECK(seen.sought == 1 && succession_waits(&succession));
    succession_found(&succession, SUCCESSION_FOUND);
    turn(true, false);
    CHECK(seen.used == 1 && seen.refused == 1 && !succession_waits(&succession));
}

static void
without_another_generation_nothing_is_sought_any_more(void)
{
    begin(true);
    turn(true, false);
    succession_found(&succession, SUCCESSION_NONE);
    turn(true, false);
    turn(true, false);
    CHECK(seen.sought == 1 && seen.used == 0 && seen.given_up == 0);
    CHECK(!succession_waits(&succession));
}

static void
a_generation_without_memory_for_answers_is_opened_again_and_not_refused(void)
{
    begin(false);
    turn(true, false);
    succession_found(&succession, SUCCESSION_FOUND);
    turn(true, false);
    CHECK(seen.used == 1 && seen.refused == 1 && seen.opened_anew == 1);
    CHECK_EQ(seen.sought, 2);
    succession_found(&succession, SUCCESSION_SHORT);
    turn(true, false);
    CHECK(seen.opened_anew == 2 && seen.sought == 2); /* not before a pause */
    turn(true, false);
    CHECK_EQ(seen.sought, 2);
    now_us += SUCCESSION_PAUSE_US;
    turn(true, false);
    CHECK_EQ(seen.sought, 3);
    seen.has_memory = true;
    succession_found(&succession, SUCCESSION_FOUND);
    turn(true, false);
    CHECK(seen.refused == 1 && seen.given_up == 0 && succession.shortages == 0);
}

static void
a_model_that_runs_short_of_memory_is_opened_again_and_not_refused(void)
{
    begin(true);
    turn(true, true);
    CHECK(seen.refused == 0 && seen.opened_anew == 1 && seen.sought == 1);
}

static void
without_memory_it_is_tried_some_times_and_then_given_up(void)
{
    begin(false);
    turn(true, false);
    for (int i = 0; i < 100; i++) {
        now_us += SUCCESSION_PAUSE_US;
        if (succession.state == SUCCESSION_SOUGHT)
            succession_found(&succession, i % 2 == 0 ? SUCCESSION_SHORT : SUCCESSION_FOUND);
        turn(true, false);
    }
    CHECK_EQ(seen.sought, 1 + SUCCESSION_TRIES);
    CHECK(seen.given_up == 1 && seen.refused == 1);
    CHECK(!succession_waits(&succession));
}

static void
a_shortage_names_what_there_is_and_what_is_needed(void)
{
    char text[160];
    shortage_text(text, sizeof text, 16 * 256, 3 * 256 + 9, (25u << 20) + 1);
    CHECK(strcmp(text, "too little memory: the machine has 16 MiB, of which 3 are free; about 48 "
                       "are needed (MEM=48M)") == 0);
    shortage_text(text, sizeof text, 128 * 256, 0, 0);
    CHECK(strstr(text, "has 128 MiB, of which 0 are free; about 136 are needed (MEM=136M)") !=
          NULL);
}

static const struct tap_test tests[] = {
    TAP(a_bad_generation_is_refused_and_the_next_one_is_served),
    TAP(without_another_generation_nothing_is_sought_any_more),
    TAP(a_generation_without_memory_for_answers_is_opened_again_and_not_refused),
    TAP(a_model_that_runs_short_of_memory_is_opened_again_and_not_refused),
    TAP(without_memory_it_is_tried_some_times_and_then_given_up),
    TAP(a_shortage_names_what_there_is_and_what_is_needed),
};
TAP_MAIN(tests)
