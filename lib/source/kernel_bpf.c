/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program of bpf/kernel_read.bpf.c, loaded: the kernel's memory in bulk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/kallsyms.h"

#include "source/kernel.h"

#ifdef EMT_HAVE_BPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "kernel_read.h"
#include "kernel_read.skel.h"

_Static_assert(EMT_KERNEL_BULK == EMT_KERNEL_PAGES, "the program copies as much as is promised");

struct emt_kernel {
	struct kernel_read *skel;
	struct emt_kernel_want *wants;   /* mapped, EMT_KERNEL_PAGES of them */
	struct emt_kernel_page *pages;   /* the same */
	uint64_t direct_map;
	bool looked;                     /* for direct_map */
};

int emt_kernel_load_error(int rc, const char *subject, struct emt_err *err)
{
	if (!rc)
		return 0;
	if (rc == -EPERM || rc == -EACCES)
		return emt_err_set(err, EMT_E_PERM, subject,
				   "run as root, or with CAP_BPF and CAP_PERFMON (entries: CAP_SYS_ADMIN too)",
				   "no permission to load BPF programs");
	return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "kernels from 5.18 on take them",
			   "the kernel does not take the BPF programs: %s", strerror(-rc));
}

static void *map_of(const struct bpf_map *map, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

static int load(struct emt_kernel *k, const char *subject, struct emt_err *err)
{
	int rc;

	emt_bpf_silence();
	k->skel = kernel_read__open();
	if (!k->skel)
		return emt_err_set(err, EMT_E_IO, subject, NULL, "the BPF programs cannot be opened: %s",
				   strerror(errno));
	rc = emt_kernel_load_error(kernel_read__load(k->skel), subject, err);
	if (rc)
		return rc;
	k->wants = map_of(k->skel->maps.wants, EMT_KERNEL_PAGES * sizeof(*k->wants));
	k->pages = map_of(k->skel->maps.pages, EMT_KERNEL_PAGES * sizeof(*k->pages));
	if (!k->wants || !k->pages)
		return emt_err_set(err, EMT_E_IO, subject, NULL, "BPF arrays cannot be mapped: %s", strerror(errno));
	return 0;
}

int emt_kernel_open(struct emt_kernel **out, const char *subject, struct emt_err *err)
{
	struct emt_kernel *k = calloc(1, sizeof(*k));
	int rc;

	*out = NULL;
	if (!k)
		return emt_err_set(err, EMT_E_NOMEM, subject, NULL, "not enough memory to open it");
	rc = load(k, subject, err);
	if (rc)
		emt_kernel_close(k);
	else
		*out = k;
	return rc;
}

void emt_kernel_close(struct emt_kernel *k)
{
	if (!k)
		return;
	if (k->wants)
		munmap(k->wants, EMT_KERNEL_PAGES * sizeof(*k->wants));
	if (k->pages)
		munmap(k->pages, EMT_KERNEL_PAGES * sizeof(*k->pages));
	kernel_read__destroy(k->skel);
	free(k);
}

static int run_copy(struct emt_kernel *k, uint32_t n)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	k->skel->bss->nr_wants = n;
	return bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.copy), &opts) || opts.retval ? EMT_E_IO : 0;
}

int emt_kernel_read(void *arg, uint64_t address, void *to, size_t bytes)
{
	struct emt_kernel *k = arg;

	for (size_t done = 0; done < bytes;) {
		uint32_t n = bytes - done < 4096 ? (uint32_t)(bytes - done) : 4096;

		k->wants[0] = (struct emt_kernel_want){ .address = address + done, .bytes = n };
		if (run_copy(k, 1) || k->wants[0].failed)
			return EMT_E_IO;
		memcpy((char *)to + done, k->pages[0].bytes, n);
		done += n;
	}
	return 0;
}

const uint64_t *emt_kernel_pages(struct emt_kernel *k, const uint64_t *address, unsigned int n, bool *ok)
{
	for (unsigned int i = 0; i < n; i++)
		k->wants[i] = (struct emt_kernel_want){ .address = address[i], .bytes = 4096 };
	if (run_copy(k, n))
		return NULL;
	for (unsigned int i = 0; i < n; i++)
		ok[i] = !k->wants[i].failed;
	return (const uint64_t *)(const void *)k->pages;
}

/* A page of ours holds a mark, its frame is known: where the mark shows is the map. The map
 * is the lowest of the regions that the kernel places at random, in steps of 1 GiB, so that
 * looking upwards meets nothing but holes and RAM before it is found. The page must not lie
 * in the first MiB of such a step: the map holds the screen's window there. */
#define MAP_LOWEST 0xffff888000000000ull
#define MAP_STEPS 65536u
static uint64_t find_by_mark(struct emt_kernel *k)
{
	const size_t bytes = 64 * 4096;
	uint64_t *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE,
			      -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t found = 0, mark[4], seen[4], e = 0, at;

	if (page == MAP_FAILED || fd < 0 || getrandom(mark, sizeof(mark), 0) != sizeof(mark))
		goto out;
	for (size_t i = 0; i < bytes / sizeof(*page); i++)
		page[i] = mark[i % 4];
	if (pread(fd, &e, sizeof(e), (off_t)((uintptr_t)page / 4096 * sizeof(e))) != sizeof(e))
		goto out;
	at = (e & ((1ull << 55) - 1)) << 12;
	if (!(e >> 63) || !at || (at & ((1ull << 30) - 1)) < 1 << 20)
		goto out;
	for (uint64_t i = 0; i < MAP_STEPS && !found; i++)
		if (!emt_kernel_read(k, MAP_LOWEST + (i << 30) + at, seen, sizeof(seen)) && !memcmp(mark, seen, sizeof(mark)))
			found = MAP_LOWEST + (i << 30);
out:
	if (fd >= 0)
		close(fd);
	if (page != MAP_FAILED)
		munmap(page, bytes);
	return found;
}

uint64_t emt_kernel_direct_map(struct emt_kernel *k)
{
	uint64_t at;

	if (k->looked)
		return k->direct_map;
	k->looked = true;
	at = emt_kallsyms_address("page_offset_base");
	if (!at || emt_kernel_read(k, at, &k->direct_map, sizeof(k->direct_map)))
		k->direct_map = 0;
	if (!k->direct_map)
		k->direct_map = find_by_mark(k);
	return k->direct_map;
}

#else
int emt_kernel_load_error(int rc, const char *subject, struct emt_err *err)
{
	(void)rc, (void)subject, (void)err;
	return EMT_E_UNSUPPORTED;
}

int emt_kernel_open(struct emt_kernel **out, const char *subject, struct emt_err *err)
{
	*out = NULL;
	return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "build emt where clang, bpftool and libbpf are",
			   "this build cannot read the kernel's memory: it was made without %s", emt_bpf_missing());
}

void emt_kernel_close(struct emt_kernel *k)
{
	(void)k;
}

int emt_kernel_read(void *k, uint64_t address, void *to, size_t bytes)
{
	(void)k, (void)address, (void)to, (void)bytes;
	return EMT_E_UNSUPPORTED;
}

const uint64_t *emt_kernel_pages(struct emt_kernel *k, const uint64_t *address, unsigned int n, bool *ok)
{
	(void)k, (void)address, (void)n, (void)ok;
	return NULL;
}

uint64_t emt_kernel_direct_map(struct emt_kernel *k)
{
	(void)k;
	return 0;
}
#endif
