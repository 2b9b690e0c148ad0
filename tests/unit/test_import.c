/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import: texts and facts files in, captures out, read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "console/import.h"
#include "console/iommu_blob.h"

#define DATA "tests/data/console/"

struct fixture {
	char dir[64];
	char out[128];
	struct emt_import_result res;
	struct emt_err err;
	char notes[16384];
	unsigned int nr_notes;
	struct emt_capture *cap;
};

static void take_note(const struct emt_import_note *n, void *arg)
{
	struct fixture *f = arg;
	size_t len = strlen(f->notes);

	f->nr_notes++;
	snprintf(f->notes + len, sizeof(f->notes) - len, "%s:%lu: %s\n", n->file ? n->file : "-", n->line, n->text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/emt-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->out, sizeof(f->out), "%s/out.emt", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	emt_capture_free(f->cap);
	snprintf(cmd, sizeof(cmd), "rm -r %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

static const char *write_file(struct fixture *f, const char *name, const char *text)
{
	static char paths[8][128];
	static unsigned int i;
	char *path = paths[i++ % 8];
	FILE *file;

	snprintf(path, sizeof(paths[0]), "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static int import(struct fixture *f, struct emt_import_opts o)
{
	o.output = f->out;
	o.note = take_note;
	o.arg = f;
	emt_capture_free(f->cap);
	f->cap = NULL;
	f->nr_notes = 0;
	f->notes[0] = '\0';
	memset(&f->err, 0, sizeof(f->err));
	return emt_import(&o, &f->res, &f->err);
}

#define FILES(...) .files = (const char *const[]){ __VA_ARGS__ }, \
	.nr_files = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)
#define FACTS(...) .facts_files = (const char *const[]){ __VA_ARGS__ }, \
	.nr_facts_files = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

static void open_capture(struct fixture *f)
{
	if (f->err.code)
		fail_msg("%s: %s", f->err.subject, f->err.text);
	assert_int_equal(emt_capture_open(&f->cap, f->out, false, &f->err), 0);
}

static void facts_of(struct fixture *f, size_t walk, struct emt_facts *facts)
{
	if (emt_capture_facts(f->cap, walk, facts, &f->err))
		fail_msg("%s: %s", f->err.subject, f->err.text);
}

/* All texts of one host: every fact in its place. */
static void whole_host(void **state)
{
	struct fixture *f = *state;
	const struct emt_walk_info *w;
	struct emt_facts facts;

	assert_int_equal(import(f, (struct emt_import_opts){
		FILES(DATA "xen-4.17.7-boot-log-mtrr-show-vmx.txt", DATA "xen-4.17.7-key-D-then-q-pvh-built.txt",
		      DATA "xen-hvmctx-4.17.7-one-vcpu.txt"), .domid = -1, .time = 1700000000 }), 0);
	open_capture(f);
	assert_int_equal(f->res.walks, 1);
	assert_int_equal(f->res.domains, 1);
	assert_int_equal(f->res.entries, 49);
	assert_int_equal(f->res.lines_bad, 0);
	assert_int_equal(emt_capture_walks(f->cap), 1);
	w = emt_capture_walk(f->cap, 0);
	assert_int_equal(w->domid, 1);
	assert_int_equal(w->entries, 49);
	assert_int_equal(w->runs, f->res.runs);
	assert_int_equal(w->time, 1700000000);
	assert_int_equal(w->first_gfn, 0);
	assert_int_equal(w->last_gfn, 0xfefff);
	assert_string_equal(w->label, "xen-4.17.7-key-D-then-q-pvh-built");
	assert_true(emt_loss_none(&w->loss));
	facts_of(f, 0, &facts);
	assert_string_equal(facts.release, "4.17.7 (Debian 4.17.7+13-g2445b30a44-0+deb12u1)");
	assert_int_equal(facts.paging, EMT_PAGING_EPT);
	assert_int_equal(facts.prov[EMT_FACT_PAGING].held, EMT_KNOWN);
	assert_int_equal(facts.prov[EMT_FACT_IOMMU_ENABLED].held, EMT_KNOWN);
	assert_int_equal(facts.iommu_enabled, 0);
	assert_int_equal(facts.prov[EMT_FACT_IOMEM_CAPS].held, EMT_KNOWN);
	assert_int_equal(facts.prov[EMT_FACT_IOMEM_CAPS].rest, EMT_KNOWN);
	assert_int_equal(facts.iomem_caps.n, 0);
	assert_int_equal(facts.special.n, 3);
	assert_int_equal(facts.special.v[0].first, 0x4ed72);
	assert_int_equal(facts.prov[EMT_FACT_SPECIAL].rest, EMT_KNOWN);
	assert_int_equal(facts.prov[EMT_FACT_SPECIAL].time, 1700000000);
	assert_string_equal(facts.prov[EMT_FACT_SPECIAL].origin, "key q");
	assert_string_equal(facts.domain_uuid, "9409453e-91d6-42bf-b793-e25ebb7d249d");
	assert_int_equal(facts.nr_pages, 0x4011);
	assert_int_equal(facts.prov[EMT_FACT_HOST_MTRR].held, EMT_KNOWN);
	assert_int_equal(facts.host_mtrr.var[0][1], 0xff80000800);
	assert_int_equal(facts.host_e820.n, 6);
	assert_int_equal(facts.nr_vcpus, 1);
	assert_int_equal(facts.vcpu_pat[0], 0x7040100070406);
	assert_int_equal(facts.vcpu_cr0[0], 0x11);
	/* all slots alike on 4.17: only range 0 is believed */
	assert_int_equal(facts.vcpu_mtrr[0].var_held[0], EMT_KNOWN);
	assert_int_equal(facts.vcpu_mtrr[0].var_held[1], EMT_UNKNOWN);
	assert_int_equal(facts.vcpu_mtrr[0].fixed_held, EMT_KNOWN);
	assert_int_equal(facts.prov[EMT_FACT_PCI_DEVICES].held, EMT_UNKNOWN);
	assert_int_equal(f->nr_notes, 0);
	emt_facts_free(&facts);
}

/* Entries come back as they were. */
static void entries(void **state)
{
	struct fixture *f = *state;
	struct emt_capture_cursor *cur;
	struct emt_run run;
	uint64_t total = 0, pod = 0, absent = 0;
	int rc;

	assert_int_equal(import(f, (struct emt_import_opts){
		FILES(DATA "xen-4.17.7-key-D-every-type-collected.txt"), .domid = -1, .label = "collected" }), 0);
	open_capture(f);
	assert_int_equal(emt_capture_walks(f->cap), 4);
	assert_int_equal(f->res.entries, 54);
	for (size_t i = 0; i < 4; i++) {
		const struct emt_walk_info *w = emt_capture_walk(f->cap, i);

		assert_int_equal(w->domid, i + 1);
		assert_string_equal(w->label, "collected");
		assert_int_equal(emt_capture_cursor(f->cap, i, &cur, &f->err), 0);
		while ((rc = emt_capture_next(cur, &run, &f->err)) > 0) {
			total += run.count;
			pod += run.flags & EMT_RUN_POD ? run.count : 0;
			absent += !run.perm && !(run.flags & EMT_RUN_POD) ? run.count : 0;
		}
		assert_int_equal(rc, 0);
		emt_capture_cursor_free(cur);
	}
	assert_int_equal(total, 54);
	assert_int_equal(pod, 2);
	assert_int_equal(absent, 1);
}

#define D(n, mfn) "(XEN) \n(XEN) domain" n " EPT p2m table:\n" \
	"(XEN) gfn:             0 order:  9 mfn:         " mfn " rw  WB!\n" \
	"(XEN) gfn:           200 order:  9 mfn:         5d600 rw  WB!\n"
#define Q(n, mem) "(XEN) General information for domain " n ":\n" \
	"(XEN)     nr_pages=16 xenheap_pages=0 dirty_cpus={} max_pages=16\n" \
	"(XEN) Rangesets belonging to domain " n ":\n(XEN)     I/O Memory { " mem "}\n(XEN)     I/O Ports  { }\n" \
	"(XEN) Memory pages belonging to domain " n ":\n(XEN) NODE affinity for domain " n ": [0]\n" \
	"(XEN) VCPU information and callbacks for domain " n ":\n(XEN)     VCPU0: CPU0 [has=F]\n"
#define MANY "(XEN) x\n(XEN) x\n(XEN) x\n(XEN) x\n(XEN) x\n(XEN) x\n(XEN) x\n(XEN) x\n(XEN) x\n(XEN) x\n"

/* Behind or before: the nearest list of its domain counts, and that is said. */
static void nearest(void **state)
{
	struct fixture *f = *state;
	struct emt_facts facts;
	const char *path = write_file(f, "a.txt", Q("1", "e0 ") D("1", "4ee00") MANY MANY Q("1", "e1 ") Q("2", "e2 ")
				      D("1", "4f000") D("2", "4f200") Q("1", "e1 "));

	assert_int_equal(import(f, (struct emt_import_opts){ FILES(path), .domid = -1 }), 0);
	open_capture(f);
	assert_int_equal(f->res.walks, 3);
	assert_int_equal(f->res.domains, 2);
	facts_of(f, 0, &facts);
	assert_int_equal(facts.iomem_caps.n, 1);
	assert_int_equal(facts.iomem_caps.v[0].first, 0xe0);
	emt_facts_free(&facts);
	facts_of(f, 1, &facts);
	assert_int_equal(facts.iomem_caps.v[0].first, 0xe1);
	emt_facts_free(&facts);
	facts_of(f, 2, &facts);
	assert_int_equal(facts.iomem_caps.v[0].first, 0xe2);
	emt_facts_free(&facts);
	assert_int_equal(emt_capture_walk(f->cap, 1)->generation, 1);
	assert_int_equal(f->nr_notes, 2); /* domain 1's two walks; what is repeated is no difference */
	assert_non_null(strstr(f->notes, "iomem_caps is told several times and differently"));
	/* what stands only behind the dump counts too */
	path = write_file(f, "b.txt", D("1", "4ee00") MANY Q("1", "e7 ") "(XEN) ==== PCI devices ====\n"
			  "(XEN) 0000:03:00.0 - d2 - node 0 \n(XEN) [VT-D] d1 table has 4 levels\n"
			  "(XEN)    dfn: 00000000 mfn: 00123401 rw\n(XEN) Intel VT-d Shared EPT tables enabled.\n"
			  "(XEN) ----[ Xen-4.17.7  x86_64  debug=n  Not tainted ]----\n");
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(path), .domid = -1 }), 0);
	open_capture(f);
	facts_of(f, 0, &facts);
	assert_int_equal(facts.iomem_caps.v[0].first, 0xe7);
	assert_int_equal(facts.prov[EMT_FACT_PCI_DEVICES].held, EMT_KNOWN);
	assert_int_equal(facts.pci_devices, 0);
	assert_int_equal(facts.prov[EMT_FACT_DOMAIN_IOMMU].held, EMT_KNOWN);
	assert_int_equal(facts.domain_iommu, 1);
	/* key o says more of this domain than the boot log */
	assert_int_equal(facts.prov[EMT_FACT_IOMMU_SHARED].held, EMT_KNOWN);
	assert_int_equal(facts.iommu_shared, 0);
	assert_int_equal(f->nr_notes, 0);
	emt_facts_free(&facts);
}

/* What depends on the release follows the final one. */
static void release_matters(void **state)
{
	struct fixture *f = *state;
	const char *ctx = DATA "xen-hvmctx-4.17.7-one-vcpu.txt";
	const char *o = write_file(f, "o.txt", D("1", "4ee00") "(XEN) domain1 IOMMU p2m table: \n"
				   "(XEN) p2m table has 4 levels\n");
	static const struct {
		const char *release;
		int iommu, range1;
	} cases[] = {
		{ NULL, EMT_ASSUMED, EMT_UNKNOWN }, { "4.17.7", EMT_KNOWN, EMT_UNKNOWN },
		{ "4.11.4", EMT_KNOWN, EMT_KNOWN }, { "4.4.1", EMT_UNKNOWN, EMT_KNOWN },
	};
	struct emt_facts facts;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(import(f, (struct emt_import_opts){ FILES(o, ctx), .domid = -1,
								     .release = cases[i].release }), 0);
		open_capture(f);
		facts_of(f, 0, &facts);
		assert_string_equal(facts.release, cases[i].release ? cases[i].release : "");
		assert_int_equal(facts.prov[EMT_FACT_DOMAIN_IOMMU].held, cases[i].iommu);
		assert_int_equal(facts.vcpu_mtrr[0].var_held[1], cases[i].range1);
		emt_facts_free(&facts);
	}
}

