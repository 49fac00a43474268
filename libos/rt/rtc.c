/* The time of day, to the second: the PL031's data register (Arm DDI 0224, 3.3.1). */
#include <rt/call.h>
#include <rt/frames.h>
#include <rt/time.h>
#include <stddef.h>

int64_t
rt_rtc_seconds(void)
{
    int64_t err;
    const volatile uint32_t *rtc = rt_map_at_any(EXO_BOOT_RTC, 0, 1, EXO_PROT_READ, &err);
    return rtc != NULL ? (int64_t)rtc[0] : 0;
}
