/*
 * Revoke, drop and doom against lookups and copies on other CPUs, and the grace periods that they
 * stand on: docs/design/capabilities.md, exo/core/{cap,revoke,reap,epoch}.c. Mappings, and moves,
 * are in mapping.pml; that a revoke ends is in progress.pml.
 *
 *   here                               there
 *   enter, drain, leave                kernel entry: the epoch, the full barrier; exit
 *   epoch_advance, scan                epoch_advance, epoch_passed
 *   look_up                            cap_read: the slot, then the generation
 *   still                              cap_still
 *   derive                             cap_derive
 *   revoke, begin_or_help, drop_leaf   cap_revoke_step, the same by others, cap_drop_step
 *   origin_step                        origin_step with STEP_SLOTS = 1
 *   owner                              cap_revoke_step, origin_doom, cell_reap_step with free_zombies
 *
 * One origin. Slot 0 is its root, 1 a child, 2 a child of 1, 3 is empty. CPU 0 is the owner: it
 * revokes slot 0 until that succeeds (or does not), destroys the object, frees it. CPU 1 is another
 * thread of the owner and holds slots 1 and 2 as well; CPU 2 holds 2 and 3. These two do anything, in any
 * order, for ever; CPU 2 also steps the doomed object, as whoever holds the cell may.
 *
 * Explicit: a store buffer in front of each CPU's epoch word (`parked`), that only the barrier is
 * sure to empty. The epochs of the others are read one at a time.
 *
 * Abstracted: epochs are compared with the last one announced and no other, so that OLD and NEW
 * are enough. Reading a slot under its sequence is one step (a reader never sees half a slot); what
 * only the holder of the origin lock reads and writes is one step. The revoker's marks and its
 * announcement are in order (its own barrier). Sequences do not wrap. Copies are bounded in number.
 *
 * Holds: no CPU touches the object after it was freed; when revoke returns EXO_OK nothing derived
 * is left and nobody acts on what was, not even one who looked it up before; at each moment the tree
 * is well formed.
 */
// config: pan=-m3000000 cc=-DCOLLAPSE

#define CPUS 3
#define SLOTS 4
#define NONE 7
#define FILLS 1 /* copies made at most */

#define OLD 1 /* epochs: before the one last announced, since, none */
#define NEW 2
#define OUTSIDE 3

mtype = { IDLE, MARK, GRACE, SWEEP, FINISH, DEAD };

byte epoch[CPUS] = OUTSIDE;
byte parked[CPUS]; /* store buffer: an epoch on its way to `epoch`; 0: empty */

mtype phase = IDLE;
bool scanning; /* the origin lock, for as long as it takes to read the epochs */
bool doomed, freed;
bit generation;
byte revoking = NONE, cursor = NONE, tail = 2;

bit slot_generation[SLOTS];
bool filled[SLOTS], dying[SLOTS];
byte sequence[SLOTS], depth[SLOTS], after[SLOTS], before[SLOTS];

byte fills;
byte revoked[SLOTS]; /* sequences below were revoked: nobody may act on what was read under one */

#define childless(x) (after[x] == NONE || depth[after[x]] <= depth[x])
#define known (filled[s] && sequence[s] == seen)
#define still (known && !dying[s] && generation == slot_generation[s])
#define aged(e) (e == NEW -> OLD : e)

inline epoch_advance()
{
    epoch[0] = aged(epoch[0]);
    epoch[1] = aged(epoch[1]);
    epoch[2] = aged(epoch[2]);
    parked[0] = aged(parked[0]);
    parked[1] = aged(parked[1]);
    parked[2] = aged(parked[2])
}

inline enter() { parked[me] = NEW }

inline drain()
{
#ifdef MUTANT_no_barrier
    skip
#else
    !parked[me]
#endif
}

inline leave() { d_step { parked[me] = 0; epoch[me] = OUTSIDE; s = 0; seen = 0; own = 0; hit = false } }

inline check_tree()
{
    i = 0;
    do
    :: i < SLOTS ->
        assert(!filled[i] || after[i] == NONE ||
               (filled[after[i]] && depth[after[i]] <= depth[i] + 1));
        assert(!filled[i] || depth[i] == 0 || filled[before[i]]);
        i++
    :: else -> break
    od;
    i = 0
}

inline link(p, x)
{
    before[x] = p;
    after[x] = after[p];
    if
    :: after[x] == NONE -> tail = x
    :: else -> before[after[x]] = x
    fi;
    after[p] = x;
    filled[x] = true;
    slot_generation[x] = generation
}

inline erase(x)
{
    if
    :: before[x] != NONE -> after[before[x]] = after[x]
    :: else
    fi;
    if
    :: after[x] != NONE -> before[after[x]] = before[x]
    :: else -> tail = before[x]
    fi;
    filled[x] = false;
    dying[x] = false;
    slot_generation[x] = 0;
    depth[x] = 0;
    after[x] = NONE;
    before[x] = NONE;
    sequence[x]++;
    check_tree()
}

/* EXO_OK is seen != 0 && hit. */
inline look_up()
{
    d_step {
        seen = (filled[s] -> sequence[s] : 0);
        own = slot_generation[s];
        hit = filled[s] && !dying[s]
    }
    if
    :: seen == 0
    :: else -> d_step { assert(!freed); hit = hit && generation == own; own = 0 }
    fi
}

/* One after the other; passed: all but this CPU have been outside, or came in since. */
inline scan(passed)
{
#ifdef MUTANT_no_grace
    passed = true
#else
    if
    :: epoch[(me + 1) % CPUS] == OLD -> passed = false
    :: else -> passed = (epoch[(me + 2) % CPUS] != OLD)
    fi
#endif
}

