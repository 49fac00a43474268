/*
 * The functions of a real variable that the forward pass needs. They are the engine's own so that
 * every machine and every C library gives the same bits. Errors are at most one unit in the last
 * place of a float.
 */
#ifndef ENGINE_REAL_H
#define ENGINE_REAL_H

/* e^x; 0 below what a float can hold, infinity above, NaN of NaN. */
float real_exp(float x);

/* The natural logarithm of a positive normal number. */
float real_log(float x);

/* base^exponent for a positive base and a result that a float can hold. */
float real_pow(float base, float exponent);

/* Sine and cosine of an angle of at most 2^20. */
void real_sincos(float angle, float *sine, float *cosine);

static inline float
real_sqrt(float x)
{
    return __builtin_sqrtf(x); /* one instruction, correctly rounded, on all machines */
}

#endif
