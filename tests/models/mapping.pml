/*
 * Mappings against revoke, drop, doom and move: docs/design/capabilities.md ("Mappings"),
 * exo/core/{cap,revoke,vspace}.c. Grace periods play no part in this, and are left out: it is the
 * re-check under the address-space lock that keeps a late map out.
 *
 *   here          there
 *   map           map: cap_lookup, then under the vspace lock cap_still, entries, CAP_MAPPED
 *   unmap_step    cap_unmap_step: one entry a step
 *   move          cap_transfer: both slots locked *before* the sweep, so that cap_still fails
 *   drop_leaf     cap_drop_step -> remove_step
 *   step          origin_step: mark and sweep (one descendant), finish
 *
 * One origin, a run of frames; slot 0 is its root, 1 its child, 2 empty, each in an environment of
 * its own. The owner revokes slot 0, then destroys the object. A second CPU maps through any slot,
 * for ever; a third moves between slots 1 and 2, and drops. Locks are explicit: the origin's, each
 * slot's (an odd sequence; lookups wait), each address space's.
 *
 * Abstracted: a slot's mappings are a number, its hull is exact; what lies in one critical section
 * and concerns nobody outside is one step. Moves are bounded in number.
 *
 * Holds: a slot that is emptied has no mappings; when revoke returns EXO_OK none is left below it;
 * none to frames that were freed; only a filled slot gets mappings.
 */
// config: pan=-m1000000 cc=-DCOLLAPSE

#define SLOTS 3
#define PAGES 2 /* mapped through a slot at most, one each map */
#define MOVES 2

mtype = { IDLE, MARK, SWEEP, FINISH, DEAD };

mtype phase = IDLE;
bool origin_lock, doomed, frames_freed;
bit generation;

bool filled[SLOTS], dying[SLOTS], space_lock[SLOTS];
byte mapped[SLOTS], sequence[SLOTS];
byte moves;

#define still (sequence[s] == seen && !dying[s] && generation == 0)
#define child (filled[1] -> 1 : (filled[2] -> 2 : 0))

inline look_up()
{
    atomic {
        sequence[s] % 2 == 0 ->
        seen = sequence[s];
        hit = filled[s] && !dying[s] && generation == 0
    }
}

inline unmap_step(x)
{
    atomic { !space_lock[x] -> mapped[x] = (mapped[x] > 0 -> mapped[x] - 1 : 0); more = (mapped[x] > 0); }
}

inline erase(x)
{
    assert(mapped[x] == 0);
    filled[x] = false;
    dying[x] = false;
    sequence[x] = sequence[x] + 2 - sequence[x] % 2
}

inline remove_step(x)
{
    dying[x] = true;
    unmap_step(x);
    if
    :: !more -> d_step { erase(x) }
    :: else -> more = false
    fi
}

/* cap_revoke_step of slot 0, and origin_step. */
inline step()
{
    atomic { !origin_lock -> origin_lock = true; }
    if
    :: phase == IDLE && child == 0 ->
        assert(mapped[1] + mapped[2] == 0);
        done = true
    :: phase == IDLE && child != 0 -> phase = MARK
    :: phase == MARK -> atomic { s = child; dying[s] = true; s = 0; phase = SWEEP; }
    :: phase == SWEEP ->
        s = child;
        if
        :: s != 0 -> remove_step(s)
        :: else -> phase = (doomed -> FINISH : IDLE)
        fi;
        s = 0
    :: phase == FINISH ->
        unmap_step(0);
        if
        :: !more ->
            atomic { assert(mapped[0] + mapped[1] + mapped[2] == 0); frames_freed = true; }
            remove_step(0);
            phase = DEAD
        :: else -> more = false
        fi
    fi;
    origin_lock = false
}

proctype owner()
{
    byte s;
    bool more, done;

    do
    :: done -> break
    :: !done -> step()
    :: !done -> break
    od;
    atomic { !origin_lock -> doomed = true; generation = 1; phase = SWEEP; }
    do
    :: phase != DEAD -> step()
    :: else -> break
    od
}

inline map()
{
    atomic { !space_lock[s] -> space_lock[s] = true; }
#ifndef MUTANT_map_without_recheck
    hit = still;
#endif
    atomic {
        if
        :: hit && mapped[s] < PAGES ->
            assert(filled[s] && !frames_freed);
            mapped[s]++
        :: else
        fi;
        space_lock[s] = false
    }
}

proctype mapper()
{
    byte s, seen;
    bool hit;

    do
    ::  select(s : 0 .. 2);
        look_up();
        if
        :: hit -> map()
        :: else
        fi;
        d_step { s = 0; seen = 0; hit = false }
    od
}

/* The origin lock is held. Slots that were locked for nothing get their old sequence back. */
inline move()
{
#ifdef MUTANT_move_unmaps_first
    unmap_step(s);
    d_step { sequence[s]++; sequence[3 - s]++ }
#else
    d_step { sequence[s]++; sequence[3 - s]++ }
    unmap_step(s);
#endif
    d_step {
        if
        :: !more ->
            filled[3 - s] = true;
            sequence[3 - s]++;
            erase(s);
            moves++
        :: else ->
            sequence[s]--;
            sequence[3 - s]--;
            more = false
        fi
    }
}

proctype mover()
{
    byte s, seen;
    bool hit, more;

    do
    ::  select(s : 1 .. 2);
        look_up();
        atomic { !origin_lock -> origin_lock = true; }
        if
        :: hit && still && phase == IDLE && moves < MOVES -> move()
        :: filled[s] && sequence[s] == seen && phase == IDLE -> remove_step(s)
        :: else
        fi;
        origin_lock = false;
        d_step { s = 0; seen = 0; hit = false }
    od
}

init
{
    atomic {
        filled[0] = true;
        filled[1] = true;
        run owner();
        run mapper();
        run mover()
    }
}
