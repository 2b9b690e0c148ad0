/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor of the unit tests in the shape of libxencall, for the programs. It is
 * both preloaded (so that its door seems to be there) and found by its name. What it
 * prints for keys D and q comes from files: FAKEXEN_D, FAKEXEN_Q. When it is closed,
 * FAKEXEN_QUERY is the state of emt's livepatch: absent (or not set), uploaded, applied;
 * FAKEXEN_BUILD another build id. FAKEXEN_TYPES has a digit for each of the first gfns:
 * its HVMMEM_ class. While a file FAKEXEN_GONE exists there is no domain 5. FAKEXEN_LOG gets one line for each kind of call, and one for calls that no row of the
 * table describes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/types.h>
#include <unistd.h>

#include "../unit/fake_xen.h"

#define DOOR "/dev/xen/privcmd"
#define EXPORT __attribute__((visibility("default")))

EXPORT int access(const char *path, int mode);
EXPORT uid_t geteuid(void);
EXPORT void *xencall_open(void *logger, unsigned int flags);
EXPORT int xencall_close(void *h);
EXPORT int xencall2(void *h, unsigned int op, uint64_t a, uint64_t b);
EXPORT void *xencall_alloc_buffer(void *h, size_t size);
EXPORT void xencall_free_buffer(void *h, void *p);

int access(const char *path, int mode)
{
	int (*real)(const char *, int);
	void *p = dlsym(RTLD_NEXT, "access");

	memcpy(&real, &p, sizeof(p));
	return strcmp(path, DOOR) ? real(path, mode) : 0;
}

/* What only root may do to a hypervisor may be done to this one. */
uid_t geteuid(void)
{
	return getenv("FAKEXEN_USER") ? 1000 : 0;
}

static char *file_of(const char *variable)
{
	const char *path = getenv(variable);
	FILE *f = path ? fopen(path, "re") : NULL;
	char *text = NULL;
	size_t room = 0;

	if (f && getdelim(&text, &room, '\0', f) < 0)
		*text = '\0';
	if (f)
		fclose(f);
	return text;
}

void *xencall_open(void *logger, unsigned int flags)
{
	const char *query = getenv("FAKEXEN_QUERY"), *build = getenv("FAKEXEN_BUILD");
	const char *line = getenv("FAKEXEN_CMDLINE"), *ring = getenv("FAKEXEN_RING"), *types = getenv("FAKEXEN_TYPES");

	(void)logger, (void)flags;
	fake_xen_reset();
	fake.minor = 17;
	fake.domctl = fake.sysctl = 0x15;
	if (line)
		fake.cmdline = line;
	if (build)
		fake.build_id = build;
	fake.patch = !query ? 0 : !strcmp(query, "applied") ? 2 : !strcmp(query, "uploaded") ? 1 : 0;
	fake.others = getenv("FAKEXEN_OTHERS") ? 1 : 0;
	fake.gone = fake.unlisted = getenv("FAKEXEN_GONE") && !access(getenv("FAKEXEN_GONE"), F_OK);
	fake.livepatch_refuse = getenv("FAKEXEN_LIVEPATCH") ? atoi(getenv("FAKEXEN_LIVEPATCH")) : 0;
	fake.answer_differs = getenv("FAKEXEN_DIFFERS") ? strtoull(getenv("FAKEXEN_DIFFERS"), NULL, 0) : 0;
	if (ring || line) {
		fake.ring_size = ring ? strtoul(ring, NULL, 0) : 4 << 20;
		free(fake.ring);
		fake.ring = calloc(1, fake.ring_size);
	}
	for (size_t i = 0; types && types[i] && i < sizeof(fake.mem_type); i++)
		fake.mem_type[i] = (uint8_t)(types[i] - '0');
	fake.keys['D'] = file_of("FAKEXEN_D");
	fake.keys['q'] = file_of("FAKEXEN_Q");
	return fake_xen.open(&(void *){ NULL }, NULL) ? NULL : &fake;
}

int xencall_close(void *h)
{
	const char *path = getenv("FAKEXEN_LOG");
	FILE *f = path ? fopen(path, "ae") : NULL;

	(void)h;
	for (int i = 0; i < EMT_XC_NR_ISSUED && f; i++)
		if (fake.seen[i])
			fprintf(f, "%s %llu\n", emt_xen_calls[i].name, (unsigned long long)fake.seen[i]);
	if (f) {
		fprintf(f, "foreign %u\nbuffers %u\n", fake.foreign, fake.buffers);
		fclose(f);
	}
	return 0;
}

int xencall2(void *h, unsigned int op, uint64_t a, uint64_t b)
{
	return (int)fake_xen.call(h, op, a, b);
}

void *xencall_alloc_buffer(void *h, size_t size)
{
	return fake_xen.alloc(h, size);
}

void xencall_free_buffer(void *h, void *p)
{
	fake_xen.free(h, p);
}
