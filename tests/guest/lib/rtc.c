#include "rtc.h"

#include "fixture.h"

volatile uint32_t *rtc;

bool
rtc_open(uint32_t slot)
{
    int64_t status;
    /* Through a copy: what a test maps ends with the slots that it took. */
    rtc = rt_map_at_any(copy_of(slot, EXO_READ | EXO_WRITE), 0, 1, EXO_PROT_READ | EXO_PROT_WRITE,
                        &status);
    if (rtc == NULL)
        return false;
    rtc_clear();
    rtc[RTC_MASK] = 1;
    return true;
}

/* Again when the second passed before it was set. */
void
rtc_raise(void)
{
    do
        rtc[RTC_MATCH] = rtc[RTC_DATA];
    while (!(rtc[RTC_RAW] & 1));
}

void
rtc_clear(void)
{
    rtc[RTC_CLEAR] = 1;
}
