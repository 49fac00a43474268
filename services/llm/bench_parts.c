#include "bench_private.h"

#include <string.h>

static uint64_t
all_ns(const uint64_t ns[ENGINE_PARTS])
{
    uint64_t sum = 0;
    for (int part = 0; part < ENGINE_PARTS; part++)
        sum += ns[part];
    return sum;
}

int
bench_step(struct bench_run *run, const struct engine_item *items, uint32_t count,
           struct bench_parts *parts)
{
    memset(run->profile.ns, 0, sizeof run->profile.ns);
    int status = engine_step(run->engine, items, count, run->error);
    for (int part = 0; part < ENGINE_PARTS; part++)
        parts->sum_ns[part] += run->profile.ns[part];
    if (parts->steps == 0 || all_ns(run->profile.ns) < all_ns(parts->fastest_ns))
        memcpy(parts->fastest_ns, run->profile.ns, sizeof parts->fastest_ns);
    parts->steps++;
    return status;
}

static void
say_line(const struct bench_run *run, const char *what, const char *part, uint64_t ns,
         uint64_t fastest_ns, uint64_t step_ns)
{
    bench_say(run, "%s: %-16s %6u us %3u %%, at best %6u us", what, part, (unsigned)(ns / 1000),
              (unsigned)(ns * 100 / step_ns), (unsigned)(fastest_ns / 1000));
}

void
bench_say_parts(const struct bench_run *run, const char *what, const struct bench_parts *parts,
                uint32_t tokens)
{
    static const char *const names[ENGINE_PARTS] = {
        "embedding", "query, key, value", "positions",  "attention", "output",
        "norms",     "gate and up",       "activation", "down",      "classifier"};
    const struct engine_shape *shape = &run->subject->model->shape;
    const uint64_t hidden = (uint64_t)shape->dim * shape->hidden * shape->layers * tokens,
                   words = (uint64_t)shape->dim * shape->vocabulary * tokens;
    const uint64_t down = hidden * 100 / (parts->fastest_ns[ENGINE_DOWN] + 1),
                   last = words * 100 / (parts->fastest_ns[ENGINE_CLASSIFIER] + 1);
    const uint64_t all = all_ns(parts->sum_ns) / parts->steps + 1;
    for (int part = 0; part < ENGINE_PARTS; part++)
        say_line(run, what, names[part], parts->sum_ns[part] / parts->steps,
                 parts->fastest_ns[part], all);
    say_line(run, what, "all", all, all_ns(parts->fastest_ns), all);
    bench_say(run, "of its products: down %u.%02u, classifier %u.%02u GMAC/s at best",
              (unsigned)(down / 100), (unsigned)(down % 100), (unsigned)(last / 100),
              (unsigned)(last % 100));
}
