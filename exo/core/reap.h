/* Between revoke.c, which ends capabilities, and reap.c, which ends objects. */
#ifndef EXO_CORE_REAP_H
#define EXO_CORE_REAP_H

#include "core/cell.h"

/* One step of the object's own teardown, by type, once no capability but its root is left. */
err_t origin_finish_step(struct origin *origin);

/* Undoes the making of an object that nobody has seen, as far as it went, and frees it. */
void origin_discard(struct origin *origin);

/* Puts a dead origin on its cell's zombie list; its memory is freed after a grace period. */
void origin_bury(struct origin *origin);

#endif
