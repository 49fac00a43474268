/*
 * What a service's manifest says: strict TOML (toml/toml.h), the module services/NAME.toml of the
 * boot image. docs/reference/service-manifest.md describes each key.
 */
#ifndef INIT_MANIFEST_H
#define INIT_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_BYTES      32 /* of a service, with its NUL */
#define LIST_MAX        8
#define ARGUMENTS_MAX   16
#define ARGUMENT_BYTES  64
#define MANIFEST_TABLES 5

enum ready { READY_STARTED, READY_TOLD };
enum nic { NIC_NONE, NIC_PRIVATE, NIC_SHARED };
enum restart { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };

struct manifest {
    char program[48];
    char profiles[LIST_MAX][NAME_BYTES], after[LIST_MAX][NAME_BYTES];
    size_t profile_count, after_count;
    char arguments[ARGUMENTS_MAX][ARGUMENT_BYTES];
    size_t argument_count;
    int ready; /* enum ready */
    bool console, boot_image;
    struct {
        char memory[12];
        int64_t caps, envs;
    } limits;
    struct {
        int64_t number, slots;
    } cpu;
    struct {
        int nic; /* enum nic */
        bool store, data, rng, clock;
    } devices;
    struct {
        int when; /* enum restart */
        int64_t most, backoff_ms, settled_s;
    } restart;
    struct {
        int64_t within_s;
    } stop;
    size_t tables[MANIFEST_TABLES]; /* how often each stands: once or not at all */
};

/* Frames that limits.memory asks for; 0: the rest of the machine. */
uint32_t manifest_frames(const struct manifest *manifest);

/*
 * Reads it; what is absent has its default. False: `error` (of `size` bytes) has "file:line: key:
 * what is wrong".
 */
bool manifest_read(const char *file, const char *text, size_t bytes, struct manifest *manifest,
                   char *error, size_t size);

/*
 * "file:line: key: what": for what is wrong with a value that could be read. `table` NULL: a key
 * before the first table.
 */
void manifest_wrong(const char *file, const char *text, size_t bytes, const char *table,
                    const char *key, const char *what, char *error, size_t size);

#endif
