/*
 * The shared ring between two environments: one producer, one consumer, each asleep when there is
 * nothing to do, each told only when it asked for it.
 *
 *   here               there (any ring header shared between environments follows this)
 *   put                produce: data; index with release; full barrier; notify if `armed`
 *   get                consume: index with acquire; data; own index with release; full barrier;
 *                      notify if the producer is `armed` for space
 *   sleep              armed = 1; full barrier; look again; wait() only if it is still so
 *   event              an event bit of the vCPU: wait() returns at once when it is set (wait.pml)
 *
 * A ring of SIZE slots, ITEMS numbered items, endless indices (in C: uint32_t that wrap, and are
 * subtracted).
 *
 * Explicit: a store buffer in front of each variable of each side. Stores reach memory in any order,
 * but a release waits for the data before it. Loads happen in program order (acquire); a mutant has
 * one that does not.
 *
 * Abstracted: that the other side lies. Whoever reads an index checks it against the ring's
 * size before it believes it.
 *
 * Holds: each item arrives once and in order, from a slot that was written for it; when nothing can
 * move any more, everything has arrived.
 */
// config: pan=-m500000 cc=-DCOLLAPSE

#define SIZE 2
#define ITEMS 5

byte slot[SIZE], tail, head;           /* memory */
bit armed_producer, armed_consumer;
bool event_producer, event_consumer;

byte data, data_at, new_tail, new_head; /* store buffers; 0: empty */
byte new_producer, new_consumer;        /* of the armed flags: 0 empty, else value + 1 */

#define producer_drained (data == 0 && new_tail == 0 && new_producer == 0)
#define consumer_drained (new_head == 0 && new_consumer == 0)

inline write_data()
{
    atomic { data == 0 -> data = item; data_at = (item - 1) % SIZE; }
}

inline put()
{
#ifdef MUTANT_index_first
    new_tail = item;
    new_tail == 0;
    write_data();
#else
    write_data();
    new_tail = item;
#endif
#ifndef MUTANT_put_no_barrier
    producer_drained;
#endif
    if
    :: armed_consumer -> event_consumer = true
    :: else
    fi
}

proctype producer()
{
    byte item = 1;

    do
    :: item > ITEMS -> break
    :: item <= ITEMS && item - 1 - head < SIZE ->
        put();
        item++
    :: item <= ITEMS && item - 1 - head == SIZE ->
        new_producer = 2;
        producer_drained;
        if
        :: item - 1 - head == SIZE -> atomic { event_producer -> event_producer = false; }
        :: else
        fi;
        new_producer = 1
    od
}

inline get()
{
#ifdef MUTANT_frees_before_reading
    new_head = taken + 1;
    got = slot[taken % SIZE];
#elif defined(MUTANT_reads_before_index)
    new_head = taken + 1;
#else
    got = slot[taken % SIZE];
    new_head = taken + 1;
#endif
    assert(got == taken + 1);
    taken++;
    consumer_drained;
    if
    :: armed_producer -> event_producer = true
    :: else
    fi
}

proctype consumer()
{
    byte taken, got;

    do
    ::
#ifdef MUTANT_reads_before_index
        got = slot[taken % SIZE];
#endif
        if
        :: tail != taken -> get()
        :: else ->
            new_consumer = 2;
#ifndef MUTANT_sleep_no_barrier
            consumer_drained;
#endif
#ifndef MUTANT_sleep_no_recheck
            if
            :: tail != taken -> skip
            :: else ->
#endif
end:
                atomic { event_consumer -> event_consumer = false; }
#ifndef MUTANT_sleep_no_recheck
            fi;
#endif
            new_consumer = 1
        fi
    od
}

/* Store buffers empty when they like. */
proctype memory()
{
end:
    do
    :: atomic { data != 0 -> slot[data_at] = data; data = 0; data_at = 0; }
#ifdef MUTANT_no_release
    :: atomic { new_tail != 0 -> tail = new_tail; new_tail = 0; }
#else
    :: atomic { new_tail != 0 && data == 0 -> tail = new_tail; new_tail = 0; }
#endif
    :: atomic { new_head != 0 -> head = new_head; new_head = 0; }
    :: atomic { new_producer != 0 -> armed_producer = new_producer - 1; new_producer = 0; }
    :: atomic { new_consumer != 0 -> armed_consumer = new_consumer - 1; new_consumer = 0; }
    od
}

/* Nothing can move. */
proctype monitor()
{
    timeout -> assert(tail == ITEMS && head == ITEMS)
}

init
{
    atomic {
        run producer();
        run consumer();
        run memory();
        run monitor()
    }
}
