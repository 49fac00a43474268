/* What a kernel of a layout is, for the tables of kernels. */
#ifndef ENGINE_KERNEL_OF_H
#define ENGINE_KERNEL_OF_H

#include "engine/kernel.h"

#define KERNEL_OF(of_layout, of_form, to_floats, kernel_name, needs, length, in_lanes, at_once, \
                  multiply_rows, sum_strip)                                                     \
    {.name = (kernel_name),                                                                     \
     .layout = &(of_layout),                                                                    \
     .form = (of_form),                                                                         \
     .features = (needs),                                                                       \
     .vector_bytes = (length),                                                                  \
     .lanes = (in_lanes),                                                                       \
     .vectors = (at_once),                                                                      \
     .multiply = (multiply_rows),                                                               \
     .sums = (sum_strip),                                                                       \
     .expand = (to_floats)}

#endif
