/*
 * The PL031 (Arm DDI 0224) as a source of interrupts: an alarm set for now makes its line high at
 * once, until it is cleared.
 */
#ifndef TEST_RTC_H
#define TEST_RTC_H

#include "test.h"

#define RTC_LINE  34u /* INTIDs on the virt board of QEMU: the alarm, and the PL011 */
#define UART_LINE 33u

/* Registers: 3.1 of the manual, in words. */
enum { RTC_DATA = 0, RTC_MATCH = 1, RTC_MASK = 4, RTC_RAW = 5, RTC_CLEAR = 7 };

extern volatile uint32_t *rtc;

/* Maps its page, of the frames capability in that slot; the line is low then. Whether it did. */
bool rtc_open(uint32_t slot);

void rtc_raise(void);
void rtc_clear(void);

#endif
