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

/* Each vendor has an instruction of its own for it. */
static uint32_t hypercall(uint32_t number, uint32_t first, const void *second)
{
	uint32_t result, vendor, c, third;

	__asm__ volatile("cpuid" : "=a"(result), "=b"(vendor), "=c"(c), "=d"(third) : "0"(0));
	third = 1; /* of grant_table_op: how many */
	if (vendor == 0x68747541) /* "Auth" */
		__asm__ volatile("vmmcall" : "=a"(result), "+b"(first), "+c"(second), "+d"(third) : "0"(number) : "memory");
	else
		__asm__ volatile("vmcall" : "=a"(result), "+b"(first), "+c"(second), "+d"(third) : "0"(number) : "memory");
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

/*
 * Page tables of its own, at 4 MiB: the first 32 MiB one to one, and from 48 MiB on what
 * is to be looked at. There pages 0 to 7 are gfn 0x1000 and on, 8 to 15 gfn 0xf1000 and
 * on, 16 to 23 gfn 0xf0000, 24 to 31 gfn 0xf1100, 32 to 39 gfn 0xf0010, each by the slot of
 * the PAT that its number ends in; and one large page, by slot 4: PAE and 4-level 2 MiB at
 * 50 MiB of gfn 0x1200, 32-bit 4 MiB at 52 MiB of gfn 0x1400.
 */
#define TABLES 0x400000u
#define LARGE 0x1087u /* present, writable, user, large, PAT */

static uint32_t slot(uint32_t i)
{
	return 7 | (i & 1) << 3 | (i >> 1 & 1) << 4 | (i >> 2 & 1) << 7;
}

static void window(volatile uint32_t *table, uint32_t words)
{
	static const uint32_t gfns[] = { 0x1000, 0xf1000, 0xf0000, 0xf1100, 0xf0010 };

	for (uint32_t i = 0; i < 40; i++)
		table[i * words] = (gfns[i >> 3] + (i >> 3 < 2 ? i & 7 : 0)) << 12 | slot(i & 7);
}

static void load(uint32_t cr3, uint32_t cr4, uint32_t efer)
{
	wrmsr(0xc0000080, 0, efer);
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
	__asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
	__asm__ volatile("mov %%cr0, %%eax; orl $0x80000000, %%eax; mov %%eax, %%cr0" : : : "eax", "memory");
}

static void caches_off(void)
{
	__asm__ volatile("mov %%cr0, %%eax; orl $0x40000000, %%eax; mov %%eax, %%cr0" : : : "eax", "memory");
}

static void paging(uint32_t mode)
{
	volatile uint32_t *t = (volatile uint32_t *)TABLES;

	if (mode == 4) {
		caches_off();
		return;
	}
	__asm__ volatile("mov %%cr0, %%eax; andl $0x3fffffff, %%eax; mov %%eax, %%cr0" : : : "eax", "memory");
	for (uint32_t i = 0; i < 8 * 1024; i++)
		t[i] = 0;
	for (uint32_t i = 0; i < 8; i++)
		t[i] = i << 22 | 0x87;
	t[12] = (TABLES + 0x1000) | 7;
	t[13] = 0x1400000 | LARGE;
	window(t + 0x400, 1);
	for (uint32_t i = 0; i < 16; i++)
		t[0xc00 + i * 2] = i << 21 | 0x87;
	t[0xc00 + 24 * 2] = (TABLES + 0x4000) | 7;
	t[0xc00 + 25 * 2] = 0x1200000 | LARGE;
	window(t + 0x1000, 2);
	t[0x800] = (TABLES + 0x3000) | 1;
	t[0x1400] = (TABLES + 0x6000) | 7;
	t[0x1800] = (TABLES + 0x3000) | 7;
	switch (mode) {
	case 1: load(TABLES, 0x10, 0); break;
	case 2: load(TABLES + 0x2000, 0x20, 0); break;
	case 3: load(TABLES + 0x5000, 0x20, 0x100); break;
	}
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
		case STEP_PAGING: paging(mail.arg[0]); break;
		case STEP_HYPERCALL: mail.result[0] = hypercall(mail.arg[0], mail.arg[1], mail.buffer); break;
		default: mail.result[0] = ~0U;
		}
		mail.done = mail.asked;
	}
}
