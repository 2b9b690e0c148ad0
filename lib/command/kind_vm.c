/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_vm.h"

#include <stdio.h>

#include "source/kvm_vm.h"

enum route { ROUTE_NONE, ROUTE_BPF, ROUTE_NR };

static const char *route_word(unsigned int i)
{
	static const char *const words[ROUTE_NR] = { "none", "bpf" };

	return i < ROUTE_NR ? words[i] : NULL;
}

static const char *mode_word(unsigned int i)
{
	static const char *const words[] = { "none", "ept", "npt", "shadow" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : NULL;
}

enum {
	GUEST_PID,
	GUEST_NAME,
	GUEST_COMMAND,
	GUEST_PAGING,
	GUEST_BYTES,
	GUEST_VCPUS,
	GUEST_MEMSLOTS,
	GUEST_DEVICES,
	GUEST_NONCOHERENT,
	GUEST_ROUTE,
	GUEST_WHY,
	GUEST_NR
};
static const struct emt_column columns[GUEST_NR] = {
	[GUEST_PID] = EMT_COLUMN("pid", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "process that holds it"),
	[GUEST_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				  "its name by the process's -name; null: none"),
	[GUEST_COMMAND] = EMT_COLUMN("command", EMT_COL_STRING, EMT_COLF_SHOWN, "the process's name"),
	[GUEST_PAGING] = EMT_COLUMN("paging", EMT_COL_STRING, EMT_COLF_SHOWN, "how KVM maps memory on this host",
				    .word = mode_word, .nr_words = 4),
	[GUEST_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "size of its memslots",
				   .unit = "bytes"),
	[GUEST_VCPUS] = EMT_COLUMN("vcpus", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "vCPUs"),
	[GUEST_MEMSLOTS] = EMT_COLUMN("memslots", EMT_COL_NUMBER, 0, "number of memslots"),
	[GUEST_DEVICES] = EMT_COLUMN("devices", EMT_COL_NUMBER, EMT_COLF_NULL,
				     "devices assigned; null: this kernel does not tell"),
	[GUEST_NONCOHERENT] = EMT_COLUMN("noncoherent_dma", EMT_COL_BOOL, EMT_COLF_SHOWN | EMT_COLF_NULL,
					 "non-coherent DMA is registered; null: not told"),
	[GUEST_ROUTE] = EMT_COLUMN("route", EMT_COL_STRING, EMT_COLF_SHOWN, "how its entries can be read",
				   .word = route_word, .nr_words = ROUTE_NR),
	[GUEST_WHY] = EMT_COLUMN("why", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_WRAP, "why there is none, or no cost"),
};
const struct emt_record_kind emt_kind_vm = {
	.name = "virtual_machine", .schema = "emt.virtual_machine", .help = "a virtual machine of the KVM that runs here",
	.columns = columns, .nr_columns = GUEST_NR,
};

static void fill_route(struct emt_rec *rec, const struct emt_kvm_vm *vm, enum emt_kvm_mode mode, const char *why)
{
	bool roots = false;

	for (size_t i = 0; i < vm->nr_roots; i++)
		roots |= vm->roots[i].direct;
	emt_rec_str(rec, GUEST_ROUTE, route_word((mode == EMT_KVM_MODE_EPT || mode == EMT_KVM_MODE_NPT) && roots ? ROUTE_BPF : ROUTE_NONE));
	if (mode != EMT_KVM_MODE_EPT && mode != EMT_KVM_MODE_NPT)
		emt_rec_fmt(rec, GUEST_WHY, "there is no EPT: shadow page tables (%s)", why);
	else if (!roots)
		emt_rec_str(rec, GUEST_WHY, "it has not run: KVM holds no page tables for it");
	else
		emt_rec_str(rec, GUEST_WHY, mode == EMT_KVM_MODE_EPT ? "free: no guest is paused" :
			    "free: no guest is paused; on AMD the guest's PAT decides alone");
}

static void fill_vm(struct emt_rec *rec, const struct emt_kvm_vm *vm)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < vm->nr_slots; i++)
		pages += vm->slots[i].pages;
	emt_rec_u64(rec, GUEST_BYTES, pages << 12);
	emt_rec_u64(rec, GUEST_MEMSLOTS, vm->nr_slots);
	if (vm->devices_told)
		emt_rec_u64(rec, GUEST_DEVICES, vm->devices > 0 ? (uint64_t)vm->devices : 0);
	if (vm->noncoherent_told)
		emt_rec_bool(rec, GUEST_NONCOHERENT, vm->noncoherent != 0);
}

static int put_guest(struct emt_ctx *ctx, struct emt_kvm *k, const struct emt_kvm_guest *g, enum emt_kvm_mode mode,
		     const char *why)
{
	const struct emt_kvm_reader r = { emt_kernel_read, emt_kvm_kernel(k), emt_kvm_layout(k) };
	struct emt_rec *rec;
	struct emt_kvm_vm vm;
	int rc = emt_kvm_vm_read(&vm, &r, g->kvm, g->vcpus, g->nr_vcpus, "kvm", ctx->err);

	if (rc == EMT_E_GONE) {
		emt_ctx_note(ctx, "the virtual machine of process %u ended meanwhile", g->pid);
		return 0;
	}
	if (rc)
		return rc;
	rec = emt_out_rec(ctx->out, &emt_kind_vm);
	if (rec) {
		emt_rec_u64(rec, GUEST_PID, g->pid);
		emt_rec_text(rec, GUEST_NAME, g->name);
		emt_rec_str(rec, GUEST_COMMAND, g->comm);
		emt_rec_str(rec, GUEST_PAGING, mode_word(mode));
		emt_rec_u64(rec, GUEST_VCPUS, g->nr_vcpus);
		fill_vm(rec, &vm);
		fill_route(rec, &vm, mode, why);
	}
	emt_kvm_vm_free(&vm);
	return emt_out_put(ctx->out, rec, ctx->err);
}

int emt_put_guests(struct emt_ctx *ctx)
{
	struct emt_kvm_guest *v = NULL;
	struct emt_kvm *k;
	char why[80];
	enum emt_kvm_mode mode = emt_kvm_mode(why, sizeof(why));
	size_t n = 0;
	int rc = emt_kvm_open(&k, "kvm", ctx->err);

	if (rc)
		return rc;
	emt_out_source(ctx->out, "kvm");
	rc = emt_kvm_guests(k, &v, &n, ctx->err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = put_guest(ctx, k, &v[i], mode, why);
	if (!rc && !n)
		emt_ctx_note(ctx, "KVM runs no virtual machine now");
	emt_kvm_guests_free(v, n);
	emt_kvm_close(k);
	return rc;
}
