/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steer the lab's guest, and what Xen gives it, from dom0:
 *
 *   steer DOMID STEP ARGUMENT... [STEP ARGUMENT...]...
 *
 * All numbers are hexadecimal. The guest runs only while it does a step. What is
 * done is told a line each; the first step that fails ends the program.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define XC_WANT_COMPAT_DEVICEMODEL_API 1
#define XC_WANT_COMPAT_MAP_FOREIGN_API 1
#include <xenctrl.h>
#include <xencall.h>
#include <xen/memory.h>
#include <xen/platform.h>

#include "mailbox.h"
#include "xen/query/abi.h"

static xc_interface *xch;
static uint32_t dom;
static struct mailbox *mail;

static void must(long rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "steer: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}
#define MUST(call) must((call), #call)

/* ---- steps of the guest ---- */

static void ask(uint32_t step, uint32_t a, uint32_t b, uint32_t c)
{
	unsigned int turns = 0;

	if (!mail) {
		mail = xc_map_foreign_range(xch, dom, XC_PAGE_SIZE, PROT_READ | PROT_WRITE, MAILBOX_GFN);
		must(mail ? 0 : -1, "mapping the mailbox");
	}
	mail->step = step;
	mail->arg[0] = a;
	mail->arg[1] = b;
	mail->arg[2] = c;
	__sync_synchronize();
	mail->asked++;
	MUST(xc_domain_unpause(xch, dom));
	while (mail->done != mail->asked && turns++ < 5000)
		usleep(1000);
	MUST(xc_domain_pause(xch, dom));
	if (mail->done != mail->asked)
		must((errno = ETIMEDOUT, -1), "the guest");
}

static void read_pages(const uint64_t *v) { ask(STEP_READ, v[0], v[1], v[2]); }
static void write_pages(const uint64_t *v) { ask(STEP_WRITE, v[0], v[1], v[2]); }
static void execute(const uint64_t *v) { ask(STEP_EXECUTE, v[0], 0, 0); }
static void wrmsr(const uint64_t *v) { ask(STEP_WRMSR, v[0], v[1] >> 32, (uint32_t)v[1]); }

static void rdmsr(const uint64_t *v)
{
	ask(STEP_RDMSR, v[0], 0, 0);
	printf("msr %" PRIx64 " %08x%08x\n", v[0], mail->result[1], mail->result[0]);
}

static void paging(const uint64_t *v) { ask(STEP_PAGING, v[0], 0, 0); }

/* The guest itself asks for grant tables of a version; 2 has status frames. */
static void grants(const uint64_t *v)
{
	ask(0, 0, 0, 0); /* maps the page of which the buffer is a part */
	mail->buffer[0] = (uint32_t)v[0];
	ask(STEP_HYPERCALL, 20 /* grant_table_op */, 8 /* GNTTABOP_set_version */, 0);
	must(mail->result[0] ? (errno = -(int)mail->result[0], -1) : 0, "set_version in the guest");
}

/* The guest itself places a special page: 0 shared info, 1 a grant frame; of index 80000000
 * and on a status frame. */
static void place(const uint64_t *v)
{
	struct { /* of a 32-bit guest */
		uint16_t domid, size;
		uint32_t space, idx, gpfn;
	} a = { DOMID_SELF, 0, v[0], v[1], v[2] };

	ask(0, 0, 0, 0); /* maps the page of which the buffer is a part */
	memcpy(mail->buffer, &a, sizeof(a));
	ask(STEP_HYPERCALL, 12 /* memory_op */, XENMEM_add_to_physmap, 0);
	must(mail->result[0] ? (errno = -(int)mail->result[0], -1) : 0, "add_to_physmap in the guest");
}

/* The guest asks the query payload about itself, as dom0 would. */
static void query(const uint64_t *v)
{
	const struct { /* struct xen_domctl, 4.17 */
		uint32_t cmd, version;
		uint16_t domain, pad[3];
		uint8_t u[EMT_QUERY_AT];
		struct emt_query q;
	} op = {
		.cmd = 50 /* get_device_group */, .version = 0x15, .domain = (uint16_t)dom,
		.q = { .magic = EMT_QUERY_MAGIC, .cmd = EMT_QUERY_WALK, .max = 1, .last = ~0ull, .buf = MAILBOX_GFN << 12 },
	};

	(void)v;
	ask(0, 0, 0, 0);
	memcpy(mail->buffer, &op, sizeof(op));
	ask(STEP_HYPERCALL, 36 /* domctl */, (MAILBOX_GFN << 12) + offsetof(struct mailbox, buffer), 0);
	printf("query in the guest: %d, %s\n", (int)mail->result[0],
	       memcmp(mail->buffer, &op, sizeof(op)) ? "answered" : "as it was sent");
}

/* ---- steps of the tool stack ---- */

static void iomem(const uint64_t *v) { MUST(xc_domain_iomem_permission(xch, dom, v[0], v[1], v[2])); }
static void ioport(const uint64_t *v) { MUST(xc_domain_ioport_permission(xch, dom, v[0], v[1], v[2])); }
static void map(const uint64_t *v) { MUST(xc_domain_memory_mapping(xch, dom, v[0], v[1], v[2], DPCI_ADD_MAPPING)); }
static void unmap(const uint64_t *v) { MUST(xc_domain_memory_mapping(xch, dom, v[0], v[1], v[2], DPCI_REMOVE_MAPPING)); }
static void pin(const uint64_t *v) { MUST(xc_domain_pin_memory_cacheattr(xch, dom, v[0], v[1], v[2])); }
static void maxmem(const uint64_t *v) { MUST(xc_domain_setmaxmem(xch, dom, v[0])); }

static void unpin(const uint64_t *v)
{
	MUST(xc_domain_pin_memory_cacheattr(xch, dom, v[0], v[1], XEN_DOMCTL_DELETE_MEM_CACHEATTR));
}

/* Balloon out, and in again, pages one by one: GFN COUNT. */
static void out(const uint64_t *v)
{
	for (xen_pfn_t gfn = v[0]; gfn < v[0] + v[1]; gfn++)
		MUST(xc_domain_decrease_reservation_exact(xch, dom, 1, 0, &gfn));
}

static void in(const uint64_t *v)
{
	for (uint64_t gfn = v[0]; gfn < v[0] + v[1]; gfn++) {
		xen_pfn_t p = gfn;

		MUST(xc_domain_populate_physmap_exact(xch, dom, 1, 0, 0, &p));
	}
}

/* The guest's state saved and loaded again, as a restored or migrated guest's is; 'pat' not
 * NULL: with that for the PAT of each vCPU. */
static void again(const uint64_t *pat)
{
	int size = xc_domain_hvm_getcontext(xch, dom, NULL, 0);
	uint8_t *all = size > 0 ? calloc(1, size) : NULL;

	must(all ? 0 : -1, "the size of the guest's state");
	MUST(size = xc_domain_hvm_getcontext(xch, dom, all, size));
	for (int at = 0; pat && at + 8 <= size;) {
		struct {
			uint16_t code, instance;
			uint32_t length;
		} head;

		memcpy(&head, all + at, sizeof(head));
		if (head.code == 14) /* MTRR: it begins with the PAT */
			memcpy(all + at + sizeof(head), pat, sizeof(*pat));
		at += (int)(sizeof(head) + head.length);
	}
	MUST(xc_domain_hvm_setcontext(xch, dom, all, size));
	free(all);
}

static void reload(const uint64_t *v)
{
	(void)v;
	again(NULL);
}

static void pat(const uint64_t *v) { again(v); }

/* ---- steps of the host ---- */

static void platform(struct xen_platform_op *op, const char *what)
{
	xencall_handle *call = xencall_open(NULL, 0);
	struct xen_platform_op *buffer = call ? xencall_alloc_buffer(call, sizeof(*op)) : NULL;

	must(buffer ? 0 : -1, "xencall");
	op->interface_version = XENPF_INTERFACE_VERSION;
	*buffer = *op;
	must(xencall1(call, __HYPERVISOR_platform_op, (uintptr_t)buffer), what);
	*op = *buffer;
	xencall_free_buffer(call, buffer);
	xencall_close(call);
}

static void host_mtrr(const uint64_t *v)
{
	struct xen_platform_op op = { .cmd = XENPF_add_memtype };

	op.u.add_memtype.mfn = v[0];
	op.u.add_memtype.nr_mfns = v[1];
	op.u.add_memtype.type = v[2];
	platform(&op, "XENPF_add_memtype");
	printf("host register %x\n", op.u.add_memtype.reg);
}

static void host_mtrr_gone(const uint64_t *v)
{
	struct xen_platform_op op = { .cmd = XENPF_del_memtype };

	op.u.del_memtype.reg = v[0];
	platform(&op, "XENPF_del_memtype");
}

static const struct {
	const char *name;
	int args;
	void (*run)(const uint64_t *v);
} steps[] = {
	{ "read", 3, read_pages }, /* FIRST LAST APART */
	{ "write", 3, write_pages },
	{ "execute", 1, execute }, /* GFN */
	{ "wrmsr", 2, wrmsr },     /* MSR VALUE */
	{ "rdmsr", 1, rdmsr },
	{ "paging", 1, paging },   /* MODE */
	{ "grants", 1, grants },   /* VERSION */
	{ "place", 3, place },     /* SPACE INDEX GFN */
	{ "query", 0, query },
	{ "iomem", 3, iomem },     /* MFN COUNT ALLOW */
	{ "ioport", 3, ioport },   /* PORT COUNT ALLOW */
	{ "map", 3, map },         /* GFN MFN COUNT */
	{ "unmap", 3, unmap },
	{ "pin", 3, pin },         /* FIRST LAST TYPE */
	{ "unpin", 2, unpin },
	{ "maxmem", 1, maxmem },   /* KIB */
	{ "out", 2, out },         /* GFN COUNT */
	{ "in", 2, in },
	{ "reload", 0, reload },
	{ "pat", 1, pat },         /* VALUE */
	{ "host-mtrr", 3, host_mtrr }, /* MFN COUNT TYPE */
	{ "host-mtrr-gone", 1, host_mtrr_gone }, /* REGISTER */
};

#define NR_STEPS (sizeof(steps) / sizeof(steps[0]))

int main(int argc, char **argv)
{
	xch = xc_interface_open(NULL, NULL, 0);
	must(xch ? 0 : -1, "xc_interface_open");
	dom = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	for (int i = 2; i < argc;) {
		uint64_t v[3];
		size_t s = 0;

		while (s < NR_STEPS && strcmp(steps[s].name, argv[i]))
			s++;
		if (s == NR_STEPS || i + steps[s].args >= argc) {
			fprintf(stderr, "steer: no step '%s', or too few arguments\n", argv[i]);
			return 2;
		}
		printf("%s", argv[i]);
		for (int k = 0; k < steps[s].args; k++) {
			v[k] = strtoull(argv[i + 1 + k], NULL, 16);
			printf(" %" PRIx64, v[k]);
		}
		printf("\n");
		fflush(stdout);
		steps[s].run(v);
		i += 1 + steps[s].args;
	}
	return 0;
}
