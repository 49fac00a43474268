/*
 * The boot image: what QEMU or firmware hands to the kernel as its initrd.
 *
 * It holds the first program, already laid out in pages so that the kernel parses no ELF, and
 * named modules that the kernel does not look into. build/tools/mkboot makes it;
 * build/tools/README.md describes the file.
 *
 *   boot_header | boot_segment[segment_count] | boot_module[module_count] | padding to a page
 *   payloads, each beginning on a page and padded with zero bytes to a page
 *
 * Everything is little-endian (tests/unit/test_abi.c holds the golden offsets). Offsets count from
 * the start of the image, which itself lies on a page in memory. The image is trusted as the kernel
 * is (ARCHITECTURE.md, section 1), so a reader may panic on one that breaks a rule stated here; it
 * MUST still check magic, version and that header_bytes and total_pages fit into what was loaded.
 */
#ifndef EXO_BOOTIMAGE_H
#define EXO_BOOTIMAGE_H

#include <stdint.h>

#define BOOT_MAGIC       "EXOBOOT1" /* 8 bytes, without the NUL */
#define BOOT_VERSION     1u
#define BOOT_MODULE_NAME 48

/* boot_segment.prot: never BOOT_WRITE and BOOT_EXEC together; BOOT_READ always. */
#define BOOT_READ  1u
#define BOOT_WRITE 2u
#define BOOT_EXEC  4u

struct boot_header {
    char magic[8];          /* BOOT_MAGIC */
    uint32_t version;       /* BOOT_VERSION */
    uint32_t header_bytes;  /* header and both tables, a multiple of 4096: the first payload */
    uint32_t total_pages;   /* the whole image */
    uint32_t segment_count; /* at least 1 */
    uint32_t module_count;
    uint32_t zero;
    uint64_t init_entry; /* va, inside a segment with BOOT_EXEC */
};

/*
 * A part of the first program's address space. Segments stand in order of va and share no
 * page. Bytes from file_bytes to the end of mem_bytes' last page are zero: those that share the
 * last payload page are zero in the image already; further pages have no payload.
 */
struct boot_segment {
    uint64_t va;          /* a multiple of 4096, not 0 */
    uint64_t file_offset; /* a multiple of 4096 */
    uint64_t file_bytes;  /* 0 to mem_bytes */
    uint64_t mem_bytes;   /* at least 1 */
    uint32_t prot;
    uint32_t zero;
};

/* A file that the first program finds by name. Names are unique; order is that of the packer. */
struct boot_module {
    char name[BOOT_MODULE_NAME]; /* 1 to 47 of A-Z a-z 0-9 . _ / -, then zero bytes */
    uint64_t offset;             /* a multiple of 4096 */
    uint64_t bytes;              /* may be 0 */
    uint8_t sha256[32];          /* of the bytes, without padding */
};

#endif
