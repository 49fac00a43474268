/* Groups of 32 quantised columns, in whatever format the file has them. */
#ifndef ENGINE_GROUPS_H
#define ENGINE_GROUPS_H

#include "engine/weights.h"

#define GROUP_COLUMNS 32

/* Half precision to single. */
float groups_half(uint16_t half);

/*
 * Group `group` of row `row`: its quants (all of them where `quants` is not NULL), and its scale.
 * `format` is ENGINE_Q8_SPLIT in groups of a multiple of 32 (rows->group), ENGINE_Q8_0 or
 * ENGINE_Q4_0.
 */
float groups_read(enum engine_format format, const struct engine_rows *rows, uint32_t row,
                  uint32_t columns, uint32_t group, int8_t *quants);

#endif