inline mark_step()
{
    n = after[cursor];
    if
    :: n == NONE || depth[n] <= depth[revoking] -> epoch_advance(); phase = GRACE
    :: else -> dying[n] = true; cursor = n
    fi;
    n = 0
}

inline sweep_step()
{
#ifdef MUTANT_root_first
    n = (doomed -> 0 : revoking);
    v = (childless(n) -> NONE : after[n]);
#else
    v = (doomed -> (depth[tail] == 0 -> NONE : tail) : (cursor == revoking -> NONE : cursor));
#endif
    if
    :: v == NONE ->
        phase = (doomed -> FINISH : IDLE);
        revoking = NONE;
        cursor = NONE
    :: else ->
        cursor = (doomed -> NONE : before[v]);
        erase(v)
    fi;
    n = 0;
    v = 0
}

inline origin_step()
{
    atomic {
        !scanning -> assert(!freed);
        if
        :: phase == MARK -> d_step { mark_step() }
        :: phase == SWEEP -> d_step { sweep_step() }
        :: phase == FINISH -> d_step { erase(0); phase = DEAD; epoch_advance() }
        :: phase == GRACE -> scanning = true; goto_scan = true
        :: else
        fi
    }
    if
    :: goto_scan ->
        scan(hit);
        d_step { phase = (hit -> SWEEP : phase); hit = false; scanning = false; goto_scan = false }
    :: else
    fi
}

/*
 * cap_revoke_step of slot 0. It answers EXO_OK (done) only when also the last descendant that was
 * dropped, not revoked, went a grace period ago.
 */
inline revoke()
{
    atomic {
        !scanning -> assert(!freed);
        if
        :: phase == IDLE && childless(0) -> scanning = true; asking = true
        :: phase == IDLE && !childless(0) -> revoking = 0; cursor = 0; phase = MARK
        :: else
        fi
    }
    if
    :: asking ->
#ifdef MUTANT_drop_without_epoch
        hit = true;
#else
        scan(hit);
#endif
        d_step {
            if
            :: hit ->
                assert(!filled[1] && !filled[2] && !filled[3]);
                revoked[1] = sequence[1];
                revoked[2] = sequence[2];
                revoked[3] = sequence[3];
                done = true
            :: else
            fi;
            hit = false;
            asking = false;
            scanning = false
        }
    :: else -> origin_step()
    fi
}

/* cap_revoke_step by somebody else: begins, or helps; EXO_E_AGAIN in any case. */
inline begin_or_help()
{
    atomic {
        !scanning -> assert(!freed);
        if
        :: known && phase == IDLE && !childless(s) -> revoking = s; cursor = s; phase = MARK
        :: else
        fi
    }
    origin_step()
}

inline drop_leaf()
{
    atomic {
        !scanning -> assert(!freed);
        if
        :: s > 0 && known && phase == IDLE && childless(s) -> d_step { erase(s); epoch_advance() }
        :: else
        fi
    }
}

#ifdef MUTANT_copy_during_mark
#define changeable (phase == IDLE || phase == MARK)
#else
#define changeable (phase == IDLE)
#endif

inline derive()
{
    atomic {
        !scanning -> assert(!freed);
        if
        :: still && changeable && fills < FILLS && !filled[3] ->
            d_step {
                assert(seen >= revoked[s]);
                link(s, 3);
                depth[3] = depth[s] + 1;
                sequence[3]++;
                fills++;
                check_tree()
            }
        :: else
        fi
    }
}

/* Any use of the object that checks nothing again. */
inline use() { assert(seen >= revoked[s] && !freed) }

proctype user(byte me; byte lowest; byte highest)
{
    byte s, seen, i, v, n;
    bool hit, goto_scan;
    bit own;

    do
    ::  enter();
        drain();
        if
        :: me == 2 && doomed && phase != DEAD -> origin_step()
        :: else ->
            select(s : lowest .. highest);
            look_up();
            if
            :: hit ->
                if
                :: use()
                :: derive()
                fi
            :: seen != 0 ->
                if
                :: begin_or_help()
                :: drop_leaf()
                fi
            :: seen == 0
            fi
        fi;
        leave()
    od
}

proctype owner(byte me)
{
    byte s, seen, i, v, n;
    bool hit, goto_scan, asking, done;
    bit own;

    do
    :: done -> break
    :: !done ->
        enter();
        drain();
        revoke();
        leave()
    :: !done -> break
    od;
    enter();
    drain();
    atomic {
        !scanning -> doomed = true;
        generation = 1;
        revoking = NONE;
        cursor = NONE;
        epoch_advance();
        phase = GRACE
    }
    leave();
    do
    :: phase != DEAD ->
        enter();
        drain();
        origin_step();
        leave()
    :: else -> break
    od;
    do
    ::  enter();
        drain();
        scan(hit);
        if
        :: hit -> freed = true; leave(); break
        :: else -> leave()
        fi
    od
}

/* Store buffers empty when they like. */
proctype memory()
{
end:
    do
    :: atomic { parked[0] -> epoch[0] = parked[0]; parked[0] = 0 }
    :: atomic { parked[1] -> epoch[1] = parked[1]; parked[1] = 0 }
    :: atomic { parked[2] -> epoch[2] = parked[2]; parked[2] = 0 }
    od
}

init
{
    atomic {
        filled[0] = true; filled[1] = true; filled[2] = true;
        sequence[0] = 1; sequence[1] = 1; sequence[2] = 1; sequence[3] = 1;
        depth[1] = 1; depth[2] = 2;
        after[0] = 1; after[1] = 2; after[2] = NONE; after[3] = NONE;
        before[0] = NONE; before[1] = 0; before[2] = 1; before[3] = NONE;
        run memory();
        run owner(0);
        run user(1, 0, 2);
        run user(2, 2, 3)
    }
}
