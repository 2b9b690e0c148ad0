/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kvmguest [BAR [BAR-WC]]: a virtual machine without an operating system, for tests. One
 * vCPU in 32-bit protected mode, which reads or writes the addresses that it is told to.
 * BAR: a PCI device's resource file, mapped at 0xe0000000; BAR-WC at 0xe1000000.
 *
 * Commands on standard input, each answered by "OK" or "FAILED why":
 *   touch ADDRESS [COUNT [STEP]]   write there (and at so many more places)
 *   look ADDRESS [COUNT [STEP]]    read
 *   rounds N ADDRESS COUNT STEP    read all of these N times, as fast as it goes: "OK NS CPU-NS"
 *   msr INDEX VALUE                set an MSR of the guest
 *   paging                         paging with 4 MiB pages, linear as physical
 *   map LINEAR ADDRESS COUNT SLOT  pages of 4 KiB there, of this slot of IA32_PAT (0..7)
 *   slot add|delete                a memslot of 1 MiB at 0x50000000
 *   cd 0|1                         clear or set CR0.CD
 *   noncoherent on|off             ask the module "nc" to register non-coherent DMA
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CODE 0x1000
#define TABLE 0x40000
#define TABLE_MAX 0x4000
#define DIRECTORY 0x68000
#define PAGE_TABLES 0x69000
#define PAGE_TABLES_END 0x80000
#define NC_ON 0x4e43
#define NC_OFF 0x4e44

/* Walks over pairs of an address and "write" until address -1; EBP times, then tells us. */
extern const char guest_code[], guest_code_end[];
__asm__(".pushsection .rodata\n.code32\n"
	"guest_code:\n"
	"	mov $0x40000, %esi\n"
	"1:	mov (%esi), %edi\n"
	"	cmp $-1, %edi\n"
	"	je 3f\n"
	"	mov (%edi), %eax\n"
	"	cmpl $0, 4(%esi)\n"
	"	je 2f\n"
	"	mov %eax, (%edi)\n"
	"2:	add $8, %esi\n"
	"	jmp 1b\n"
	"3:	dec %ebp\n"
	"	jg guest_code\n"
	"	out %al, $0x10\n"
	"	jmp guest_code\n"
	"guest_code_end:\n.code64\n.popsection\n");

struct work {
	uint32_t address, write;
};

static int vm, vcpu, nr_slots;
static struct kvm_run *state;
static struct work *work;
static char *low;             /* the guest's lowest memory */
static uint32_t page_table = PAGE_TABLES;
static uint64_t cr0 = 0x11;
static void *extra;           /* what "slot add" adds */

static void die(const char *what)
{
	fprintf(stderr, "kvmguest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *memory(size_t bytes, int huge)
{
	size_t room = bytes + (2u << 20);
	char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("memory");
	p = (char *)(((uintptr_t)p + (2u << 20) - 1) & ~((uintptr_t)(2u << 20) - 1));
	madvise(p, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	memset(p, 1, bytes);
	return p;
}

static void add_slot(uint64_t gpa, size_t bytes, void *at, unsigned int flags)
{
	struct kvm_userspace_memory_region r = { .slot = (unsigned int)nr_slots, .flags = flags, .guest_phys_addr = gpa,
						 .memory_size = bytes, .userspace_addr = (uintptr_t)at };

	if (at == MAP_FAILED || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r)) {
		fprintf(stderr, "kvmguest: no memory at %#llx: %s\n", (unsigned long long)gpa, strerror(errno));
		return;
	}
	nr_slots++;
}

static void add_bar(uint64_t gpa, const char *path)
{
	int fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);

	if (fd < 0)
		die(path);
	add_slot(gpa, 0x10000, mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), 0);
}

static void set_cpuid(int kvm)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));

	if (!c)
		die("memory");
	c->nent = 256;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c) || ioctl(vcpu, KVM_SET_CPUID2, c))
		fprintf(stderr, "kvmguest: cpuid: %s\n", strerror(errno));
	free(c);
}

/* CR0 as it is to be, with flat segments. */
static void set_sregs(void)
{
	struct kvm_sregs s;
	struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1 };
	struct kvm_segment data = code;

	data.type = 3;
	data.selector = 16;
	if (ioctl(vcpu, KVM_GET_SREGS, &s))
		die("registers");
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.cr0 = cr0;
	s.cr3 = cr0 >> 31 ? DIRECTORY : 0;
	s.cr4 = cr0 >> 31 ? 0x10 : 0; /* PSE: 4 MiB pages */
	if (ioctl(vcpu, KVM_SET_SREGS, &s))
		die("registers");
}

static const char *run(uint32_t times)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rbp = times };
	static char why[64];

	if (ioctl(vcpu, KVM_SET_REGS, &regs))
		return "registers";
	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0) < 0)
			return strerror(errno);
		if (state->exit_reason == KVM_EXIT_IO && state->io.port == 0x10)
			return NULL;
		if (state->exit_reason == KVM_EXIT_MMIO) {
			memset(state->mmio.data, 0, sizeof(state->mmio.data));
			continue;
		}
		snprintf(why, sizeof(why), "exit %u", state->exit_reason);
		return why;
	}
}