static void facts_files(void **state)
{
	struct fixture *f = *state;
	const char *text = write_file(f, "t.txt", Q("1", "e0 ") D("1", "4ee00") D("2", "4f000"));
	const char *a = write_file(f, "a.json", "{\"release\": \"4.14.0\", \"domain_iommu\": false,\n"
				   " \"domains\": {\"2\": {\"domain_iommu\": true, \"pci_devices\": 2}}}");
	const char *b = write_file(f, "b.json", "{\"domid\": 1, \"pci_devices\": 1}");
	struct emt_facts facts;

	assert_int_equal(import(f, (struct emt_import_opts){ FILES(text), FACTS(a, b), .domid = -1 }), 0);
	open_capture(f);
	facts_of(f, 0, &facts);
	assert_int_equal(facts.domid, 1);
	assert_string_equal(facts.release, "4.14.0");
	assert_int_equal(facts.domain_iommu, 0);
	assert_int_equal(facts.prov[EMT_FACT_DOMAIN_IOMMU].held, EMT_KNOWN);
	assert_int_equal(facts.pci_devices, 1);
	assert_int_equal(facts.iomem_caps.n, 1); /* the text's */
	emt_facts_free(&facts);
	facts_of(f, 1, &facts);
	assert_int_equal(facts.domid, 2);
	assert_int_equal(facts.domain_iommu, 1);
	assert_int_equal(facts.pci_devices, 2);
	emt_facts_free(&facts);

	/* the release given wins over both */
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(text), FACTS(a), .domid = 1,
							     .release = "4.16.2" }), 0);
	open_capture(f);
	assert_int_equal(emt_capture_walks(f->cap), 1);
	facts_of(f, 0, &facts);
	assert_string_equal(facts.release, "4.16.2");
	emt_facts_free(&facts);
}

