/*
 * Devices, and their sessions: what is used of a device from device_open to its reset.
 *
 * A device is found at boot (pci.c) and never ends. A session is an object without a capability, of
 * the cell that device_open names: it owns the rings of all virtqueues that may be opened, since
 * virtio 1.2 §3.1.1 wants them all set up before the device is told that the driver is ready. A
 * session is over when the device was reset; its memory stays until its last queue has gone, so
 * that owners can still read in the ring page that it was. docs/design/virtio.md has the whole.
 */
#ifndef EXO_VIRTIO_DEVICE_H
#define EXO_VIRTIO_DEVICE_H

#include "core/cell.h"
#include "core/irq.h"
#include "virtio/pci.h" /* struct transport */

struct queue;

#define DEVICES_MAX       (EXO_BOOT_SLOTS - EXO_BOOT_DEVICE)
#define DEVICE_QUEUES_MAX (DEVICE_VECTORS - 1) /* vector 0 is the configuration's */

#define TYPE_SESSION ((enum exo_type)EXO_TYPE_COUNT) /* no capability is of this type */

enum { DEVICE_NET = 1, DEVICE_BLOCK = 2, DEVICE_RNG = 4 }; /* virtio 1.2 §5 */

enum { FEATURE_EVENT_INDEX = 29, FEATURE_VERSION_1 = 32 };

/* Device status (virtio 1.2 §2.1). All ones: it does not answer any more. */
enum {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_GONE = 0xff,
};

enum device_state {
    DEVICE_CLOSED,
    DEVICE_OPENING, /* somebody makes a session for it */
    DEVICE_OPEN,
    DEVICE_RESETTING, /* 0 was written to its status, and not read yet */
};

/* One virtqueue of a session: memory that the device knows. */
struct ring {
    struct origin origin; /* of the ring page, as frames that nobody may write */
    struct cap_slot root; /* their root capability; what owners have is derived from it */
    struct exo_ring *page;
    struct virtq_descriptor *descriptors; /* a frame of their own */
    struct virtq_driver *driver;          /* available ring, block requests' headers: the same */
    struct queue *queue;                  /* who has it; the device's lock */
    uint16_t entries;
    uint16_t available, seen; /* its indices, while nobody has it */
};

struct session {
    struct origin origin;
    struct device *device;
    uint32_t ports;  /* 0: each ring is a virtqueue */
    struct nic *nic; /* with ports: the kernel has the first two, port.c */
    uint32_t queues; /* opened; the device's lock */
    bool over;       /* the device was reset; the same */
    struct ring rings[DEVICE_QUEUES_MAX];
};

struct device {
    struct origin origin; /* eternal */
    struct spinlock lock; /* RANK_DEVICE: what follows, and transport.h's functions */
    uint32_t type;        /* virtio device id; one that device_features() knows */
    uint32_t requester;   /* bus << 8 | device << 3 | function */
    uint32_t queues;      /* virtqueues that may be opened; DEVICE_QUEUES_MAX at most */
    uint32_t config_bytes;
    uint32_t first_lpi; /* vector 0: configuration; 1 + q: queue q */
    uint8_t state;      /* enum device_state */
    _Atomic bool gone;
    uint64_t offered, accepted; /* features; offered: of those that device_features() allows */
    struct irq config_irq;
    struct irq nic_irqs[2];  /* of a shared NIC's virtqueues */
    struct session *session; /* NULL: none */
    struct transport transport;
};

extern struct device devices[DEVICES_MAX];
extern uint32_t device_count;

/* The features that a device of this type may be used with; 0: such are not handed out. */
uint64_t device_features(uint32_t type);

/*
 * A step of device_open: ends an earlier session, then begins one of `queues` rings with those of
 * `features` that the device offers; `ports`: see port.c. EXO_E_AGAIN until done; EXO_E_RANGE
 * (queues, ports), EXO_E_ARG (ports of no NIC), EXO_E_STATE (the device refuses the features),
 * EXO_E_LIMIT, EXO_E_MEMORY, EXO_E_GONE.
 */
err_t device_open_step(struct device *device, struct cell *cell, uint32_t queues, uint64_t features,
                       uint32_t ports);

/* Whether its session, if there is one, is of a NIC with ports. */
bool device_has_ports(struct device *device);

/* Its lock is held, and it is open: nobody tells it of anything from here on. */
void device_begin_reset(struct device *device);

/* A step of its reset: EXO_E_AGAIN; EXO_OK when it has no session, or not this one (NULL: any). */
err_t device_close_step(struct device *device, const struct session *session);

/*
 * For who waits for a queue's requests: resets its device, a step, unless the queue's session is
 * over already. `own`: only if no other queue of the session is in use by somebody else. Locks of
 * rank below RANK_DEVICE may be held.
 */
void device_reset_for(struct queue *queue, bool own);

/*
 * The device goes away: it is reset, and once it is quiet, or does not answer, its session is over
 * and whoever is bound is told. False: it is not quiet yet, stays, and its session ends as any that
 * is reset. From an interrupt; no lock held.
 */
bool device_removed(struct device *device);

/* The end of a session object, a step; and of one that nobody has seen, as far as it was made. */
err_t session_finish_step(struct session *session);
err_t session_unmake_step(struct session *session);

/*
 * The queue gets ring `index` of the session: EXO_E_STATE (none is open), EXO_E_RANGE,
 * EXO_E_OCCUPIED, EXO_E_GONE. And leaves it, with nothing in flight, and nobody seeing the page.
 */
err_t device_attach(struct queue *queue, uint32_t index, struct ring **ring);
void device_detach(struct queue *queue);

#endif
