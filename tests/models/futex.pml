/*
 * Threads that wait for a word, with and without a deadline: no wake is lost, and nobody is made
 * ready twice. libos/sched/{futex,run,timer}.c.
 *
 *   here        there
 *   waiter      futex_wait, block, choose: a thread of vCPU A, which has no other thread, so that it
 *               is A that waits in the kernel
 *   waker       a thread of another vCPU: changes the word, then futex_wake; make_ready
 *   poll        the timers of A that are due: take_due, wake_futex_waiter
 *   event       the bit of A's control page that exo_notify sets; exo_wait returns while it is set
 *
 * The waiter waits ROUNDS times for the word to move on; a waker moves it on once for each of the
 * waiter's rounds, each of them by a random one of two wakers. A deadline may pass at any time.
 *
 * Abstracted: one waiter and one queue; memory is in order, since all that is shared is the word,
 * and what the two locks protect.
 *
 * Holds: the waiter comes to its end; it is pushed on the ready list only when it is not there; its
 * timer is not started while it runs.
 */
// config: pan=-m100000

#define ROUNDS 2

byte word;
bool queue_lock, vcpu_lock;
bool waits;         /* the waiter is in the queue */
bool ready;         /* it is on A's ready list */
bool will_look, woken, event;
bool timer;         /* started */
bool with_deadline; /* this round */
bool timed_out;
byte seen;

inline acquire(lock) { atomic { !lock -> lock = true } }
inline release(lock) { lock = false }

/* By the waker, `self` 0, or by A itself. The queue's lock is held. */
inline make_ready(self)
{
    bool notify = false;
    acquire(vcpu_lock);
    timer = false;
    assert(!ready);
    ready = true;
    notify = will_look && !woken;
    woken = true;
    release(vcpu_lock);
    if
    :: notify && !self -> event = true
    :: else
    fi
}

inline poll()
{
    bool due = false;
    acquire(vcpu_lock);
    if
    :: timer -> timer = false; due = true /* its time has come ... */
    :: true                               /* ... or not yet */
    fi;
    release(vcpu_lock);
    if
    :: due ->
        acquire(queue_lock);
        if
#ifdef MUTANT_timer_does_not_look
        :: true ->
#else
        :: waits ->
#endif
            waits = false;
            timed_out = true;
            make_ready(true)
        :: else
        fi;
        release(queue_lock)
    :: else
    fi;
    event = false
}

inline choose()
{
    acquire(vcpu_lock);
#ifndef MUTANT_will_look_late
    will_look = true;
#endif
#ifndef MUTANT_woken_stays
    woken = false;
#endif
    release(vcpu_lock);
    do
    :: poll();
        bool found = false;
        acquire(vcpu_lock);
        if
        :: ready -> ready = false; found = true
        :: else
        fi;
        release(vcpu_lock);
        if
        :: found -> break
        :: else
        fi;
#ifdef MUTANT_will_look_late
        will_look = true;
#endif
        (event || timer) /* exo_wait: a bit, or the deadline */
    od;
    acquire(vcpu_lock);
    will_look = false;
    release(vcpu_lock)
}

active proctype waiter()
{
    byte round = 0;
    do
    :: round == ROUNDS -> break
    :: round < ROUNDS ->
        seen = word;
        if
        :: seen > round -> round++; goto next
        :: else
        fi;
#ifdef MUTANT_looks_before_the_lock
        if
        :: word == seen ->
            acquire(queue_lock);
#else
        acquire(queue_lock);
        if
        :: word == seen ->
#endif
            if
            :: with_deadline = true
            :: with_deadline = false
            fi;
            timed_out = false;
            waits = true;
            acquire(vcpu_lock);
            timer = with_deadline;
            release(vcpu_lock);
            release(queue_lock);
            choose();
            assert(!waits && !timer);
            assert(!timed_out || with_deadline)
        :: else ->
#ifndef MUTANT_looks_before_the_lock
            release(queue_lock)
#else
            skip
#endif
        fi;
next:   skip
    od
}

active [2] proctype waker()
{
    atomic { word < ROUNDS -> word++ }
    acquire(queue_lock);
    if
    :: waits -> waits = false; make_ready(false)
    :: else
    fi;
    release(queue_lock)
}
