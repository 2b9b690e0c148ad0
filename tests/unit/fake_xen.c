/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_xen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake_xen fake;

void put(void *p, size_t at, uint64_t v, size_t n)
{
	memcpy((char *)p + at, &v, n);
}

uint64_t get(const void *p, size_t at, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, (const char *)p + at, n);
	return v;
}

static int fake_open(void **handle, struct emt_err *err)
{
	(void)err;
	*handle = &fake;
	return 0;
}

static void fake_close(void *handle)
{
	(void)handle;
}

static void *fake_alloc(void *handle, size_t n)
{
	(void)handle;
	fake.buffers++;
	return calloc(1, n);
}

static void fake_free(void *handle, void *p)
{
	(void)handle;
	fake.buffers -= p != NULL;
	free(p);
}

static char *fake_store(void *handle, const char *path)
{
	(void)handle;
	if (!strcmp(path, "/local/domain/0/backend/pci/5/0/num_devs"))
		return strdup("1");
	return strcmp(path, "/local/domain/5/name") ? NULL : strdup("guest");
}

/* Row of the table that a call is; the numbers are typed here again. */
static int row_of(unsigned int nr, uint64_t a0, uint64_t a1)
{
	static const struct { unsigned int nr, cmd; int row; } rows[] = {
		{ 17, 0, EMT_XC_VERSION }, { 17, 1, EMT_XC_EXTRAVERSION }, { 17, 9, EMT_XC_COMMANDLINE },
		{ 35, 3, EMT_XC_PHYSINFO }, { 35, 6, EMT_XC_DOMAIN_LIST }, { 36, 5, EMT_XC_DOMAIN },
		{ 35, 1, EMT_XC_CONSOLE }, { 12, 10, EMT_XC_HOST_E820 }, { 12, 2, EMT_XC_MAX_PAGE },
		{ 12, 14, EMT_XC_MAX_GFN }, { 12, 5, EMT_XC_M2P_LIST }, { 7, 33, EMT_XC_HOST_MTRR }, { 36, 55, EMT_XC_HVM_RECORD },
		{ 17, 10, EMT_XC_BUILD_ID }, { 36, 50, EMT_XC_QUERY },
		{ 34, 15, EMT_XC_MEM_TYPE },
	};
	bool plain = nr == 17 || nr == 12 || nr == 34;
	const void *arg = (const void *)(uintptr_t)(plain ? a1 : a0);
	unsigned int cmd = plain ? (unsigned int)a0 : (unsigned int)get(arg, 0, 4);

	for (size_t i = 0; i < EMT_ARRAY_SIZE(rows); i++)
		if (rows[i].nr == nr && rows[i].cmd == cmd)
			return rows[i].row;
	if (nr == 35 && cmd == 27)
		switch (get(arg, 8, 4)) {
		case 0:
			return EMT_XC_LIVEPATCH_UPLOAD;
		case 1:
			return EMT_XC_LIVEPATCH_GET;
		case 2:
			return EMT_XC_LIVEPATCH_LIST;
		case 3:
			return EMT_XC_LIVEPATCH_ACTION;
		}
	if (nr == 35 && cmd == 7 && get(arg, 16, 4) == 1)
		switch (*(const char *)(uintptr_t)get(arg, 8, 8)) {
		case 'D':
			return EMT_XC_KEY_D;
		case 'q':
			return EMT_XC_KEY_Q;
		case 'Q':
			return EMT_XC_KEY_PCI;
		case 'o':
			return EMT_XC_KEY_O;
		}
	return -1;
}

static void describe(char *info, unsigned int domid)
{
	put(info, 0, domid, 2);
	put(info, 4, domid == 5 ? 1u << 1 | 1u << 8 | 1u << 3 : 0, 4);
	put(info, 8, 1000 + domid, 8);
	put(info, 48, 1, 8); /* shared info */
	put(info, 64, 2, 4);
	put(info, 68, 1, 4);
	put(info, 76, domid == 5 ? 0xab : 0, 1);
	if (fake.minor >= 16)
		put(info, 104, 1, 4); /* local APIC only: PVH */
}

