// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* Protected calls between vCPUs of one CPU and of two: words, badges, capabilities, deadlines. */
#include "fixture.h"
#include "refuse.h"

#define NO_CAP EXO_NONE

/* A server that answers so many calls with reply_receive: each word plus the badge. */
struct server {
    uint32_t endpoint;
    uint64_t calls;
    int64_t last;
};

static void
serve(void *argument)
{
    struct server *server = argument;
    struct exo_message m = exo_receive(server->endpoint, NO_CAP, test_patience());
    for (uint64_t i = 1; m.status == EXO_OK && i < server->calls; i++) {
        m = exo_reply_receive(server->endpoint, m.word[0] + m.badge, m.word[1] + m.badge,
                              m.word[2] + m.badge, m.word[3] + m.badge, NO_CAP, NO_CAP,
                              test_patience());
    }
    server->last = m.status;
    if (m.status == EXO_OK) {
        server->last = exo_reply(m.word[0] + m.badge, m.word[1] + m.badge, m.word[2] + m.badge,
                                 m.word[3] + m.badge, NO_CAP);
    }
}

static void
calls_server_on(uint32_t cpu)
{
    static struct server server;
    struct rt_thread thread;
    uint64_t calls = test_rounds(300, 100000);
    server = (struct server){.endpoint = new_endpoint(), .calls = calls, .last = 1};
    uint32_t client = badged(server.endpoint, 1000);
    check_equal(rt_vcpu_start(cpu, serve, &server, &thread), EXO_OK);
    for (uint64_t i = 0; i < calls; i++) {
        struct exo_message m =
            exo_call(client, i, i + 1, i + 2, ~i, NO_CAP, NO_CAP, test_patience());
        check_equal(m.status, EXO_OK);
        check_equal(m.word[0], i + 1000);
        check_equal(m.word[1], i + 1001);
        check_equal(m.word[2], i + 1002);
        check_equal(m.word[3], ~i + 1000);
        check_equal(m.cap, 0);
    }
    check(rt_vcpu_wait(&thread, test_patience()));
    check_equal(server.last, EXO_OK);
    rt_vcpu_end(&thread);
}

static void
call_on_this_cpu_gets_its_answer(void)
{
    calls_server_on(0);
}

static void
call_to_another_cpu_gets_its_answer(void)
{
    calls_server_on(other_cpu());
}

/* --- Callers that wait
 * ------------------------------------------------------------------------------- */

struct caller {
    uint32_t endpoint, send, receive;
    uint64_t word, deadline;
    struct exo_message result;
    _Atomic uint32_t calling;
};

static void
make_call(void *argument)
{
    struct caller *caller = argument;
    caller->calling = 1;
    caller->result = exo_call(caller->endpoint, caller->word, 0, 0, 0, caller->send,
                              caller->receive, caller->deadline);
    caller->calling = 2;
}

static bool
start_caller(struct caller *caller, uint32_t cpu, struct rt_thread *thread)
{
    caller->calling = 0;
    return check_equal(rt_vcpu_start(cpu, make_call, caller, thread), EXO_OK);
}

