/* A service's world: its cell, its command line and seed, what it may use. */
#include "init.h"

#include <entropy/entropy.h>
#include <rt/start.h>
#include <rt/time.h>
#include <string.h>

int64_t
make_endpoints(uint32_t endpoint)
{
    int64_t err = EXO_OK;
    for (uint32_t i = 0; i < service_count && err == EXO_OK; i++) {
        struct service *service = &services[i];
        service->endpoint = rt_slot_take();
        service->waker = rt_slot_take();
        service->wake = rt_slot_take();
        err = exo_cap_copy(endpoint, EXO_SELF, service->endpoint, EXO_WRITE | EXO_COPY, i + 1, 0);
        if (err == EXO_OK)
            err = exo_notification_create(EXO_BOOT_CELL, service->waker);
        if (err == EXO_OK)
            err =
                exo_cap_copy(service->waker, EXO_SELF, service->wake, EXO_WRITE, RT_EVENT_STOP, 0);
    }
    return err;
}

/* --- The command line ---------------------------------------------------------------------------
 */

static bool
add_word(struct exo_boot_info *boot, const char *word, size_t length)
{
    size_t at = boot->cmdline_bytes, space = at > 0;
    if (at + space + length >= sizeof(boot->cmdline))
        return false;
    if (space)
        boot->cmdline[at++] = ' ';
    memcpy(boot->cmdline + at, word, length);
    boot->cmdline_bytes = (uint32_t)(at + length);
    boot->cmdline[boot->cmdline_bytes] = '\0';
    return true;
}

/* Of the kernel's: those of everybody, those of whoever has a NIC of its own, and those that begin
 * with its name and a dot. */
static bool
is_for(const char *word, const struct service *service)
{
    size_t length = strlen(service->name);
    return strncmp(word, "exo.", 4) == 0 ||
           (strncmp(word, "net.", 4) == 0 && service->manifest.devices.nic == NIC_PRIVATE) ||
           (strncmp(word, service->name, length) == 0 && word[length] == '.');
}

static bool
add_port(const struct service *service, struct exo_boot_info *boot)
{
    uint8_t mac[6] = {0};
    char word[64];
    if (service->manifest.devices.nic != NIC_SHARED)
        return true;
    (void)exo_device_config(service->nic, 0, mac, sizeof(mac)); /* virtio 1.2 §5.1.4 */
    if (service->port > 0) { /* the first has the NIC's own; this is locally administered */
        mac[0] |= 2;
        mac[3] = (uint8_t)(mac[3] ^ service->port);
    }
    size_t length = rt_format(word, sizeof(word), "net.port=%u", service->port);
    if (!add_word(boot, word, length))
        return false;
    length = rt_format(word, sizeof(word), "net.mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                       mac[2], mac[3], mac[4], mac[5]);
    return add_word(boot, word, length);
}

static bool
make_command_line(const struct service *service, struct exo_boot_info *boot)
{
    const struct manifest *manifest = &service->manifest;
    bool fits = true;
    for (const char *word = rt_boot->cmdline; *word != '\0';) {
        size_t length = strcspn(word, " ");
        if (is_for(word, service))
            fits = fits && add_word(boot, word, length);
        word += length;
        word += strspn(word, " ");
    }
    for (size_t i = 0; i < manifest->argument_count; i++)
        fits = fits && add_word(boot, manifest->arguments[i], strlen(manifest->arguments[i]));
    return fits && add_port(service, boot);
}

/* --- The start ----------------------------------------------------------------------------------
 */

static int64_t
make_child(struct service *service)
{
    const struct manifest *manifest = &service->manifest;
    const struct rt_spawn spawn = {
        .program = &service->program,
        .cpu = (uint32_t)manifest->cpu.number,
        .limit = {service->frames, (uint32_t)manifest->limits.caps, (uint32_t)manifest->limits.envs,
                  (uint32_t)manifest->cpu.slots},
        .supervisor = service->endpoint,
        .console = manifest->console,
        .held = true,
    };
    return rt_spawn(&spawn, &service->child);
}

static int64_t
connect(const struct service *service)
{
    const struct rt_child *child = &service->child;
    int64_t err = exo_cap_copy(service->endpoint, child->env, RT_SLOT_SUPERVISOR, EXO_WRITE, 0, 0);
    return err == EXO_OK ? exo_notification_bind(service->waker, child->vcpu) : err;
}

static int64_t
give_slots(const struct service *service)
{
    uint32_t count = (uint32_t)service->manifest.cpu.slots;
    uint32_t cpu = EXO_BOOT_CPU + (uint32_t)service->manifest.cpu.number;
    return count == 0 ? EXO_OK
                      : exo_cpu_assign(cpu, service->first_slot, count, service->child.vcpu);
}

int64_t
start_service(struct service *service, const char **what)
{
    *what = "limits, or its memory";
    int64_t err = service->frames > 0 ? make_child(service) : EXO_E_LIMIT;
    if (err != EXO_OK)
        return err;
    entropy_read(service->child.boot->seed, sizeof(service->child.boot->seed));
    service->child.boot->image_bytes = service->manifest.boot_image ? rt_boot->image_bytes : 0;
    *what = "its command line";
    if (!make_command_line(service, service->child.boot))
        err = EXO_E_LIMIT;
    if (err == EXO_OK) {
        *what = "its supervision";
        err = connect(service);
    }
    if (err == EXO_OK) {
        *what = "cpu.slots";
        err = give_slots(service);
    }
    if (err == EXO_OK) {
        *what = "devices";
        err = grant_devices(service);
    }
    if (err == EXO_OK)
        err = exo_vcpu_start(service->child.vcpu);
    if (err != EXO_OK)
        rt_kill(&service->child);
    return err;
}