static long fails(int why)
{
	errno = why;
	return -1;
}

static long record(void *arg)
{
	char *body = (char *)(uintptr_t)get(arg, 32, 8);
	unsigned int vcpu = (unsigned int)get(arg, 20, 4);

	if (vcpu > 1)
		return fails(ENOENT);
	if (get(arg, 16, 4) == 2) {
		put(body, 656, 0x80000011 + vcpu, 8);
		put(body, 672, 0x1000 + vcpu * 0x1000, 8);
		put(body, 680, 0x20, 8);
		put(body, 992, 0xd01, 8);
		put(arg, 24, 1024, 8);
		return 0;
	}
	put(body, 0, 0x0007040600070406, 8);
	for (unsigned int i = 0; i < 8; i++) {
		put(body, 8 + i * 16, 0xf0000000, 8);
		put(body, 16 + i * 16, 0xff8000800, 8);
	}
	put(body, 136, 0x0606060606060606, 8);
	put(body, 224, 0x508, 8);
	put(body, 232, 0xc06, 8);
	put(arg, 24, 240, 8);
	return 0;
}

/* Its bytes; the return value is their number, the word before them its room. */
static long build_id(void *arg)
{
	long n = (long)strlen(fake.build_id) / 2;

	for (long i = 0; i < n && i < (long)get(arg, 0, 4); i++) {
		char pair[3] = { fake.build_id[2 * i], fake.build_id[2 * i + 1], '\0' };

		put(arg, 4 + (size_t)i, strtoul(pair, NULL, 16), 1);
	}
	return n ? n : fails(ENODATA);
}

void fake_xen_print(const char *text)
{
	for (; *text; text++)
		fake.ring[fake.head++ % fake.ring_size] = *text;
}

static long read_console(void *arg)
{
	uint32_t at = (uint32_t)get(arg, 12, 4), room = (uint32_t)get(arg, 24, 4), n = 0;
	char *to = (char *)(uintptr_t)get(arg, 16, 8);

	if (get(arg, 8, 1))
		fake.foreign++; /* it would be cleared */
	if (fake.head - at > fake.ring_size)
		at = fake.head - (uint32_t)fake.ring_size;
	for (; n < room && at != fake.head; n++)
		to[n] = fake.ring[at++ % fake.ring_size];
	put(arg, 24, n, 4);
	put(arg, 12, at, 4);
	return 0;
}

void fake_xen_reset(void)
{
	free(fake.ring);
	memset(&fake, 0, sizeof(fake));
	fake.cmdline = "conring_size=4m";
	fake.build_id = FAKE_BUILD_ID;
	fake.ring_size = 16384;
	fake.ring = calloc(1, fake.ring_size);
	if (!fake.ring)
		abort();
}

