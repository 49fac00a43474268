/*
 * What llmd counts, and the text that /metrics gives (Prometheus exposition format 0.0.4). Counters
 * only grow; histograms have fixed bounds. One thread writes and reads.
 */
#ifndef LLMD_METRICS_H
#define LLMD_METRICS_H

#include <stddef.h>
#include <stdint.h>

#define METRICS_BUCKETS 12u
#define METRICS_SOURCES 8u
#define METRICS_BYTES   13312u /* all of the text has room in this */

struct histogram {
    uint64_t bucket[METRICS_BUCKETS + 1]; /* the last: above all bounds */
    uint64_t count, sum_us;
};

/* `us` microseconds were observed. */
void histogram_add(struct histogram *histogram, uint64_t us);

/* The text being written. */
struct metrics_text {
    char *at;
    size_t left;
};

/* One metric without labels; `kind` is "counter" or "gauge". */
void metrics_put(struct metrics_text *text, const char *name, const char *kind, const char *help,
                 uint64_t value);

/* One metric with a label: a value for each `name="value"` of it. */
struct metrics_part {
    const char *label;
    uint64_t value;
};
void metrics_put_each(struct metrics_text *text, const char *name, const char *kind,
                      const char *help, const struct metrics_part *parts, unsigned count);

/* What a metric is, in front of lines that metrics_add writes, with labels. What does not fit is
 * left out, a line at a time. */
void metrics_type(struct metrics_text *text, const char *name, const char *kind, const char *help);
void metrics_add(struct metrics_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Something outside of llmd that has metrics of its own (pager, network, kernel). */
typedef void metrics_source(struct metrics_text *text, void *context);

struct metrics {
    uint64_t requests[6]; /* by first digit of their status; 0: no answer was given */
    uint64_t tokens_prompt, tokens_generated, answers_abandoned;
    struct histogram first_token, per_token;
    struct {
        metrics_source *write;
        void *context;
    } source[METRICS_SOURCES];
};

/* Writes everything, `queued` and `running` requests included: the length of the text. */
size_t metrics_write(const struct metrics *metrics, uint64_t queued, uint64_t running, char *to,
                     size_t room);

#endif
