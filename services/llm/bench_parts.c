#include "bench_private.h"

#include <string.h>

int
bench_step(struct bench_run *run, const struct engine_item *items, uint32_t count,
           struct bench_parts *parts)
{
    memset(run->profile.ns, 0, sizeof run->profile.ns);
    int status = engine_step(run->engine, items, count, run->error);
    for (int part = 0; part < ENGINE_PARTS; part++) {
        uint64_t ns = run->profile.ns[part];
        parts->sum_ns[part] += ns;
        if (parts->steps == 0 || ns < parts->least_ns[part])
            parts->least_ns[part] = ns;
    }
    parts->steps++;
    return status;
}

static void
say_line(const struct bench_run *run, const char *what, const char *part, uint64_t ns,
         uint64_t least_ns, uint64_t all_ns)
{
    bench_say(run, "%s: %-16s %6u us %3u %%, at best %6u us", what, part, (unsigned)(ns / 1000),
              (unsigned)(ns * 100 / all_ns), (unsigned)(least_ns / 1000));
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
    const uint64_t down = hidden * 100 / (parts->least_ns[ENGINE_DOWN] + 1),
                   last = words * 100 / (parts->least_ns[ENGINE_CLASSIFIER] + 1);
    uint64_t all = 1, least = 0;
    for (int part = 0; part < ENGINE_PARTS; part++) {
        all += parts->sum_ns[part] / parts->steps;
        least += parts->least_ns[part];
    }
    for (int part = 0; part < ENGINE_PARTS; part++)
        say_line(run, what, names[part], parts->sum_ns[part] / parts->steps, parts->least_ns[part],
                 all);
    say_line(run, what, "all", all, least, all);
    bench_say(run, "of its products: down %u.%02u, classifier %u.%02u GMAC/s at best",
              (unsigned)(down / 100), (unsigned)(down % 100), (unsigned)(last / 100),
              (unsigned)(last % 100));
}
