/*
 * Entry: QEMU starts one CPU here, at EL1 with the MMU off. RAM and devices are mapped where they
 * are, in blocks of 1 GiB with the memory types that exo uses; then C runs.
 */
    .section .head, "ax"
    .globl start
start:
    b       begin                       /* arm64 boot protocol: header of an Image */
    .long   0
    .quad   0
    .quad   image_end - start
    .quad   0xa                         /* little-endian, 4 KiB pages, anywhere */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

begin:
    msr     daifset, #0xf
    ldr     x0, =stack_end
    mov     sp, x0
    ldr     x0, =vectors
    msr     vbar_el1, x0
    mov     x0, #0x04ff                 /* MAIR: 0 normal, write-back; 1 device-nGnRE */
    msr     mair_el1, x0
    ldr     x0, =0x200803519            /* TCR: 39 bits, TTBR0 only, 4 KiB, inner shareable, 40 bits out */
    msr     tcr_el1, x0
    ldr     x0, =level1
    msr     ttbr0_el1, x0
    tlbi    vmalle1
    dsb     sy
    isb
    ldr     x0, =0x30d01805             /* SCTLR: MMU, data and instruction caches */
    msr     sctlr_el1, x0
    isb
    bl      main
    b       machine_exit

    .balign 2048
vectors:
    .rept   16
    mrs     x0, esr_el1
    mrs     x1, elr_el1
    mrs     x2, far_el1
    b       machine_fault
    .balign 128
    .endr

    .section .rodata
    .balign 4096
level1:
    .quad   0x0060000000000405          /* from 0: GIC, UART, the PCI window; never executable */
    .quad   0x0000000040000701          /* from 1 GiB: RAM */
    .fill   254, 8, 0
    .quad   0x0060004000000405          /* from 256 GiB: the PCI configuration space (ECAM) */
    .fill   255, 8, 0

    .bss
    .balign 16
    .skip   16384
stack_end:
