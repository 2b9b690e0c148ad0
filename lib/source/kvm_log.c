/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1 /* HASH_ADD then leaves hh.tbl NULL: a library does not exit */
#include <uthash.h>

#include "base/bpf.h"
#include "source/kvm.h"

struct answer {
	struct emt_kvm_call call;
	UT_hash_handle hh;
};

struct kvm_answers;

struct emt_kvm_log {
	struct answer *by_gfn;
	uint64_t calls;
	uint64_t *vcpus;
	uint32_t nr_vcpus;
	bool no_memory;
	struct kvm_answers *skel;      /* live: the program; NULL = from a file */
	struct bpf_link *link;
	struct ring_buffer *ring;
};

static void add(struct emt_kvm_log *log, uint64_t gfn, bool mmio, unsigned int bits)
{
	struct answer *a;

	HASH_FIND(hh, log->by_gfn, &gfn, sizeof(gfn), a);
	if (!a) {
		a = calloc(1, sizeof(*a));
		if (!a) {
			log->no_memory = true;
			return;
		}
		a->call.gfn = gfn;
		HASH_ADD(hh, log->by_gfn, call.gfn, sizeof(a->call.gfn), a);
		if (!a->hh.tbl) {
			free(a);
			log->no_memory = true;
			return;
		}
	}
	a->call.nr = ++log->calls;
	a->call.mmio = mmio;
	a->call.emt = bits >> 3 & 7;
	a->call.ipat = bits >> 6 & 1;
}

const struct emt_kvm_call *emt_kvm_log_find(struct emt_kvm_log *log, uint64_t gfn, uint64_t frames)
{
	const struct answer *last = NULL;

	for (uint64_t g = gfn; g < gfn + frames; g++) {
		struct answer *a;

		HASH_FIND(hh, log->by_gfn, &g, sizeof(g), a);
		if (a && (!last || a->call.nr > last->call.nr))
			last = a;
	}
	return last ? &last->call : NULL;
}

uint64_t emt_kvm_log_calls(const struct emt_kvm_log *log)
{
	return log->calls;
}

int emt_kvm_log_load(struct emt_kvm_log **out, const char *path, struct emt_err *err)
{
	struct emt_kvm_log *log = calloc(1, sizeof(*log));
	FILE *f = log ? fopen(path, "re") : NULL;
	unsigned int nr = 0;
	char line[200];
	int rc = 0;

	*out = NULL;
	if (!f) {
		free(log);
		return log ? emt_err_set(err, EMT_E_NOSOURCE, path, NULL, "%s", strerror(errno)) :
			     emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory to read calls");
	}
	while (!rc && fgets(line, sizeof(line), f)) {
		unsigned long long gfn;
		unsigned int mmio, bits;

		nr++;
		line[strcspn(line, "#\n")] = '\0';
		if (!line[strspn(line, " \t")])
			continue;
		if (sscanf(line, "%llx %u %x", &gfn, &mmio, &bits) != 3 || mmio > 1 || bits > 0xff)
			rc = emt_err_set(err, EMT_E_FORMAT, path, "a line is GFN MMIO BITS: 0xc0010 0 0x70",
					 "line %u is no call", nr);
		else
			add(log, gfn, mmio, bits);
	}
	fclose(f);
	if (!rc && log->no_memory)
		rc = emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory to read calls");
	if (rc)
		emt_kvm_log_free(log);
	else
		*out = log;
	return rc;
}

static int by_nr(struct answer *a, struct answer *b)
{
	return a->call.nr < b->call.nr ? -1 : a->call.nr > b->call.nr;
}

int emt_kvm_log_save(struct emt_kvm_log *log, const char *path, struct emt_err *err)
{
	FILE *f = fopen(path, "we");
	bool bad = !f;

	HASH_SORT(log->by_gfn, by_nr);
	for (struct answer *a = log->by_gfn; f && a; a = a->hh.next)
		fprintf(f, "0x%llx %u 0x%x\n", (unsigned long long)a->call.gfn, a->call.mmio,
			(unsigned int)a->call.emt << 3 | (unsigned int)a->call.ipat << 6);
	if (f) {
		bad = ferror(f);
		bad |= fclose(f) != 0;
	}
	return bad ? emt_err_set(err, EMT_E_IO, path, NULL, "%s", strerror(errno)) : 0;
}

