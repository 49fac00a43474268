/* The kernels of this build under another name, for a test that has a table of its own. */
#define engine_kernels built_kernels
#include "portable/kernels.c"
