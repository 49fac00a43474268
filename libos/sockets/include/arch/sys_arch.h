/* What lwIP asks of an operating system, over libos/sched. Zero is "not valid" for each of them. */
#ifndef ARCH_SYS_ARCH_H
#define ARCH_SYS_ARCH_H

#include <sched/sync.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    struct mutex mutex;
    bool valid;
} sys_mutex_t;

/* A futex word that counts. */
typedef struct {
    _Atomic uint32_t count;
    bool valid;
} sys_sem_t;

/* Pointers in a ring: `ring` is malloc's, `size` of them. */
typedef struct {
    struct mutex lock; /* protects first and count */
    struct condition filled, emptied;
    void **ring; /* NULL: not valid */
    uint32_t size, first, count;
} sys_mbox_t;

typedef struct thread *sys_thread_t;
typedef int sys_prot_t;

#define sys_mutex_valid(mutex)       ((mutex)->valid)
#define sys_mutex_set_invalid(mutex) ((mutex)->valid = false)
#define sys_sem_valid(sem)           ((sem)->valid)
#define sys_sem_set_invalid(sem)     ((sem)->valid = false)
#define sys_mbox_valid(mbox)         ((mbox)->ring != NULL)
#define sys_mbox_set_invalid(mbox)   ((mbox)->ring = NULL)

#endif