static void bad_facts_files(void **state)
{
	static const struct {
		const char *json;
		int code;
	} bad[] = {
		{ "{\"relase\": \"4.14.0\"}", EMT_E_FORMAT }, { "{\"release\": ", EMT_E_FORMAT },
		{ "[]", EMT_E_FORMAT }, { "", EMT_E_FORMAT },
		{ "{\"domains\": 5}", EMT_E_FORMAT }, { "{\"domains\": {\"one\": {}}}", EMT_E_FORMAT },
		{ "{\"domains\": {\"1\": 5}}", EMT_E_FORMAT }, { "{\"domains\": {\"1\": {\"x\": 1}}}", EMT_E_FORMAT },
		{ "{\"domid\": -4}", EMT_E_FORMAT }, { "{\"domid\": \"x\"}", EMT_E_FORMAT },
	};
	struct fixture *f = *state;
	const char *text = write_file(f, "t.txt", D("1", "4ee00"));

	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++) {
		const char *json = write_file(f, "bad.json", bad[i].json);

		print_message("%s\n", bad[i].json);
		assert_int_equal(import(f, (struct emt_import_opts){ FILES(text), FACTS(json), .domid = -1 }),
				 bad[i].code);
		assert_non_null(strstr(f->err.subject, "bad.json"));
		assert_true(f->err.text[0]);
		assert_int_equal(access(f->out, F_OK), -1);
	}
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(text), FACTS("/nonexistent/x"), .domid = -1 }),
			 EMT_E_NOSOURCE);
}

