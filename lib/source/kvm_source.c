/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A live guest of KVM: facts from KVM's structures, entries from its EPT, both through BPF.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "source/journal.h"
#include "source/kvm.h"
#include "source/kvm_guest.h"
#include "source/kvm_host.h"
#include "source/kvm_journal.h"
#include "source/kvm_pages.h"
#include "source/kvm_vm.h"
#include "source/table_stream.h"

struct kvm_source {
	struct emt_kvm *k;
	struct emt_kvm_guest *guests; /* of the host; g is one of them */
	size_t nr_guests;
	const struct emt_kvm_guest *g;
	struct emt_kvm_vm vm;
	enum emt_kvm_mode mode;
	char why[80];          /* words on the mode */
	struct emt_ranges ram; /* of the host: nothing else is read raw */
	struct emt_kvm_pages *pages;
	struct emt_kvm_memory *memory; /* of the guest, once it was asked for */
	uint64_t base;         /* where the kernel maps frame 0; 0 = not known */
	int64_t time;
};

static void kvm_close(struct emt_source *s)
{
	struct kvm_source *ks = s->priv;

	emt_kvm_pages_free(ks->pages);
	emt_kvm_memory_close(ks->memory);
	emt_ranges_free(&ks->ram);
	emt_kvm_vm_free(&ks->vm);
	emt_kvm_guests_free(ks->guests, ks->nr_guests);
	emt_kvm_close(ks->k);
	free(ks);
}

static int choose(struct kvm_source *ks, const struct emt_source *s, const char *target, struct emt_err *err)
{
	uint64_t pid;
	bool number = !emt_parse_u64(target, &pid);
	size_t hits = 0;

	for (size_t i = 0; i < ks->nr_guests; i++) {
		const struct emt_kvm_guest *g = &ks->guests[i];

		if (number ? g->pid == pid : !strcmp(g->name, target) || !strcmp(g->comm, target)) {
			ks->g = g;
			hits++;
		}
	}
	if (hits == 1)
		return 0;
	if (hits)
		return emt_err_set(err, EMT_E_NOSOURCE, s->name, "name it by its process number",
				   number ? "%zu virtual machines belong to this process" :
					    "%zu virtual machines have this name", hits);
	return emt_err_set(err, EMT_E_NOSOURCE, s->name, "emtctl domains lists those there are",
			   "no process of this %s holds a virtual machine (of %zu here)", number ? "number" : "name",
			   ks->nr_guests);
}

static int kvm_open(struct emt_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct kvm_source *ks = calloc(1, sizeof(*ks));
	struct emt_kvm_reader r;
	int rc;

	if (!ks)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open a guest");
	s->priv = ks;
	ks->time = time(NULL);
	ks->mode = emt_kvm_mode(ks->why, sizeof(ks->why));
	rc = emt_kvm_open(&ks->k, s->name, err);
	if (!rc)
		rc = emt_kvm_guests(ks->k, &ks->guests, &ks->nr_guests, err);
	if (!rc)
		rc = choose(ks, s, spec->target, err);
	if (!rc) {
		r = (struct emt_kvm_reader){ emt_kernel_read, emt_kvm_kernel(ks->k), emt_kvm_layout(ks->k) };
		rc = emt_kvm_vm_read(&ks->vm, &r, ks->g->kvm, ks->g->vcpus, ks->g->nr_vcpus, s->name, err);
	}
	if (!rc) {
		ks->base = emt_kernel_direct_map(emt_kvm_kernel(ks->k));
		if (!ks->base)
			ks->base = emt_kvm_vm_direct_map(&ks->vm);
		emt_kvm_vm_join_roots(&ks->vm, ks->base);
	}
	if (!rc)
		rc = emt_kvm_host_ram(&ks->ram, s->name, err);
	if (rc)
		kvm_close(s);
	return rc;
}

static size_t kvm_walks(const struct emt_source *s)
{
	(void)s;
	return 1;
}

static int kvm_walk(const struct emt_source *s, size_t i, struct emt_source_walk *info, struct emt_err *err)
{
	const struct kvm_source *ks = s->priv;

	(void)i, (void)err;
	info->domid = ks->g->pid;
	info->time = ks->time;
	snprintf(info->name, sizeof(info->name), "%s", ks->g->name[0] ? ks->g->name : ks->g->comm);
	if (ks->vm.nr_roots > 1 || ks->vm.other_roots)
		snprintf(info->label, sizeof(info->label), "%zu more roots, %u of other modes: not read",
			 ks->vm.nr_roots ? ks->vm.nr_roots - 1 : 0, ks->vm.other_roots);
	return 0;
}

/* The kernel, and whose rule it carries: distributions take later rules back. */
static void release_fact(const struct kvm_source *ks, struct emt_facts *f)
{
	struct utsname u;

	if (uname(&u))
		return;
	f->is_kvm = 1;
	emt_kvm_release(u.release, emt_kvm_has(emt_kvm_layout(ks->k), EMT_KM_CAPS_QUIRKS), f->release,
			sizeof(f->release));
	emt_facts_set(f, EMT_FACT_RELEASE, EMT_KNOWN, "uname, and BTF of kvm");
}

