/* One model, the crew that stays when it changes, and what the command line says. */
#include "compute.h"

#include "chunks.h"
#include "crew_sched.h"
#include "translations.h"
#include "words.h"
#include "workers.h"

#include <rt/frames.h>
#include <rt/start.h>
#include <rt/time.h>
#include <sched/thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES  32u
#define SPARE_BYTES ((size_t)2 << 20) /* for tables, connections and texts */
/* In 1,000: what stays of weights where answers would only wait otherwise, and of blocks of the
 * file that are packed by now, or are wanted by somebody who fails without. */
#define KEEP_SOME 875u
#define KEEP_READ 0u

static struct model model;
static struct crew crew;
static struct engine_team team; /* the crew's, after whose steps translations are looked after */
static struct workers workers;
static struct compute_options how;
static const char *wanted_kernel; /* NULL: the fastest */

static uint64_t
now_ns(void *unused)
{
    (void)unused;
    return rt_ticks_to_ns(rt_ticks());
}

/* Vectors have 128 bits here: nobody asked the kernel for longer ones. */
static struct engine_machine machine = {.features = ENGINE_NEON, .now_ns = now_ns};

static void
describe_machine(void)
{
    machine.features |= rt_machine.features & EXO_FEATURE_DOTPROD ? ENGINE_DOTPROD : 0;
    machine.features |= rt_machine.features & EXO_FEATURE_I8MM ? ENGINE_I8MM : 0;
}

static bool
read_word(const char *what, char value[WORD_BYTES])
{
    char option[48];
    (void)snprintf(option, sizeof(option), "%s.%s", how.name, what);
    return rt_option(option, value, WORD_BYTES);
}

static bool
refuse(struct engine_error *error, const char *word, const char *value, const char *why)
{
    return engine_fail(error, ENGINE_E_ARGUMENT, "%s.%s=%s: %s", how.name, word, value, why) ==
           ENGINE_OK;
}

static _Noreturn void
list_kernels(void)
{
    char names[KERNELS_NAMES_BYTES], line[KERNELS_NAMES_BYTES + WORD_BYTES];
    kernels_names(names, sizeof(names));
    (void)snprintf(line, sizeof(line), "%s: kernels:%s", how.name, names);
    how.log(line);
    rt_exit(0);
}

/* What kernel= and precision= want; NULL: the fastest. */
static bool
read_kernel(struct engine_error *error)
{
    static char kernel[WORD_BYTES];
    char precision[WORD_BYTES] = "default";
    bool forced = read_word("kernel", kernel);
    (void)read_word("precision", precision);
    bool reference = strcmp(precision, "reference") == 0;
    wanted_kernel = reference ? KERNELS_REFERENCE : forced ? kernel : NULL;
    if (forced && strcmp(kernel, "list") == 0)
        list_kernels();
    if (!reference && strcmp(precision, "default") != 0)
        return refuse(error, "precision", precision, "must be default or reference");
    if (reference && forced)
        return refuse(error, "precision", precision, "kernel says something else");
    return !forced || kernels_known(kernel, error);
}

static void
stepped(void *unused)
{
    (void)unused;
    translations_used();
}

bool
compute_begin(const struct compute_options *options, struct engine_error *error)
{
    char word[WORD_BYTES];
    how = *options;
    describe_machine();
    weights_begin(how.name);
    if (rt_boot != NULL && !words_check(rt_boot->cmdline, how.name, error))
        return false;
    if (!read_kernel(error))
        return false;
    uint32_t wanted = sched_vcpus();
    if (read_word("workers", word))
        wanted = (uint32_t)strtoul(word, NULL, 10);
    crew_open(&crew, wanted, &crew_sched);
    team = crew.team;
    team.stepped = stepped;
    return true;
}

static bool
is_good(void *unused)
{
    (void)unused;
    return weights_lost() == NULL;
}

static bool
open_model(const struct files *files, struct engine_error *error)
{
    static const struct engine_packing_host packing = {.take = chunks_take, .is_good = is_good};
    const struct model_options options = {.batch = how.batch,
                                          .team = &team,
                                          .machine = &machine,
                                          .kernel = wanted_kernel,
                                          .pack = !files->on_fault,
                                          .packing = files->on_fault ? &packing : NULL,
                                          .layout = files->layout,
                                          .unpacked_bytes = files->unpacked_bytes};
    if (!model_open(&model, &files->checkpoint, &files->tokenizer, &options, error))
        return false;
    if (model.packs && chunks_open(engine_packing_bytes(&model.packing)))
        weights_limit();
    /* Taking steps now would touch all weights: not where they are read when they are touched. */
    workers_open(&workers, model.engine, team.count, &machine, !files->on_fault);
    if (files->on_fault) /* the first step, which no trial counts, verifies everything: all help */
        engine_set_workers(model.engine, team.count);
    return true;
}

