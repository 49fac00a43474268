/*
 * The functions of a real variable that the forward pass needs. They are the engine's own so that
 * every machine and every C library gives the same bits. Errors are at most one unit in the last
 * place of a float.
 */
#ifndef ENGINE_REAL_H
#define ENGINE_REAL_H

/* e^x; 0 below what a float can hold, infinity above, NaN of NaN. */
float real_exp(float x);

/*
 * e^x for x of at most 0 (what is greater counts as 0), with an error of at most (2 - x / 10) 1e-6
 * of the result; 0 below -87 and of NaN. In integers: where floats are emulated it costs a tenth.
 */
float real_exp_negative(float x);

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
