/* As much of C's <stdlib.h> as libsodium uses. */
#ifndef LIBSODIUM_STDLIB_H
#define LIBSODIUM_STDLIB_H

#include <stddef.h>

_Noreturn void abort(void);

#endif
