/*
 * The files of the model that is served: from the boot image if it carries them (model.bin and,
 * unless that is GGUF, tokenizer.bin), or else from a signed bundle of the first disk with a store,
 * the newest generation that is good.
 */
#ifndef LLMD_WEIGHTS_H
#define LLMD_WEIGHTS_H

#include "metrics.h"
#include "model.h"

/* The files of a model, and where they are from. */
struct files {
    struct model_file checkpoint, tokenizer; /* GGUF: the tokenizer may be nothing */
    int64_t generation;                      /* of the bundle; 0: they are from the boot image */
    bool on_fault;           /* the checkpoint is read, and verified, when it is touched */
    const char *layout;      /* that the checkpoint was packed for; NULL: it was not ... */
    uint64_t unpacked_bytes; /* ... from a file of so many */
};

/* Before the others: the program's name, for messages, and for the words NAME.bundle= and
 * NAME.unsigned= of the command line. */
void weights_begin(const char *program);

/*
 * Finds the files and maps them: those of the newest generation at first, after weights_refuse
 * those of the next one below. Each generation that is not good is reported with its reason. False:
 * none is left. Ends the program when the machine has no store, or no trust root.
 */
bool weights_find(struct files *files);

/* The bundle's name, for messages. */
const char *weights_name(void);

/* Whoever has the files cannot serve them, and uses them no more: reported; their memory is given
 * back. Where nothing but memory for them was missing, the same generation is found next. */
void weights_refuse(const char *why);

/* The same where nothing but memory was missing to whoever has the files: the same generation is
 * found next, and no other in its place. */
void weights_reopen(const char *why);

/* Whether what was read cannot be trusted (weights_lost) because there was no memory for it. */
bool weights_is_short(void);

/* Says on the console how much memory there is, and about how much it takes to have `bytes` more;
 * unless that was said of as many before. */
void weights_say_shortage(uint64_t bytes);

/* The weights are packed elsewhere when they are touched: the file takes a sixteenth of the memory
 * that there is now at most. */
void weights_limit(void);

/*
 * Gives memory of blocks back that can be read and verified again, until so many frames are free or
 * `keep` in 1,000 of the weights' blocks are left: how many frames were given. No step is under
 * way.
 */
uint64_t weights_give(uint64_t frames, uint32_t keep);

/* A model is served: what is missing later may be there at another start. */
void weights_served(void);

/* The exit code of a program that finds no model, which says whether one might be found when it is
 * started again: RT_EXIT_REFUSED, or 1. */
int weights_exit_code(void);

/* Why what was read from the files cannot be trusted: they turned out bad, or unreadable, and zeros
 * were shown instead. NULL: it can. Any thread may ask. */
const char *weights_lost(void);

/* What was read from the store, for /metrics. */
metrics_source weights_count;

#endif
