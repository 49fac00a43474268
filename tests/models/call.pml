/*
 * Protected calls: the deadline, the reply, the server's death, the endpoint's end and a revoked
 * capability race for a caller, and it returns exactly once. exo/core/{endpoint,sched,vcpu}.c.
 *
 *   here                 there
 *   caller               call: lookup; endpoint lock, run-queue locks: hand over to a waiting server,
 *                        or queue
 *   receive, reply       receive, reply
 *   timer                the timer interrupt: under the run-queue lock it ends a call that is being
 *                        served. One that is queued needs the endpoint's lock, which comes earlier
 *                        in the order: it lets go, takes both, and looks at everything again
 *   killer               vcpu_finish_step of the server: first it runs no more, then it leaves the
 *                        endpoint's queue, then its caller gets EXO_E_GONE
 *   doomer               origin_doom and endpoint_finish_step; or a revoke of the capability through
 *                        which caller 1 calls, after which the queued call must not be served:
 *                        whoever takes a caller from the queue looks at cap_still of what it
 *                        called through
 *
 * Two callers, of CALLS calls and one, with or without a deadline, and one server, on two CPUs. The
 * server may try to receive while it owes an answer, and to answer what it does not owe.
 *
 * Abstracted: a section under the endpoint's lock, or under a vCPU's run-queue lock, is one step: its
 * data (queue, receiver; state, partner, deadline) is touched under these locks only, and a section
 * that needs both holds both. `serving` is read without a lock. Grace periods wait for each CPU to
 * be outside. Messages, directed switches and slots are left out.
 *
 * Holds: a call ends once, by reply, timeout or gone; a reply goes to the call that it answers, or
 * is refused; no call is served twice, none after its capability's revoke returned EXO_OK; a server
 * has one caller; when nothing can move, nobody waits who has a deadline, or a server, or a dead
 * endpoint.
 */
// config: pan=-m1000000 cc=-DCOLLAPSE

#define CALLS 2
#define SERVER 3 /* as `partner` */

mtype = { READY, CALLING, REPLY, TIMEOUT, GONE };

mtype state[3] = READY, result[3]; /* callers 1 and 2 */
byte partner[3];
bool deadline[3];
bool queued[3];
byte first;             /* of two queued callers */
byte serving;           /* the caller that the server owes an answer */
bool receiving, stopped, dying, dead;
bool doomed, revoked;   /* the endpoint; the capability of caller 1 */
bool revoke_done;
bool in_kernel[4];

byte number[3];         /* of the call under way */
byte served_number;     /* of the call being served, when it was taken */
bool was_served[3];

#define valid(x) (!doomed && !(revoked && x == 1))

/* Run-queue lock of x held. */
inline end_call(x, why)
{
    assert(state[x] == CALLING && result[x] == 0);
    result[x] = why;
    partner[x] = 0;
    deadline[x] = false;
    state[x] = READY
}

/* Run-queue locks of both held, and the endpoint's. */
inline hand_over(x)
{
    assert(serving == 0 && !dead && !was_served[x]);
    assert(!(revoke_done && x == 1));
    was_served[x] = true;
    served_number = number[x];
    partner[x] = SERVER;
    serving = x
}

inline unqueue(x)
{
    queued[x] = false;
    first = (queued[3 - x] -> 3 - x : 0)
}

proctype caller(byte me; byte limit)
{
    byte calls;

    do
    :: calls == limit -> break
    :: calls < limit ->
        in_kernel[me] = true;
        if
        :: !valid(me) -> in_kernel[me] = false; break
        :: else
        fi;
        atomic {
            calls++;
            number[me] = calls;
            was_served[me] = false;
            if
            :: deadline[me] = true
            :: deadline[me] = false
            fi;
            state[me] = CALLING;
            if
            :: receiving -> receiving = false; hand_over(me)
            :: else ->
                queued[me] = true;
                first = (first == 0 -> me : first)
            fi
        }
        in_kernel[me] = false;
endwait:
        atomic { state[me] == READY -> assert(result[me] != 0); result[me] = 0; }
    od;
    in_kernel[me] = false
}

