/*
 * Calls that the kernel cuts into steps, driven to their end. Each returns what the last step
 * returned, never EXO_E_AGAIN.
 */
#ifndef RT_AGAIN_H
#define RT_AGAIN_H

#include <rt/call.h>

int64_t rt_drop(uint32_t slot);
int64_t rt_revoke(uint32_t slot);
int64_t rt_reap(uint32_t cell);
int64_t rt_stop_env(uint32_t env);
int64_t rt_stop_vcpu(uint32_t vcpu);

/*
 * Brings a child cell down to `frames`, politely until its deadline and then by force. Gives the
 * CPU up meanwhile, so that the cell's program can answer its `revoke` upcall.
 */
int64_t rt_reclaim(uint32_t cell, uint32_t frames, uint64_t grace_ticks);

/*
 * map, unmap, protect for any number of entries and pages: cut into batches that one call takes,
 * continued behind what was done. After an error the pages before the one that failed are done.
 */
int64_t rt_map(uint32_t env, const struct exo_map *entries, uint32_t count);
int64_t rt_unmap(uint32_t env, const struct exo_map *entries, uint32_t count);
int64_t rt_protect(uint32_t env, const struct exo_map *entries, uint32_t count);

#endif
