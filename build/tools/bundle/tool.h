/*
 * The host tool for bundles: docs/guides/bundles.md. What can be checked is checked by the code of
 * the loader. A failure ends the program with one line that names the file.
 */
#ifndef BUNDLE_TOOL_H
#define BUNDLE_TOOL_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include <model/manifest.h>
#include <model/signature.h>

#include "output.h"

/* Everything that a file holds. */
struct bytes {
    uint8_t *data;
    size_t count;
};

/* Reads a file of at most `most` bytes; fails if it cannot. The caller frees data. */
struct bytes read_whole_file(const char *path, size_t most);

/* "folder/file" into `to`. */
void join_path(char to[PATH_MAX], const char *folder, const char *file);

/* A generation's folder: .../NAME/GENERATION. Fails unless that is how its path ends. */
struct generation {
    char store[PATH_MAX]; /* "..." */
    char name[MANIFEST_NAME_BYTES];
    int64_t number;
};
void parse_generation_path(const char *path, struct generation *generation);

/* Options: "--word value" pairs among the arguments. */
struct arguments {
    int count;
    char **words; /* those that are no options and no values of options */
};
/* Takes an option out of the arguments: its value, or NULL. Fails if it stands there twice. */
const char *take_option(struct arguments *arguments, const char *option);
/* The same, but it must be there. */
const char *need_option(struct arguments *arguments, const char *option);
/* Fails if an unknown option is left, or fewer than `least` or more than `most` words. */
void check_words(const struct arguments *arguments, int least, int most);

/* The secret half of a key pair: what signatures are made with. */
void read_secret_key(const char *path, uint8_t seed[SIGNATURE_KEY_BYTES]);
void read_trust(const char *path, struct trust *trust);

/* The shape of the weights in a generation's folder; fails if they are no model, or if the
 * vocabulary cannot be used with it. */
void read_shape(const char *folder, struct manifest_model *model);

/* Whether the engine would read such a file as the vocabulary of a model with so many words: it can
 * be another model's, or of a kind that the engine has no code for. */
bool check_vocabulary(const void *bytes, uint64_t count, uint32_t words, struct why *why);

/* Writes the weights of a generation's folder: the model file `from`, packed for that layout. Fails
 * if there is none of that name that suits it. The bytes of the model file are then the model's. */
void pack_weights(const char *folder, const char *from, const char *layout,
                  struct manifest_model *model);

/* A file that is mapped, for the rest of the program, and what it is called in messages: behind
 * links. */
struct mapped {
    char path[PATH_MAX];
    const void *bytes;
    uint64_t count;
};
void map_file(struct mapped *mapped, const char *path);

/* The commands. */
void command_keygen(struct arguments *arguments);
void command_make(struct arguments *arguments);
void command_sign(struct arguments *arguments);
void command_verify(struct arguments *arguments);
void command_pack(struct arguments *arguments);

#endif
