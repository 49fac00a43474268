/* The console's input: a vCPU that waits for interrupts of the UART, and what can be typed. */
#include "init.h"

#include <rt/console.h>
#include <rt/start.h>
#include <rt/sync.h>
#include <rt/time.h>
#include <rt/vcpu.h>
#include <string.h>

#define LINE_BYTES 128u
#define UART_LINE  33u /* QEMU virt: shared peripheral interrupt 1 */
#define EVENT_UART 1u

static bool powering_off;

/* --- Reading ------------------------------------------------------------------------------------
 */

struct reader {
    uint32_t endpoint, line;
    char text[LINE_BYTES];
    size_t length;
};

/* Echoes, since nobody else does; longer lines lose their end. */
static void
take_byte(struct reader *reader, char c)
{
    if (c == '\r' || c == '\n') {
        rt_write("\n", 1);
        reader->text[reader->length] = '\0';
        reader->length = 0;
        (void)exo_call(reader->endpoint, exo_address(reader->text), 0, 0, 0, EXO_NONE, EXO_NONE,
                       EXO_FOREVER);
    } else if ((c == '\b' || c == 0x7f) && reader->length > 0) {
        rt_write("\b \b", 3);
        reader->length--;
    } else if (c >= ' ' && c < 0x7f && reader->length + 1 < sizeof(reader->text)) {
        rt_write(&c, 1);
        reader->text[reader->length++] = c;
    }
}

static void
read_lines(void *argument)
{
    struct reader *reader = argument;
    rt_console_interrupts();
    for (;;) {
        for (int c; (c = rt_read()) >= 0;)
            take_byte(reader, (char)c);
        while (exo_irq_ack(reader->line) == EXO_E_AGAIN) /* too many in this slot */
            rt_sleep_until(rt_control()->slot_end);
        (void)rt_wait_events(EVENT_UART, EXO_FOREVER);
    }
}

/* The line sets the reader's event bit. */
static int64_t
bind_line(const struct reader *reader, uint32_t vcpu)
{
    uint32_t root = rt_slot_take(), badged = rt_slot_take();
    int64_t err = exo_notification_create(EXO_BOOT_CELL, root);
    if (err == EXO_OK)
        err = exo_notification_bind(root, vcpu);
    if (err == EXO_OK)
        err = exo_cap_copy(root, EXO_SELF, badged, EXO_WRITE | EXO_COPY, EVENT_UART, 0);
    return err == EXO_OK ? exo_irq_bind(reader->line, badged) : err;
}

int64_t
read_console(uint32_t endpoint)
{
    static struct reader reader;
    static struct rt_thread thread;
    reader.endpoint = endpoint;
    reader.line = rt_slot_take();
    int64_t err = exo_irq_open(EXO_BOOT_CELL, reader.line, EXO_BOOT_IRQ, UART_LINE, EXO_IRQ_LEVEL);
    if (err == EXO_OK)
        err = rt_vcpu_make(0, read_lines, &reader, &thread);
    if (err == EXO_OK)
        err = bind_line(&reader, thread.slot);
    return err == EXO_OK ? exo_vcpu_start(thread.slot) : err;
}

/* --- Commands -----------------------------------------------------------------------------------
 */

static void
list(struct service *none)
{
    (void)none;
    for (uint32_t i = 0; i < service_count; i++) {
        const struct service *service = &services[i];
        struct exo_cell_info info = {0};
        if (service_runs(service))
            (void)exo_cell_info(service->child.cell, &info);
        say("%s: %s, started again %u time%s, %u of %u frames", service->name,
            state_name(service->state), service->restarts, plural(service->restarts),
            info.own[EXO_RES_FRAMES], info.limit[EXO_RES_FRAMES]);
    }
    uint32_t frames = free_frames();
    say("%u frame%s free", frames, plural(frames));
}

/* Of a command that changes nothing. */
static void
say_state(const struct service *service)
{
    say("%s: it is %s", service->name, state_name(service->state));
}

static void
start(struct service *service)
{
    if (service_runs(service) || service->state == SERVICE_REFUSED) {
        say_state(service);
        return;
    }
    if (!plan_service(service))
        return;
    service->restarts_in_a_row = 0;
    service->due_ticks = 0;
    service->state = SERVICE_WAITING;
}

static void
crash(struct service *service)
{
    if (service_runs(service))
        crash_service(service);
    else
        say_state(service);
}

static void
stop(struct service *service)
{
    if (!service_runs(service) && service->state != SERVICE_WAITING)
        say_state(service);
    stop_service(service);
}

static void
power_off(struct service *none)
{
    (void)none;
    powering_off = true;
    for (uint32_t i = 0; i < service_count; i++)
        stop_service(&services[i]);
}

void
power_off_when_down(void)
{
    bool up = !powering_off;
    for (uint32_t i = 0; i < service_count; i++)
        up |= service_runs(&services[i]);
    if (!up)
        (void)exo_machine_power(EXO_BOOT_MACHINE, EXO_POWER_OFF, 0);
}

static const struct {
    const char *name;
    bool named; /* a service's name follows */
    void (*run)(struct service *service);
} commands[] = {
    {"list", false, list}, {"start", true, start},         {"stop", true, stop},
    {"kill", true, crash}, {"poweroff", false, power_off},
};

void
do_command(char *line)
{
    const char *word = strtok(line, " "), *name = strtok(NULL, " ");
    if (word == NULL)
        return;
    struct service *service = name != NULL ? find_service(name) : NULL;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word, commands[i].name) != 0)
            continue;
        if (commands[i].named && name == NULL)
            say("%s: names no service", word);
        else if (commands[i].named && service == NULL)
            say("%s %s: no such service", word, name);
        else
            commands[i].run(service);
        return;
    }
    say("commands: list, start NAME, stop NAME, kill NAME (it crashes), poweroff");
}
