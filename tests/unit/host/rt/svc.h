/* Stands in for libos/rt/include/rt/svc.h (whose guard it has), for sources that need the stubs of
 * rt/call.h to compile and call none: each one aborts. */
#ifndef RT_SVC_H
#define RT_SVC_H

#include <exo/abi.h>
#include <stdlib.h>

#define RT_INLINE static inline __attribute__((always_inline))

struct exo_results {
    int64_t status;
    uint64_t x1, x2, x3, x4, x5, x6;
};

#define exo_svc0(number)                      (abort(), (int64_t)(number))
#define exo_svc1(number, a)                   (abort(), (int64_t)((number) + (a)))
#define exo_svc2(number, a, b)                (abort(), (int64_t)((number) + (a) + (b)))
#define exo_svc3(number, a, b, c)             (abort(), (int64_t)((number) + (a) + (b) + (c)))
#define exo_svc7(number, a, b, c, d, e, f, g) exo_raw_call(number, a, b, c, d, e, f, g, 0).status

static inline struct exo_results
exo_raw_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
             uint64_t f, uint64_t g, uint64_t h)
{
    (void)(number + a + b + c + d + e + f + g + h);
    abort();
}

#endif
