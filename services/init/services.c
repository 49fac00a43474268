/* The services that the boot image has manifests of. */
#include "init.h"

#include <elf/elf.h>
#include <string.h>

#define FOLDER "services/"
#define ENDING ".toml"

_Static_assert(SERVICES_MAX <= 32, "a bit for each");

struct service services[SERVICES_MAX];
uint32_t service_count;

struct service *
find_service(const char *name)
{
    for (uint32_t i = 0; i < service_count; i++)
        if (strcmp(services[i].name, name) == 0)
            return &services[i];
    return NULL;
}

void
refuse_service(struct service *service, const char *table, const char *key, const char *what)
{
    char error[RT_LINE_BYTES];
    manifest_wrong(service->file, service->text.at, service->text.bytes, table, key, what, error,
                   sizeof(error));
    say("%s: not started: %s", service->name, error);
    service->state = SERVICE_REFUSED;
}

/* The name between folder and ending; false: the module is no manifest. */
static bool
take_name(struct service *service, const char *module)
{
    size_t length = strlen(module), around = strlen(FOLDER) + strlen(ENDING);
    if (length <= around || strncmp(module, FOLDER, strlen(FOLDER)) != 0 ||
        strcmp(module + length - strlen(ENDING), ENDING) != 0)
        return false;
    (void)rt_format(service->file, sizeof(service->file), "%s", module);
    if (length - around >= sizeof(service->name)) {
        say("%s: not started: the name of a service has %u letters at most", module,
            NAME_BYTES - 1);
        return false;
    }
    memcpy(service->name, module + strlen(FOLDER), length - around);
    return true;
}

static void
read_program(struct service *service)
{
    const char *why = "the boot image has no such module";
    struct rt_module *module = &service->module;
    if (rt_module_find(service->manifest.program, module)) {
        if (elf_program(module->at, module->bytes, &service->program, &why)) {
            service->program.first = module->page;
            return;
        }
    }
    refuse_service(service, NULL, "program", why);
}

static void
read_service(struct service *service, const struct rt_module *module)
{
    char error[RT_LINE_BYTES];
    service->text = *module;
    service->nic = service->store = service->data = service->rng = EXO_NONE;
    if (rt_module_map(&service->text) &&
        manifest_read(service->file, service->text.at, service->text.bytes, &service->manifest,
                      error, sizeof(error))) {
        read_program(service);
        return;
    }
    say("%s: not started: %s", service->name,
        service->text.at == NULL ? "its manifest is empty" : error);
    service->state = SERVICE_REFUSED;
}

/* A bit for each service that this one's manifest names as one before it. */
static uint32_t
named_before(const struct service *service)
{
    uint32_t before = 0;
    for (size_t i = 0; i < service->manifest.after_count; i++) {
        const struct service *other = find_service(service->manifest.after[i]);
        before |= other != NULL ? 1u << (other - services) : 0;
    }
    return before;
}

/* Whether it comes after itself, by way of others: none of them would ever start. */
static bool
is_in_circle(const struct service *service)
{
    uint32_t before = 0, found = named_before(service);
    while (found != before) {
        before = found;
        for (uint32_t i = 0; i < service_count; i++)
            found |= before >> i & 1 ? named_before(&services[i]) : 0;
    }
    return before >> (service - services) & 1;
}

/* Names of services that another one comes after. */
static void
check_order(struct service *service)
{
    for (size_t i = 0; i < service->manifest.after_count; i++)
        if (find_service(service->manifest.after[i]) == NULL)
            refuse_service(service, NULL, "after", "names a service that is not there");
    if (service->state != SERVICE_REFUSED && is_in_circle(service))
        refuse_service(service, NULL, "after", "it would come after itself");
}

void
read_services(void)
{
    struct rt_module module;
    for (uint32_t i = 0; rt_module_at(i, &module); i++) {
        struct service *service = &services[service_count];
        if (service_count < SERVICES_MAX && take_name(service, module.name)) {
            service_count++;
            read_service(service, &module);
        }
    }
    for (uint32_t i = 0; i < service_count; i++)
        if (services[i].state != SERVICE_REFUSED)
            check_order(&services[i]);
}
