/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
#define PAGE_PRESENT (1ull << 63) /* of an entry in /proc/PID/pagemap */

struct emt_kvm_memory {
	const struct emt_kvm_vm *vm;
	pid_t pid;
	int pagemap;
	uint64_t page[PAGE_BYTES / 8];
};

int emt_kvm_memory_open(struct emt_kvm_memory **out, uint32_t pid, const struct emt_kvm_vm *vm, const char *subject,
			struct emt_err *err)
{
	struct emt_kvm_memory *m = calloc(1, sizeof(*m));
	char path[64];

	*out = NULL;
	if (!m)
		return emt_err_set(err, EMT_E_NOMEM, subject, NULL, "not enough memory to read the guest's");
	m->vm = vm;
	m->pid = (pid_t)pid;
	snprintf(path, sizeof(path), "/proc/%u/pagemap", pid);
	m->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (m->pagemap < 0) {
		int rc = errno == ENOENT || errno == ESRCH ? EMT_E_GONE : EMT_E_PERM;

		emt_err_set(err, rc, subject, rc == EMT_E_GONE ? "emtctl domains lists those there are" :
			    "run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
			    rc == EMT_E_GONE ? "process %u has ended" :
			    "the guest's memory lies in process %u, which may not be read", pid);
		free(m);
		return rc;
	}
	*out = m;
	return 0;
}

void emt_kvm_memory_close(struct emt_kvm_memory *m)
{
	if (!m)
		return;
	close(m->pagemap);
	free(m);
}

/* Address of a frame in the process; 0: no memslot has it. */
static uint64_t address(const struct emt_kvm_vm *vm, uint64_t gfn)
{
	for (size_t i = 0; i < vm->nr_slots; i++) {
		const struct emt_kvm_slot *s = &vm->slots[i];

		if (gfn >= s->gfn && gfn - s->gfn < s->pages)
			return s->hva + ((gfn - s->gfn) << 12);
	}
	return 0;
}

static const void *frame(void *arg, uint64_t gfn)
{
	struct emt_kvm_memory *m = arg;
	uint64_t at = address(m->vm, gfn), entry = 0;
	struct iovec here = { m->page, sizeof(m->page) }, there = { NULL, sizeof(m->page) };

	if (!at || pread(m->pagemap, &entry, sizeof(entry), (off_t)(at / PAGE_BYTES * sizeof(entry))) != sizeof(entry) ||
	    !(entry & PAGE_PRESENT))
		return NULL;
	memcpy(&there.iov_base, &at, sizeof(at));
	/* refuses mappings of devices, unlike /proc/PID/mem, which would read their registers */
	return process_vm_readv(m->pid, &here, 1, &there, 1, 0) == (ssize_t)sizeof(m->page) ? m->page : NULL;
}

struct emt_guest_memory emt_kvm_memory_reader(struct emt_kvm_memory *m)
{
	return (struct emt_guest_memory){ frame, m };
}
