/* User memory: the one pair of functions through which the kernel reads and writes it. */
#include "arch/arch.h"

err_t uaccess_read(void *to, va_t from, size_t bytes);
err_t uaccess_write(va_t to, const void *from, size_t bytes);

static bool
is_user_range(va_t va, size_t bytes)
{
    return va >= EXO_VA_START && range_fits(va, bytes, EXO_VA_END);
}

err_t
arch_copy_in(void *to, va_t from, size_t bytes)
{
    return is_user_range(from, bytes) ? uaccess_read(to, from, bytes) : EXO_E_FAULT;
}

err_t
arch_copy_out(va_t to, const void *from, size_t bytes)
{
    return is_user_range(to, bytes) ? uaccess_write(to, from, bytes) : EXO_E_FAULT;
}
