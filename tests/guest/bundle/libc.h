/* Memory of the C library in libc.c. */
#ifndef BUNDLE_LIBC_H
#define BUNDLE_LIBC_H

/* All memory that malloc() gave is free again. */
void memory_reset(void);

#endif
