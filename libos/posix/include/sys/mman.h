/* Memory mappings (POSIX.1-2017 <sys/mman.h>, and MAP_ANONYMOUS). */
#ifndef _SYS_MMAN_H
#define _SYS_MMAN_H

#include <sys/types.h>

#define PROT_NONE  0
#define PROT_READ  1
#define PROT_WRITE 2
#define PROT_EXEC  4

#define MAP_SHARED    1
#define MAP_PRIVATE   2
#define MAP_FIXED     16
#define MAP_ANONYMOUS 32
#define MAP_ANON      MAP_ANONYMOUS
#define MAP_FAILED    ((void *)-1)

#define POSIX_MADV_NORMAL     0
#define POSIX_MADV_RANDOM     1
#define POSIX_MADV_SEQUENTIAL 2
#define POSIX_MADV_WILLNEED   3
#define POSIX_MADV_DONTNEED   4
#define MADV_NORMAL           POSIX_MADV_NORMAL
#define MADV_RANDOM           POSIX_MADV_RANDOM
#define MADV_SEQUENTIAL       POSIX_MADV_SEQUENTIAL
#define MADV_WILLNEED         POSIX_MADV_WILLNEED
#define MADV_DONTNEED         POSIX_MADV_DONTNEED /* contents are forgotten */

void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int munmap(void *address, size_t bytes);
int mprotect(void *address, size_t bytes, int protection);
int madvise(void *address, size_t bytes, int advice);
int posix_madvise(void *address, size_t bytes, int advice);

#endif
