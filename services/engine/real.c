/* Argument reduction, tables and Taylor series, in double precision. */
#include "real.h"

#include <stdint.h>
#include <string.h>

#define LOG2_E     1.4426950408889634
#define LN_2       0.6931471805599453
#define PI_2_HIGH  1.5707963267341256 /* the first 33 bits of pi/2 */
#define PI_2_LOW   6.077100506506192e-11
#define EXP_PARTS  32 /* of an octave */
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

/* 2^(i / 32), rounded to doubles. */
static const double powers[EXP_PARTS] = {
    1.0,
    1.0218971486541166,
    1.0442737824274138,
    1.0671404006768237,
    1.0905077326652577,
    1.1143867425958924,
    1.1387886347566916,
    1.1637248587775775,
    1.189207115002721,
    1.215247359980469,
    1.241857812073484,
    1.2690509571917332,
    1.2968395546510096,
    1.3252366431597413,
    1.3542555469368927,
    1.383909881963832,
    1.4142135623730951,
    1.4451808069770467,
    1.4768261459394993,
    1.5091644275934228,
    1.5422108254079407,
    1.5759808451078865,
    1.6104903319492543,
    1.645755478153965,
    1.681792830507429,
    1.718619298122478,
    1.7562521603732995,
    1.7947090750031072,
    1.8340080864093424,
    1.8741676341103,
    1.9152065613971474,
    1.9571441241754002,
};

/* 2^(n / 32) times e^rest: the rest is at most ln 2 / 64, what is left out 3e-15 of the sum. */
static double
exp_double(double x)
{
    int64_t n = nearest(x * (LOG2_E * EXP_PARTS));
    int64_t part = n & (EXP_PARTS - 1);
    double r = x - (double)n * (LN_2 / EXP_PARTS);
    double sum = 1 + r * (1 + r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120)))));
    return sum * powers[part] * power_of_two((n - part) / EXP_PARTS);
}

float
real_exp(float x)
{
    if (x < -104 || x != x)
        return x < -104 ? 0 : x;
    return x > 89 ? __builtin_inff() : (float)exp_double(x);
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
