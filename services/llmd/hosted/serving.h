/* The model that the hosted llmd serves: files, kernels, workers on the host's CPUs. */
#ifndef LLMD_SERVING_H
#define LLMD_SERVING_H

#include "model.h"
#include "serve.h"

/*
 * Opens the model of two files, and makes it ready to be served to `running` at a time. Ends the
 * program with the reason when that cannot be done.
 */
void serving_open(struct serve *serve, const char *checkpoint, const char *tokenizer,
                  uint32_t running);

/* Microseconds that only go forward. */
uint64_t serving_now_us(void);

/* "llmd: what: why", and the end with status 1. */
_Noreturn void serving_die(const char *what, const char *why);

#endif