inline receive()
{
    in_kernel[SERVER] = true;
    do
    :: atomic {
           if
           :: serving != 0 || doomed -> break /* EXO_E_STATE, EXO_E_GONE */
           :: serving == 0 && !doomed && first != 0 ->
               who = first;
               unqueue(who)
           :: serving == 0 && !doomed && first == 0 -> receiving = true; break
           fi;
#ifdef MUTANT_dequeue_no_recheck
           hand_over(who);
           break
#else
           if
           :: valid(who) -> hand_over(who); break
           :: else -> end_call(who, GONE)
           fi
#endif
       }
    od;
    who = 0;
    in_kernel[SERVER] = false
}

inline reply()
{
    in_kernel[SERVER] = true;
    who = serving;
    if
    :: who == 0
    :: else ->
        atomic {
            if
#ifdef MUTANT_reply_no_recheck
            :: state[who] == CALLING ->
#else
            :: state[who] == CALLING && partner[who] == SERVER ->
#endif
                assert(number[who] == served_number);
                serving = 0;
                end_call(who, REPLY)
            :: else
            fi
        }
    fi;
    who = 0;
    in_kernel[SERVER] = false
}

proctype server()
{
    byte who;

    do
    :: dying -> stopped = true; break
    :: !dying && !doomed -> receive();
endwait:
        (!receiving || stopped);
        if
        :: stopped -> break
        :: else
        fi
    :: !dying && serving != 0 -> reply()
    :: !dying && serving == 0 && doomed -> goto endidle
    od;
    goto over;
endidle:
    if
    :: dying -> stopped = true
    fi;
over:
    skip
}

proctype timer(byte x)
{
    byte seen;

end:
    do
    :: atomic {
           state[x] == CALLING && deadline[x] ->
           if
           :: partner[x] != 0 -> serving = 0; end_call(x, TIMEOUT)
           :: else -> seen = number[x]
           fi
       }
       if
       :: seen == 0
       :: else ->
           atomic { /* the endpoint's lock, then the run queue's */
               if
#ifdef MUTANT_timer_no_recheck
               :: queued[x] -> unqueue(x)
               :: else
               fi;
               assert(state[x] == CALLING && number[x] == seen);
               end_call(x, TIMEOUT)
#else
               :: state[x] == CALLING && number[x] == seen && queued[x] ->
                   unqueue(x);
                   end_call(x, TIMEOUT)
               :: state[x] == CALLING && number[x] == seen && !queued[x] ->
                   serving = 0;
                   end_call(x, TIMEOUT)
               :: else
               fi
#endif
           }
           seen = 0
       fi
    od
}

proctype killer()
{
    byte who;

    if
    :: skip
    :: goto over
    fi;
    dying = true;
    (stopped || receiving); /* it runs nowhere */
#ifdef MUTANT_kill_unqueues_last
    who = serving;
    atomic { receiving = false; dead = true; stopped = true; }
#else
    atomic { receiving = false; dead = true; stopped = true; }
    who = serving;
#endif
    atomic {
        if
        :: who != 0 && state[who] == CALLING && partner[who] == SERVER ->
            serving = 0;
            end_call(who, GONE)
        :: else
        fi
    }
over:
    skip
}

inline grace() { !in_kernel[1]; !in_kernel[2]; !in_kernel[SERVER] }

proctype doomer()
{
    byte who;

    if
    :: revoked = true;
        grace();
        revoke_done = true
    :: doomed = true;
        grace();
        do
        :: atomic { first != 0 -> who = first; unqueue(who); end_call(who, GONE); who = 0; }
        :: first == 0 -> break
        od;
        receiving = false
    :: skip
    fi
}

/* Nothing can move. */
proctype monitor()
{
    timeout ->
    assert(state[1] == READY || (!deadline[1] && queued[1] && dead && !doomed));
    assert(state[2] == READY || (!deadline[2] && queued[2] && dead && !doomed))
}

init
{
    atomic {
        run caller(1, CALLS);
        run caller(2, 1);
        run server();
        run timer(1);
        run timer(2);
        run killer();
        run doomer();
        run monitor()
    }
}
