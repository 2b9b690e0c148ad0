/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The payload's file, as the build made it (lib/xen/query), with a build's id and numbers
 * written into it.
 */
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/query_build.h"

#ifdef EMT_PAYLOAD
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"emt_query_file:\n"
	".incbin \"" EMT_PAYLOAD "\"\n"
	"emt_query_file_end:\n"
	".popsection");
extern const uint8_t emt_query_file[] __attribute__((visibility("hidden")));
extern const uint8_t emt_query_file_end[] __attribute__((visibility("hidden")));
#else /* seen by an analyser only */
extern const uint8_t emt_query_file[], emt_query_file_end[];
#endif

static const char subject[] = "query payload";

/* What is written where: a section's whole content, or its end. */
struct patch {
	const char *section;
	const void *data;
	size_t len;
	size_t at;        /* in the section, which ends behind */
	bool done;
};

static int patch_section(uint8_t *image, size_t len, const char *name, const GElf_Shdr *sh, struct patch *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, p[i].section))
			continue;
		if (p[i].done || sh->sh_size != p[i].at + p[i].len || sh->sh_offset > len ||
		    len - sh->sh_offset < sh->sh_size)
			return -1;
		memcpy(image + sh->sh_offset + p[i].at, p[i].data, p[i].len);
		p[i].done = true;
	}
	return 0;
}

/* 'elf' looks at the same bytes, whose headers stay as they are. */
static int patch_all(uint8_t *image, size_t len, struct patch *p, size_t n)
{
	Elf *elf = elf_memory((char *)image, len);
	size_t names;
	int rc = elf && !elf_getshdrstrndx(elf, &names) ? 0 : -1;

	for (Elf_Scn *s = NULL; !rc && (s = elf_nextscn(elf, s));) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(s, &sh) || !(name = elf_strptr(elf, names, sh.sh_name)))
			rc = -1;
		else
			rc = patch_section(image, len, name, &sh, p, n);
	}
	elf_end(elf);
	for (size_t i = 0; i < n; i++)
		if (!p[i].done)
			rc = -1;
	return rc;
}

static int unhex(const char *hex, uint8_t id[EMT_BUILD_ID_BYTES])
{
	for (size_t i = 0; i < EMT_BUILD_ID_BYTES; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i] ? hex[2 * i + 1] : '\0', '\0' }, *end;

		id[i] = (uint8_t)strtoul(pair, &end, 16);
		if (end != pair + 2)
			return -1;
	}
	return hex[2 * EMT_BUILD_ID_BYTES] ? -1 : 0;
}

int emt_query_payload(const struct emt_query_build *b, uint8_t **out, size_t *len, struct emt_err *err)
{
	uint8_t id[EMT_BUILD_ID_BYTES];
	struct patch p[] = {
		{ ".emt.numbers", b->numbers, sizeof(b->numbers), 0, false },
		{ ".livepatch.depends", id, sizeof(id), 16, false },
		{ ".livepatch.xen_depends", id, sizeof(id), 16, false },
	};

	*len = (size_t)(emt_query_file_end - emt_query_file);
	*out = NULL;
	if (unhex(b->build_id, id))
		return emt_err_set(err, EMT_E_FORMAT, subject, NULL, "'%s' is no build id of %d bytes", b->build_id,
				   EMT_BUILD_ID_BYTES);
	*out = malloc(*len ? *len : 1);
	if (!*out)
		return emt_err_set(err, EMT_E_NOMEM, subject, NULL, "not enough memory for it");
	memcpy(*out, emt_query_file, *len);
	if (elf_version(EV_CURRENT) == EV_NONE || patch_all(*out, *len, p, EMT_ARRAY_SIZE(p))) {
		free(*out);
		*out = NULL;
		return emt_err_set(err, EMT_E_INTERNAL, subject, "build emt again",
				   "the file in this program is not whole");
	}
	return 0;
}
