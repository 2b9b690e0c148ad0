/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources: how they are named, which walks are meant, and that a capture read as a
 * source gives what was captured.
 */
#include "test_capture_util.h"

#include "source/source.h"

static struct emt_source_spec parsed(const char *text)
{
	struct emt_source_spec spec;
	struct emt_err err = { 0 };

	must(emt_source_parse(&spec, text, &err));
	return spec;
}

static void refused(const char *text, const char *words)
{
	struct emt_source_spec spec;
	struct emt_err err = { 0 };

	assert_int_equal(emt_source_parse(&spec, text, &err), EMT_E_USAGE);
	if (!strstr(err.text, words))
		fail_msg("%s: %s (want %s)", text, err.text, words);
	assert_true(err.next[0] || strstr(words, "longer"));
}

static void expect(const char *text, enum emt_source_kind kind, const char *target, int64_t domid,
		   int64_t generation)
{
	struct emt_source_spec s = parsed(text);

	assert_int_equal(s.kind, kind);
	assert_string_equal(s.target, target);
	assert_int_equal(s.domid, domid);
	assert_int_equal(s.generation, generation);
	assert_false(s.all || s.salvage);
}

static void test_names(void **state)
{
	(void)state;
	expect("guest.emt", EMT_SOURCE_CAPTURE, "guest.emt", -1, -1);
	expect("guest.emt,domid=5", EMT_SOURCE_CAPTURE, "guest.emt", 5, -1);
	expect("some/where", EMT_SOURCE_CAPTURE, "some/where", -1, -1);
	expect("capture:guest", EMT_SOURCE_CAPTURE, "guest", -1, -1);
	expect("capture:a,b.emt,generation=0x10,domid=3", EMT_SOURCE_CAPTURE, "a,b.emt", 3, 16);
	expect("capture:7", EMT_SOURCE_CAPTURE, "7", -1, -1);
	expect("5", EMT_SOURCE_XEN, "5", -1, -1);
	expect("guest5", EMT_SOURCE_XEN, "guest5", -1, -1);
	expect("xen:guest.emt", EMT_SOURCE_XEN, "guest.emt", -1, -1);
	expect("xen:9af6ca3e-0000-4000-8000-000000000001", EMT_SOURCE_XEN,
	       "9af6ca3e-0000-4000-8000-000000000001", -1, -1);
	expect("kvm:1234", EMT_SOURCE_KVM, "1234", -1, -1);
	expect("mem:core,domid=2", EMT_SOURCE_MEM, "core", 2, -1);
	assert_int_equal(parsed("mem:core,root=0x1000").root, 0x1000);
	assert_true(parsed("mem:core").root == EMT_NO_FRAME);
	assert_string_equal(parsed("mem:core,domid=1,table=iommu,syms=/a/b").syms, "/a/b");
	assert_string_equal(parsed("mem:core,table=vtd,root=0x1000,levels=3").table, "vtd");
}

static void test_names_of_files(void **state)
{
	char here[600];

	(void)state;
	/* what exists is a file, whatever its name */
	assert_int_equal(chdir(scratch_dir), 0);
	write_file("odd", "x", 1);
	write_file("a,domid=1", "x", 1);
	write_file("we:ird", "x", 1);
	expect("odd", EMT_SOURCE_CAPTURE, "odd", -1, -1);
	expect("odd,domid=4", EMT_SOURCE_CAPTURE, "odd", 4, -1);
	expect("a,domid=1", EMT_SOURCE_CAPTURE, "a,domid=1", -1, -1);
	expect("we:ird", EMT_SOURCE_CAPTURE, "we:ird", -1, -1);
	snprintf(here, sizeof(here), "%s/none,domid=1/x", scratch_dir);
	expect(here, EMT_SOURCE_CAPTURE, here, -1, -1);
	assert_int_equal(chdir("/"), 0);
}

static void test_refused(void **state)
{
	char text[1000];

	(void)state;
	refused("", "no source");
	refused("xen:", "no source");
	refused("capture:,domid=1", "no source");
	refused("qemu:1", "\"qemu\" is no kind of source");
	refused("a.emt,domain=1", "unknown option \"domain\"");
	refused("a.emt,domid=x", "domid=x is no number");
	refused("a.emt,domid=-1", "no number");
	refused("a.emt,domid=", "no number");
	refused("a.emt,domid=4294967296", "no number");
	refused("a.emt,domid=1,domid=2", "twice");
	refused("a.emt,root=1", "a capture source takes no root=");
	refused("xen:5,generation=1", "a xen source takes no generation=");
	refused("mem:core,root=1,domid=2", "exclude each other");
	refused("mem:core,table=x86", "no kind of table");
	refused("mem:core,table=ept,table=ept", "twice");
	refused("mem:core,levels=7", "no number in range");
	refused("a.emt,syms=/boot/xen-syms", "takes no syms=");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	refused(text, "longer");
}

