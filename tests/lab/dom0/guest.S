/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PVH guest that runs: it writes to one page in three of its first 8 MiB, so that
 * the processor sets accessed and dirty bits, says so, and sleeps.
 */
	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long _start

	.text
	.code32
	.globl _start
_start:
	movl $0x200000, %edi	/* above the image */
1:	incl (%edi)
	addl $0x3000, %edi
	cmpl $0x800000, %edi
	jb 1b
	movl $said, %esi
2:	lodsb
	testb %al, %al
	jz 3f
	outb %al, $0xe9		/* Xen prints it */
	jmp 2b
3:	cli
	hlt			/* for good: nothing moves any more */
	jmp 3b

	.section .rodata
said:	.asciz "lab guest touched its pages\n"
