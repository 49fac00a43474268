/* The engine's exponentials, powers and angles against the host's, in double precision. */
#include "lanes.h"
#include "real.h"

#include <math.h>

#include <stdlib.h>

#include "tap.h"

static double
random_between(uint64_t *state, double low, double high)
{
    return low + (high - low) * tap_random(state, 1 << 30) / (1 << 30);
}

static void
exponentials_are_right_to_a_float(void)
{
    uint64_t state = 1;
    for (int i = 0; i < 200000; i++) {
        float x = (float)random_between(&state, -80, 88);
        CHECK(fabs(real_exp(x) - exp(x)) <= exp(x) * 0x1p-24 * 1.01);
    }
}

static void
exponentials_end_in_zero_and_infinity(void)
{
    CHECK(real_exp(-1e30f) == 0);
    CHECK(real_exp(-103.9f) >= 0 && real_exp(-103.9f) < 1e-44f);
    CHECK(real_exp(1e30f) == __builtin_inff());
    CHECK(real_exp(88.9f) == __builtin_inff());
    CHECK(real_exp(0) == 1);
    CHECK(isnan(real_exp(NAN)));
}

static void
integer_powers_and_sigmoids_are_as_near_as_is_said(void)
{
    uint64_t state = 6;
    for (int i = 0; i < 300000; i++) {
        int32_t d = (int32_t)tap_random(&state, 40 << 16);
        double power = pow(2, -d / 65536.0) * (1 << 30);
        CHECK(fabs(lanes_power(lanes_all(d))[i % 4] - power) <= power * 6e-5 + 1);
        float x = (float)random_between(&state, i % 2 ? -87 : -3, i % 2 ? 87 : 3);
        ints sigmoid = lanes_sigmoid((ints)(x - (reals){0}));
        CHECK(fabs(sigmoid[i % 4] / 65536.0 - 1 / (1 + exp(-x))) <= 1e-4);
    }
    CHECK_EQ(lanes_power(lanes_all(0))[0], 1 << 30);
    CHECK_EQ(lanes_power(lanes_all(INT32_MAX))[0], 0);
    CHECK_EQ(lanes_sigmoid((ints)(reals){INFINITY})[0], 65536);
    CHECK_EQ(lanes_sigmoid((ints)(reals){-INFINITY})[0], 0);
}

static void
powers_are_right_to_a_float(void)
{
    uint64_t state = 2;
    for (int i = 0; i < 50000; i++) {
        float base = (float)random_between(&state, 100, 2e6),
              y = (float)random_between(&state, -2, 2);
        CHECK(fabs(real_pow(base, y) - pow(base, y)) <= pow(base, y) * 0x1p-24 * 1.01);
    }
    CHECK(real_pow(10000, 0) == 1);
}

static void
logarithms_are_right_to_a_float(void)
{
    uint64_t state = 4;
    for (int i = 0; i < 50000; i++) {
        float x = (float)exp(random_between(&state, -80, 80));
        CHECK(fabs(real_log(x) - log(x)) <= fabs(log(x)) * 0x1p-24 * 1.01 + 1e-15);
    }
}

static void
angles_are_right_to_a_float(void)
{
    uint64_t state = 3;
    for (int i = 0; i < 200000; i++) {
        float angle = (float)random_between(&state, i % 2 ? -7 : -(1 << 20), i % 2 ? 7 : 1 << 20);
        float sine, cosine;
        real_sincos(angle, &sine, &cosine);
        CHECK(fabs(sine - sin(angle)) <= 0x1p-24);
        CHECK(fabs(cosine - cos(angle)) <= 0x1p-24);
    }
}

static const struct tap_test tests[] = {
    TAP(exponentials_are_right_to_a_float),
    TAP(exponentials_end_in_zero_and_infinity),
    TAP(integer_powers_and_sigmoids_are_as_near_as_is_said),
    TAP(powers_are_right_to_a_float),
    TAP(logarithms_are_right_to_a_float),
    TAP(angles_are_right_to_a_float),
};
TAP_MAIN(tests)