static void losses(void **state)
{
	struct fixture *f = *state;
	const char *path = write_file(f, "l.txt", " order:  9 mfn:         4ee00 rw  WB!\n"
		"(XEN) gfn:           200 order:  9 mfn:         5d600 rw  WB!\n"
		"(XEN) gfn:           100 order:  0 mfn:         5d600 rw  WB!\n"
		"(XEN) gfn:           800 order:  9 mfn: (XEN) x\n"
		"(XEN) gfn:           a00 order:  9 mfn:         5da00 rw  WB!\n" D("2", "4f000")
		"(XEN) gfn:           800 order:");
	const struct emt_walk_info *w;

	assert_int_equal(import(f, (struct emt_import_opts){ FILES(path), .domid = -1 }), 0);
	open_capture(f);
	assert_int_equal(f->res.walks, 2);
	assert_int_equal(f->res.lines, 10);
	assert_int_equal(f->res.lines_bad, 3);
	w = emt_capture_walk(f->cap, 0);
	assert_int_equal(w->domid, UINT32_MAX);
	assert_int_equal(w->loss.lines_unparsed, 2);
	assert_int_equal(w->loss.entries_cut, 1);
	assert_int_equal(w->loss.cut_head, 1);
	assert_int_equal(w->loss.cut_tail, 0);
	assert_int_equal(w->entries, 2);
	assert_true(w->loss.note[0]);
	w = emt_capture_walk(f->cap, 1);
	assert_int_equal(w->loss.lines_unparsed, 1);
	assert_int_equal(w->loss.cut_head, 0);
	assert_int_equal(w->loss.cut_tail, 1);
	assert_non_null(strstr(f->notes, "l.txt:1: "));
	assert_non_null(strstr(f->notes, "l.txt:4: "));
	/* asked for by number, and nothing else can be it */
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(path), .domid = 7 }), 0);
	open_capture(f);
	assert_int_equal(emt_capture_walks(f->cap), 1);
	assert_int_equal(emt_capture_walk(f->cap, 0)->domid, 7);
	assert_non_null(strstr(f->notes, "taken for domain 7's"));
	/* ... but where it has a dump of its own, that one */
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(path), .domid = 2 }), 0);
	open_capture(f);
	assert_int_equal(emt_capture_walks(f->cap), 1);
	assert_int_equal(emt_capture_walk(f->cap, 0)->entries, 2);
}

