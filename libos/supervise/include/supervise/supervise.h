/*
 * A small supervisor: which program is to run for which device, as a table. It looks at the devices
 * that its own program holds, matches each with the first rule for its type, starts the rule's
 * program in a cell of its own with the device's capability and nothing else, waits until it says
 * that it is ready, and starts it again when it ends.
 *
 * A program is a function of the same boot image (rt/spawn.h). It finds its device in slot
 * SUPERVISE_DEVICE.
 */
#ifndef SUPERVISE_SUPERVISE_H
#define SUPERVISE_SUPERVISE_H

#include <rt/spawn.h>

#define SUPERVISE_DEVICE RT_SLOT_GRANT
#define SUPERVISE_MAX    16u

struct supervise_rule {
    const char *name;
    uint32_t device_type;   /* virtio device id; 0: it needs none, and is started once */
    uint32_t device_rights; /* what it gets of the device */
    uint32_t restarts_max;  /* then it stays down */
    uint32_t devices_max;   /* started for at most so many devices; 0: for all */
    struct rt_spawn spawn;  /* entry, argument, CPU, limits, further grants (grant[0] is taken) */
};

enum supervise_state {
    SUPERVISE_STARTING = 0,
    SUPERVISE_READY = 1,
    SUPERVISE_DOWN = 2, /* ended, and may not be started again; or it could not be started */
};

struct supervised {
    const struct supervise_rule *rule;
    uint32_t device; /* slot; EXO_NONE: none */
    enum supervise_state state;
    uint32_t restarts;
    int64_t error; /* why it could not be started */
    struct rt_child child;
};

struct supervisor {
    uint32_t count;
    struct supervised program[SUPERVISE_MAX];
};

/*
 * Discovers, matches, grants and starts. `devices` slots from `first_device` on are looked at; what
 * is not a device is skipped. Devices without a rule are left alone.
 */
void supervise_start(struct supervisor *supervisor, const struct supervise_rule *rules,
                     uint32_t rule_count, uint32_t first_device, uint32_t devices);

/* Looks at every program once: restarts what ended. Returns how many it started again. */
uint32_t supervise_look(struct supervisor *supervisor);

/* Looks until all are READY or DOWN; whether all are READY, at the latest at the deadline. */
bool supervise_wait(struct supervisor *supervisor, uint64_t deadline_ticks);

/* Ends all of them. */
void supervise_stop(struct supervisor *supervisor);

/* In a program: it works now. */
void supervise_ready(void);

/* What supervisor and program share, behind the word that says "ready". */
void *supervise_shared(const struct supervised *program); /* NULL in the program itself: its own */

#endif
