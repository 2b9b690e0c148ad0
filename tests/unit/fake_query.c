/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The livepatch calls and the query payload of our own hypervisor: one payload of emt's name, and
 * what it answers of domain 5.
 */
#include <errno.h>
#include <string.h>

#include "fake_xen.h"
#include "xen/query/abi.h"

static long no(int why)
{
	errno = why;
	return -1;
}

/* ---- livepatch: places of 4.17's public header, typed again ---- */

static bool ours(void *arg)
{
	const char *name = (const char *)(uintptr_t)get(arg, 16, 8);

	return get(arg, 24, 2) == sizeof(EMT_QUERY_NAME) && !memcmp(name, EMT_QUERY_NAME, sizeof(EMT_QUERY_NAME));
}

static long list(void *arg)
{
	static const char name[] = "hotfix";
	uint32_t room = (uint32_t)get(arg, 24, 4), n = (fake.patch != 0) + fake.others, at = 0;
	char *names = (char *)(uintptr_t)get(arg, 48, 8);

	if (!room) {
		put(arg, 24, n, 4);
		return 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool own = fake.patch && !i;
		size_t len = own ? sizeof(EMT_QUERY_NAME) : sizeof(name);

		memcpy(names + at, own ? EMT_QUERY_NAME : name, len);
		at += (uint32_t)len;
		put((void *)(uintptr_t)get(arg, 56, 8), i * 4ul, len, 4);
		put((void *)(uintptr_t)get(arg, 40, 8), i * 8ul, own ? fake.patch : 2, 4);
	}
	put(arg, 24, 0, 4);
	return n;
}

long fake_livepatch(int row, void *arg)
{
	if (fake.livepatch_refuse)
		return no(fake.livepatch_refuse);
	if (row == EMT_XC_LIVEPATCH_LIST)
		return list(arg);
	if (!ours(arg))
		return no(ENOENT);
	if (row == EMT_XC_LIVEPATCH_UPLOAD) {
		const char *file = (const char *)(uintptr_t)get(arg, 40, 8);

		if (fake.patch)
			return no(EEXIST);
		if (fake.upload_refuse)
			return no(fake.upload_refuse);
		if (get(arg, 32, 8) < 1000 || memcmp(file, "\177ELF", 4))
			return no(EINVAL);
		fake.patch = 1;
		return 0;
	}
	if (!fake.patch)
		return no(ENOENT);
	if (row == EMT_XC_LIVEPATCH_GET) {
		put(arg, 32, fake.patch, 4);
		/* under way when it is asked first */
		put(arg, 36, (uint32_t)-(fake.action_waits ? EAGAIN : fake.action_error), 4);
		fake.action_waits -= fake.action_waits > 0;
		return 0;
	}
	fake.action_waits = 2;
	switch (get(arg, 32, 4)) {
	case 1:
		if (fake.patch != 1)
			return no(EINVAL);
		fake.patch = fake.action_waits = 0;
		fake.action_error = 0;
		return 0;
	case 2:
		fake.patch = 1;
		fake.action_error = 0;
		return 0;
	case 3:
		fake.action_error = fake.apply_error;
		fake.patch = fake.apply_error ? 1 : 2;
		fake.checked = false;
		return 0;
	}
	return no(EINVAL);
}

/* ---- the payload ---- */

#define RWX 7ull
#define MT(t) ((uint64_t)(t) << 3)
#define IPAT (1ull << 6)
#define SP (1ull << 7)
#define FRAME(n) ((uint64_t)(n) << 12)
#define TYPE(n) ((uint64_t)(n) << 52)

