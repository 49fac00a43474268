/* The PL011 driver: polled, one line at a time. */
#include "private.h"

/* Registers: Arm DDI 0183, chapter 3. */
#define UART_DR 0x00u /* data */
#define UART_FR 0x18u /* flags */
#define UART_CR 0x30u /* control */
#define UART_IM 0x38u /* interrupt mask */

#define FR_RXFE 0x10u  /* nothing received */
#define FR_TXFF 0x20u  /* no room to send */
#define CR_ON   0x301u /* enabled, transmit, receive */
#define IM_RX   0x50u  /* received, and received some time ago */

static struct rt_lock console_lock;
static bool console_is_open;

static volatile uint32_t *
reg(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(RT_CONSOLE_VA + offset);
}

bool
rt_console_open(void)
{
    if (!console_is_open) {
        console_is_open = rt_map_pages(RT_CONSOLE_VA, EXO_BOOT_CONSOLE, 0, 1,
                                       EXO_PROT_READ | EXO_PROT_WRITE) == EXO_OK;
        if (console_is_open && (*reg(UART_CR) & CR_ON) != CR_ON)
            *reg(UART_CR) = CR_ON;
    }
    return console_is_open;
}

void
rt_write(const char *bytes, size_t count)
{
    if (!console_is_open)
        return;
    rt_lock(&console_lock);
    for (size_t i = 0; i < count; i++) {
        while (*reg(UART_FR) & FR_TXFF) {
        }
        *reg(UART_DR) = (uint8_t)bytes[i];
    }
    rt_unlock(&console_lock);
}

int
rt_read(void)
{
    if (!console_is_open || (*reg(UART_FR) & FR_RXFE))
        return -1;
    return (int)(*reg(UART_DR) & 0xff);
}

void
rt_console_interrupts(void)
{
    if (console_is_open)
        *reg(UART_IM) = IM_RX;
}

void
rt_printf(const char *format, ...)
{
    char line[RT_LINE_BYTES];
    va_list list;
    va_start(list, format);
    size_t length = rt_format_list(line, sizeof(line), format, list);
    va_end(list);
    rt_write(line, length);
}