static const char *access_memory(char *line, uint32_t write)
{
	unsigned long address = 0, count = 1, step = 4096;

	if (sscanf(line, "%*s %li %li %li", (long *)&address, (long *)&count, (long *)&step) < 1)
		return "address?";
	while (count) {
		unsigned long n = count < TABLE_MAX ? count : TABLE_MAX;
		const char *why;

		for (unsigned long i = 0; i < n; i++, address += step)
			work[i] = (struct work){ (uint32_t)address, write };
		work[n].address = UINT32_MAX;
		why = run(1);
		if (why)
			return why;
		count -= n;
	}
	return NULL;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static const char *rounds(const char *line)
{
	unsigned long times, address, count, step;
	const char *why;
	uint64_t begin, cpu;

	if (sscanf(line, "%*s %li %li %li %li", (long *)&times, (long *)&address, (long *)&count, (long *)&step) != 4 ||
	    !count || count > TABLE_MAX || !times || times > INT32_MAX)
		return "rounds?";
	for (unsigned long i = 0; i < count; i++)
		work[i] = (struct work){ (uint32_t)(address + i * step), 0 };
	work[count].address = UINT32_MAX;
	begin = now_ns(CLOCK_MONOTONIC);
	cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
	why = run((uint32_t)times);
	if (!why)
		printf("OK %llu %llu\n", (unsigned long long)(now_ns(CLOCK_MONOTONIC) - begin),
		       (unsigned long long)(now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu));
	return why;
}

static void paging(void)
{
	uint32_t *directory = (void *)(low + DIRECTORY);

	for (uint32_t i = 0; i < 1024; i++)
		directory[i] = i << 22 | 0x83; /* present, writable, 4 MiB */
	cr0 |= 1ull << 31;
	set_sregs();
}

static const char *map(const char *line)
{
	unsigned long linear, address, count, slot;
	uint32_t *directory = (void *)(low + DIRECTORY), *entry;

	if (sscanf(line, "%*s %li %li %li %li", (long *)&linear, (long *)&address, (long *)&count, (long *)&slot) != 4 ||
	    slot > 7)
		return "map?";
	for (unsigned long i = 0; i < count; i++, linear += 4096, address += 4096) {
		uint32_t *to = &directory[linear >> 22];

		if (*to & 0x80) { /* so far a large page */
			if (page_table == PAGE_TABLES_END)
				return "no room for page tables";
			memset(low + page_table, 0, 4096);
			*to = page_table | 3;
			page_table += 4096;
		}
		entry = (void *)(low + (*to & ~0xfffu));
		/* bits PWT, PCD, PAT */
		entry[linear >> 12 & 0x3ff] = (uint32_t)address | 3 | (uint32_t)(slot & 3) << 3 | (uint32_t)(slot & 4) << 5;
	}
	set_sregs();
	return NULL;
}

static const char *change_slot(int add)
{
	struct kvm_userspace_memory_region r = { .slot = 100, .guest_phys_addr = 0x50000000,
						 .memory_size = add ? 0x100000 : 0 };

	if (!extra)
		extra = memory(0x100000, 0);
	r.userspace_addr = (uintptr_t)extra;
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r) ? strerror(errno) : NULL;
}

static const char *set_msr(const char *line)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} m = { .head.nmsrs = 1 };
	unsigned long long value;
	unsigned int index;

	if (sscanf(line, "%*s %i %lli", (int *)&index, (long long *)&value) != 2)
		return "msr?";
	m.entry.index = index;
	m.entry.data = value;
	return ioctl(vcpu, KVM_SET_MSRS, &m) == 1 ? NULL : "refused";
}

static const char *noncoherent(unsigned long request)
{
	int fd = open("/dev/nc", O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return strerror(errno);
	rc = ioctl(fd, request, vm);
	close(fd);
	return rc ? strerror(errno) : NULL;
}

static const char *command(char *line)
{
	if (!strncmp(line, "touch ", 6))
		return access_memory(line, 1);
	if (!strncmp(line, "look ", 5))
		return access_memory(line, 0);
	if (!strncmp(line, "msr ", 4))
		return set_msr(line);
	if (!strncmp(line, "cd ", 3)) {
		cr0 = line[3] == '1' ? cr0 | 0x40000000 : cr0 & ~0x40000000ull;
		set_sregs();
		return NULL;
	}
	if (!strncmp(line, "map ", 4))
		return map(line);
	if (!strncmp(line, "paging", 6)) {
		paging();
		return NULL;
	}
	if (!strncmp(line, "slot ", 5))
		return change_slot(line[5] == 'a');
	if (!strncmp(line, "noncoherent ", 12))
		return noncoherent(line[13] == 'n' ? NC_ON : NC_OFF);
	return "no such command";
}

int main(int argc, char **argv)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	char line[200];

	if (kvm < 0 || (vm = ioctl(kvm, KVM_CREATE_VM, 0)) < 0 || ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000ul) ||
	    (vcpu = ioctl(vm, KVM_CREATE_VCPU, 0)) < 0)
		die("/dev/kvm");
	state = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (state == MAP_FAILED)
		die("vCPU");
	set_cpuid(kvm);
	low = memory(0x80000, 0);
	memset(low, 0, 0x80000);
	memcpy(low + CODE, guest_code, (size_t)(guest_code_end - guest_code));
	work = (void *)(low + TABLE);
	add_slot(0, 0x80000, low, 0);
	add_slot(0x100000, 0x10000, memory(0x10000, 0), KVM_MEM_READONLY);
	add_slot(0x10000000, 0x800000, memory(0x800000, 1), 0);
	add_slot(0x20000000, 0x2000000, memory(0x2000000, 0), 0);
	add_slot(0xc0000000, 0x100000, memory(0x100000, 0), 0);
	if (argc > 1)
		add_bar(0xe0000000, argv[1]);
	if (argc > 2)
		add_bar(0xe1000000, argv[2]);
	set_sregs();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("UP %d\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		bool timed = !strncmp(line, "rounds ", 7);
		const char *why = timed ? rounds(line) : command(line);

		if (why)
			printf("FAILED %s\n", why);
		else if (!timed)
			puts("OK");
	}
	return 0;
}
