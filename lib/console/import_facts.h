/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts files of import. A file holds facts as emt_facts_from_text() reads them and
 * may say whose they are:
 *   "domid": N              its facts are of that domain only
 *   "domains": {"N": {...}} facts of each domain named, on top of the others
 */
#ifndef EMT_CONSOLE_IMPORT_FACTS_H
#define EMT_CONSOLE_IMPORT_FACTS_H

#include "policy/facts.h"

struct json_object;

struct emt_facts_file {
	const char *name;            /* borrowed */
	char *text;                  /* owned */
	size_t len;
	struct json_object *plain;   /* owned; without "domains"; NULL = take 'text' as it is */
	struct json_object *domains; /* owned, may be NULL */
	int64_t domid;               /* -1 = all domains */
};

/* Read and check it. */
int emt_facts_file_read(struct emt_facts_file *ff, const char *path, struct emt_err *err);
/* Merge what it says of domain 'domid' into 'f'. */
int emt_facts_file_apply(const struct emt_facts_file *ff, uint32_t domid, struct emt_facts *f,
			 struct emt_err *err);
void emt_facts_file_free(struct emt_facts_file *ff);

#endif
