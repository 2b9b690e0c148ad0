/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ask the query payload what nobody should: bad buffers, domains that cannot be asked, commands
 * that there are none of, and any number of requests made at random.
 *
 *   abuse DOMID SEED COUNT
 *
 * A line for each: name, errno, why (-1: not the payload's reply). The last: how many random requests
 * there were, and how many came to something that no request should.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define XC_WANT_COMPAT_DEVICEMODEL_API 1
#define XC_WANT_COMPAT_MAP_FOREIGN_API 1
#include <xencall.h>
#include <xenctrl.h>

#include "xen/query/abi.h"

#define PAGE 4096ul
#define ROOM (EMT_QUERY_MAX_RUNS * sizeof(struct emt_query_run))
#define FENCE 0x5a

static xencall_handle *call;
static struct op { /* struct xen_domctl, 4.17 */
	uint32_t cmd, version;
	uint16_t domain, pad[3];
	uint8_t u[EMT_QUERY_AT];
	struct emt_query q;
	uint8_t rest[32];
} *op;
static uint8_t *data; /* ROOM bytes, and a page as fence */

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "abuse: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

/* Errno; 'q' becomes the reply. */
static int ask(uint32_t domid, struct emt_query *q)
{
	memset(op, 0, sizeof(*op));
	op->cmd = 50; /* get_device_group */
	op->version = 0x15;
	op->domain = (uint16_t)domid;
	memset(op->u, 0xff, 4); /* no such device, for a Xen without the payload */
	q->magic = EMT_QUERY_MAGIC;
	op->q = *q;
	errno = 0;
	if (!xencall1(call, 36 /* domctl */, (uintptr_t)op))
		errno = 0;
	*q = op->q;
	return errno;
}

static void say(const char *name, uint32_t domid, struct emt_query q)
{
	int e = ask(domid, &q);

	printf("%s %d %d\n", name, e, q.magic == EMT_QUERY_REPLY ? (int)q.why : -1);
}

static struct emt_query walk(const void *to)
{
	return (struct emt_query){ .cmd = EMT_QUERY_WALK, .max = EMT_QUERY_MAX_RUNS, .last = UINT64_MAX,
				   .buf = (uintptr_t)to };
}

static void buffers(uint32_t domid)
{
	uint8_t *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	must(p != MAP_FAILED, "mmap");
	say("null", domid, walk(NULL));
	say("hypervisor", domid, walk((void *)0xffff830000000000));
	say("end", domid, walk((void *)-64l));
	say("hole", domid, walk((void *)0x700000000000));
	say("noncanonical", domid, walk((void *)0x8000000000000000));
	must(!mprotect(p, PAGE, PROT_READ), "mprotect");
	say("readonly", domid, walk(p));
	must(!mprotect(p, PAGE, PROT_READ | PROT_WRITE) && !munmap(p + PAGE, PAGE), "munmap");
	memset(p, 0, PAGE);
	say("half", domid, walk(p + PAGE - 32));
	say("policy-null", domid, (struct emt_query){ .cmd = EMT_QUERY_POLICY, .max = 100 });
	say("special-null", domid, (struct emt_query){ .cmd = EMT_QUERY_SPECIAL, .max = 100, .last = 1 << 20 });
}

static void requests(uint32_t domid)
{
	struct emt_query q = walk(data);

	q.max = 0;
	say("no-room", domid, q);
	q.max = UINT32_MAX;
	say("huge-room", domid, q);
	q.at = UINT64_MAX;
	say("far", domid, q);
	q.cmd = 0;
	say("command-0", domid, q);
	q.cmd = 77;
	say("command-77", domid, q);
	say("dom0", 0, walk(data));
	say("nobody", 999, walk(data));
	say("self", 0x7ff0, walk(data));
	say("facts", domid, (struct emt_query){ .cmd = EMT_QUERY_CHECK, .domid = domid });
}

static uint32_t create(xc_interface *xch, uint32_t flags, uint32_t emulation)
{
	struct xen_domctl_createdomain c = {
		.flags = flags, .max_vcpus = 1, .max_evtchn_port = -1, .max_grant_frames = 32, .max_maptrack_frames = 32,
		.grant_opts = XEN_DOMCTL_GRANT_version(1), .arch.emulation_flags = emulation, .handle = { 0xab, 0x05, 0xe0 },
	};
	uint32_t id = 0;

	must(!xc_domain_create(xch, &id, &c) && !xc_domain_max_vcpus(xch, id, 1), "create");
	return id;
}

static void other_kinds(xc_interface *xch)
{
	uint32_t id = create(xch, 0, 0);

	say("pv", id, walk(data));
	must(!xc_domain_destroy(xch, id), "destroy");
}

/* A domain of which somebody holds a page stays, dying. */
static void dying(xc_interface *xch)
{
	uint32_t id = create(xch, XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap, XEN_X86_EMU_LAPIC);
	xen_pfn_t gfn = 1;
	void *held;

	must(!xc_set_paging_mempool_size(xch, id, 4 << 20) && !xc_domain_setmaxmem(xch, id, 4096) &&
	     !xc_domain_populate_physmap_exact(xch, id, 1, 0, 0, &gfn), "populate");
	held = xc_map_foreign_range(xch, id, PAGE, PROT_READ, 1);
	must(held, "map");
	say("alive", id, walk(data));
	must(!xc_domain_destroy(xch, id), "destroy");
	say("dying", id, walk(data));
	munmap(held, PAGE);
}

static uint64_t state;
static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* Numbers of every size. */
static uint64_t any(void)
{
	return rnd() >> rnd() % 64;
}

static bool strange(int e, const struct emt_query *q, uint32_t max)
{
	if (q->magic != EMT_QUERY_REPLY || q->why >= EMT_QUERY_WHY_NR || (e == 0) != (q->why == EMT_QUERY_OK))
		return true;
	if (!e && (q->max > max || q->max > EMT_QUERY_MAX_RUNS))
		return true;
	for (size_t i = (e ? 0 : q->max) * 32; i < ROOM + PAGE; i++) /* records of 32 bytes */
		if (data[i] != FENCE && !(e && i < ROOM))
			return true;
	return false;
}

static void at_random(uint32_t domid, unsigned long count)
{
	unsigned long bad = 0, whys[EMT_QUERY_WHY_NR] = { 0 };

	for (unsigned long i = 0; i < count; i++) {
		struct emt_query q = {
			.cmd = (uint32_t)(rnd() % 16 ? 1 + rnd() % 4 : any()), .flags = (uint32_t)(rnd() % 4 ? rnd() & 7 : any()),
			.max = (uint32_t)any(), .more = (uint32_t)any(), .at = any(), .last = rnd() % 2 ? UINT64_MAX : any(),
			.buf = (uintptr_t)data, .why = (uint32_t)any(), .field = (uint32_t)any(),
			.domid = rnd() % 2 ? domid : (uint32_t)any(), .nr_vcpus = (uint32_t)any(), .tot_pages = any(),
			.max_gfn = any(), .version = "4.17.7",
		};
		uint32_t max = q.max;
		int e;

		memset(data, FENCE, ROOM + PAGE);
		e = ask(domid, &q);
		if (q.why < EMT_QUERY_WHY_NR)
			whys[q.why]++;
		if (strange(e, &q, max) && !bad++)
			fprintf(stderr, "abuse: request %lu: errno %d, why %u, max %u of %u\n", i, e, q.why, q.max, max);
	}
	for (unsigned int i = 0; i < EMT_QUERY_WHY_NR; i++)
		if (whys[i])
			printf("why-%u %lu 0\n", i, whys[i]);
	printf("random %lu %lu\n", count, bad);
}

int main(int argc, char **argv)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	uint32_t domid;

	if (argc != 4) {
		fprintf(stderr, "usage: abuse DOMID SEED COUNT\n");
		return 2;
	}
	domid = (uint32_t)strtoul(argv[1], NULL, 10);
	state = strtoull(argv[2], NULL, 10) | 1;
	call = xencall_open(NULL, 0);
	must(xch && call, "no Xen");
	op = xencall_alloc_buffer(call, sizeof(*op));
	data = xencall_alloc_buffer(call, ROOM + PAGE);
	must(op && data, "memory");
	buffers(domid);
	requests(domid);
	other_kinds(xch);
	dying(xch);
	at_random(domid, strtoul(argv[3], NULL, 10));
	return 0;
}
