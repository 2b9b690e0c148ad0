/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The numbers that the query payload needs of a build of Xen (query/fields.h): of builds
 * that are known exactly, of a xen-syms with its debug information, or of a file that was
 * made from one. Never guessed: offsets move inside a series.
 */
#ifndef EMT_XEN_QUERY_BUILD_H
#define EMT_XEN_QUERY_BUILD_H

#include "base/err.h"
#include "base/types.h"
#include "xen/query/fields.h"

#define EMT_BUILD_ID_BYTES 20

struct emt_query_build {
	char build_id[2 * EMT_BUILD_ID_BYTES + 1]; /* hex */
	const char *release;     /* "4.17.7 (Debian)"; NULL = of a file */
	uint64_t numbers[EMT_QF_NR];
};

/* What a number is: "domain", "arch.p2m"; the member is "" for the size of the struct. */
struct emt_query_field_desc {
	const char *type, *member;
	uint16_t size;           /* of the member; 0 = any */
};
extern const struct emt_query_field_desc emt_query_fields[EMT_QF_NR];
/* "domain.arch.p2m", "sizeof page_info"; returns 'out' */
char *emt_query_field_name(unsigned int field, char *out, size_t room);

/* Builds that are known exactly. */
size_t emt_query_builds(void);
const struct emt_query_build *emt_query_build_at(size_t i);
/* By build id in hex; NULL when it is not one of them. */
const struct emt_query_build *emt_query_build_find(const char *build_id);

/* By the debug information of a xen-syms. EMT_E_MISSING names members, or functions of Xen, that
 * the payload needs and the file lacks; EMT_E_FORMAT: no ELF, no build id or no debug information;
 * EMT_E_UNSUPPORTED: this emt was built without libdw, or that Xen cannot be served. */
int emt_query_build_syms(struct emt_query_build *b, const char *path, struct emt_err *err);

/* Of the JSON that `emtctl query offsets` prints. EMT_E_FORMAT names what is wrong; every number
 * must be there. */
int emt_query_build_read(struct emt_query_build *b, const char *path, struct emt_err *err);

/* The payload for this build: an ELF file, '*out' the caller's to free. EMT_E_FORMAT when the build
 * id is none. */
int emt_query_payload(const struct emt_query_build *b, uint8_t **out, size_t *len, struct emt_err *err);

#endif
