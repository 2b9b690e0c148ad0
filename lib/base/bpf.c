/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bpf.h"

#ifdef EMT_HAVE_BPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

const char *emt_bpf_missing(void)
{
	return NULL;
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

void emt_bpf_silence(void)
{
	libbpf_set_print(silent);
}

uint64_t emt_percpu_count(int map, int cpus, uint32_t which, int cpu)
{
	uint64_t *v = cpus > 0 && cpu < cpus ? calloc((size_t)cpus, sizeof(*v)) : NULL, n = 0;

	if (v && !bpf_map_lookup_elem(map, &which, v))
		for (int i = 0; i < cpus; i++)
			n += cpu == EMT_ALL_CPUS || cpu == i ? v[i] : 0;
	free(v);
	return n;
}

int emt_ring_result(int n, int rc, const char *subject, struct emt_err *err)
{
	if (rc || n >= 0 || n == -EINTR)
		return rc;
	errno = -n;
	return emt_err_errno(err, EMT_E_IO, subject, NULL, "the ring of events cannot be read");
}
#else

#ifndef EMT_NO_BPF /* the Makefile says what was missing */
#define EMT_NO_BPF "BPF programs"
#endif

const char *emt_bpf_missing(void)
{
	return EMT_NO_BPF;
}
#endif