static const struct emt_query_run entries[] = {
	{ .gfn = 0, .raw = RWX | MT(6) | SP | FRAME(0x1000), .order = 9, .flags = EMT_QUERY_E_VALID, .emt = 6, .pin = -1 },
	{ .gfn = 0x200, .raw = RWX | MT(0) | IPAT | FRAME(0x2000), .flags = EMT_QUERY_E_VALID, .emt = 0, .ipat = 1, .pin = 0 },
	{ .gfn = 0x201, .raw = RWX | MT(7) | FRAME(0x2001), .flags = EMT_QUERY_E_VALID, .emt = 6, .pin = -1 },
	{ .gfn = 0x202, .raw = RWX | MT(6) | FRAME(0x2002), .flags = EMT_QUERY_E_VALID | EMT_QUERY_E_PENDING, .emt = 6,
	  .pin = -1 },
	{ .gfn = 0x300, .raw = RWX | MT(6) | IPAT | FRAME(0x3000), .flags = EMT_QUERY_E_VALID, .emt = 6, .ipat = 1, .pin = -1,
	  .special = 1 },
	{ .gfn = 0xf0000, .raw = RWX | MT(0) | FRAME(0xe0000) | TYPE(5), .count = 16, .emt = 0, .pin = -1 },
};

#define FIXED3(type, idx, v) { type, idx, v, v, v }
#define FIXED(type, cpu, v) \
	FIXED3(type, cpu << 8, v), FIXED3(type, cpu << 8 | 3, v), FIXED3(type, cpu << 8 | 6, v), \
	{ type, cpu << 8 | 9, v, v, 0 }
#define WBS 0x0606060606060606ull

static const struct emt_query_rec records[] = {
	{ EMT_QUERY_R_DOMAIN, 0, EMT_QUERY_D_EPT | EMT_QUERY_D_IOMMU, 0xfffff, 0x123000 },
	{ EMT_QUERY_R_PIN, 0, 0x200, 0x200, 0 },
	{ EMT_QUERY_R_MMIO_RO, 0, 0xfec00, 0xfec00, 0 },
	{ EMT_QUERY_R_MMIO_RO, 0, 0xfee00, 0xfee00, 0 },
	{ EMT_QUERY_R_IOMEM, 0, 0xe0000, 0xe000f, 0 },
	{ EMT_QUERY_R_IOPORT, 0, 0x3f8, 0x3ff, 0 },
	{ EMT_QUERY_R_HOST, 0, 6, EMT_QUERY_M_ENABLED | EMT_QUERY_M_FIXED | EMT_QUERY_M_HAVE_FIXED, 0x502 },
	{ EMT_QUERY_R_HOST_VAR, 0, 0xe0000000, 0xfffe0000800, 0 },
	{ EMT_QUERY_R_HOST_VAR, 1, 0, 0, 0 },
	FIXED(EMT_QUERY_R_HOST_FIXED, 0, WBS),
	{ EMT_QUERY_R_VCPU, 0, 6, EMT_QUERY_M_ENABLED, 0x501 },
	{ EMT_QUERY_R_VCPU_VAR, 0, 0xf0000000, 0xff8000800, 0 },
	FIXED(EMT_QUERY_R_VCPU_FIXED, 0u, WBS),
	{ EMT_QUERY_R_VCPU_CR0, 0, 0x80000011, 0, 0 },
	{ EMT_QUERY_R_VCPU, 1, 6, EMT_QUERY_M_ENABLED, 0x501 },
	{ EMT_QUERY_R_VCPU_VAR, 1 << 8, 0xf0000000, 0xff8000800, 0 },
	FIXED(EMT_QUERY_R_VCPU_FIXED, 1u, WBS),
	{ EMT_QUERY_R_VCPU_CR0, 1, 0x11, 0, 0 },
};

static void walk(struct emt_query *q)
{
	struct emt_query_run *out = (struct emt_query_run *)(uintptr_t)q->buf;
	uint32_t n = 0, room = fake.batch && fake.batch < q->max ? fake.batch : q->max;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(entries); i++) {
		const struct emt_query_run *e = &entries[i];

		uint64_t count = e->count ? e->count : 1, past = e->gfn < q->at ? (q->at - e->gfn) >> e->order : 0;

		if (past >= count || e->gfn > q->last)
			continue;
		if (n == room) {
			q->more = 1;
			q->at = e->gfn + (past << e->order);
			break;
		}
		out[n] = *e;
		out[n].gfn += past << e->order;
		out[n].raw += FRAME(past << e->order);
		count -= past;
		if (q->last - out[n].gfn < (count << e->order))
			count = ((q->last - out[n].gfn) >> e->order) + 1;
		out[n].count = (uint32_t)count;
		if (!(q->flags & EMT_QUERY_F_PINS))
			out[n].pin = -2;
		if (!(q->flags & EMT_QUERY_F_FRAMES))
			out[n].special = 0, out[n].flags &= (uint8_t)~EMT_QUERY_E_VALID;
		if (!(q->flags & EMT_QUERY_F_XEN))
			out[n].emt = -2, out[n].ipat = 0;
		else if (fake.answer_differs && e->gfn == fake.answer_differs)
			out[n].emt = 1;
		n++;
	}
	if (!q->more)
		q->at = 0x100000;
	q->max = n;
}

