/* A double of rt/svc.h: every call goes to a function of the test. */
#ifndef RT_SVC_H
#define RT_SVC_H

#include <exo/abi.h>

#define RT_INLINE static inline

struct exo_results {
    int64_t status;
    uint64_t x1, x2, x3, x4, x5, x6;
};

struct exo_results exo_raw_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                uint64_t e, uint64_t f, uint64_t g, uint64_t h);

#define exo_svc0(n)                      exo_raw_call(n, 0, 0, 0, 0, 0, 0, 0, 0).status
#define exo_svc1(n, a)                   exo_raw_call(n, a, 0, 0, 0, 0, 0, 0, 0).status
#define exo_svc2(n, a, b)                exo_raw_call(n, a, b, 0, 0, 0, 0, 0, 0).status
#define exo_svc3(n, a, b, c)             exo_raw_call(n, a, b, c, 0, 0, 0, 0, 0).status
#define exo_svc7(n, a, b, c, d, e, f, g) exo_raw_call(n, a, b, c, d, e, f, g, 0).status

#endif