static void
calls_are_received_oldest_first_with_their_badges(void)
{
    static struct caller callers[4];
    struct rt_thread threads[4];
    uint32_t endpoint = new_endpoint();
    for (unsigned i = 0; i < 4; i++) {
        callers[i] = (struct caller){.endpoint = badged(endpoint, 10 + i),
                                     .send = NO_CAP,
                                     .receive = NO_CAP,
                                     .word = i,
                                     .deadline = test_patience()};
        check(start_caller(&callers[i], 0, &threads[i]));
        until_it_calls(&threads[i]); /* it is in the queue, before the next one */
    }
    for (unsigned i = 0; i < 4; i++) {
        struct exo_message m = exo_receive(endpoint, NO_CAP, test_patience());
        check_equal(m.status, EXO_OK);
        check_equal(m.word[0], i);
        check_equal(m.badge, 10 + i);
        check_equal(exo_reply(100 + i, 0, 0, 0, NO_CAP), EXO_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        check(rt_wait_word(&callers[i].calling, 2, test_patience()));
        check_equal(callers[i].result.word[0], 100 + i);
        rt_vcpu_end(&threads[i]);
    }
}

static void
call_without_server_ends_at_its_deadline(void)
{
    uint32_t endpoint = new_endpoint();
    uint64_t deadline = rt_deadline_ns(2 * RT_MS_NS);
    check_equal(exo_call(endpoint, 0, 0, 0, 0, NO_CAP, NO_CAP, deadline).status, EXO_E_TIMEOUT);
    check(rt_ticks() >= deadline);
    check_equal(exo_call(endpoint, 0, 0, 0, 0, NO_CAP, NO_CAP, 0).status, EXO_E_TIMEOUT);
}

static void
receive_without_caller_ends_at_its_deadline(void)
{
    uint32_t endpoint = new_endpoint();
    uint64_t deadline = rt_deadline_ns(2 * RT_MS_NS);
    check_equal(exo_receive(endpoint, NO_CAP, deadline).status, EXO_E_TIMEOUT);
    check(rt_ticks() >= deadline);
    check_equal(exo_receive(endpoint, NO_CAP, 0).status, EXO_E_TIMEOUT);
    deadline = rt_deadline_ns(RT_MS_NS);
    check_equal(exo_reply_receive(endpoint, 0, 0, 0, 0, NO_CAP, NO_CAP, deadline).status,
                EXO_E_TIMEOUT);
}

static void
server_owes_one_answer_at_a_time(void)
{
    static struct caller caller;
    struct rt_thread thread;
    uint32_t endpoint = new_endpoint();
    caller = (struct caller){
        .endpoint = endpoint, .send = NO_CAP, .receive = NO_CAP, .deadline = test_patience()};
    check_equal(exo_reply(0, 0, 0, 0, NO_CAP), EXO_E_STATE); /* nothing received yet */
    check(start_caller(&caller, other_cpu(), &thread));
    check_equal(exo_receive(endpoint, NO_CAP, test_patience()).status, EXO_OK);
    check_equal(exo_receive(endpoint, NO_CAP, test_patience()).status, EXO_E_STATE);
    check_equal(exo_reply(5, 0, 0, 0, NO_CAP), EXO_OK);
    check_equal(exo_reply(6, 0, 0, 0, NO_CAP), EXO_E_STATE);
    check(rt_wait_word(&caller.calling, 2, test_patience()));
    check_equal(caller.result.word[0], 5);
    rt_vcpu_end(&thread);
}

/* Receives from it. False: its deadline passed before; then it is in no queue any more. */
static bool
receives_from(struct caller *caller)
{
    struct exo_message m;
    do {
        bool over = caller->calling == 2;
        m = exo_receive(caller->endpoint, NO_CAP, rt_deadline_ns(RT_MS_NS));
        if (over && m.status == EXO_E_TIMEOUT)
            return false;
    } while (m.status == EXO_E_TIMEOUT);
    return check_equal(m.status, EXO_OK);
}

/* On a host that is slow enough a call's deadline comes before its server: then later ones do. */
static void
deadline_of_a_call_that_is_served_frees_both_sides(void)
{
    static struct caller caller;
    struct rt_thread thread;
    bool received = false;
    for (uint64_t ms = 30; !received && check(ms < 1000000); ms *= 2) {
        caller = (struct caller){.endpoint = new_endpoint(),
                                 .send = NO_CAP,
                                 .receive = NO_CAP,
                                 .deadline = rt_deadline_ns(ms * RT_MS_NS)};
        check(start_caller(&caller, other_cpu(), &thread));
        received = receives_from(&caller);
        check(rt_wait_word(&caller.calling, 2, test_patience()));
        check_equal(caller.result.status, EXO_E_TIMEOUT);
        rt_vcpu_end(&thread);
    }
    check_equal(exo_reply(0, 0, 0, 0, NO_CAP), EXO_E_STATE);
    check_equal(exo_receive(caller.endpoint, NO_CAP, rt_deadline_ns(RT_MS_NS)).status,
                EXO_E_TIMEOUT);
}

/* --- Ends
 * -----------------------------------------------------------------------------------------------
 */

static void
end_of_the_endpoint_wakes_who_calls(void)
{
    static struct caller caller;
    struct rt_thread thread;
    uint32_t endpoint = new_endpoint();
    caller = (struct caller){
        .endpoint = endpoint, .send = NO_CAP, .receive = NO_CAP, .deadline = test_patience()};
    check(start_caller(&caller, other_cpu(), &thread));
    until_it_calls(&thread);
    check_equal(rt_drop(endpoint), EXO_OK);
    check(rt_wait_word(&caller.calling, 2, test_patience()));
    check_equal(caller.result.status, EXO_E_GONE);
    rt_vcpu_end(&thread);
}

static void
end_of_the_endpoint_wakes_who_receives(void)
{
    static struct server server;
    struct rt_thread thread;
    server = (struct server){.endpoint = new_endpoint(), .calls = 1, .last = 1};
    check_equal(rt_vcpu_start(other_cpu(), serve, &server, &thread), EXO_OK);
    rt_sleep_until(rt_deadline_ns(2 * RT_MS_NS));
    check_equal(rt_drop(server.endpoint), EXO_OK);
    check(rt_vcpu_wait(&thread, test_patience()));
    check(server.last == EXO_E_GONE || server.last == EXO_E_SLOT);
    rt_vcpu_end(&thread);
}

static _Atomic uint32_t received;

static void
receive_and_never_answer(void *argument)
{
    const uint32_t *endpoint = argument;
    received = exo_receive(*endpoint, NO_CAP, test_patience()).status == EXO_OK;
    rt_sleep_until(EXO_FOREVER);
}

static void
end_of_the_server_wakes_the_caller_that_it_served(void)
{
    static uint32_t endpoint;
    static struct caller caller;
    struct rt_thread server, client;
    endpoint = new_endpoint();
    received = 0;
    caller = (struct caller){
        .endpoint = endpoint, .send = NO_CAP, .receive = NO_CAP, .deadline = test_patience()};
    check_equal(rt_vcpu_start(other_cpu(), receive_and_never_answer, &endpoint, &server), EXO_OK);
    check(start_caller(&caller, 0, &client));
    check(rt_wait_word(&received, 1, test_patience()));
    rt_vcpu_end(&server);
    check(rt_wait_word(&caller.calling, 2, test_patience()));
    check_equal(caller.result.status, EXO_E_GONE);
    rt_vcpu_end(&client);
}

static void
end_of_the_caller_leaves_nothing_to_answer(void)
{
    static struct caller caller;
    struct rt_thread thread;
    uint32_t endpoint = new_endpoint();
    caller = (struct caller){
        .endpoint = endpoint, .send = NO_CAP, .receive = NO_CAP, .deadline = test_patience()};
    check(start_caller(&caller, other_cpu(), &thread));
    check_equal(exo_receive(endpoint, NO_CAP, test_patience()).status, EXO_OK);
    rt_vcpu_end(&thread);
    check_equal(exo_reply(0, 0, 0, 0, NO_CAP), EXO_E_STATE);
}

/* --- Capabilities
 * --------------------------------------------------------------------------------------- */

/* One call that sends `send`, received into `into`: whether it is said to have arrived. */
static struct exo_message
sends(uint32_t send, uint32_t into, int64_t *caller_status)
{
    static struct caller caller;
    struct rt_thread thread;
    uint32_t endpoint = new_endpoint();
    caller = (struct caller){
        .endpoint = endpoint, .send = send, .receive = NO_CAP, .deadline = test_patience()};
    check(start_caller(&caller, other_cpu(), &thread));
    struct exo_message m = exo_receive(endpoint, into, test_patience());
    if (m.status == EXO_OK)
        check_equal(exo_reply(0, 0, 0, 0, NO_CAP), EXO_OK);
    check(rt_wait_word(&caller.calling, 2, test_patience()));
    *caller_status = caller.result.status;
    rt_vcpu_end(&thread);
    return m;
}

static void
capability_in_a_call_arrives_as_a_copy(void)
{
    uint32_t notification = new_notification(), into = rt_slot_take();
    uint32_t sent = rt_slot_take();
    int64_t status;
    check_equal(exo_cap_copy(notification, EXO_SELF, sent, EXO_WRITE | EXO_COPY, 77, 0), EXO_OK);
    struct exo_message m = sends(sent, into, &status);
    check_equal(m.status, EXO_OK);
    check_equal(m.cap, 1);
    check_equal(info_of(into).rights, EXO_WRITE | EXO_COPY);
    check_equal(info_of(into).base_or_badge, 77);
    check_equal(info_of(into).object, info_of(notification).object);
    check_equal(info_of(into).depth, 2);
    struct exo_cap_info info;
    check_equal(rt_drop(sent), EXO_OK); /* what it was derived from */
    check_equal(exo_cap_info(into, &info), EXO_E_SLOT);
}

static void
capability_does_not_arrive_where_there_is_no_room(void)
{
    uint32_t notification = new_notification();
    int64_t status;
    struct exo_message m = sends(notification, NO_CAP, &status);
    check_equal(m.status, EXO_OK);
    check_equal(m.cap, 0);
    check_equal(status, EXO_OK);
    m = sends(notification, EXO_BOOT_CELL, &status);
    check_equal(m.status, EXO_OK);
    check_equal(m.cap, 0);
    check_equal(info_of(EXO_BOOT_CELL).type, EXO_TYPE_CELL);
}

static void
capability_in_a_reply_arrives_as_a_copy(void)
{
    static struct caller caller;
    struct rt_thread thread;
    uint32_t endpoint = new_endpoint(), notification = new_notification();
    caller = (struct caller){.endpoint = endpoint,
                             .send = NO_CAP,
                             .receive = rt_slot_take(),
                             .deadline = test_patience()};
    check(start_caller(&caller, other_cpu(), &thread));
    check_equal(exo_receive(endpoint, NO_CAP, test_patience()).status, EXO_OK);
    check_equal(exo_reply(0, 0, 0, 0, rt_slot_take()), EXO_E_SLOT); /* still to be answered */
    check_equal(exo_reply(0, 0, 0, 0, copy_of(notification, EXO_WRITE)), EXO_E_RIGHT);
    check_equal(exo_reply(0, 0, 0, 0, notification), EXO_OK);
    check(rt_wait_word(&caller.calling, 2, test_patience()));
    check_equal(caller.result.cap, 1);
    check_equal(info_of(caller.receive).object, info_of(notification).object);
    rt_vcpu_end(&thread);
}

/* --- Refusals
 * ------------------------------------------------------------------------------------------ */

static void
calls_refuse_bad_slots(void)
{
    uint32_t endpoint = new_endpoint();
    const uint64_t past = 1;
    struct call create = {EXO_CALL_endpoint_create, {EXO_BOOT_CELL, rt_slot_take()}};
    refuses_bad_capability(create, 0, EXO_WRITE);
    refuses_bad_destination(create, 1);
    struct call call = {EXO_CALL_call, {endpoint, 0, 0, 0, 0, NO_CAP, NO_CAP, past}};
    refuses_bad_capability(call, 0, EXO_WRITE);
    refuses_missing_destination(call, 6);
    struct call receive = {EXO_CALL_receive, {endpoint, NO_CAP, past}};
    refuses_bad_capability(receive, 0, EXO_READ);
    refuses_missing_destination(receive, 1);
    struct call both = {EXO_CALL_reply_receive, {endpoint, 0, 0, 0, 0, NO_CAP, NO_CAP, past}};
    refuses_bad_capability(both, 0, EXO_READ);
    refuses_missing_destination(both, 6);
}

static void
calls_refuse_to_send_what_may_not_be_copied(void)
{
    uint32_t endpoint = new_endpoint(), fixed = copy_of(endpoint, EXO_WRITE);
    uint64_t soon = test_patience();
    check_equal(exo_call(endpoint, 0, 0, 0, 0, fixed, NO_CAP, soon).status, EXO_E_RIGHT);
    check_equal(exo_call(endpoint, 0, 0, 0, 0, rt_slot_take(), NO_CAP, soon).status, EXO_E_SLOT);
    check_equal(exo_reply_receive(endpoint, 0, 0, 0, 0, fixed, NO_CAP, soon).status, EXO_E_RIGHT);
    check_equal(
        exo_raw_call(EXO_CALL_call, endpoint, 0, 0, 0, 0, 1ull << 32 | EXO_BOOT_CELL, NO_CAP, soon)
            .status,
        EXO_E_SLOT);
}

static const struct test tests[] = {
    TEST(call_on_this_cpu_gets_its_answer),
    TEST(call_to_another_cpu_gets_its_answer),
    TEST(calls_are_received_oldest_first_with_their_badges),
    TEST(call_without_server_ends_at_its_deadline),
    TEST(receive_without_caller_ends_at_its_deadline),
    TEST(server_owes_one_answer_at_a_time),
    TEST(deadline_of_a_call_that_is_served_frees_both_sides),
    TEST(end_of_the_endpoint_wakes_who_calls),
    TEST(end_of_the_endpoint_wakes_who_receives),
    TEST(end_of_the_server_wakes_the_caller_that_it_served),
    TEST(end_of_the_caller_leaves_nothing_to_answer),
    TEST(capability_in_a_call_arrives_as_a_copy),
    TEST(capability_does_not_arrive_where_there_is_no_room),
    TEST(capability_in_a_reply_arrives_as_a_copy),
    TEST(calls_refuse_bad_slots),
    TEST(calls_refuse_to_send_what_may_not_be_copied),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