/* Opening reads some of the weights: they may turn out bad by that. */
static bool
use_files(const struct files *files, struct engine_error *error)
{
    if (!open_model(files, error))
        return false;
    const char *lost = weights_lost();
    if (lost == NULL)
        return true;
    (void)snprintf(error->text, sizeof(error->text), "%s", lost);
    compute_close();
    return false;
}

/* Not the generation's fault: neither is it refused, nor an older one served in its place. */
static void
report_shortage(const char *text)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "%s: bundle %s: too little memory for it: %s", how.name,
                   weights_name(), text);
    how.log(line);
    /* What it had is free by now. */
    weights_say_shortage(model.short_bytes + rt_frames_free() * EXO_PAGE_BYTES);
}

bool
compute_is_short(void)
{
    return model.is_short;
}

struct model *
compute_open(struct files *files)
{
    while (weights_find(files)) {
        struct engine_error error = {""};
        if (use_files(files, &error))
            return &model;
        if (model.is_short) {
            report_shortage(error.text);
            return NULL;
        }
        weights_refuse(error.text);
    }
    return NULL;
}

void
compute_report(void)
{
    char line[128];
    const struct kernels *kernels = &model.kernels;
    kernels_report(kernels, how.name, how.log);
    (void)snprintf(
        line, sizeof(line), "%s: chosen in %u.%u ms, weights %s; %u of %u workers%s", how.name,
        (unsigned)(kernels->choice_us / 1000), (unsigned)(kernels->choice_us % 1000 / 100),
        model.is_placed             ? "packed for them ahead of time"
        : kernels->trial_count == 0 ? "as in the file"
        : model.is_packed           ? "packed for them"
        : model.packs               ? "packed for them when they are touched"
                                    : "as in the file, which the reference reads",
        workers.count, workers.most, workers.trial.under_way ? ", the first steps try more" : "");
    how.log(line);
}

void
compute_close(void)
{
    model_close(&model);
    chunks_close();
}

/* --- Memory ----------------------------------------------------------------------------------- */

bool
compute_can_spare(size_t bytes)
{
    return rt_frames_free() * EXO_PAGE_BYTES >= bytes + SPARE_BYTES;
}

static void
forget_packed(const void *from, size_t bytes)
{
    (void)engine_packing_forget(&model.packing, from, bytes);
}

/* Bytes that are missing until so many can be spared. */
static uint64_t
missing(size_t bytes)
{
    uint64_t there = rt_frames_free() * EXO_PAGE_BYTES, wanted = bytes + SPARE_BYTES;
    return wanted > there ? wanted - there : 0;
}

bool
compute_make_room(size_t bytes, bool must)
{
    uint32_t keep = model.packs || must ? KEEP_READ : KEEP_SOME;
    uint64_t lacking = missing(bytes);
    if (lacking > 0)
        (void)weights_give((lacking + EXO_PAGE_BYTES - 1) / EXO_PAGE_BYTES, keep);
    lacking = missing(bytes);
    if (lacking > 0 && model.packs)
        (void)chunks_give(lacking, must ? 0 : chunks_most() * KEEP_SOME / 1000, forget_packed);
    return missing(bytes) == 0;
}

void
compute_stepped(uint32_t tokens, uint64_t us)
{
    workers_stepped(&workers, tokens, us * 1000);
}

const struct engine_team *
compute_team(void)
{
    return &team;
}

const struct engine_machine *
compute_machine(void)
{
    return &machine;
}

static void
count_packed(struct metrics_text *text)
{
    struct engine_packing_counts counts = {0};
    if (model.packs)
        counts = engine_packing_counts(&model.packing);
    metrics_put(text, "llmd_packed_blocks", "gauge",
                "blocks of rows that were packed when they were touched, and kept",
                counts.kept_blocks);
    metrics_put(text, "llmd_packed_bytes", "gauge", "their memory", counts.kept_bytes);
    metrics_put(text, "llmd_packed_passing_total", "counter",
                "blocks that were packed and not kept, for want of memory mostly",
                counts.passed_blocks);
    metrics_put(text, "llmd_packed_forgotten_total", "counter",
                "blocks that were packed and kept, and whose memory answers got",
                counts.forgotten_blocks);
}

void
compute_count(struct metrics_text *text, void *context)
{
    (void)context;
    kernels_count(text, &model.kernels);
    workers_count(text, &workers);
    count_packed(text);
    metrics_put(text, "llmd_translations_forgotten_total", "counter",
                "how often what emulated CPUs remember of mappings was given a chance to grow",
                translations_forgotten());
}