static void no_dump(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(import(f, (struct emt_import_opts){
		FILES(DATA "xen-4.17.7-key-q-special-frames.txt", DATA "xen-4.17.7-key-o-vtd.txt"), .domid = -1 }),
		EMT_E_FORMAT);
	assert_non_null(strstr(f->err.text, "IOMMU tables (key o), domain information (key q)"));
	assert_non_null(strstr(f->err.next, "xl debug-keys D"));
	assert_int_equal(access(f->out, F_OK), -1);
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(write_file(f, "e.txt", "hello\n")),
							     .domid = -1 }),
			 EMT_E_FORMAT);
	assert_non_null(strstr(f->err.text, "nothing else"));
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(write_file(f, "n.txt", "")), .domid = -1 }),
			 EMT_E_FORMAT);
	assert_int_equal(import(f, (struct emt_import_opts){ FILES("/nonexistent/file"), .domid = -1 }),
			 EMT_E_NOSOURCE);
	assert_int_equal(import(f, (struct emt_import_opts){ FILES("/tmp"), .domid = -1 }), EMT_E_NOSOURCE);
	assert_int_equal(import(f, (struct emt_import_opts){ .domid = -1 }), EMT_E_USAGE);
	assert_int_equal(import(f, (struct emt_import_opts){
		FILES(DATA "xen-4.17.5-key-D-two-domains-pod-trimmed.txt"), .domid = 9 }), EMT_E_NOSOURCE);
	assert_non_null(strstr(f->err.text, "dumps of domains 1, 2"));
}

struct blob_sum {
	uint64_t entries, small;
};

static int sum_run(const struct emt_iommu_run *r, void *arg)
{
	struct blob_sum *s = arg;

	s->entries += r->count;
	s->small += r->level == 1 ? r->count : 0;
	return 0;
}

