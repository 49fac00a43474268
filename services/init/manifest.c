/* The schema of manifests, and where in one a key stands. */
#include "manifest.h"

#include <exo/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <toml/toml.h>

#define REST           "rest"
#define MIB_MAX        65536
#define FRAMES_PER_MIB (1048576u / EXO_PAGE_BYTES)

static uint32_t
frames_of(const char *memory)
{
    char *end;
    unsigned long mib = strtoul(memory, &end, 10);
    return memory[0] >= '1' && memory[0] <= '9' && strcmp(end, "M") == 0 && mib <= MIB_MAX
               ? (uint32_t)mib * FRAMES_PER_MIB
               : 0;
}

static const char *
check_memory(const char *value)
{
    return frames_of(value) != 0 || strcmp(value, REST) == 0
               ? NULL
               : "must be \"rest\", or MiB as in \"24M\", 1M to 65536M";
}

static const char *
check_argument(const char *value)
{
    return strpbrk(value, " \t\n") == NULL && value[0] != '\0' ? NULL : "must be one word";
}

uint32_t
manifest_frames(const struct manifest *manifest)
{
    return frames_of(manifest->limits.memory);
}

static const char *const readiness[] = {"started", "told", NULL};
static const char *const nics[] = {"none", "private", "shared", NULL};
static const char *const restarts[] = {"never", "on-failure", "always", NULL};

#define FIELD(field) \
    .offset = offsetof(struct manifest, field), .room = sizeof(((struct manifest *)0)->field)
#define LIST(field, counter)                                                                      \
    .offset = offsetof(struct manifest, field), .room = sizeof(((struct manifest *)0)->field[0]), \
    .items = sizeof(((struct manifest *)0)->field) / sizeof(((struct manifest *)0)->field[0]),    \
    .count_offset = offsetof(struct manifest, counter)

static const struct toml_key top[] = {
    {"program", TOML_STRING, FIELD(program), .required = true},
    {"profiles", TOML_STRINGS, LIST(profiles, profile_count)},
    {"after", TOML_STRINGS, LIST(after, after_count)},
    {"arguments", TOML_STRINGS, LIST(arguments, argument_count), .check = check_argument},
    {"ready", TOML_CHOICE, FIELD(ready), .choices = readiness},
    {"console", TOML_BOOLEAN, FIELD(console)},
    {"boot_image", TOML_BOOLEAN, FIELD(boot_image)},
};
static const struct toml_key limits[] = {
    {"memory", TOML_STRING, FIELD(limits.memory), .required = true, .check = check_memory},
    {"caps", TOML_INTEGER, FIELD(limits.caps), .least = EXO_CAPS_PER_PAGE, .most = 1 << 20},
    {"envs", TOML_INTEGER, FIELD(limits.envs), .least = 1, .most = 1 << 12},
};
static const struct toml_key cpu[] = {
    {"number", TOML_INTEGER, FIELD(cpu.number), .most = EXO_CPUS_MAX - 1},
    {"slots", TOML_INTEGER, FIELD(cpu.slots), .most = EXO_CPU_SLOTS},
};
static const struct toml_key devices[] = {
    {"nic", TOML_CHOICE, FIELD(devices.nic), .choices = nics},
    {"store", TOML_BOOLEAN, FIELD(devices.store)},
    {"data", TOML_BOOLEAN, FIELD(devices.data)},
    {"rng", TOML_BOOLEAN, FIELD(devices.rng)},
    {"clock", TOML_BOOLEAN, FIELD(devices.clock)},
};
static const struct toml_key restart[] = {
    {"when", TOML_CHOICE, FIELD(restart.when), .choices = restarts},
    {"most", TOML_INTEGER, FIELD(restart.most), .most = 1000000},
    {"backoff_ms", TOML_INTEGER, FIELD(restart.backoff_ms), .most = 60000},
    {"settled_s", TOML_INTEGER, FIELD(restart.settled_s), .most = 86400},
};
static const struct toml_key stop[] = {
    {"within_s", TOML_INTEGER, FIELD(stop.within_s), .most = 3600},
};

#define KEYS(list)    .keys = (list), .key_count = sizeof(list) / sizeof(list[0])
#define COUNT(number) .count_offset = offsetof(struct manifest, tables[number])

static const struct toml_table tables[] = {
    {KEYS(top)},
    {.name = "limits", KEYS(limits), COUNT(0), .required = true},
    {.name = "cpu", KEYS(cpu), COUNT(1)},
    {.name = "devices", KEYS(devices), COUNT(2)},
    {.name = "restart", KEYS(restart), COUNT(3)},
    {.name = "stop", KEYS(stop), COUNT(4)},
};
static const struct toml_schema schema = {tables, sizeof(tables) / sizeof(tables[0])};

bool
manifest_read(const char *file, const char *text, size_t bytes, struct manifest *manifest,
              char *error, size_t size)
{
    struct toml_error wrong;
    *manifest = (struct manifest){
        .limits = {.caps = 1 << 14, .envs = 1},
        .restart = {.when = RESTART_ALWAYS, .most = 5, .backoff_ms = 100, .settled_s = 30},
        .stop = {.within_s = 10},
    };
    if (toml_read(text, bytes, &schema, manifest, &wrong))
        return true;
    toml_error_text(&wrong, file, error, size);
    return false;
}

/* --- Lines
 * --------------------------------------------------------------------------------------- */

static const char *
skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* Whether this name stands there, and nothing more of a name behind it. */
static bool
names(const char *at, const char *end, const char *name)
{
    size_t length = strlen(name);
    return (size_t)(end - at) > length && memcmp(at, name, length) == 0 &&
           strchr(" \t=]", at[length]) != NULL;
}

/* Of a document that obeys the schema; 0: the key does not stand in it. */
static unsigned
line_of(const char *text, size_t bytes, const char *table, const char *key)
{
    const char *end = text + bytes;
    bool here = table == NULL;
    unsigned number = 1;
    for (const char *line = text; line < end; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *over = newline == NULL ? end : newline, *at = skip_blanks(line, over);
        if (at < over && *at == '[')
            here = table != NULL && names(skip_blanks(at + 1, over), over, table);
        else if (here && names(at, over, key))
            return number;
        line = over + 1;
    }
    return 0;
}

void
manifest_wrong(const char *file, const char *text, size_t bytes, const char *table, const char *key,
               const char *what, char *error, size_t size)
{
    struct toml_error wrong = {.line = line_of(text, bytes, table, key)};
    (void)snprintf(wrong.key, sizeof(wrong.key), "%s%s%s", table == NULL ? "" : table,
                   table == NULL ? "" : ".", key);
    (void)snprintf(wrong.text, sizeof(wrong.text), "%s", what);
    toml_error_text(&wrong, file, error, size);
}
