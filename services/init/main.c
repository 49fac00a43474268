/*
 * init: the first program of the machine. It starts the services of the profile as their manifests
 * say, and starts again what dies.
 *
 * Words of the kernel's command line:
 *
 *   init.profile=NAME  the services of that profile are started ("default")
 *
 *   init.only=NAME     that service alone; once it ends for good, the machine ends with it
 */
#include "init.h"

#include <entropy/entropy.h>
#include <rt/console.h>
#include <rt/service.h>
#include <rt/start.h>
#include <stdarg.h>
#include <string.h>

#define OWN_SLOT (EXO_CPU_SLOTS - 1) /* of CPU 0: it gets to run, whoever owns the others */

void
say(const char *format, ...)
{
    char line[RT_LINE_BYTES] = "init: ";
    va_list list;
    va_start(list, format);
    size_t length = strlen(line);
    length += rt_format_list(line + length, sizeof(line) - 1 - length, format, list);
    va_end(list);
    line[length] = '\n';
    rt_write(line, length + 1);
}

static void
say_services(char *to, size_t size)
{
    size_t length = 0;
    to[0] = '\0';
    for (uint32_t i = 0; i < service_count && length + 1 < size; i++)
        length += rt_format(to + length, size - length, " %s", services[i].name);
}

static bool
in_profile(const struct service *service, const char *profile)
{
    for (size_t i = 0; i < service->manifest.profile_count; i++)
        if (strcmp(service->manifest.profiles[i], profile) == 0)
            return true;
    return false;
}

/* Those that are to be started now wait. */
static void
select_services(void)
{
    char name[NAME_BYTES] = "default", list[RT_LINE_BYTES / 2];
    bool only = rt_option("init.only", name, sizeof(name));
    if (!only)
        (void)rt_option("init.profile", name, sizeof(name));
    uint32_t selected = 0;
    for (uint32_t i = 0; i < service_count; i++) {
        struct service *service = &services[i];
        bool chosen = only ? strcmp(service->name, name) == 0 : in_profile(service, name);
        selected += chosen;
        if (chosen && service->state == SERVICE_OFF)
            service->state = SERVICE_WAITING;
    }
    say_services(list, sizeof(list));
    if (selected == 0)
        say(only ? "init.only=%s: no such service; there are:%s"
                 : "init.profile=%s: no service is in it; there are:%s",
            name, list);
}

static void
act_on(const struct exo_message *message)
{
    if (message->badge == 0) { /* the console's */
        do_command((char *)(uintptr_t)message->word[0]);
        (void)exo_reply(0, 0, 0, 0, EXO_NONE);
        return;
    }
    struct service *service = &services[message->badge - 1];
    switch (message->word[0] & 0xff) {
    case RT_SERVICE_EXIT: service_ended(service, (int)message->word[1], false); break;
    case RT_SERVICE_FAULT:
    case EXO_UPCALL_FAULT:
    case EXO_UPCALL_TRAP:
        (void)rt_stop_env(service->child.env);
        report_crash(service, message);
        service_ended(service, 0, true);
        break;
    case RT_SERVICE_READY:
        service_is_ready(service);
        (void)exo_reply(0, 0, 0, 0, EXO_NONE);
        break;
    default: (void)exo_reply(0, 0, 0, 0, EXO_NONE); break; /* it says nothing that we know */
    }
}

int
main(void)
{
    uint32_t endpoint = rt_slot_take();
    int64_t err = exo_endpoint_create(EXO_BOOT_CELL, endpoint);
    entropy_add(rt_boot->seed, sizeof(rt_boot->seed));
    (void)exo_cpu_assign(EXO_BOOT_CPU, OWN_SLOT, 1, EXO_BOOT_VCPU);
    read_services();
    select_services();
    if (err == EXO_OK)
        err = make_endpoints(endpoint);
    if (err == EXO_OK)
        err = read_console(endpoint);
    if (err != EXO_OK) {
        say("%s", exo_error_text(err));
        return 1;
    }
    plan_services();
    end_machine_if_down(RT_EXIT_REFUSED); /* none of them can be started */
    for (;;) {
        start_due();
        struct exo_message message = exo_receive(endpoint, EXO_NONE, next_due());
        if (message.status == EXO_OK)
            act_on(&message);
        do_due();
        power_off_when_down();
    }
}
