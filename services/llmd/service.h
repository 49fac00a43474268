/*
 * What every configuration of llmd in the machine does, whatever network it serves: the model, who
 * is answered, the console, the time. A program has one of it; functions here are called on its
 * main thread alone.
 */
#ifndef LLMD_SERVICE_H
#define LLMD_SERVICE_H

#include "serve.h"

/*
 * Finds the model (weights.h), opens it, and makes it ready to serve: what connections are handed
 * to, kept until the program ends. Ends the program with the reason when that cannot be done.
 */
struct serve *service_open(void);

/* Microseconds since the machine began to count. */
uint64_t service_now_us(void);

/* The header line of struct http_conn with the time of day, "" without a clock: always the same
 * place, which service_turn keeps current. */
const char *service_date(void);

/*
 * To be called in each turn of the loop: the time of day; and another model, when the one that was
 * served is lost. It is looked for in a thread of this vCPU, so that requests are answered (503)
 * while that reads.
 */
void service_turn(void);

/* When that is to be called at the latest, in ticks. */
uint64_t service_deadline(void);

/* "llmd: what: why" on the console, and the end of the program with status 1. */
_Noreturn void service_die(const char *what, const char *why);

/* The same where what it was told cannot be meant, or the machine lacks what it needs: starting it
 * again would change nothing. */
_Noreturn void service_refuse(const char *what, const char *why);

/* /metrics asks `write` too, after the counters of llmd and of the store. */
void service_count(metrics_source *write, void *context);

/* Says on the console where it serves, IPv4 address (network order) and port, and to its supervisor
 * that it does; once, then ignored. */
void service_announce(const uint8_t ip[4], uint16_t port);

#endif
