/*
 * Notifications, wait() and event upcalls: no bit gets lost. exo/core/{notification,sched,upcall}.c
 * and the libOS's side of the control page (architecture: CPUs and upcalls; exo/abi.h).
 *
 *   here               there
 *   notifier           notify: bits ORed into control->events, full barrier, then under the
 *                      run-queue lock of the target's CPU: wake it if WAITING, else interrupt its
 *                      CPU unless `inside` is set (interrupting always is correct, too)
 *   wait               wait(): under that lock events are checked, then state = WAITING
 *   resume             resume(): inside = 0, full barrier, events checked (again: an upcall)
 *   leave_inside       the same by the program, without a system call
 *   interrupt          exit to EL0 after an interrupt: an upcall if events are set and not inside
 *   timer              the deadline of a wait
 *
 * One vCPU on CPU 0, a notifier on each of CPUs 1 and 2, each with a bit of its own that it sets
 * POSTS times. A thread of the program computes until it is done, or until an upcall.
 *
 * Explicit: store buffers. The ORed bits and the clearing of `inside` reach memory when the barrier,
 * the release of the lock, or chance will have it.
 *
 * Abstracted: event_mask has all bits (unmasking a bit is the same pattern as clearing `inside`);
 * one vCPU a CPU; the end of a slot, which would repair what was lost, never comes.
 *
 * Holds: whenever nothing in the system can move any more, every bit that was set was taken, by
 * exactly one exchange; a vCPU is put on the ready list once a wake-up.
 */
// config: pan=-m500000 cc=-DCOLLAPSE

#define POSTS 2

mtype = { RUNNING, WAITING };

mtype state = RUNNING;
byte events;          /* bits 1 and 2 */
bit inside = 1;       /* as other CPUs see it */
bool clearing;        /* store buffer of CPU 0: inside = 0 on its way */
bool posted[3];       /* store buffers of CPUs 1 and 2: the OR on its way */
bool locked;          /* the run queue of CPU 0 */
bool deadline, interrupted, ready;
byte due;             /* bits that were set and not taken yet */

#define mine (clearing -> 0 : inside) /* `inside` as CPU 0 sees it */

inline set_inside() { atomic { clearing = false; inside = 1; } }

inline take()
{
#ifdef MUTANT_no_exchange
    got = events;
    atomic { events = 0; due = due & ~got; got = 0; }
#else
    d_step { assert(events == due); events = 0; due = 0 }
#endif
}

inline wake()
{
    assert(!ready);
    state = RUNNING;
    deadline = false;
    ready = true
}

inline wait()
{
#ifdef MUTANT_check_before_lock
    if
    :: events != 0 -> goto takes
    :: else
    fi;
    atomic { !locked -> locked = true; }
#else
    atomic { !locked -> locked = true; }
    if
    :: events != 0 -> locked = false; goto takes
    :: else
    fi;
#endif
    state = WAITING;
    if
    :: deadline = true
    :: skip
    fi;
    locked = false;
endsleep:
    atomic { state == RUNNING -> assert(ready); ready = false; }
}

proctype vcpu()
{
    byte got;

takes: /* in the program, inside */
    take();
    if
    :: interrupted -> interrupted = false; goto takes /* deferred: inside */
    :: wait(); goto takes
    :: goto resume
    :: goto leave_inside
    fi;

resume:
#ifdef MUTANT_resume_checks_first
    if
    :: events != 0 -> goto takes
    :: else
    fi;
    clearing = true;
    !clearing;
    goto thread;
#else
    clearing = true;
    !clearing;
    if
    :: events != 0 -> set_inside(); goto takes
    :: else -> goto thread
    fi;
#endif

leave_inside:
    clearing = true;
#ifndef MUTANT_user_no_barrier
    !clearing;
#endif
    if
    :: events != 0 -> set_inside(); goto takes
    :: else
    fi;

thread:
    if
    :: set_inside(); goto takes /* done: the scheduler of the program goes on */
    :: skip                     /* goes on computing */
    fi;
endthread:
    atomic { interrupted -> interrupted = false; }
    if
    :: events != 0 && !mine -> set_inside(); goto takes /* upcall */
    :: else -> goto thread
    fi
}

proctype notifier(byte me)
{
    byte n;

    do
    :: n < POSTS ->
        posted[me] = true;
#ifndef MUTANT_notify_no_barrier
        !posted[me];
#endif
        atomic { !locked -> locked = true; }
        if
        :: state == WAITING -> atomic { wake(); }
        :: state == RUNNING && inside == 0 -> interrupted = true
        :: state == RUNNING && inside == 1
        fi;
        atomic { !posted[me] -> locked = false; }
        n++
    :: else -> break
    od
}

proctype timer()
{
end:
    do
    :: deadline ->
        atomic { !locked -> locked = true; }
        if
        :: state == WAITING && deadline -> atomic { wake(); }
        :: else
        fi;
        locked = false
    od
}

proctype memory()
{
end:
    do
    :: atomic { posted[1] -> events = events | 1; due = due | 1; posted[1] = false; }
    :: atomic { posted[2] -> events = events | 2; due = due | 2; posted[2] = false; }
    :: atomic { clearing -> inside = 0; clearing = false; }
    od
}

/* Nothing can move. */
proctype monitor()
{
    timeout -> assert(due == 0 && events == 0)
}

init
{
    atomic {
        run vcpu();
        run notifier(1);
        run notifier(2);
        run timer();
        run memory();
        run monitor()
    }
}
