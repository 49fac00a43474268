/*
 * The checked ring: a program submits and waits, a device completes, and somebody takes the frames
 * of its region away.
 *
 *   here               there (exo/virtio; locks are the queue's)
 *   submit             queue_submit: consume, place, publish
 *   arm                the same with `arm`: used_event; full barrier; look at used->idx again
 *   close              region_close_step: no window, harvest, until nothing is in flight
 *   reset              device_reset_for: refused; status 0 written; polled until the device is quiet
 *   device             virtio 1.2 §2.7.7, §2.7.8, §2.7.10: what a device with the event index does
 *
 * One region of one frame, chains of one buffer; requests are numbered and the ring has room for all
 * (indices do not wrap). Ids, lengths and lies are the unit tests': here the device is honest.
 *
 * Explicit: store buffers, of the kernel in front of a descriptor, the available index and
 * used_event, of the device in front of its data, the used index and avail_event. They reach memory
 * in any order, but for a release, which waits for what it releases.
 *
 * Abstracted: the owner consumes all that it sees. Each reset is one for a deadline, which may pass
 * at any time; or nobody takes the frame, and nothing else helps who waits. The full barrier is that
 * the buffers of its side are empty; so is unlocking.
 *
 * Holds: no data reach a frame that was freed; the device reads no descriptor that was not written;
 * when nothing can move any more, the frame is free if it was taken, all that was given to the device
 * is completed, and the owner has seen it, or that the device was reset.
 */
// config: pan=-m500000 cc=-DCOLLAPSE

#define REQUESTS 3

bool locked;
bool window = true, freed;
bool refused, status_0, quiet; /* the reset: refused to the owner; written; read back */
byte in_flight, seen;          /* under the lock */

byte descriptor[REQUESTS], available, used; /* memory; a descriptor: the request that it is for */
byte used_event = 255, avail_event;
bool doorbell, interrupt;
bool revoking, content;

byte new_descriptor, new_available, new_used_event; /* store buffers; 0: empty, used_event: + 1 */
byte new_data, new_used, new_avail_event;

#define kernel_drained (new_descriptor == 0 && new_available == 0 && new_used_event == 0)
#define device_drained (new_data == 0 && new_used == 0 && new_avail_event == 0)

inline lock()
{
    atomic { !locked -> locked = true; }
}

inline unlock()
{
    kernel_drained;
    locked = false;
}

inline harvest()
{
    atomic {
        in_flight = in_flight - (used - seen);
        seen = used;
    }
}

inline publish()
{
#ifdef MUTANT_counts_later
    skip;
#else
    in_flight++;
#endif
    sent++;
    new_descriptor = sent;
    new_available = sent;
#ifndef MUTANT_publish_no_barrier
    kernel_drained;
#endif
    if
    :: avail_event == sent - 1 -> doorbell = true
    :: else
    fi
}

inline submit()
{
#ifdef MUTANT_looks_at_the_window_first
    open = window && !refused;
    lock();
#else
    lock();
    open = window && !refused;
#endif
    if
    :: !refused -> harvest()
    :: else
    fi;
    if
    :: open -> publish()
    :: else
    fi;
    unlock();
#ifdef MUTANT_counts_later
    lock();
    if
    :: open -> in_flight++
    :: else
    fi;
    unlock()
#endif
}

/* Returns when there is something to see, or may be. */
inline arm_and_wait()
{
    lock();
    if
    :: refused -> more = true
    :: else ->
        new_used_event = consumed + 1;
#ifndef MUTANT_arm_no_barrier
        kernel_drained;
#endif
#ifdef MUTANT_arm_no_recheck
        more = false
#else
        more = used != consumed
#endif
    fi;
    unlock();
    if
    :: more
    :: else ->
end:
        atomic { interrupt -> interrupt = false; }
    fi
}

proctype owner()
{
    byte sent, consumed;
    bool open = true, more;

    do
    :: open && sent < REQUESTS -> submit()
    :: used != consumed -> consumed = used
    :: used == consumed && consumed < sent && !refused -> arm_and_wait()
    :: used == consumed && (consumed == sent || refused) && (!open || sent == REQUESTS) -> break
    od;
    assert(refused || consumed == sent);
    content = true
}

proctype device()
{
    byte taken;

    do
    :: status_0 -> break
    :: !status_0 && available != taken ->
        assert(descriptor[taken] == taken + 1);
        new_data = 1;
        taken++;
        new_used = taken;
        device_drained;
        if
        :: used_event == taken - 1 -> interrupt = true
        :: else
        fi
    :: !status_0 && available == taken ->
        new_avail_event = taken + 1;
        device_drained;
        if
        :: available != taken
        :: else ->
end:
            atomic { doorbell || status_0 -> doorbell = false; }
        fi
    od;
    device_drained;
    quiet = true
}

/* Past the deadline. Who waits is told. */
inline reset()
{
    lock();
    refused = true;
    unlock();
    status_0 = true;
#ifndef MUTANT_reset_is_not_polled
    quiet;
#endif
    lock();
    in_flight = 0;
    interrupt = true;
    unlock()
}

proctype revoker()
{
    bool done;

    do
    :: lock();
        window = false;
        if
        :: !refused -> harvest()
        :: else
        fi;
#ifdef MUTANT_does_not_wait
        done = true;
#else
        done = in_flight == 0;
#endif
        unlock();
        if
        :: done -> break
        :: !done && used != seen
        :: !done && !refused -> reset()
        fi
    od;
    freed = true
}

/* Store buffers empty when they like. */
proctype memory()
{
end:
    do
    :: atomic { new_descriptor != 0 ->
            descriptor[new_descriptor - 1] = new_descriptor; new_descriptor = 0; }
#ifdef MUTANT_no_release
    :: atomic { new_available != 0 -> available = new_available; new_available = 0; }
#else
    :: atomic { new_available != 0 && new_descriptor == 0 ->
            available = new_available; new_available = 0; }
#endif
    :: atomic { new_used_event != 0 -> used_event = new_used_event - 1; new_used_event = 0; }
    :: atomic { new_data != 0 -> assert(!freed); new_data = 0; }
    :: atomic { new_used != 0 && new_data == 0 -> used = new_used; new_used = 0; }
    :: atomic { new_avail_event != 0 -> avail_event = new_avail_event - 1; new_avail_event = 0; }
    od
}

proctype watch()
{
    timeout -> assert(content && freed == revoking && (refused || used == available))
}

init
{
    atomic {
        run owner();
        run device();
        if
        :: run revoker(); revoking = true
        :: skip
        fi;
        run memory();
        run watch()
    }
}
