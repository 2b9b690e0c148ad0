/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PVH guest that does what dom0 tells it, one step at a time. 32-bit protected
 * mode without paging: linear addresses are guest physical ones. It takes no
 * interrupt; a fault ends it.
 */
#include "mailbox.h"

/* What Xen's loader looks for, and where it jumps to. */
__asm__(".pushsection .note.Xen, \"a\", @note\n"
	".balign 4\n"
	".long 4, 4, 18\n" /* XEN_ELFNOTE_PHYS32_ENTRY */
	".asciz \"Xen\"\n"
	".long start\n"
	".popsection\n"
	".globl start\n"
	"start: cli\n"
	"movl $stack_end, %esp\n"
	"call serve\n"
	"ud2\n");

__attribute__((used)) static uint8_t stack[4096] __asm__("stack") __attribute__((aligned(16)));
__asm__(".globl stack_end\n.set stack_end, stack + 4096\n");
static struct mailbox mail __attribute__((section(".mailbox"), aligned(4096))) = { 0 };

static volatile uint8_t *page(uint32_t gfn)
{
	return (volatile uint8_t *)(uintptr_t)(gfn << 12);
}

static void wrmsr(uint32_t msr, uint32_t high, uint32_t low)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"(low), "d"(high) : "memory");
}

static void rdmsr(uint32_t msr, volatile uint32_t *result)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	result[0] = low;
	result[1] = high;
}

static uint32_t hypercall(uint32_t number, uint32_t first, const void *second)
{
	uint32_t result;

	__asm__ volatile("vmcall" : "=a"(result), "+b"(first), "+c"(second) : "0"(number) : "edx", "memory");
	return result;
}

static void execute(uint32_t gfn)
{
	void (*code)(void) = (void (*)(void))(uintptr_t)(gfn << 12);

	*page(gfn) = 0xc3; /* ret */
	code();
}

static void touch(int write)
{
	for (uint32_t gfn = mail.arg[0]; gfn <= mail.arg[1]; gfn += mail.arg[2])
		if (write)
			__asm__ volatile("lock orb $0, %0" : "+m"(*page(gfn)));
		else
			(void)*page(gfn);
}

__attribute__((used, noreturn)) static void serve(void) __asm__("serve");
static void serve(void)
{
	for (;;) {
		while (mail.asked == mail.done)
			__asm__ volatile("pause");
		switch (mail.step) {
		case STEP_READ: touch(0); break;
		case STEP_WRITE: touch(1); break;
		case STEP_EXECUTE: execute(mail.arg[0]); break;
		case STEP_WRMSR: wrmsr(mail.arg[0], mail.arg[1], mail.arg[2]); break;
		case STEP_RDMSR: rdmsr(mail.arg[0], mail.result); break;
		case STEP_HYPERCALL: mail.result[0] = hypercall(mail.arg[0], mail.arg[1], mail.buffer); break;
		default: mail.result[0] = ~0U;
		}
		mail.done = mail.asked;
	}
}
