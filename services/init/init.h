/*
 * Services: what init knows of each, from its manifest to its end. One thread does all of it: it
 * waits in `receive` on one endpoint, on which services say that they are ready or end, the kernel
 * that they faulted, and the console's reader what was typed.
 */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "manifest.h"

#include <exo/bootimage.h>
#include <rt/call.h>
#include <rt/console.h>
#include <rt/module.h>
#include <rt/spawn.h>

#define SERVICES_MAX 24u

enum state {
    SERVICE_OFF,      /* not in the profile, or stopped, or it ended: until `start` */
    SERVICE_REFUSED,  /* its manifest is wrong, or the machine has not what that asks for */
    SERVICE_WAITING,  /* to be started when those before it are ready, and not before due_ticks */
    SERVICE_STARTING, /* it runs, and has not said that it is ready */
    SERVICE_READY,
    SERVICE_STOPPING, /* it was asked to stop, until due_ticks */
    SERVICE_FAILED,   /* it ended too often */
};

struct service {
    char name[NAME_BYTES];
    char file[BOOT_MODULE_NAME]; /* of the manifest, for errors */
    struct rt_module text;       /* the manifest */
    struct rt_module module;     /* the program */
    struct rt_program program;
    struct manifest manifest;
    enum state state;
    bool planned;                   /* what follows is decided: */
    uint32_t frames;                /* the limit */
    uint32_t first_slot;            /* of its CPU, with manifest.cpu.slots */
    uint32_t nic, store, data, rng; /* slots of its devices; EXO_NONE */
    uint32_t port;                  /* of a shared NIC */
    uint32_t endpoint;              /* a copy with its badge */
    uint32_t wake;                  /* a notification with the badge RT_EVENT_STOP ... */
    uint32_t waker;                 /* ... and its root */
    struct rt_child child;
    uint64_t due_ticks, started_ticks, ready_ticks;
    uint32_t restarts, restarts_in_a_row;
};

extern struct service services[SERVICES_MAX];
extern uint32_t service_count;

/* "init: ...", a line. */
void say(const char *format, ...) RT_FORMAT(1, 2);

/* What a noun has at its end behind that number. */
static inline const char *
plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

/* The service of that name, or NULL. */
struct service *find_service(const char *name);

const char *state_name(enum state state);

/* Whether it has a cell. */
bool service_runs(const struct service *service);

/* --- services.c: reading manifests ------------------------------------------------------------ */

/* All manifests of the boot image; what is wrong is said, and its service refused. */
void read_services(void);

/* "NAME: not started: FILE:LINE: KEY: WHAT", of a value in its manifest. */
void refuse_service(struct service *service, const char *table, const char *key, const char *what);

/* --- plan.c: who gets what of the machine ----------------------------------------------------- */

/* Memory, CPU slots and devices for the services that wait. Whose manifest asks for what is not
 * there is refused. */
void plan_services(void);

/* The same for one that was not in the profile: false: it is refused. */
bool plan_service(struct service *service);

/* Its devices, clock and boot image, granted to the child that was made. */
int64_t grant_devices(struct service *service);

/* Frames that the root cell has not given to anybody. */
uint32_t free_frames(void);

/* --- start.c: a service's world --------------------------------------------------------------- */

/* Makes endpoint and notification of each service, all of whose calls come to `endpoint`. */
int64_t make_endpoints(uint32_t endpoint);

/* Makes its cell and starts it. On an error nothing is left, and *what says at which step. */
int64_t start_service(struct service *service, const char **what);

/* --- life.c: what happens to it --------------------------------------------------------------- */

/* Starts every service that is due. */
void start_due(void);

/* When something is to be done without anybody's asking, or EXO_FOREVER. */
uint64_t next_due(void);

/* Does what is due by now. */
void do_due(void);

void service_is_ready(struct service *service);

/* It ended by itself, with that exit code, or by a fault (`crashed`). */
void service_ended(struct service *service, int code, bool crashed);

/* Where no service runs, nor will be started, the machine ends, and the console says so: who waits
 * for one, on the network or outside of the machine, learns that nobody answers. One that waits for
 * another that stays down will not be. */
void end_machine_if_down(int code);

/* Asks it to stop; what does not by the end of its time is ended. */
void stop_service(struct service *service);

/* Makes it fault: its first vCPU goes on at address 0. */
void crash_service(struct service *service);

/* --- crash.c ------------------------------------------------------------------------------------
 */

/* What the message of a fault tells, its registers, and who called whom, on the console. The
 * service runs no more. */
void report_crash(const struct service *service, const struct exo_message *message);

/* --- console.c ----------------------------------------------------------------------------------
 */

/* Reads lines in a vCPU of its own, which hands each to `endpoint` (word 0: its address). */
int64_t read_console(uint32_t endpoint);

/* Ends the machine once it was asked to and no service runs. */
void power_off_when_down(void);

/* Does what a line says. */
void do_command(char *line);

#endif
