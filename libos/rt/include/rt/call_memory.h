/* Stubs of the calls on capabilities, cells, frames and environments. Include rt/call.h. */
#ifndef RT_CALL_MEMORY_H
#define RT_CALL_MEMORY_H

#include <rt/call.h>

/* map, unmap, protect, env_read, env_write: how many pages or bytes were dealt with. */
struct exo_progress {
    int64_t status;
    uint64_t done;
};

/* --- Capabilities --------------------------------------------------------------------------- */

RT_INLINE int64_t
exo_cap_copy(uint32_t src, uint32_t env, uint32_t dst, uint32_t rights, uint64_t base_or_badge,
             uint32_t count)
{
    return exo_svc7(EXO_CALL_cap_copy, src, env, dst, rights, base_or_badge, count, 0);
}

RT_INLINE int64_t
exo_cap_move(uint32_t src, uint32_t env, uint32_t dst)
{
    return exo_svc3(EXO_CALL_cap_move, src, env, dst);
}

RT_INLINE int64_t
exo_cap_drop(uint32_t slot)
{
    return exo_svc1(EXO_CALL_cap_drop, slot);
}

RT_INLINE int64_t
exo_cap_revoke(uint32_t slot)
{
    return exo_svc1(EXO_CALL_cap_revoke, slot);
}

RT_INLINE int64_t
exo_cap_info(uint32_t slot, struct exo_cap_info *info)
{
    return exo_svc2(EXO_CALL_cap_info, slot, exo_address(info));
}

RT_INLINE int64_t
exo_cap_extend(uint32_t env, uint32_t page)
{
    return exo_svc2(EXO_CALL_cap_extend, env, page);
}

/* --- Cells ------------------------------------------------------------------------------------ */

RT_INLINE int64_t
exo_cell_create(uint32_t parent, uint32_t dst, const struct exo_limits *limits)
{
    return exo_svc3(EXO_CALL_cell_create, parent, dst, exo_address(limits));
}

RT_INLINE int64_t
exo_cell_limits(uint32_t cell, const struct exo_limits *limits)
{
    return exo_svc2(EXO_CALL_cell_limits, cell, exo_address(limits));
}

RT_INLINE int64_t
exo_cell_info(uint32_t cell, struct exo_cell_info *info)
{
    return exo_svc2(EXO_CALL_cell_info, cell, exo_address(info));
}

RT_INLINE int64_t
exo_cell_reap(uint32_t cell)
{
    return exo_svc1(EXO_CALL_cell_reap, cell);
}

struct exo_reclaim {
    int64_t status;
    uint64_t deadline_ticks;
};

RT_INLINE struct exo_reclaim
exo_cell_reclaim(uint32_t cell, uint32_t frames, uint64_t grace_ticks)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_cell_reclaim, cell, frames, grace_ticks, 0, 0, 0, 0, 0);
    return (struct exo_reclaim){r.status, r.x1};
}

/* --- Frames and mappings -------------------------------------------------------------------- */

struct exo_frames {
    int64_t status;
    uint64_t pfn, count;
};

RT_INLINE struct exo_frames
exo_frames_alloc(uint32_t cell, uint32_t dst, uint32_t count, enum exo_alloc how, uint64_t pfn)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_frames_alloc, cell, dst, count, (uint64_t)how, pfn, 0, 0, 0);
    return (struct exo_frames){r.status, r.x1, r.x2};
}

RT_INLINE int64_t
exo_frames_split(uint32_t slot, uint32_t at, uint32_t dst)
{
    return exo_svc3(EXO_CALL_frames_split, slot, at, dst);
}

/* With a context it does not return when it succeeds: it resumes that. */
RT_INLINE struct exo_progress
exo_map(uint32_t env, const struct exo_map *entries, uint32_t count,
        const struct exo_context *context)
{
    struct exo_results r = exo_raw_call(EXO_CALL_map, env, exo_address(entries), count,
                                        exo_address(context), 0, 0, 0, 0);
    return (struct exo_progress){r.status, r.x1};
}

RT_INLINE struct exo_progress
exo_unmap(uint32_t env, const struct exo_map *entries, uint32_t count)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_unmap, env, exo_address(entries), count, 0, 0, 0, 0, 0);
    return (struct exo_progress){r.status, r.x1};
}

RT_INLINE struct exo_progress
exo_protect(uint32_t env, const struct exo_map *entries, uint32_t count)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_protect, env, exo_address(entries), count, 0, 0, 0, 0, 0);
    return (struct exo_progress){r.status, r.x1};
}

/* --- Environments ----------------------------------------------------------------------------- */

RT_INLINE int64_t
exo_env_create(uint32_t cell, uint32_t dst)
{
    return exo_svc2(EXO_CALL_env_create, cell, dst);
}

/* EXO_E_AGAIN while one of its vCPUs still runs on another CPU. */
RT_INLINE int64_t
exo_env_stop(uint32_t env)
{
    return exo_svc1(EXO_CALL_env_stop, env);
}

RT_INLINE int64_t
exo_env_start(uint32_t env)
{
    return exo_svc1(EXO_CALL_env_start, env);
}

RT_INLINE int64_t
exo_env_supervise(uint32_t env, uint32_t endpoint)
{
    return exo_svc2(EXO_CALL_env_supervise, env, endpoint);
}

/* At most a page a call. */
RT_INLINE struct exo_progress
exo_env_read(uint32_t env, uint64_t va, void *buffer, uint64_t bytes)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_env_read, env, va, exo_address(buffer), bytes, 0, 0, 0, 0);
    return (struct exo_progress){r.status, r.x1};
}

RT_INLINE struct exo_progress
exo_env_write(uint32_t env, uint64_t va, const void *buffer, uint64_t bytes)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_env_write, env, va, exo_address(buffer), bytes, 0, 0, 0, 0);
    return (struct exo_progress){r.status, r.x1};
}

#endif
