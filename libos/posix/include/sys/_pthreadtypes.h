/* Types of <pthread.h>, in place of newlib's, whose 32-bit words have no room. */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

#include <sys/sched.h>

struct posix_thread;
typedef struct posix_thread *pthread_t;

#define PTHREAD_SCOPE_PROCESS   0
#define PTHREAD_SCOPE_SYSTEM    1
#define PTHREAD_INHERIT_SCHED   1
#define PTHREAD_EXPLICIT_SCHED  2
#define PTHREAD_CREATE_DETACHED 0
#define PTHREAD_CREATE_JOINABLE 1

#define PTHREAD_MUTEX_NORMAL     0
#define PTHREAD_MUTEX_RECURSIVE  1
#define PTHREAD_MUTEX_ERRORCHECK 2
#define PTHREAD_MUTEX_DEFAULT    0

#define PTHREAD_STACK_MIN 16384

typedef struct {
    size_t stacksize;
    int detachstate;
} pthread_attr_t;

typedef struct {
    unsigned state; /* struct mutex */
    unsigned depth;
    void *holder;
    int type;
} pthread_mutex_t;
#define _PTHREAD_MUTEX_INITIALIZER {0, 0, 0, PTHREAD_MUTEX_NORMAL}

typedef struct {
    int type;
} pthread_mutexattr_t;

typedef struct {
    unsigned sequence; /* struct condition */
    int clock;
} pthread_cond_t;
#define _PTHREAD_COND_INITIALIZER {0, 0}

typedef struct {
    int clock;
} pthread_condattr_t;

typedef unsigned pthread_key_t;

typedef struct {
    unsigned state;
} pthread_once_t;
#define _PTHREAD_ONCE_INIT {0}

#endif
