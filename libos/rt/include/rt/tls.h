/*
 * Thread-local storage of the local-exec model: TPIDR_EL0 points RT_TLS_OFFSET bytes before the
 * block (ELF for the Arm 64-bit Architecture, "Thread Local Storage"; rt.lds aligns it to that).
 */
#ifndef RT_TLS_H
#define RT_TLS_H

#include <stdint.h>

#define RT_TLS_OFFSET 64u

/* Bytes that one thread's storage takes, a multiple of RT_TLS_OFFSET. */
uint64_t rt_tls_bytes(void);

/* Fills so many bytes at `block`, aligned to RT_TLS_OFFSET, and returns the value of TPIDR_EL0. */
uint64_t rt_tls_make(void *block);

#endif