/* Walks: domain 1 three times, domain 2 twice, domain 7 once, mixed. */
static const uint32_t domids[] = { 1, 2, 1, 7, 2, 1 };

static int make_file(void **state)
{
	struct emt_capture_writer *w;
	struct emt_err err = { 0 };

	if (scratch_setup(state))
		return -1;
	must(emt_capture_create(&w, scratch("s.emt"), NULL, &err));
	for (size_t i = 0; i < EMT_ARRAY_SIZE(domids); i++) {
		struct emt_run r = {.gfn = 16 * (i + 1), .mfn = 99, .count = 4, .perm = 7, .emt = EMT_MT_WB};
		struct emt_loss loss = { .changed = i };
		struct emt_facts f;

		emt_facts_init(&f);
		f.domid = domids[i];
		snprintf(f.domain_name, sizeof(f.domain_name), "guest%u", domids[i]);
		must(emt_capture_walk_begin(w, &f, (int64_t)(1000 + i), "lab", &err));
		must(emt_capture_put(w, &r, &err));
		r.gfn += 1000;
		must(emt_capture_put(w, &r, &err));
		must(emt_capture_walk_end(w, &loss, &err));
	}
	must(emt_capture_close(w, &err));
	return 0;
}

/* The times of the walks that a selection yields tell which they are. */
static void selects(int64_t domid, int64_t generation, bool all, const char *want)
{
	struct emt_source_spec spec = parsed(scratch("s.emt"));
	struct emt_source *s;
	struct emt_err err = { 0 };
	char got[64] = "";
	size_t len = 0;

	spec.domid = domid;
	spec.generation = generation;
	spec.all = all;
	must(emt_source_open(&s, &spec, &err));
	for (size_t i = 0; i < emt_source_walks(s); i++) {
		struct emt_source_walk w;

		must(emt_source_walk(s, i, &w, &err));
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%d", (int)(w.time - 1000));
		assert_int_equal(w.domid, domids[w.time - 1000]);
	}
	assert_string_equal(got, want);
	emt_source_close(s);
}

static void test_selection(void **state)
{
	(void)state;
	selects(-1, -1, false, "345"); /* the newest of 7, 2, 1, in the order taken */
	selects(-1, -1, true, "012345");
	selects(1, -1, false, "5");
	selects(1, -1, true, "025");
	selects(1, 0, false, "0");
	selects(1, 1, true, "2");
	selects(-1, 0, false, "013");
	selects(-1, 2, false, "5");
	selects(7, -1, false, "3");
}

static void not_there(int64_t domid, int64_t generation, const char *words)
{
	struct emt_source_spec spec = parsed(scratch("s.emt"));
	struct emt_source *s;
	struct emt_err err = { 0 };

	spec.domid = domid;
	spec.generation = generation;
	assert_int_equal(emt_source_open(&s, &spec, &err), EMT_E_NOSOURCE);
	assert_null(s);
	assert_non_null(strstr(err.text, words));
	assert_string_equal(err.next, "it holds: domain 1, 2, 7");
}

static void test_not_there(void **state)
{
	struct emt_source_spec spec;
	struct emt_capture_writer *w;
	struct emt_source *s;
	struct emt_err err = { 0 };

	(void)state;
	not_there(3, -1, "domain 3");
	not_there(2, 2, "domain 2, generation 2");
	not_there(-1, 3, "generation 3");
	must(emt_capture_create(&w, scratch("none.emt"), NULL, &err));
	must(emt_capture_close(w, &err));
	spec = parsed(scratch("none.emt"));
	assert_int_equal(emt_source_open(&s, &spec, &err), EMT_E_NOSOURCE);
	assert_non_null(strstr(err.text, "no walk"));
	memset(&err, 0, sizeof(err));
	spec = parsed(scratch("missing.emt"));
	assert_int_equal(emt_source_open(&s, &spec, &err), EMT_E_NOSOURCE);
	emt_source_close(NULL);
}

