/* What the files of posix know of each other. */
#ifndef POSIX_PRIVATE_H
#define POSIX_PRIVATE_H

#include <errno.h>
#include <stdint.h>
#include <vfs/vfs.h>

/* errno of a negative error, and -1; anything else unchanged. */
int64_t posix_result(int64_t status);

/* The errno value of a negative error. */
int posix_errno(int64_t error);

/* Nanoseconds since 1970, by the RTC's second at the start and the counter since. */
int64_t posix_now_ns(void);
void posix_clock_start(void);

/* Memory for sbrk. */
void posix_heap_start(void);

/* The calling thread's struct _reent: a thread that ends gives back what it holds. */
void posix_reent_end(void);

#endif
