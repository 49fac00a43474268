/* Who gets what of the machine: memory, CPU slots, devices. */
#include "init.h"

#include <rt/start.h>

#define RESERVED_FRAMES 192u /* init's own, to start services again and to tell of their ends */
#define RESERVED_SLOTS  1u   /* of CPU 0: init's own */
#define NETWORK         1u   /* virtio 1.2 §5: device types */
#define BLOCK           2u
#define ENTROPY         4u
#define BLOCK_READ_ONLY (1ull << 5) /* §5.2.3 */

static uint32_t shared_nic = EXO_NONE, ports;
static uint32_t slots_taken[EXO_CPUS_MAX];

uint32_t
free_frames(void)
{
    struct exo_cell_info info = {0};
    (void)exo_cell_info(EXO_BOOT_CELL, &info);
    return info.limit[EXO_RES_FRAMES] - info.own[EXO_RES_FRAMES] - info.carved[EXO_RES_FRAMES];
}

/* --- Devices ------------------------------------------------------------------------------------
 */

static bool
is_taken(uint32_t slot)
{
    bool taken = slot == shared_nic;
    for (uint32_t i = 0; i < service_count; i++)
        taken |= services[i].nic == slot || services[i].store == slot || services[i].data == slot ||
                 services[i].rng == slot;
    return taken;
}

/* The first device of that type that nobody has; disks: that can (not) be written. EXO_NONE. */
static uint32_t
find_device(uint32_t type, bool read_only)
{
    struct exo_device_info info;
    for (uint32_t slot = EXO_BOOT_DEVICE; slot < EXO_BOOT_SLOTS; slot++) {
        if (exo_device_info(slot, &info) != EXO_OK || info.type != type || is_taken(slot))
            continue;
        if (type != BLOCK || ((info.offered & BLOCK_READ_ONLY) != 0) == read_only)
            return slot;
    }
    return EXO_NONE;
}

static bool
plan_device(struct service *service, bool wanted, const char *key, uint32_t *slot, uint32_t type,
            bool read_only)
{
    if (!wanted || *slot != EXO_NONE)
        return true;
    *slot = find_device(type, read_only);
    if (*slot == EXO_NONE)
        refuse_service(service, "devices", key, "the machine has no such device left");
    return *slot != EXO_NONE;
}

/* One NIC for all who share. */
static bool
plan_port(struct service *service)
{
    if (service->manifest.devices.nic != NIC_SHARED || service->nic != EXO_NONE)
        return true;
    if (shared_nic == EXO_NONE)
        shared_nic = find_device(NETWORK, false);
    if (shared_nic == EXO_NONE || ports == EXO_PORTS_MAX) {
        refuse_service(service, "devices", "nic",
                       shared_nic == EXO_NONE ? "the machine has no such device left"
                                              : "all ports of the shared NIC are taken");
        return false;
    }
    service->nic = shared_nic;
    service->port = ports++;
    return true;
}

static bool
plan_devices(struct service *service)
{
    const struct manifest *manifest = &service->manifest;
    return plan_device(service, manifest->devices.nic == NIC_PRIVATE, "nic", &service->nic, NETWORK,
                       false) &&
           plan_device(service, manifest->devices.store, "store", &service->store, BLOCK, true) &&
           plan_device(service, manifest->devices.data, "data", &service->data, BLOCK, false) &&
           plan_device(service, manifest->devices.rng, "rng", &service->rng, ENTROPY, false);
}

/* What is refused keeps nothing from others. If it has a port, that is the last one. */
static void
give_back_devices(struct service *service)
{
    ports -= service->manifest.devices.nic == NIC_SHARED && service->nic != EXO_NONE;
    if (ports == 0)
        shared_nic = EXO_NONE;
    service->nic = service->store = service->data = service->rng = EXO_NONE;
}

/* Begins the session that the ports are in, if there is none. It is init's, and outlives who uses
 * them. */
