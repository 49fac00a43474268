#include "machine.h"

#define UART_DATA  ((volatile uint32_t *)0x09000000)
#define UART_FLAGS ((volatile uint32_t *)0x09000018)
#define UART_FULL  (1u << 5)

#define SEMIHOSTING_EXIT     0x18u    /* SYS_EXIT */
#define SEMIHOSTING_FINISHED 0x20026u /* ADP_Stopped_ApplicationExit */

static void
put(char c)
{
    while (*UART_FLAGS & UART_FULL)
        ;
    *UART_DATA = (uint8_t)c;
}

static void
put_text(const char *text)
{
    for (; *text != '\0'; text++)
        put(*text);
}

static void
put_number(uint64_t number)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0)
        put(digits[--count]);
}

void
machine_print(const char *text, uint64_t number, const char *unit)
{
    put_text(text);
    put_number(number);
    put_text(unit);
    put_text("\n");
}

_Noreturn void
machine_exit(uint64_t status)
{
    const uint64_t block[2] = {SEMIHOSTING_FINISHED, status};
    register uint64_t operation __asm__("x0") = SEMIHOSTING_EXIT;
    register const uint64_t *parameter __asm__("x1") = block;
    __asm__ volatile("hlt #0xf000" : "+r"(operation) : "r"(parameter) : "memory");
    for (;;)
        __asm__ volatile("wfi");
}

_Noreturn void
machine_fail(const char *text, uint64_t number)
{
    put_text("error: ");
    machine_print(text, number, "");
    machine_exit(1);
}

_Noreturn void
machine_fault(uint64_t syndrome, uint64_t pc, uint64_t address)
{
    machine_print("exception, syndrome ", syndrome, "");
    machine_print("far ", address, "");
    machine_fail("pc ", pc);
}
