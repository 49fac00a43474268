/* What the files of rt know of each other. */
#ifndef RT_PRIVATE_H
#define RT_PRIVATE_H

#include <rt/console.h>
#include <rt/spawn.h>
#include <rt/start.h>
#include <rt/string.h>
#include <rt/sync.h>
#include <rt/time.h>
#include <rt/upcall.h>
#include <rt/vcpu.h>

/* entry.S */
void _start(void);
void rt_entry_child(void);
void rt_entry_vcpu(void);
void rt_entry_upcall(void);

/* fp.S */
void rt_fp_save(void *area);
void rt_fp_load(const void *area);
void rt_sve_save(void *area);
void rt_sve_load(const void *area);
uint64_t rt_sve_bytes(void);

/* C halves of those of entry.S. */
_Noreturn void rt_start_init(const struct exo_boot_info *info);
_Noreturn void rt_start_child(struct rt_child_page *page);
_Noreturn void rt_start_vcpu(uint64_t argument);
_Noreturn void rt_upcall_enter(uint64_t kind, uint64_t a, uint64_t b, uint64_t c,
                               struct exo_control *control);

/* Upcalls of this vCPU go to rt from now on, on a stack that ends at upcall_stack. */
void rt_upcall_begin(uint64_t upcall_stack);

/* In init: the slots of the machine's devices are not taken. */
void rt_slots_begin(void);

/* In a child: the page that it shares with its parent; NULL in init. */
extern struct rt_child_page *rt_child_page;

/* In a service: what its supervisor tells it; NULL in others. */
extern const struct rt_service *rt_service;

/* A call on the supervisor's endpoint; its status. */
int64_t rt_tell_supervisor(uint64_t what, uint64_t a, uint64_t b, uint64_t c);

#endif
