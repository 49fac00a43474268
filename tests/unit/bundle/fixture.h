/*
 * Bundles in memory: a store whose files tests can change at will, a maker of correct bundles, and
 * a loader that remembers what it reported.
 */
#ifndef TESTS_BUNDLE_FIXTURE_H
#define TESTS_BUNDLE_FIXTURE_H

#include <model/bundle.h>

#define FIXTURE_FILES 32

struct fixture_file {
    char name[MANIFEST_NAME_BYTES], path[MANIFEST_PATH_BYTES];
    int64_t generation; /* 0: no file */
    uint8_t *bytes;
    size_t count;
    bool unreadable; /* reading it fails */
};

struct fixture {
    struct store store;
    struct fixture_file files[FIXTURE_FILES];
    int open_files;
    struct trust trust;
    struct bundle_loader loader;
    unsigned rejected;
    enum bundle_verdict verdict; /* the last one that was no rejection */
    char rejections[1024], text[256];
};

/* An empty store, a trust root with the key that signs, and a loader. */
void fixture_begin(struct fixture *fixture);
/* Frees everything; fails the process if the loader left files open. */
void fixture_end(struct fixture *fixture);

/* Puts a file there, in place of one that is; the bytes are copied. */
struct fixture_file *fixture_put(struct fixture *fixture, const char *name, int64_t generation,
                                 const char *path, const void *bytes, size_t count);
struct fixture_file *fixture_find(struct fixture *fixture, const char *name, int64_t generation,
                                  const char *path);
void fixture_remove(struct fixture *fixture, const char *name, int64_t generation,
                    const char *path);

/*
 * A correct bundle "small": a model.bin of two blocks and a bit, and a short tokenizer.bin, whose
 * bytes depend on the generation.
 */
void fixture_make(struct fixture *fixture, int64_t generation, const char *verify);

/* The signed part of a manifest, with a piece of text replaced (once), signed again. */
void fixture_edit(struct fixture *fixture, int64_t generation, const char *piece,
                  const char *instead);
/* Signs `text` with the key of `seed` and puts it there as the manifest. */
void fixture_sign(struct fixture *fixture, int64_t generation, const char *text, uint8_t seed);

/* Opens "small" below `below`, and closes it: the generation, or 0. */
int64_t fixture_open(struct fixture *fixture, int64_t below);

#endif
