/*
 * The PL031 (Arm DDI 0224) as a source of interrupts: an alarm set for now makes its line high at
 * once, until it is cleared.
 */
#ifndef TEST_RTC_H
#define TEST_RTC_H

#include "test.h"

#define RTC_LINE 34u /* INTID of its shared interrupt 2 on QEMU's virt board */

/* Maps its page, of the frames capability in that slot; the line is low then. Whether it did. */
bool rtc_open(uint32_t slot);

void rtc_raise(void);
void rtc_clear(void);

#endif