static long fake_call(void *handle, unsigned int nr, uint64_t a0, uint64_t a1)
{
	int row = row_of(nr, a0, a1);
	void *arg = (void *)(uintptr_t)(nr == 17 || nr == 12 || nr == 34 ? a1 : a0);
	char *infos;
	int key;

	(void)handle;
	fake.asked++;
	if (row < 0) {
		fake.foreign++;
		return fails(ENOSYS);
	}
	fake.seen[row]++;
	if (nr == 35 || nr == 36) {
		if (fake.refuse)
			return fails(fake.refuse);
		if (get(arg, 4, 4) != (nr == 35 ? fake.sysctl : fake.domctl))
			return fails(EACCES);
	}
	switch (row) {
	case EMT_XC_VERSION:
		return 4 << 16 | (long)fake.minor;
	case EMT_XC_EXTRAVERSION:
		strcpy(arg, ".7");
		return 0;
	case EMT_XC_COMMANDLINE:
		strcpy(arg, fake.cmdline);
		return 0;
	case EMT_XC_PHYSINFO:
		put(arg, 8 + 8, 4, 4);
		put(arg, 8 + 28, 1u << 2 | 1u << 5, 4);
		put(arg, 8 + (fake.minor >= 17 ? 80 : 72) + 4, 1u << 5, 4); /* VMX */
		return 0;
	case EMT_XC_DOMAIN_LIST:
		infos = (char *)(uintptr_t)get(arg, 16, 8);
		if (get(arg, 8, 2) == 0) {
			describe(infos, 0);
			describe(infos + (fake.minor >= 16 ? 112 : 104), 5);
			put(arg, 24, fake.unlisted ? 1 : 2, 4);
		}
		return 0;
	case EMT_XC_DOMAIN:
		describe((char *)arg + 16, fake.gone ? 6 : (unsigned int)get(arg, 8, 2));
		return 0;
	case EMT_XC_CONSOLE:
		return read_console(arg);
	case EMT_XC_KEY_D:
	case EMT_XC_KEY_Q:
	case EMT_XC_KEY_PCI:
	case EMT_XC_KEY_O:
		key = emt_xen_calls[row].key;
		if (fake.keys[key])
			fake_xen_print(fake.keys[key]);
		return 0;
	case EMT_XC_HOST_E820:
		infos = (char *)(uintptr_t)get(arg, 8, 8);
		put(infos, 0, 0, 8), put(infos, 8, 0x9fc00, 8), put(infos, 16, 1, 4);
		put(infos, 20, 0xf0000, 8), put(infos, 28, 0x10000, 8), put(infos, 36, 2, 4);
		put(arg, 0, 2, 4);
		return 0;
	case EMT_XC_M2P_LIST: /* 2 MiB of the table in frames 0x300 and on */
		put((void *)(uintptr_t)get(arg, 8, 8), 0, 0x300, 8);
		put(arg, 16, 1, 4);
		return 0;
	case EMT_XC_MAX_PAGE:
		return 0x40000;
	case EMT_XC_MAX_GFN:
		return fake.gone ? fails(ESRCH) : 0xfffff;
	case EMT_XC_HOST_MTRR:
		if (get(arg, 4, 4) != 0x03000001)
			return fails(EACCES);
		if (get(arg, 8, 4) >= 2)
			return fails(EINVAL);
		put(arg, 16, get(arg, 8, 4) ? 0 : 0xe0000, 8);
		put(arg, 24, get(arg, 8, 4) ? 0 : 0x20000, 8);
		put(arg, 32, 0, 4);
		return 0;
	case EMT_XC_HVM_RECORD:
		return record(arg);
	case EMT_XC_BUILD_ID:
		return build_id(arg);
	case EMT_XC_LIVEPATCH_LIST:
	case EMT_XC_LIVEPATCH_GET:
	case EMT_XC_LIVEPATCH_UPLOAD:
	case EMT_XC_LIVEPATCH_ACTION:
		return fake_livepatch(row, arg);
	case EMT_XC_QUERY:
		return fake_query(arg);
	case EMT_XC_MEM_TYPE:
		if (fake.gone || get(arg, 0, 2) != 5)
			return fails(ESRCH);
		put(arg, 2, get(arg, 8, 8) < EMT_ARRAY_SIZE(fake.mem_type) ? fake.mem_type[get(arg, 8, 8)] : 0, 2);
		return 0;
	}
	return 0;
}

static int fake_guest_page(void *handle, uint32_t domid, uint64_t gfn, void *page)
{
	const void *p = fake.guest ? fake.guest(domid, gfn) : NULL;

	(void)handle;
	fake.asked++;
	fake.seen[EMT_XC_GUEST_PAGE]++;
	if (!p)
		return (int)fails(EINVAL);
	memcpy(page, p, 4096);
	return 0;
}

const struct emt_xen_backend fake_xen = {
	.open = fake_open, .close = fake_close, .alloc = fake_alloc, .free = fake_free,
	.call = fake_call, .store = fake_store, .guest_page = fake_guest_page,
};
