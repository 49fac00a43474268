/*
 * A store in folders: PATH/NAME/GENERATION/FILE. For the host tools, and for programs that are
 * built for an operating system with POSIX files.
 */
#ifndef MODEL_FOLDER_H
#define MODEL_FOLDER_H

#include <model/store.h>

struct folder {
    struct store store;
    const char *path; /* stays with the caller */
};

/* Afterwards folder->store is a store. A folder that is not there has no generations. */
void folder_open(struct folder *folder, const char *path);

#endif