static void iommu_tables(void **state)
{
	struct fixture *f = *state;
	struct blob_sum sum = { 0 };
	struct emt_iommu_head h;
	const char *d = write_file(f, "d.txt", D("2", "4ee00"));
	void *data;
	size_t len;

	assert_int_equal(import(f, (struct emt_import_opts){ FILES(d, DATA "xen-4.17.7-key-o-vtd.txt"),
							     .domid = -1 }), 0);
	assert_int_equal(f->res.iommu_tables, 1);
	open_capture(f);
	assert_int_equal(emt_capture_blob(f->cap, SIZE_MAX, EMT_IOMT_KIND, &data, &len, &f->err), 0);
	assert_int_equal(emt_iommu_read(data, len, &h, sum_run, &sum, &f->err), 0);
	assert_int_equal(h.domid, 2);
	assert_int_equal(h.levels, 4);
	assert_int_equal(h.flags, EMT_IOMT_LAST);
	assert_int_equal(sum.entries, 273);
	assert_int_equal(sum.small, 271);
	free(data);
	/* of other domains: left out */
	assert_int_equal(import(f, (struct emt_import_opts){
		FILES(d, DATA "xen-4.17.7-key-o-amdvi-hvm-foreign-line.txt"), .domid = 2 }), 0);
	assert_int_equal(f->res.iommu_tables, 0);
	open_capture(f);
	assert_int_equal(emt_capture_blob(f->cap, SIZE_MAX, EMT_IOMT_KIND, &data, &len, NULL), EMT_E_MISSING);
}

/* Each vCPU that key q shows is there, known or not. */
static void vcpus(void **state)
{
	struct fixture *f = *state;
	const char *d = write_file(f, "d.txt", D("2", "4ee00") "HVM save record for domain 2\n"
				   "Entry 1: type 2 instance 1, length 1032\n"
				   "            cr0 0x0000000000000011     cr2 0x0000000000000000\n");
	struct emt_facts facts;

	assert_int_equal(import(f, (struct emt_import_opts){ FILES(d, DATA "xen-4.17.7-key-q-three-vcpus.txt"),
							     .domid = -1 }), 0);
	open_capture(f);
	facts_of(f, 0, &facts);
	assert_int_equal(facts.nr_vcpus, 3);
	/* not all are known: none is said to be */
	assert_int_equal(facts.prov[EMT_FACT_VCPU_CR0].held, EMT_UNKNOWN);
	emt_facts_free(&facts);
}

/* Standard input, a pipe: a child feeds it. */
static void from_pipe(void **state)
{
	struct fixture *f = *state;
	int fds[2], keep = dup(0), status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execlp("cat", "cat", DATA "xen-4.17.7-key-D-pod-built.txt", DATA "xen-4.17.7-key-q-pod.txt", NULL);
		_exit(1);
	}
	dup2(fds[0], 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(import(f, (struct emt_import_opts){ FILES("-"), .domid = -1 }), 0);
	dup2(keep, 0);
	close(keep);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(f->res.entries, 49);
	open_capture(f);
	assert_string_equal(emt_capture_walk(f->cap, 0)->label, "");
	assert_int_equal(emt_capture_walk(f->cap, 0)->domid, 4);
}

/* A million entries: what is held does not grow with them. */
static void memory(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct rusage before, behind;
	FILE *file;

	snprintf(path, sizeof(path), "%s/big.txt", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("(XEN) domain1 EPT p2m table:\n", file);
	for (unsigned long i = 0; i < 1000000; i++)
		fprintf(file, "(XEN) gfn: %13lx order:  0 mfn: %13lx rwx WB \n", i, (i * 7919) & 0xffffff);
	fclose(file);
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(DATA "xen-4.17.7-key-D-pod-built.txt"),
							     .domid = -1 }), 0);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(import(f, (struct emt_import_opts){ FILES(path), .domid = -1 }), 0);
	getrusage(RUSAGE_SELF, &behind);
	assert_int_equal(f->res.entries, 1000000);
	assert_int_equal(f->res.lines_used, 1000001);
	/* entries alone would be 48 MB */
	print_message("%ld KiB more\n", behind.ru_maxrss - before.ru_maxrss);
	assert_true(behind.ru_maxrss - before.ru_maxrss < 16 * 1024);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_host), TEST(entries), TEST(nearest), TEST(release_matters), TEST(facts_files),
		TEST(bad_facts_files), TEST(losses), TEST(no_dump), TEST(iommu_tables), TEST(vcpus),
		TEST(from_pipe), TEST(memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
