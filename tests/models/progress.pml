/*
 * A revoke ends: docs/design/capabilities.md ("Revoke, drop, doom"), exo/core/{revoke,epoch}.c.
 *
 *   here               there
 *   enter, leave       kernel entry and exit
 *   scan               epoch_passed
 *   ask                cap_revoke_step and the origin_step in it
 *   copy               cap_derive
 *   origin.pending     the outermost slot whose revoke came while another was under way; it begins
 *                      at the end of that one, with no moment of IDLE in between
 *
 * Slot 0 is the owner's; 1 and 2 are children of it, each with a hostile holder that copies it and
 * revokes the copies again, for ever, so that the origin is never idle for long. The owner revokes
 * slot 0, repeating the call as EXO_E_AGAIN asks. One call's work on the origin is one step (it has
 * the lock), and under weak fairness each CPU gets its next step some time.
 *
 * Abstracted: the subtree of slot 1 or 2 is one copy; marks are not kept; epochs are compared with
 * the last announced one only; store buffers (revoke.pml has them).
 *
 * Holds: the owner's call returns EXO_OK, whatever the others do (`ends`).
 */
// config: pan=-m200000 ltl=-f

#define CPUS 3
#define OLD 1
#define NEW 2
#define OUTSIDE 3
#define NONE 3

mtype = { IDLE, MARK, GRACE, SWEEP };

byte epoch[CPUS] = OUTSIDE;
mtype phase = IDLE;
byte revoking = NONE, pending = NONE;
bool held[CPUS] = true; /* slot 1, 2 */
bool copied[CPUS];      /* its child */
bool done;

ltl ends { <> done }

#define childless(x) (x == 0 -> !held[1] && !held[2] : !copied[x])
#ifdef MUTANT_outside_only
#define passed(x) (x == me || epoch[x] == OUTSIDE)
#else
#define passed(x) (x == me || epoch[x] != OLD)
#endif
#define aged(e) (e == NEW -> OLD : e)

inline enter() { epoch[me] = NEW }

inline leave() { epoch[me] = OUTSIDE }

inline begin(x)
{
    revoking = x;
    phase = MARK
}

inline sweep_step()
{
    if
    :: (revoking == 0 || revoking == 1) && copied[1] -> copied[1] = false
    :: (revoking == 0 || revoking == 2) && copied[2] -> copied[2] = false
    :: revoking == 0 && !copied[1] && held[1] -> held[1] = false
    :: revoking == 0 && !copied[2] && held[2] -> held[2] = false
    :: childless(revoking) ->
        revoking = NONE;
        phase = IDLE;
        if
        :: pending != NONE -> begin(pending); pending = NONE
        :: else
        fi
    fi;
    /* A slot that was emptied has nothing pending. */
    pending = (pending == 1 && !held[1] || pending == 2 && !held[2] -> NONE : pending)
}

inline want(x)
{
#ifndef MUTANT_no_pending
    if
    :: revoking != x && (pending == NONE || x == 0) -> pending = x
    :: else
    fi
#else
    skip
#endif
}

inline step()
{
    if
    :: phase == MARK ->
        epoch[0] = aged(epoch[0]);
        epoch[1] = aged(epoch[1]);
        epoch[2] = aged(epoch[2]);
        phase = GRACE
    :: phase == GRACE && passed(0) && passed(1) && passed(2) -> phase = SWEEP
    :: phase == GRACE && !(passed(0) && passed(1) && passed(2)) -> skip
    :: phase == SWEEP -> sweep_step()
    :: phase == IDLE
    fi
}

/* ok: EXO_OK */
inline ask(x, ok)
{
    atomic {
        if
        :: phase == IDLE && childless(x) -> ok = true
        :: phase == IDLE && !childless(x) -> begin(x); step()
        :: phase != IDLE -> want(x); step()
        fi
    }
}

active proctype owner()
{
    byte me = 0;
    do
    :: !done -> enter(); ask(0, done); leave()
    :: else -> break
    od
}

active [2] proctype holder()
{
    byte me = _pid;
    bool ok;
    do
    ::  enter();
        if
        :: held[me] && !copied[me] ->
            atomic { copied[me] = (phase == IDLE && held[me]); }
        :: held[me] -> ask(me, ok); ok = false
        :: else
        fi;
        leave()
    od
}
