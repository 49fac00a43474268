/*
 * The trap itself: `svc #0` with the number in x8 and arguments from x0 on (exo/abi.h). Programs
 * use the named stubs of rt/call.h; this is what those are made of, and what fuzzers use.
 *
 * The kernel preserves everything but x0 and the results that a call defines, so nothing else is
 * named as clobbered but memory.
 */
#ifndef RT_SVC_H
#define RT_SVC_H

#include <exo/abi.h>
#include <rt/count.h>

#define RT_INLINE                  static inline __attribute__((always_inline))
#define RT_REGISTER(number, value) register uint64_t x##number __asm__("x" #number) = (value)
#define RT_RESULTS                 "x1", "x2", "x3", "x4", "x5", "x6"

/* Everything that a call gives back: x0, and x1 to x6. */
struct exo_results {
    int64_t status;
    uint64_t x1, x2, x3, x4, x5, x6;
};

RT_INLINE int64_t
exo_svc0(uint64_t number)
{
    rt_count_call(); /* first: it may use any register */
    RT_REGISTER(8, number);
    register uint64_t x0 __asm__("x0");
    __asm__ volatile("svc #0" : "=r"(x0) : "r"(x8) : RT_RESULTS, "memory");
    return (int64_t)x0;
}

RT_INLINE int64_t
exo_svc1(uint64_t number, uint64_t a)
{
    rt_count_call();
    RT_REGISTER(8, number);
    RT_REGISTER(0, a);
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8) : RT_RESULTS, "memory");
    return (int64_t)x0;
}

/* Any call with any arguments; every result. */
RT_INLINE struct exo_results
exo_raw_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
             uint64_t f, uint64_t g, uint64_t h)
{
    rt_count_call();
    RT_REGISTER(8, number);
    RT_REGISTER(0, a);
    RT_REGISTER(1, b);
    RT_REGISTER(2, c);
    RT_REGISTER(3, d);
    RT_REGISTER(4, e);
    RT_REGISTER(5, f);
    RT_REGISTER(6, g);
    RT_REGISTER(7, h);
    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6)
                     : "r"(x7), "r"(x8)
                     : "memory");
    return (struct exo_results){(int64_t)x0, x1, x2, x3, x4, x5, x6};
}

/* The rest that call.h needs: unused arguments are not loaded, unused results not kept. */
RT_INLINE int64_t
exo_svc2(uint64_t number, uint64_t a, uint64_t b)
{
    rt_count_call();
    RT_REGISTER(8, number);
    RT_REGISTER(0, a);
    RT_REGISTER(1, b);
    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x1)
                     : "r"(x8)
                     : "x2", "x3", "x4", "x5", "x6", "memory");
    return (int64_t)x0;
}

RT_INLINE int64_t
exo_svc3(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    rt_count_call();
    RT_REGISTER(8, number);
    RT_REGISTER(0, a);
    RT_REGISTER(1, b);
    RT_REGISTER(2, c);
    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2)
                     : "r"(x8)
                     : "x3", "x4", "x5", "x6", "memory");
    return (int64_t)x0;
}

RT_INLINE int64_t
exo_svc7(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
         uint64_t g)
{
    return exo_raw_call(number, a, b, c, d, e, f, g, 0).status;
}

#endif
