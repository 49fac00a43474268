/*
 * Choosing kernels on the CPU that the test is run on: what it lacks is not offered, nor what wants
 * vectors of another length; what loses by far is not measured for long.
 */
#include "engine/choice.h"

#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "cpu_time.h"
#include "tap.h"

#define TRIALS_MAX    16
#define COLUMNS       288
#define SCRATCH_BYTES (1u << 20)

static struct engine_tensor tensor = {.rows = 64, .columns = COLUMNS, .group = 32};
static struct engine_model model = {.tensors = &tensor, .tensor_count = 1, .classifier = &tensor};
static struct engine_trial trials[TRIALS_MAX];
static const struct engine_kernel *chosen;

static bool
is_k(enum engine_format format)
{
    return format >= ENGINE_Q4_K;
}

static bool
is_float(enum engine_format format)
{
    return format == ENGINE_F32 || format == ENGINE_F16 || format == ENGINE_BF16;
}

static uint32_t
choose(enum engine_format format, const struct engine_machine *machine, const char *forced)
{
    static uint8_t memory[SCRATCH_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));
    struct engine_arena scratch = {.base = memory, .size_bytes = sizeof memory};
    tensor.format = format;
    tensor.columns = is_k(format) ? 2 * 256 : COLUMNS;
    tensor.group = is_k(format) ? 256 : is_float(format) ? 1 : 32;
    memset(trials, 0, sizeof trials);
    int64_t count = engine_choose(&model, machine, forced, &chosen, trials, TRIALS_MAX, &scratch);
    CHECK(count >= 0 && count <= TRIALS_MAX);
    return (uint32_t)count;
}

static bool
was_tried(const char *name, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (strncmp(trials[i].kernel->name, name, strlen(name)) == 0)
            return true;
    return false;
}

static void
what_the_cpu_lacks_is_not_tried_and_all_else_is(void)
{
    struct engine_machine machine = {.features = 0};
    uint32_t all;
    const struct engine_kernel *const *kernels = engine_kernels(&all);
    cpu_describe(&machine, 16);
    printf("# features %#x\n", machine.features);
    /* Arm ARM A2.3: who has SVE2 has both. */
    const uint32_t with_sve = ENGINE_DOTPROD | ENGINE_I8MM;
    CHECK((machine.features & ENGINE_SVE2) == 0 || (machine.features & with_sve) == with_sve);
    for (enum engine_format f = 0; f < ENGINE_FORMATS; f++) {
        uint32_t count = choose(f, &machine, NULL), fit = 0;
        bool dots = f == ENGINE_Q8_SPLIT || f == ENGINE_Q8_0 || f == ENGINE_Q4_0;
        for (uint32_t k = 0; k < all; k++)
            fit += kernels[k]->layout->format == f && kernels[k]->vector_bytes == 0 &&
                   (kernels[k]->features & ~machine.features) == 0;
        CHECK(fit >= 2);
        CHECK_EQ(count, fit);
        CHECK_EQ(was_tried("sdot", count), dots && (machine.features & ENGINE_DOTPROD) != 0);
        CHECK_EQ(was_tried("smmla", count), dots && (machine.features & ENGINE_I8MM) != 0);
        for (uint32_t i = 0; i < count; i++)
            CHECK(!trials[i].differs);
        CHECK(engine_attention_kernel(&model, &chosen) == (is_float(f) ? NULL : chosen));
    }
}

/* Files in 4 bits often have a classifier in another format, which has no kernel in integers. */
static void
attention_is_in_integers_where_any_tensor_is(void)
{
    struct engine_machine machine = {.features = 0};
    struct engine_model mixed = {.tensor_count = 2};
    cpu_describe(&machine, 16);
    (void)choose(ENGINE_Q4_0, &machine, NULL);
    const struct engine_kernel *const both[] = {engine_kernel_reference(ENGINE_Q6_K), chosen};
    CHECK(engine_attention_kernel(&mixed, both) == chosen);
    mixed.tensor_count = 1;
    CHECK(engine_attention_kernel(&mixed, both) == NULL);
    mixed = (struct engine_model){.tensor_count = 2, .shape.window = 7};
    CHECK(engine_attention_kernel(&mixed, both) == NULL);
}

static void
kernels_for_vectors_of_another_length_are_not_chosen(void)
{
    for (uint32_t bytes = 16; bytes <= 256; bytes += 16) {
        struct engine_machine machine = {.features = 0};
        cpu_describe(&machine, bytes);
        if (machine.vector_bytes != bytes)
            continue;
        printf("# vectors of %u bytes\n", bytes);
        for (int q4 = 0; q4 < 2; q4++) {
            uint32_t count = choose(q4 ? ENGINE_Q4_0 : ENGINE_Q8_SPLIT, &machine, NULL);
            CHECK_EQ(was_tried("sve256", count), bytes == 32);
            for (uint32_t i = 0; i < count; i++)
                CHECK(!trials[i].differs);
        }
        if (bytes != 32) {
            CHECK_EQ(choose(ENGINE_Q8_SPLIT, &machine, "sve256"), 0);
            CHECK(chosen == engine_kernel_reference(ENGINE_Q8_SPLIT));
        }
    }
}

/* Whatever the times are: of a trial that is twice as slow as an earlier one there is one block. */
static void
what_is_far_behind_is_not_measured_any_longer(void)
{
    struct engine_machine machine = {.now_ns = cpu_ns};
    cpu_describe(&machine, 16);
    uint32_t count = choose(ENGINE_Q8_SPLIT, &machine, NULL);
    double best = 0;
    for (uint32_t i = 0; i < count; i++) {
        double rate = (double)trials[i].macs / (double)trials[i].time_ns;
        CHECK(trials[i].macs >= ENGINE_BLOCK_ROWS * COLUMNS);
        if (rate * 2 < best)
            CHECK_EQ(trials[i].macs, ENGINE_BLOCK_ROWS * COLUMNS);
        best = rate > best ? rate : best;
    }
}

static const struct tap_test tests[] = {
    TAP(what_the_cpu_lacks_is_not_tried_and_all_else_is),
    TAP(attention_is_in_integers_where_any_tensor_is),
    TAP(kernels_for_vectors_of_another_length_are_not_chosen),
    TAP(what_is_far_behind_is_not_measured_any_longer),
};
TAP_MAIN(tests)