static void free_answers(struct emt_kvm_log *log)
{
	struct answer *a, *next;

	HASH_ITER(hh, log->by_gfn, a, next) { /* NOLINT(clang-analyzer-unix.Malloc): the macro frees its own table */
		HASH_DEL(log->by_gfn, a); /* NOLINT(clang-analyzer-unix.Malloc) */
		free(a);
	}
	free(log->vcpus);
	free(log);
}

#ifdef EMT_HAVE_BPF
#include <bpf/libbpf.h>

#include "kvm_answers.h"
#include "kvm_answers.skel.h"

static int on_answer(void *arg, void *data, size_t len)
{
	const struct emt_kvm_answer *a = data;
	struct emt_kvm_log *log = arg;

	for (uint32_t i = 0; len >= sizeof(*a) && i < log->nr_vcpus; i++)
		if (log->vcpus[i] == a->vcpu) {
			add(log, a->gfn, a->mmio, a->bits);
			break;
		}
	return 0;
}

static int attach(struct emt_kvm_log *log, const char *subject, struct emt_err *err)
{
	static const char next[] = "audit it without: the rule is compared with the entries alone";
	int rc;

	emt_bpf_silence();
	log->skel = kvm_answers__open();
	rc = log->skel ? kvm_answers__load(log->skel) : -errno;
	if (rc)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, next, rc == -ESRCH || rc == -ENOENT ?
				   "there is no vmx_get_mt_mask() to log: kvm_intel is not loaded, or without BTF" :
				   "the kernel does not let its own functions be logged: %s", strerror(-rc));
	log->link = bpf_program__attach(log->skel->progs.log_answer);
	if (!log->link)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, next,
				   "the kernel does not let its own functions be logged: %s", strerror(errno));
	log->ring = ring_buffer__new(bpf_map__fd(log->skel->maps.answers), on_answer, log, NULL);
	return log->ring ? 0 : emt_err_set(err, EMT_E_IO, subject, NULL, "no ring buffer: %s", strerror(errno));
}

int emt_kvm_log_open(struct emt_kvm_log **out, const uint64_t *vcpus, uint32_t nr, const char *subject,
		     struct emt_err *err)
{
	struct emt_kvm_log *log = calloc(1, sizeof(*log));
	int rc;

	*out = NULL;
	if (log)
		log->vcpus = calloc(nr + 1, sizeof(*vcpus));
	if (!log || !log->vcpus) {
		free(log);
		return emt_err_set(err, EMT_E_NOMEM, subject, NULL, "not enough memory to log calls");
	}
	if (nr)
		memcpy(log->vcpus, vcpus, nr * sizeof(*vcpus));
	log->nr_vcpus = nr;
	rc = attach(log, subject, err);
	if (rc)
		emt_kvm_log_free(log);
	else
		*out = log;
	return rc;
}

int emt_kvm_log_take(struct emt_kvm_log *log)
{
	if (log->ring && ring_buffer__consume(log->ring) < 0)
		return EMT_E_IO;
	return log->no_memory ? EMT_E_NOMEM : 0;
}

uint64_t emt_kvm_log_dropped(const struct emt_kvm_log *log)
{
	return log->skel ? log->skel->bss->dropped : 0;
}

void emt_kvm_log_free(struct emt_kvm_log *log)
{
	if (!log)
		return;
	ring_buffer__free(log->ring);
	bpf_link__destroy(log->link);
	kvm_answers__destroy(log->skel);
	free_answers(log);
}

#else

int emt_kvm_log_open(struct emt_kvm_log **out, const uint64_t *vcpus, uint32_t nr, const char *subject,
		     struct emt_err *err)
{
	(void)vcpus, (void)nr;
	*out = NULL;
	return emt_err_set(err, EMT_E_UNSUPPORTED, subject, NULL, "this build was made without %s", emt_bpf_missing());
}

int emt_kvm_log_take(struct emt_kvm_log *log)
{
	return log->no_memory ? EMT_E_NOMEM : 0;
}

uint64_t emt_kvm_log_dropped(const struct emt_kvm_log *log)
{
	(void)log;
	return 0;
}

void emt_kvm_log_free(struct emt_kvm_log *log)
{
	if (log)
		free_answers(log);
}
#endif