static int kvm_facts(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err)
{
	struct kvm_source *ks = s->priv;
	const char *why = emt_facts_intern(f, ks->why);

	(void)i;
	release_fact(ks, f);
	f->domid = ks->g->pid;
	snprintf(f->domain_name, sizeof(f->domain_name), "%s", ks->g->name[0] ? ks->g->name : ks->g->comm);
	f->paging = ks->mode == EMT_KVM_MODE_EPT ? EMT_PAGING_EPT :
		ks->mode == EMT_KVM_MODE_NPT ? EMT_PAGING_NPT : EMT_PAGING_SHADOW;
	emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, why ? why : "KVM's modules");
	f->kvm_self_snoop = emt_kvm_host_self_snoop();
	emt_facts_set(f, EMT_FACT_KVM_SELF_SNOOP, EMT_KNOWN, "/proc/cpuinfo");
	if (emt_kvm_vm_facts(&ks->vm, f) ||
	    emt_kvm_journal_facts(emt_journal_file(), ks->g->pid, emt_process_begun(ks->g->pid), f) || emt_ranges_copy(&f->host_e820, &ks->ram)) {
		emt_facts_free(f);
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory for its facts");
	}
	if (ks->ram.n)
		emt_facts_set_list(f, EMT_FACT_HOST_E820, EMT_KNOWN, EMT_KNOWN, "/proc/iomem");
	return 0;
}

/* ---- entries ---- */

static int no_tables(const struct emt_source *s, const struct kvm_source *ks, struct emt_err *err)
{
	if (ks->mode != EMT_KVM_MODE_EPT && ks->mode != EMT_KVM_MODE_NPT)
		return emt_err_set(err, EMT_E_UNSUPPORTED, s->name, "emtctl facts shows what is known of it",
				   "there is no EPT to walk: KVM runs guests on shadow page tables here (%s)", ks->why);
	if (!ks->ram.n)
		return emt_err_set(err, EMT_E_PERM, s->name, "run as root: /proc/iomem then shows addresses",
				   "the host's RAM is not known, and nothing else may be read raw");
	return 0;
}

static int find_root(const struct emt_source *s, const struct kvm_source *ks, struct emt_walk_opts *o,
		     struct emt_err *err)
{
	const struct emt_kvm_root *root = NULL;

	for (size_t i = 0; i < ks->vm.nr_roots && !root; i++)
		if (ks->vm.roots[i].direct)
			root = &ks->vm.roots[i];
	if (!root)
		return emt_err_set(err, EMT_E_MISSING, s->name, "try again once it runs",
				   ks->vm.nr_vcpus ?
				   "KVM holds no page tables for this guest now: no vCPU has run since they were dropped" :
				   "it has no vCPU");
	if (!ks->base)
		return emt_err_set(err, EMT_E_PERM, s->name, "run as root, with kernel.kptr_restrict at 0 or 1",
				   "where the kernel maps memory is not known: /proc/kallsyms shows no addresses");
	o->root = root->frame;
	o->levels = root->level;
	return 0;
}

static int kvm_stream(struct emt_stream *st, size_t i, struct emt_err *err)
{
	struct kvm_source *ks = st->source->priv;
	struct emt_walk_opts o = { .format = &emt_format_kvm, .join = true };
	int rc = no_tables(st->source, ks, err);

	(void)i;
	if (ks->mode == EMT_KVM_MODE_NPT)
		o.format = &emt_format_kvm_npt;
	if (!rc)
		rc = find_root(st->source, ks, &o, err);
	if (rc)
		return rc;
	emt_kvm_pages_free(ks->pages);
	ks->pages = emt_kvm_pages_new(emt_kvm_kernel(ks->k), ks->base, &ks->ram);
	if (!ks->pages)
		return emt_err_set(err, EMT_E_NOMEM, st->source->name, NULL, "not enough memory to walk it");
	emt_kvm_pages_walk(ks->pages, &o);
	return emt_table_stream(st, &o, err);
}

static void kvm_loss(const struct emt_stream *st, struct emt_loss *loss)
{
	const struct kvm_source *ks = st->source->priv;

	emt_table_loss(st, loss);
	loss->changed += emt_kvm_pages_changed(ks->pages);
}

static int kvm_guest(struct emt_source *s, size_t i, struct emt_guest_memory *out, struct emt_err *err)
{
	struct kvm_source *ks = s->priv;
	int rc = 0;

	(void)i;
	if (!ks->memory)
		rc = emt_kvm_memory_open(&ks->memory, ks->g->pid, &ks->vm, s->name, err);
	if (!rc)
		*out = emt_kvm_memory_reader(ks->memory);
	return rc;
}

const struct emt_source_ops emt_source_kvm_ops = {
	.scheme = "kvm",
	.open = kvm_open,
	.close = kvm_close,
	.walks = kvm_walks,
	.walk = kvm_walk,
	.facts = kvm_facts,
	.stream = kvm_stream,
	.seek = emt_table_seek,
	.read = emt_table_read,
	.guest = kvm_guest,
	.loss = kvm_loss,
	.end = emt_table_end,
};
