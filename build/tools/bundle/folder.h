/*
 * A store in folders: PATH/NAME/GENERATION/FILE.
 */
#ifndef BUNDLE_FOLDER_H
#define BUNDLE_FOLDER_H

#include <model/store.h>

struct folder {
    struct store store;
    const char *path; /* stays with the caller */
};

/* Afterwards folder->store is a store. A folder that is not there has no generations. */
void folder_open(struct folder *folder, const char *path);

/* The generation that a folder's name stands for, or 0: only one spelling counts. */
int64_t folder_parse_generation(const char *text);

#endif