static void policy(struct emt_query *q)
{
	struct emt_query_rec *out = (struct emt_query_rec *)(uintptr_t)q->buf;
	uint32_t n = 0, room = fake.batch && fake.batch < q->max ? fake.batch : q->max;

	while (n < room && q->at < EMT_ARRAY_SIZE(records))
		out[n++] = records[q->at++];
	q->max = n;
	q->more = q->at < EMT_ARRAY_SIZE(records);
}

/* One of Xen's heap, where an entry counts it. */
static void special(struct emt_query *q)
{
	struct emt_query_rec *out = (struct emt_query_rec *)(uintptr_t)q->buf;

	q->max = q->at <= 0x3000 && q->last >= 0x3000;
	if (q->max)
		out[0] = (struct emt_query_rec){ EMT_QUERY_R_SPECIAL, 0, 0x3000, 0x3000, 0 };
	q->at = q->last + 1;
}

static uint32_t check(const struct emt_query *q, uint32_t *field)
{
	const struct { bool so; } facts[] = {
		{ q->domid == 5 }, { q->nr_vcpus == 2 }, { q->tot_pages == 1005 }, { q->max_gfn == 0xfffff },
		{ !strcmp(q->version, "4.17.7") },
	};

	for (uint32_t i = 0; i < EMT_ARRAY_SIZE(facts); i++)
		if (!facts[i].so)
			return *field = i + 1, EMT_QUERY_FACT;
	if (fake.wrong_field) {
		*field = (uint32_t)fake.wrong_field;
		return EMT_QUERY_FIELD;
	}
	fake.checked = true;
	return EMT_QUERY_OK;
}

long fake_query(void *arg)
{
	static const int codes[EMT_QUERY_WHY_NR] = {
		[EMT_QUERY_NOT_IT] = EOPNOTSUPP, [EMT_QUERY_DYING] = ESRCH, [EMT_QUERY_UNCHECKED] = EACCES,
		[EMT_QUERY_FACT] = EINVAL, [EMT_QUERY_FIELD] = EINVAL, [EMT_QUERY_MOVED] = EAGAIN,
		[EMT_QUERY_COMMAND] = ENOSYS,
	};
	struct emt_query q;

	memcpy(&q, (char *)arg + 16 + EMT_QUERY_AT, sizeof(q));
	if (fake.patch != 2 || fake.other_version || q.magic != EMT_QUERY_MAGIC)
		return no(EOPNOTSUPP);
	if (fake.query_refuse)
		return no(fake.query_refuse);
	q.magic = EMT_QUERY_REPLY;
	if (get(arg, 8, 2) != 5)
		q.why = EMT_QUERY_NOT_IT;
	else if (fake.moves)
		fake.moves--, q.why = EMT_QUERY_MOVED;
	else if (q.cmd == EMT_QUERY_CHECK)
		q.why = check(&q, &q.field);
	else if (!fake.checked)
		q.why = EMT_QUERY_UNCHECKED;
	else if (q.cmd == EMT_QUERY_WALK)
		walk(&q);
	else if (q.cmd == EMT_QUERY_POLICY)
		policy(&q);
	else if (q.cmd == EMT_QUERY_SPECIAL)
		special(&q);
	else
		q.why = EMT_QUERY_COMMAND;
	memcpy((char *)arg + 16 + EMT_QUERY_AT, &q, sizeof(q));
	return q.why ? no(codes[q.why]) : 0;
}
