/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/journal.h"

struct replay {
	uint32_t pid;
	int64_t begun;
	bool watched, open;   /* a watch began; and did not end */
	bool blind;           /* of the open watch: it does not see DMA, or is another's */
	bool ever;            /* registered, in the life of the process */
	int64_t whole_since;  /* nothing was missed from here on */
};

static void begin(struct replay *r, struct json_object *line)
{
	r->whole_since = emt_journal_time(line, "time");
	r->open = r->watched = r->blind = true;
}

static int one_line(struct json_object *line, void *arg)
{
	struct replay *r = arg;
	const char *record = emt_journal_text(line, "record"), *what, *way;
	uint64_t vm, lost = 0;

	if (!record)
		return 0;
	if (!strcmp(record, "header")) {
		begin(r, line);
	} else if (!strcmp(record, "kvm_event")) {
		what = emt_journal_text(line, "event");
		/* the number may have been another process's before */
		if (what && !strncmp(what, "noncoherent-", 12) && emt_journal_number(line, "vm", &vm) && vm == r->pid &&
		    emt_journal_time(line, "time") >= r->begun)
			r->ever = true;
	} else if (!strcmp(record, "kvm_watching") && !emt_journal_text(line, "to")) { /* it begins */
		way = emt_journal_text(line, "way");
		r->open = true;
		r->blind = !way || (strcmp(way, "fentry") && strcmp(way, "kprobe")) ||
			(emt_journal_number(line, "only", &vm) && vm != r->pid);
	} else if (!strcmp(record, "kvm_watching")) {
		emt_journal_number(line, "lost", &lost);
		if (lost)
			r->whole_since = emt_journal_time(line, "to");
		r->open = false;
	}
	return 0;
}

int emt_kvm_journal_facts(const char *path, uint32_t pid, int64_t begun, struct emt_facts *f)
{
	struct replay r = { .pid = pid, .begun = begun };
	struct emt_err why = { 0 };
	int rc;

	if (f->prov[EMT_FACT_KVM_NC_EVER].held != EMT_UNKNOWN || !begun)
		return 0;
	rc = emt_journal_each(path, one_line, &r, &why);
	if (rc == EMT_E_NOMEM)
		return rc;
	if (rc || !r.watched) /* no journal, or none that can be read */
		return 0;
	if (r.ever) {
		f->kvm_nc_ever = 1;
		emt_facts_set(f, EMT_FACT_KVM_NC_EVER, EMT_KNOWN, "journal of KVM's events");
	} else if (r.open && !r.blind && r.whole_since < begun && emt_journal_is_watched(path)) {
		f->kvm_nc_ever = 0;
		emt_facts_set(f, EMT_FACT_KVM_NC_EVER, EMT_KNOWN, "journal of KVM's events, since the guest began");
	}
	return 0;
}

int64_t emt_process_begun(uint32_t pid)
{
	unsigned long long ticks = 0;
	long long boot = 0;
	char path[64], line[1024], *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	/* the name in brackets may hold anything; the time is the 20th word behind it */
	p = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	for (int i = 0; p && i < 20; i++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (p)
		ticks = strtoull(p, NULL, 10);
	if (f)
		fclose(f);
	f = fopen("/proc/stat", "re");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, "btime %lld", &boot) != 1)
		;
	if (f)
		fclose(f);
	return ticks && boot ? boot + (int64_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK)) : 0;
}
