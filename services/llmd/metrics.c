/* Counting, and writing it down. */
#include "metrics.h"

#include <stdarg.h>
#include <stdio.h>

/* Microseconds: from one step of a small model to a long prompt of a big one. */
static const uint64_t bounds_us[METRICS_BUCKETS] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000, 30000000};

void
histogram_add(struct histogram *histogram, uint64_t us)
{
    unsigned i = 0;
    while (i < METRICS_BUCKETS && us > bounds_us[i])
        i++;
    histogram->bucket[i]++;
    histogram->count++;
    histogram->sum_us += us;
}

void
metrics_add(struct metrics_text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text->at, text->left, format, list);
    va_end(list);
    size_t used = (size_t)length < text->left ? (size_t)length : 0; /* a line is there, or not */
    text->at += used;
    text->left -= used;
    *text->at = '\0';
}

void
metrics_type(struct metrics_text *text, const char *name, const char *kind, const char *help)
{
    metrics_add(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void
metrics_put(struct metrics_text *text, const char *name, const char *kind, const char *help,
            uint64_t value)
{
    metrics_type(text, name, kind, help);
    metrics_add(text, "%s %llu\n", name, (unsigned long long)value);
}

void
metrics_put_each(struct metrics_text *text, const char *name, const char *kind, const char *help,
                 const struct metrics_part *parts, unsigned count)
{
    metrics_type(text, name, kind, help);
    for (unsigned i = 0; i < count; i++)
        metrics_add(text, "%s{%s} %llu\n", name, parts[i].label,
                    (unsigned long long)parts[i].value);
}

static void
add_us(struct metrics_text *text, const char *name, uint64_t us)
{
    metrics_add(text, "%s %llu.%06llu\n", name, (unsigned long long)(us / 1000000),
                (unsigned long long)(us % 1000000));
}

static void
add_histogram(struct metrics_text *text, const char *name, const char *help,
              const struct histogram *histogram)
{
    uint64_t below = 0;
    char label[64];
    metrics_type(text, name, "histogram", help);
    for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
        below += histogram->bucket[i];
        metrics_add(text, "%s_bucket{le=\"%llu.%06llu\"} %llu\n", name,
                    (unsigned long long)(bounds_us[i] / 1000000),
                    (unsigned long long)(bounds_us[i] % 1000000), (unsigned long long)below);
    }
    metrics_add(text, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)histogram->count);
    (void)snprintf(label, sizeof(label), "%s_sum", name);
    add_us(text, label, histogram->sum_us);
    metrics_add(text, "%s_count %llu\n", name, (unsigned long long)histogram->count);
}

size_t
metrics_write(const struct metrics *metrics, uint64_t queued, uint64_t running, char *to,
              size_t room)
{
    struct metrics_text text = {to, room};
    metrics_type(&text, "llmd_requests_total", "counter", "requests answered, by class of status");
    for (unsigned i = 2; i < 6; i++)
        metrics_add(&text, "llmd_requests_total{status=\"%uxx\"} %llu\n", i,
                    (unsigned long long)metrics->requests[i]);
    metrics_put(&text, "llmd_prompt_tokens_total", "counter", "tokens of prompts",
                metrics->tokens_prompt);
    metrics_put(&text, "llmd_generated_tokens_total", "counter", "tokens generated",
                metrics->tokens_generated);
    metrics_put(&text, "llmd_abandoned_total", "counter", "answers whose client went away",
                metrics->answers_abandoned);
    metrics_put(&text, "llmd_queue_length", "gauge", "requests that wait for a place", queued);
    metrics_put(&text, "llmd_running", "gauge", "requests being answered", running);
    add_histogram(&text, "llmd_first_token_seconds", "from the request to its first token",
                  &metrics->first_token);
    add_histogram(&text, "llmd_token_seconds", "from token to token", &metrics->per_token);
    for (unsigned i = 0; i < METRICS_SOURCES && metrics->source[i].write != NULL; i++)
        metrics->source[i].write(&text, metrics->source[i].context);
    return (size_t)(text.at - to);
}
