/* Memory of the heap for answers, where others hold what only saves them work. */
#ifndef LLMD_ROOM_H
#define LLMD_ROOM_H

#include "serve.h"

/*
 * Something for `bytes` more was not to be had: gives memory back, what is missed least first, so
 * that it is worth trying again. `stage` is 0 at the first time, and then ours; false: there is
 * nothing else to give. `must`: an answer fails without it; otherwise it would only wait.
 */
bool room_make(struct serve *serve, unsigned *stage, size_t bytes, bool must);

/* malloc, and what that gives back before it fails. */
void *room_take(struct serve *serve, size_t bytes);

/* A free place for one more answer; made when it is first needed, as long as there is memory. The
 * first one may take the last of it. */
bool room_has_place(struct serve *serve);

/* Nobody is answered: all places are given back. */
void room_drop_places(struct serve *serve);

#endif
