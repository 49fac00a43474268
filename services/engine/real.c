/* Argument reduction and Taylor series, in double precision. */
#include "real.h"

#include <stdint.h>
#include <string.h>

#define LOG2_E     1.4426950408889634
#define LN_2       0.6931471805599453
#define PI_2_HIGH  1.5707963267341256 /* the first 33 bits of pi/2 */
#define PI_2_LOW   6.077100506506192e-11
#define EXP_TERMS  11
#define LOG_TERMS  12
#define TRIG_TERMS 8

static int64_t
nearest(double x)
{
    return (int64_t)(x < 0 ? x - 0.5 : x + 0.5);
}

/* 2^n for n in the range of a double's exponent. */
static double
power_of_two(int64_t n)
{
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

static double
exp_double(double x)
{
    int64_t n = nearest(x * LOG2_E);
    double rest = x - (double)n * LN_2, sum = 1;
    for (int i = EXP_TERMS; i > 0; i--)
        sum = 1 + sum * rest / i;
    return sum * power_of_two(n);
}

float
real_exp(float x)
{
    if (x < -104 || x != x)
        return x < -104 ? 0 : x;
    return x > 89 ? __builtin_inff() : (float)exp_double(x);
}

#define POWER_BITS 20 /* of the fraction of an exponent of two */
#define LN_2_Q32   2977044472u

/* 2^(i / 64) * 2^30. */
static const uint32_t powers[64] = {
    1073741824, 1085434106, 1097253708, 1109202018, 1121280436, 1133490379, 1145833280, 1158310587,
    1170923762, 1183674286, 1196563654, 1209593378, 1222764986, 1236080024, 1249540052, 1263146652,
    1276901417, 1290805962, 1304861917, 1319070932, 1333434672, 1347954824, 1362633090, 1377471191,
    1392470869, 1407633882, 1422962010, 1438457051, 1454120821, 1469955159, 1485961921, 1502142985,
    1518500250, 1535035634, 1551751076, 1568648537, 1585730000, 1602997467, 1620452965, 1638098541,
    1655936265, 1673968228, 1692196547, 1710623359, 1729250827, 1748081133, 1767116489, 1786359126,
    1805811301, 1825475297, 1845353420, 1865448001, 1885761398, 1906295993, 1927054196, 1948038440,
    1969251188, 1990694927, 2012372174, 2034285470, 2056437387, 2078830522, 2101467502, 2124350982,
};

float
real_exp_negative(float x)
{
    if (!(x >= -87))
        return 0;
    int32_t power = x < 0 ? (int32_t)(x * (float)(LOG2_E * (1 << POWER_BITS))) : 0;
    uint32_t fraction = (uint32_t)power & ((1u << POWER_BITS) - 1);
    /* e^(rest ln 2) = 1 + z + z^2 / 2, for a rest below 1/64: in 32 bits of fraction. */
    uint64_t z = (fraction & 0x3fff) * (uint64_t)LN_2_Q32 >> POWER_BITS;
    uint64_t mantissa = powers[fraction >> 14] * (((uint64_t)1 << 32) + z + (z * z >> 33)) >> 32;
    uint32_t bits = (uint32_t)(127 + (power >> POWER_BITS)) << 23 | (mantissa >> 7 & 0x7fffff);
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* The logarithm of a positive normal number: ln(m 2^n) with m around 1, ln m = 2 artanh. */
static double
log_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t n = (int64_t)(bits >> 52) - 1023;
    double m = x / power_of_two(n);
    if (m > 1.4142135623730951) {
        m /= 2;
        n++;
    }
    double s = (m - 1) / (m + 1), sum = 0;
    for (int i = LOG_TERMS; i >= 0; i--)
        sum = sum * s * s + 1.0 / (2 * i + 1);
    return 2 * s * sum + (double)n * LN_2;
}

float
real_log(float x)
{
    return (float)log_double(x);
}

float
real_pow(float base, float exponent)
{
    return (float)exp_double((double)exponent * log_double(base));
}

static double
sine_of(double x)
{
    double sum = 1;
    for (int i = TRIG_TERMS; i > 0; i--)
        sum = 1 - sum * x * x / ((2 * i) * (2 * i + 1));
    return sum * x;
}

static double
cosine_of(double x)
{
    double sum = 1;
    for (int i = TRIG_TERMS; i > 0; i--)
        sum = 1 - sum * x * x / ((2 * i - 1) * (2 * i));
    return sum;
}

void
real_sincos(float angle, float *sine, float *cosine)
{
    int64_t quadrant = nearest(angle / (PI_2_HIGH + PI_2_LOW));
    double rest = angle - (double)quadrant * PI_2_HIGH - (double)quadrant * PI_2_LOW;
    double s = sine_of(rest), c = cosine_of(rest);
    switch (quadrant & 3) {
    case 0: *sine = (float)s, *cosine = (float)c; break;
    case 1: *sine = (float)c, *cosine = (float)-s; break;
    case 2: *sine = (float)-s, *cosine = (float)-c; break;
    case 3: *sine = (float)-c, *cosine = (float)s; break;
    }
}
