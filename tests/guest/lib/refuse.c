#include "refuse.h"

#define KERNEL_ADDRESS 0xffffff8000000000ull
#define NO_SUCH_PAGE   (EXO_CAPS_PER_PAGE * (EXO_CAP_PAGES_MAX - 1))

int64_t
call_raw(const struct call *call)
{
    const uint64_t *x = call->x;
    return exo_raw_call(call->number, x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]).status;
}

static void
refuses(struct call call, unsigned argument, uint64_t value, int64_t error, const char *why)
{
    call.x[argument] = value;
    int64_t status = call_raw(&call);
    if (status != error) {
        rt_printf("# call %u, x%u = 0x%llx: %s\n", (unsigned)call.number, argument,
                  (unsigned long long)value, why);
        check_equal(status, error);
    }
}

static uint16_t
type_of(uint64_t slot)
{
    struct exo_cap_info info = {0};
    check_equal(exo_cap_info((uint32_t)slot, &info), EXO_OK);
    return info.type;
}

void
refuses_bad_capability(struct call call, unsigned argument, uint32_t rights)
{
    uint32_t good = (uint32_t)call.x[argument], copy = rt_slot_take();
    uint32_t other =
        type_of(good) == EXO_TYPE_MACHINE ? EXO_BOOT_TRACE : (uint32_t)EXO_BOOT_MACHINE;
    refuses(call, argument, copy, EXO_E_SLOT, "an empty slot");
    refuses(call, argument, NO_SUCH_PAGE, EXO_E_SLOT, "a slot without a page");
    refuses(call, argument, EXO_CAPS_PER_PAGE * EXO_CAP_PAGES_MAX, EXO_E_SLOT, "no slot");
    refuses(call, argument, EXO_NONE, EXO_E_SLOT, "EXO_NONE");
    refuses(call, argument, (uint64_t)good | 1ull << 32, EXO_E_SLOT, "more than 32 bits");
    refuses(call, argument, other, EXO_E_TYPE, "another type");
    for (uint32_t right = 1; right <= EXO_COPY; right *= 2) {
        if (rights & right) {
            check_equal(exo_cap_copy(good, EXO_SELF, copy, EXO_RIGHTS_ALL & ~right, 0, 0), EXO_OK);
            refuses(call, argument, copy, EXO_E_RIGHT, "a right less");
            check_equal(rt_drop(copy), EXO_OK);
        }
    }
    rt_slot_put(copy);
}

void
refuses_missing_destination(struct call call, unsigned argument)
{
    refuses(call, argument, NO_SUCH_PAGE, EXO_E_SLOT, "a slot without a page");
    refuses(call, argument, EXO_CAPS_PER_PAGE * EXO_CAP_PAGES_MAX, EXO_E_SLOT, "no slot");
    refuses(call, argument, 1ull << 32, EXO_E_SLOT, "more than 32 bits");
}

void
refuses_bad_destination(struct call call, unsigned argument)
{
    refuses_missing_destination(call, argument);
    refuses(call, argument, EXO_BOOT_MACHINE, EXO_E_OCCUPIED, "a slot that is not empty");
}

void
refuses_bad_address(struct call call, unsigned argument)
{
    refuses(call, argument, 0, EXO_E_FAULT, "address 0");
    refuses(call, argument, rt_va_take(1, 0), EXO_E_FAULT, "nothing mapped");
    refuses(call, argument, KERNEL_ADDRESS, EXO_E_FAULT, "an address of the kernel");
    refuses(call, argument, EXO_VA_END - 8, EXO_E_FAULT, "the end of user addresses");
    refuses(call, argument, UINT64_MAX - 7, EXO_E_FAULT, "the end of all addresses");
}

void
refuses_bad_result_address(struct call call, unsigned argument)
{
    static const uint64_t constants[512] = {1}; /* .rodata */
    refuses_bad_address(call, argument);
    refuses(call, argument, exo_address(constants), EXO_E_FAULT, "read-only memory");
}
