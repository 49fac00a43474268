// config: smp=1,4 devices=net:hub,net:hub
/*
 * Two programs, each with a port of one NIC and a TCP/IP stack of its own on it, serve at the same
 * time; a third one on a NIC of its own asks them over the network.
 */
#include "test.h"

#include <entropy/entropy.h>
#include <net/stack.h>

#include <lwip/tcp.h>

#define SHARED    EXO_BOOT_DEVICE
#define OTHER     (EXO_BOOT_DEVICE + 1)
#define PROGRAMS  2u
#define ECHO_PORT 7
#define BYTES     20000u /* of each conversation: several segments each way */
#define EVENT     1u
#define FRAMES    2048u
#define HOST      100 /* the asking program's address: 10.0.0.100; the others' are 10.0.0.1 and .2 */

static struct stack stack;

static int64_t
open_stack(struct nic_source *source, uint8_t host)
{
    const struct stack_address address = {
        .ip = {10, 0, 0, host}, .mask = {255, 255, 255, 0}, .gateway = {10, 0, 0, HOST}};
    source->cell = EXO_BOOT_CELL;
    source->buffers = 64;
    source->event = EVENT;
    return stack_open(&stack, source, &address, "test");
}

/* --- A program with a port: sends back what it gets. */

static err_t
on_request(void *argument, struct tcp_pcb *pcb, struct pbuf *pbuf, err_t err)
{
    (void)argument;
    (void)err;
    for (struct pbuf *part = pbuf; part != NULL; part = part->next)
        (void)tcp_write(pcb, part->payload, part->len, TCP_WRITE_FLAG_COPY);
    if (pbuf == NULL) {
        (void)tcp_close(pcb);
        return ERR_OK;
    }
    tcp_recved(pcb, pbuf->tot_len);
    (void)pbuf_free(pbuf);
    return ERR_OK;
}

static err_t
on_accepted(void *argument, struct tcp_pcb *pcb, err_t err)
{
    (void)argument;
    (void)err;
    tcp_recv(pcb, on_request);
    return ERR_OK;
}

static int
serve(uint64_t number)
{
    _Atomic uint32_t *ready = rt_shared();
    struct nic_source source = {.device = EXO_BOOT_DEVICE,
                                .port = true,
                                .port_number = (uint32_t)number,
                                .mac = {2, 0, 0, 0, 0, (uint8_t)number}};
    entropy_add(&number, sizeof(number));
    if (open_stack(&source, (uint8_t)(number + 1)) != EXO_OK)
        return 1;
    struct tcp_pcb *pcb = tcp_new();
    if (tcp_bind(pcb, IP_ANY_TYPE, ECHO_PORT) != ERR_OK)
        return 2;
    tcp_accept(tcp_listen(pcb), on_accepted);
    atomic_store(ready, 1);
    while (stack.nic.rx.error == EXO_OK)
        if (stack_poll(&stack) == 0)
            stack_wait(&stack, 0, EXO_FOREVER);
    return 3;
}

static bool
start_program(uint32_t number, struct rt_child *child)
{
    const struct rt_spawn spawn = {
        .entry = serve,
        .argument = number,
        .cpu = number % rt_machine.cpus,
        .limit = {[EXO_RES_FRAMES] = FRAMES, [EXO_RES_CAPS] = 512},
        .grant = {{.src = SHARED, .dst = EXO_BOOT_DEVICE, .rights = EXO_READ | EXO_WRITE}},
    };
    return check_equal(rt_spawn(&spawn, child), EXO_OK) &&
           check(rt_wait_word((_Atomic uint32_t *)rt_shared_of(child), 1, test_patience()));
}

/* --- The program that asks. */

struct conversation {
    struct tcp_pcb *pcb;
    uint32_t sent, received;
    bool wrong, over;
};

static uint8_t
byte_at(uint32_t at, const struct conversation *conversation)
{
    return (uint8_t)(at * 7 + conversation->pcb->remote_port + (at >> 8));
}

static void
send_more(struct conversation *conversation)
{
    uint8_t bytes[512];
    while (conversation->sent < BYTES && tcp_sndbuf(conversation->pcb) >= sizeof(bytes)) {
        uint32_t left = BYTES - conversation->sent;
        uint16_t count = (uint16_t)(left < sizeof(bytes) ? left : sizeof(bytes));
        for (uint32_t i = 0; i < count; i++)
            bytes[i] = byte_at(conversation->sent + i, conversation);
        if (tcp_write(conversation->pcb, bytes, count, TCP_WRITE_FLAG_COPY) != ERR_OK)
            break;
        conversation->sent += count;
    }
    (void)tcp_output(conversation->pcb);
}

static err_t
on_connected(void *argument, struct tcp_pcb *pcb, err_t err)
{
    (void)pcb;
    (void)err;
    send_more(argument);
    return ERR_OK;
}

static err_t
on_answer(void *argument, struct tcp_pcb *pcb, struct pbuf *pbuf, err_t err)
{
    struct conversation *conversation = argument;
    (void)err;
    for (struct pbuf *part = pbuf; part != NULL; part = part->next)
        for (uint32_t i = 0; i < part->len; i++)
            conversation->wrong |= ((const uint8_t *)part->payload)[i] !=
                                   byte_at(conversation->received++, conversation);
    if (pbuf != NULL) {
        tcp_recved(pcb, pbuf->tot_len);
        (void)pbuf_free(pbuf);
    }
    conversation->over = pbuf == NULL || conversation->received >= BYTES;
    send_more(conversation);
    return ERR_OK;
}

static void
on_error(void *argument, err_t err)
{
    struct conversation *conversation = argument;
    (void)err;
    conversation->wrong = conversation->over = true;
    conversation->pcb = NULL;
}

static void
begin(struct conversation *conversation, uint8_t host)
{
    ip_addr_t to;
    IP_ADDR4(&to, 10, 0, 0, host);
    conversation->pcb = tcp_new();
    tcp_arg(conversation->pcb, conversation);
    tcp_recv(conversation->pcb, on_answer);
    tcp_err(conversation->pcb, on_error);
    check_equal(tcp_connect(conversation->pcb, &to, ECHO_PORT, on_connected), ERR_OK);
}

static void
two_programs_on_ports_of_one_nic_serve_at_once(void)
{
    static struct conversation conversations[PROGRAMS];
    struct nic_source own = {.device = OTHER};
    struct rt_child children[PROGRAMS];
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, SHARED, 2, 0, PROGRAMS).status), EXO_OK);
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (!start_program(i, &children[i]))
            return;
    if (!check_equal(open_stack(&own, HOST), EXO_OK))
        return;
    for (uint32_t i = 0; i < PROGRAMS; i++)
        begin(&conversations[i], (uint8_t)(i + 1));
    uint64_t deadline = test_patience();
    while (rt_ticks() < deadline && !(conversations[0].over && conversations[1].over))
        if (stack_poll(&stack) == 0)
            stack_wait(&stack, 0, deadline);
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        check(!conversations[i].wrong);
        check_equal(conversations[i].received, BYTES);
        check_equal(children[i].page->state, RT_CHILD_RUNS);
        rt_kill(&children[i]);
    }
}

static const struct test tests[] = {
    TEST(two_programs_on_ports_of_one_nic_serve_at_once),
};

int
main(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}
