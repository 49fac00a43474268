/* Thread-local storage: the program's initial values, then zeros (rt.lds has the limits). */
#include <rt/string.h>
#include <rt/tls.h>

extern const char rt_tls_start[], rt_tls_data_end[], rt_tls_end[];

uint64_t
rt_tls_bytes(void)
{
    uint64_t bytes = (uint64_t)(rt_tls_end - rt_tls_start);
    return (RT_TLS_OFFSET + bytes + RT_TLS_OFFSET - 1) & ~(uint64_t)(RT_TLS_OFFSET - 1);
}

uint64_t
rt_tls_make(void *block)
{
    char *storage = (char *)block + RT_TLS_OFFSET;
    memset(block, 0, rt_tls_bytes());
    memcpy(storage, rt_tls_start, (size_t)(rt_tls_data_end - rt_tls_start));
    return (uint64_t)(uintptr_t)block;
}
