/*
 * Spin locks: exo/core/lock.{c,h}. A CPU that takes the lock again and again cannot keep another
 * one from it.
 *
 *   here        there
 *   try         lock_try: the fast half of lock_acquire, and each attempt of the slow one
 *   wait        lock_wait, with PATIENCE for LOCK_PATIENCE
 *   release     lock_release: a store of the byte `held`
 *
 * CPU 0 wants the lock once, CPU 1 for ever; under weak fairness each gets its next step some time,
 * but CPU 0 may look at the word just while the lock is held, each time.
 *
 * Abstracted: memory is in order (all that is here is one word); CPUS is 2, since among several that
 * starve at once chance decides. With `-DCPUS=3` the search for assertions passes, too.
 *
 * Holds: one CPU at a time has the lock; the word says STARVED only while one that starves waits, so
 * that there is somebody who may take it; CPU 0 gets the lock (`served_once`).
 */
// config: pan=-m100000 ltl=-f

#ifndef CPUS
#define CPUS 2
#endif
#define PATIENCE 2
#define HELD 1
#define STARVED 2

byte word, inside, starving;
bool served;

ltl served_once { <> served }

inline try(expected)
{
    atomic {
        got = (word == expected);
        if
        :: got -> word = HELD; starving = starving - (starved != 0); starved = 0
        :: else
        fi
    }
}

inline wait()
{
    looks = 0;
    do
    :: seen = word;
        if
        :: seen == 0 || seen == starved -> try(seen)
        :: else
        fi;
        if
        :: got -> break
#ifdef MUTANT_counts_while_another_starves
        :: !got ->
#else
        :: !got && (seen & STARVED) != 0 -> skip
        :: !got && (seen & STARVED) == 0 ->
#endif
            looks = (looks + 1) % PATIENCE;
#ifndef MUTANT_never_starves
            if
            :: looks == 0 ->
                atomic { starving = starving + (starved == 0); starved = STARVED; word = word | STARVED }
            :: else
            fi
#endif
        fi
    od
}

inline release()
{
#ifdef MUTANT_release_clears_all
    word = 0
#else
    word = word & STARVED
#endif
}

active [CPUS] proctype cpu()
{
    byte seen, starved, looks;
    bool got;
    do
    :: _pid == 0 && served -> break
    :: else ->
        try(0);
        if
        :: !got -> wait()
        :: else
        fi;
        inside++;
        assert(inside == 1);
        assert((word & STARVED) == 0 || starving > 0);
        inside--;
        served = served || _pid == 0;
        release()
    od
}
