/* What the files of a worker know of each other. One vCPU works in it, so nothing is locked. */
#ifndef FUZZ_WORKER_H
#define FUZZ_WORKER_H

#include "fuzz.h"

int fuzz_worker(uint64_t worker); /* the worker's main; worker.c */

/* --- state.c ---------------------------------------------------------------------------------- */

#define SLOTS       256u
#define SLOT_DYING  0xffu /* type: dropped, but not at its end */
#define ARENA_VA    0x200000000ull
#define ARENA_PAGES 256u
#define BLOCK_VA    0x240000000ull /* 4 blocks of 2 MiB */
#define CONTROLS    64u
#define CONTROL_VA  0x280000000ull /* control pages of victims in this environment */
#define CODE_VA     0x800000ull    /* victims' code, here and in other environments */
#define PAGE        ((uint64_t)EXO_PAGE_BYTES)
#define BYTES       (1024 * sizeof(struct exo_trace_event)) /* the most that a call stores */

struct slot {
    uint8_t type; /* enum exo_type, or SLOT_DYING */
    uint8_t rights;
    uint8_t keep;         /* 1: left alone, or the worker ends */
    uint8_t risky;        /* 1: a worker's own vCPU or environment: not to be stopped */
    uint32_t control;     /* vCPUs of this environment: page number of the control page */
    uint32_t base, count; /* frames, cpu */
    uint16_t consumed;    /* queues: the used index that was last told */
};

struct page {
    uint32_t slot, first;
    uint32_t prot; /* 0: nothing mapped */
};

struct state {
    uint64_t random;
    struct fuzz_page *shared;
    struct slot slots[SLOTS];
    struct page arena[ARENA_PAGES];
    uint32_t used;     /* slots with something in them */
    uint32_t suspect;  /* a slot to look at, or EXO_NONE */
    uint32_t repeats;  /* how often the last call may still be repeated on EXO_E_AGAIN */
    bool serving;      /* a call is to be answered */
    bool tight;        /* the cell has no frames left */
    uint64_t risky[2]; /* object names of the own vCPU and environment */
};

extern struct state now;
extern struct exo_cap_info info_buffer;
extern struct exo_limits limits_buffer;
extern struct exo_map map_buffer[EXO_MAP_ENTRIES_MAX];
extern struct exo_context context_buffer;
extern char bytes_buffer[BYTES];

void state_begin(struct fuzz_page *shared);
uint64_t random_next(void);
uint32_t below(uint32_t limit); /* 0 to limit - 1 */
bool one_in(uint32_t n);

/* A slot with that type and rights, mostly; EXO_TYPE_NONE: any type, QUEUE: extents, ports, too. */
uint64_t pick(enum exo_type type, uint32_t rights);
uint64_t pick_other(enum exo_type type, uint32_t rights); /* neither kept nor risky */
bool have(enum exo_type type, uint32_t rights);
uint64_t pick_env(uint32_t rights); /* EXO_SELF, mostly */
uint64_t pick_device(uint32_t rights);
uint64_t pick_empty(void);
uint64_t pick_buffer(const void *usual);
uint64_t pick_deadline(void);
uint64_t pick_odd(void); /* numbers at edges */

void slot_set(uint64_t slot, struct slot value); /* not where something is kept */
void slot_clear(uint64_t slot);
void slot_suspect(uint64_t slot);
const struct slot *slot_at(uint64_t slot); /* never NULL */

/* --- worker.c --------------------------------------------------------------------------------- */

struct fuzz_call {
    uint64_t number;
    uint64_t x[8];
    uint64_t result[8]; /* x0 to x7 */
    uint64_t broken;
};

/* Makes the call, counts it, learns from it. */
int64_t perform(struct fuzz_call *call);

/* --- generate.c, generate_ipc.c, learn.c, acts.c ---------------------------------------------- */

typedef void generator(uint64_t *x);
/* Fill in the arguments of a call; NULL: it has none, or another table has it. */
extern generator *const generate_memory[EXO_CALL_COUNT], *const generate_control[EXO_CALL_COUNT],
                                                             *const generate_queues[EXO_CALL_COUNT];
generator gen_map, gen_unmap, gen_protect;
void generate(struct fuzz_call *call);
void learn(const struct fuzz_call *call);
void act(void);
void acts_begin(void);

/* --- asm.S ------------------------------------------------------------------------------------ */

void fuzz_svc(struct fuzz_call *call);
uint64_t fuzz_load(uint64_t va);                  /* 1: done; 0: it faulted */
uint64_t fuzz_store(uint64_t va, uint64_t value); /* the same */
extern const char fuzz_probe_begin[], fuzz_probe_end[];
/* 0; resumed in it: 1 */
uint64_t fuzz_save(struct exo_context *context) __attribute__((returns_twice));
void fuzz_fp_fill(uint64_t pattern);
uint64_t fuzz_fp_wrong(uint64_t pattern); /* how many D registers hold something else */

/* Victims: each is entered with x0 = its argument and needs no stack. */
extern const char fuzz_code_begin[], fuzz_code_end[];
extern const char fuzz_victim_wait[];  /* waits again and again */
extern const char fuzz_victim_serve[]; /* receives at endpoint x0, and replies */
extern const char fuzz_victim_call[];  /* calls endpoint x0 */
extern const char fuzz_victim_write[]; /* writes to address x0 */
extern const char fuzz_victim_spin[];  /* computes for a while, with FP, and waits */

#endif