static int64_t
open_shared(void)
{
    struct exo_device_info info;
    uint32_t sharing = 0;
    int64_t err = exo_device_info(shared_nic, &info);
    if (err != EXO_OK || info.state == EXO_DEVICE_OPEN)
        return err;
    for (uint32_t i = 0; i < service_count; i++)
        sharing += services[i].manifest.devices.nic == NIC_SHARED;
    sharing = sharing < EXO_PORTS_MAX ? sharing : EXO_PORTS_MAX;
    return exo_again(exo_device_open(EXO_BOOT_CELL, shared_nic, 2, 0, sharing).status);
}

int64_t
grant_devices(struct service *service)
{
    const uint32_t private = EXO_READ | EXO_WRITE | EXO_CONTROL;
    bool shared = service->manifest.devices.nic == NIC_SHARED;
    const struct {
        uint32_t slot, rights, first, count; /* indices of queues; 0, 0: all */
    } all[] = {
        {service->nic, shared ? EXO_READ | EXO_WRITE : private, shared ? 2 * service->port : 0,
         shared ? 2 : 0},
        {service->store, private, 0, 0},
        {service->data, private, 0, 0},
        {service->rng, private, 0, 0},
    };
    int64_t err = shared ? open_shared() : EXO_OK;
    uint32_t to = EXO_BOOT_DEVICE;
    for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]) && err == EXO_OK; i++)
        if (all[i].slot != EXO_NONE)
            err = exo_cap_copy(all[i].slot, service->child.env, to++, all[i].rights, all[i].first,
                               all[i].count);
    if (err == EXO_OK && service->manifest.devices.clock)
        err = exo_cap_copy(EXO_BOOT_RTC, service->child.env, EXO_BOOT_RTC, EXO_READ, 0, 0);
    if (err == EXO_OK && service->manifest.boot_image)
        err = exo_cap_copy(EXO_BOOT_IMAGE, service->child.env, EXO_BOOT_IMAGE, EXO_READ | EXO_COPY,
                           0, 0);
    return err;
}

/* --- CPUs and memory ----------------------------------------------------------------------------
 */

static bool
plan_cpu(struct service *service)
{
    uint32_t cpu = (uint32_t)service->manifest.cpu.number;
    uint32_t wanted = (uint32_t)service->manifest.cpu.slots;
    uint32_t room = EXO_CPU_SLOTS - (cpu == 0 ? RESERVED_SLOTS : 0);
    if (cpu >= rt_machine.cpus) {
        refuse_service(service, "cpu", "number", "the machine has not so many CPUs");
        return false;
    }
    if (slots_taken[cpu] + wanted > room) {
        refuse_service(service, "cpu", "slots", "the CPU has not so many slots left");
        return false;
    }
    service->first_slot = slots_taken[cpu];
    slots_taken[cpu] += wanted;
    return true;
}

static bool
plan(struct service *service)
{
    if (service->planned)
        return true;
    service->planned = plan_devices(service) && plan_port(service) && plan_cpu(service);
    if (!service->planned)
        give_back_devices(service);
    service->frames = manifest_frames(&service->manifest);
    return service->planned;
}

/* Frames that can still be given to services. */
static uint32_t
rest(uint32_t promised)
{
    uint32_t left = free_frames();
    return left > RESERVED_FRAMES + promised ? left - RESERVED_FRAMES - promised : 0;
}

bool
plan_service(struct service *service)
{
    if (!plan(service))
        return false;
    if (service->frames == 0)
        service->frames = rest(0);
    return true;
}

/* Those whose memory is a number come first; the others share what is left. */
void
plan_services(void)
{
    uint32_t sharing = 0, promised = 0;
    for (uint32_t i = 0; i < service_count; i++) {
        struct service *service = &services[i];
        if (service->state == SERVICE_WAITING && plan(service)) {
            promised += service->frames + 1; /* the cell itself */
            sharing += service->frames == 0;
        }
    }
    uint32_t share = sharing > 0 ? rest(promised) / sharing : 0;
    for (uint32_t i = 0; i < service_count; i++)
        if (services[i].state == SERVICE_WAITING && services[i].frames == 0)
            services[i].frames = share;
}