static void test_capture(void **state)
{
	struct emt_source_spec spec = parsed(scratch("s.emt"));
	char name[700];
	struct emt_source *s;
	struct emt_source_walk info;
	struct emt_stream *st, *second;
	struct emt_facts f;
	struct emt_loss loss;
	struct emt_run r[8];
	struct emt_err err = { 0 };

	(void)state;
	spec.domid = 2;
	must(emt_source_open(&s, &spec, &err));
	snprintf(name, sizeof(name), "capture:%s", scratch("s.emt"));
	assert_string_equal(emt_source_name(s), name);
	assert_int_equal(emt_source_walks(s), 1);
	must(emt_source_walk(s, 0, &info, &err));
	assert_int_equal(info.generation, 1);
	assert_string_equal(info.name, "guest2");
	assert_string_equal(info.label, "lab");
	assert_int_equal(info.runs, 2);
	assert_int_equal(info.entries, 8);
	assert_int_equal(info.frames, 8);
	assert_int_equal(info.loss.changed, 4);
	assert_int_equal(emt_source_walk(s, 1, &info, &err), EMT_E_INTERNAL);
	memset(&err, 0, sizeof(err));
	must(emt_source_facts(s, 0, &f, &err));
	assert_int_equal(f.domid, 2);
	emt_facts_free(&f);
	must(emt_source_stream(s, 0, &st, &err));
	assert_int_equal(emt_source_stream(s, 0, &second, &err), EMT_E_INTERNAL);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_stream_read(st, r, 8, &err), 2);
	assert_int_equal(r[0].gfn, 80);
	assert_int_equal(emt_stream_read(st, r, 8, &err), 0);
	must(emt_stream_seek(st, 84, &err));
	assert_int_equal(emt_stream_read(st, r, 1, &err), 1);
	assert_int_equal(r[0].gfn, 1080);
	emt_stream_loss(st, &loss);
	assert_int_equal(loss.changed, 4);
	emt_stream_free(st);
	emt_stream_free(NULL);
	/* another one, once the first is freed */
	must(emt_source_stream(s, 0, &st, &err));
	emt_stream_free(st);
	emt_source_close(s);
}

/* The facts are those stated and those that follow from them. */
static void test_derived(void **state)
{
	struct emt_source_spec spec;
	struct emt_capture_writer *w;
	struct emt_source *s;
	struct emt_facts f, stated;
	struct emt_err err = { 0 };

	(void)state;
	emt_facts_init(&stated);
	strcpy(stated.release, "4.17.7");
	emt_facts_set(&stated, EMT_FACT_RELEASE, EMT_KNOWN, "xl info");
	stated.max_page = 0x100000;
	emt_facts_set(&stated, EMT_FACT_MAX_PAGE, EMT_KNOWN, "xl info");
	assert_int_equal(emt_ranges_add(&stated.host_e820, 0, 0xfffff, 1, EMT_KNOWN), 0);
	emt_facts_set_list(&stated, EMT_FACT_HOST_E820, EMT_KNOWN, EMT_KNOWN, "xl dmesg");
	must(emt_capture_create(&w, scratch("d.emt"), NULL, &err));
	must(emt_capture_walk_begin(w, &stated, 0, NULL, &err));
	must(emt_capture_walk_end(w, NULL, &err));
	must(emt_capture_close(w, &err));
	spec = parsed(scratch("d.emt"));
	must(emt_source_open(&s, &spec, &err));
	must(emt_source_facts(s, 0, &f, &err));
	assert_int_equal(emt_facts_derive(&stated), 0);
	assert_string_equal(f.release, "4.17.7");
	for (int i = 0; i < EMT_FACT_NR; i++) {
		assert_int_equal(f.prov[i].held, stated.prov[i].held);
		assert_int_equal(f.prov[i].rest, stated.prov[i].rest);
	}
	assert_int_equal(f.valid.n, stated.valid.n);
	assert_true(f.prov[EMT_FACT_VALID].held > EMT_UNKNOWN);
	emt_facts_free(&f);
	emt_facts_free(&stated);
	emt_source_close(s);
}

static void test_salvage(void **state)
{
	struct emt_source_spec spec;
	struct emt_source *s;
	struct emt_err err = { 0 };
	size_t len;
	uint8_t *p = read_whole(scratch("s.emt"), &len);

	(void)state;
	write_file(scratch("cut.emt"), p, len - 40);
	free(p);
	spec = parsed(scratch("cut.emt"));
	assert_int_equal(emt_source_open(&s, &spec, &err), EMT_E_TRUNCATED);
	assert_non_null(strstr(err.next, "salvage"));
	memset(&err, 0, sizeof(err));
	spec.salvage = true;
	must(emt_source_open(&s, &spec, &err));
	assert_int_equal(emt_source_walks(s), 3);
	emt_source_close(s);
}

static void test_unsupported(void **state)
{
	static const char *const names[] = { "xen:5" };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(names); i++) {
		struct emt_source_spec spec = parsed(names[i]);
		struct emt_source *s;
		struct emt_err err = { 0 };

		assert_int_equal(emt_source_open(&s, &spec, &err), EMT_E_UNSUPPORTED);
		assert_null(s);
		assert_string_equal(err.subject, names[i]);
		assert_true(err.text[0] && err.next[0]);
		assert_true(strlen(err.next) < sizeof(err.next) - 1); /* not cut */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	    cmocka_unit_test(test_names_of_files),
		cmocka_unit_test(test_refused),	    cmocka_unit_test(test_selection),
		cmocka_unit_test(test_not_there),   cmocka_unit_test(test_capture),
		cmocka_unit_test(test_derived),	    cmocka_unit_test(test_salvage),
		cmocka_unit_test(test_unsupported),
	};

	return cmocka_run_group_tests(tests, make_file, scratch_teardown);
}
