/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key D: real dumps against counts made with grep, and damaged ones. */
#include "console_recorder.h"

#define HEAD "(XEN) \n(XEN) domain1 EPT p2m table:\n"
#define E0 "(XEN) gfn:             0 order:  9 mfn:         4ee00 rw  WB!\n"
#define E1 "(XEN) gfn:           200 order:  9 mfn:         5d600 rw  WB!\n"
#define E2 "(XEN) gfn:           400 order:  9 mfn:         5d400 rwx UC \n"
#define E3 "(XEN) gfn:           600 order:  0 mfn:         12345 rwx UC \n"

/* grep -c on the file, per kind: entries, '?$', '!$', PoD, order 9. */
static void real_every_type(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xen-4.17.7-key-D-every-type-collected.txt");
	assert_int_equal(r.dumps, 4);
	assert_int_equal(r.entries, 54);
	assert_int_equal(r.pending, 19);
	assert_int_equal(r.ipat, 18);
	assert_int_equal(r.pod, 2);
	assert_int_equal(r.emts[EMT_MT_7], 6);
	assert_int_equal(r.emts[EMT_MT_WB], 19);
	assert_int_equal(r.emts[EMT_MT_UC], 11);
	assert_int_equal(r.emts[EMT_MT_WC], 8);
	assert_int_equal(r.emts[EMT_MT_WP], 4);
	assert_int_equal(r.emts[EMT_MT_WT], 4);
	assert_int_equal(r.perms[EMT_R | EMT_W | EMT_X], 21);
	assert_int_equal(r.perms[EMT_R | EMT_W], 17);
	assert_int_equal(r.perms[EMT_R | EMT_X], 8);
	assert_int_equal(r.perms[EMT_R], 5);
	assert_int_equal(r.absent, 1);
	assert_int_equal(r.orders[9], 24);
	assert_int_equal(r.orders[18], 1);
	assert_int_equal(r.orders[0], 29);
	assert_int_equal(r.notes, 0);
	assert_int_equal(r.bad_lines + r.cut_entries + r.cut_heads + r.cut_tails, 0);
	assert_int_equal(emt_console_lines(r.c), 62);
	assert_int_equal(emt_console_used(r.c), 58);
	rec_free(&r);
}

static void real_dumps(void **state)
{
	static const struct {
		const char *file;
		unsigned int dumps, entries, pod, ipat, absent, wb, uc;
	} files[] = {
		{ "xen-4.17.7-key-D-then-q-pvh-built.txt", 1, 49, 0, 49, 0, 49, 0 },
		{ "xen-4.17.5-key-D-two-domains-pod-trimmed.txt", 2, 181, 15, 18, 0, 18, 148 },
		{ "xen-4.17.7-key-D-pod-built.txt", 1, 49, 30, 19, 0, 19, 0 },
		{ "xen-4.17.7-key-D-not-present-trimmed.txt", 1, 20, 0, 0, 8, 0, 20 },
		{ "xen-4.17.7-key-D-mmio-foreign-lines-trimmed.txt", 1, 257, 0, 0, 0, 0, 257 },
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(files); i++) {
		print_message("%s\n", files[i].file);
		rec_file(&r, files[i].file);
		assert_int_equal(r.dumps, files[i].dumps);
		assert_int_equal(r.entries, files[i].entries);
		assert_int_equal(r.pod, files[i].pod);
		assert_int_equal(r.ipat, files[i].ipat);
		assert_int_equal(r.absent, files[i].absent);
		assert_int_equal(r.emts[EMT_MT_WB], files[i].wb);
		assert_int_equal(r.emts[EMT_MT_UC], files[i].uc);
		assert_int_equal(r.notes + r.bad_lines + r.cut_entries + r.cut_heads, 0);
		rec_free(&r);
	}
}

static void real_values(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xen-4.17.7-key-D-pod-built.txt");
	assert_log(&r, "2 ept d4");
	assert_log(&r, "3 entry 0 9 1fc00 rw- WB!");
	assert_log(&r, "5 entry 400 9 ffffffffffffffff --- PoD");
	assert_log(&r, "51 ept end");
	rec_free(&r);
	rec_file(&r, "xen-4.17.7-key-D-not-present-trimmed.txt");
	assert_log(&r, "9 entry 3010 0 43410 --- UC"); /* the frame is still printed */
	rec_free(&r);
}

/* The same events, only earlier or later in the line, whatever surrounds them. */
static void check_same_entries(const char *text)
{
	struct recorder r;

	rec_text(&r, text);
	if (r.entries != 3 || r.dumps != 1 || r.bad_lines || r.cut_entries)
		fail_msg("%s\n gave\n%s", text, r.log);
	assert_non_null(strstr(r.log, "ept d1"));
	assert_non_null(strstr(r.log, "entry 0 9 4ee00 rw- WB!"));
	assert_non_null(strstr(r.log, "entry 200 9 5d600 --x WT"));
	assert_non_null(strstr(r.log, "entry 400 0 5d400 r-x ???"));
	rec_free(&r);
}

static void dressings(void **state)
{
	static const char *const lines[] = {
		"domain1 EPT p2m table:", "gfn:             0 order:  9 mfn:         4ee00 rw  WB!",
		"gfn:           200 order:  9 mfn:         5d600   x WT ",
		"gfn:           400 order:  0 mfn:         5d400 r x ???",
	};
	static const struct {
		const char *before, *behind;
	} forms[] = {
		{ "", "\n" }, { "(XEN) ", "\n" }, { "(XEN) ", "\r\n" },
		{ "(XEN) [  123.456789] ", "\n" }, { "(XEN) [2026-11-04 16:52:28] ", "\n" },
		{ "(XEN) [2026-11-04 16:52:28.123] ", "\r\n" }, { "(XEN) [0000001234abcdef] ", "\n" },
		{ "[2026-11-04 16:52:28] (XEN) ", "\n" }, { "[  123.456789] (XEN) [ 99.000001] ", "\n" },
		{ "Nov  4 16:52:28 host xen: (XEN) ", "\n" },
		{ "(XEN) ", "\n(d1) guest says hello\n" },
		{ "(XEN) ", "\n(XEN) memory_map:add: d1 gfn=e0000 mfn=e0000 nr=10\n" },
		{ "(XEN) ", "(XEN) d1v0 something else\n" },
		{ "half a message(XEN) ", "\n" },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(forms); i++) {
		char text[2048] = "";

		for (size_t j = 0; j < EMT_ARRAY_SIZE(lines); j++) {
			strcat(text, forms[i].before);
			strcat(text, lines[j]);
			strcat(text, forms[i].behind);
		}
		check_same_entries(text);
	}
}

static void lost_blanks(void **state)
{
	/* trailing blanks lost, and runs of blanks squeezed */
	check_same_entries("domain1 EPT p2m table:\n"
			   "gfn:             0 order:  9 mfn:         4ee00 rw  WB!\n"
			   "gfn:           200 order:  9 mfn:         5d600   x WT\n"
			   "gfn:           400 order:  0 mfn:         5d400 r x ???");
	check_same_entries("domain1 EPT p2m table:\ngfn: 0 order: 9 mfn: 4ee00 rw WB!\n"
			   "gfn: 200 order: 9 mfn: 5d600 x WT\ngfn: 400 order: 0 mfn: 5d400 r x ???\n");
	(void)state;
}

static void reserved_and_invalid(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, HEAD "(XEN) gfn:             0 order:  0 mfn:    ffffffffff     ?2 \n"
		 "(XEN) gfn:             1 order:  0 mfn:             7  w  ?3!\n"
		 "(XEN) gfn:             2 order:  0 mfn:             8 rwx ?\?!\n"
		 "(XEN) gfn:     fffffff00 order:  0 mfn:             9 rwx WB?\n");
	assert_log(&r, "3 entry 0 0 ffffffffffffffff --- ?2");
	assert_log(&r, "4 entry 1 0 7 -w- ?3!");
	assert_log(&r, "5 entry 2 0 8 rwx ?\?!");
	assert_log(&r, "6 entry fffffff00 0 9 rwx WB?");
	assert_int_equal(r.no_frame, 1);
	assert_int_equal(r.notes, 0);
	rec_free(&r);
}

/* 4.2-4.4: "gfn: %-16lx  mfn: %-16lx  order: %2d  is_pod: %d" */
static void old_format(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, "(XEN) \n(XEN) domain3 EPT p2m table: \n"
		 "(XEN) gfn: 0                 mfn: 12345             order:  0  is_pod: 0\n"
		 "(XEN) gfn: 1                 mfn: 0                 order:  0  is_pod: 0\n"
		 "(XEN) gfn: 200               mfn: ffffffffffffffff  order:  9  is_pod: 1\n"
		 "(XEN) gfn: 400               mfn: ffffffffff        order:  0  is_pod: 0\n"
		 "(XEN) gfn: 40000             mfn: 80000             order: 18  is_pod: 0\n"
		 "(XEN) gfn: 80000             mfn: 80000             order: 18  is_po\n");
	assert_log(&r, "2 ept d3");
	assert_log(&r, "3 entry 0 0 12345 rwx -");
	assert_log(&r, "4 entry 1 0 ffffffffffffffff --- -");
	assert_log(&r, "5 entry 200 9 ffffffffffffffff --- PoD");
	assert_log(&r, "6 entry 400 0 ffffffffffffffff --- -");
	assert_log(&r, "7 entry 40000 18 80000 rwx -");
	assert_int_equal(r.no_type, 4);
	assert_int_equal(r.bad_lines, 1);
	rec_free(&r);
}

/* The ring has wrapped: the text begins inside a line, or between two. */
static void wrapped(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, " order:  9 mfn:         4ee00 rw  WB!\n" E1 E2 "(XEN) \n(XEN) domain2 EPT p2m table:\n" E0);
	assert_log(&r, "1 ept d-1");
	assert_log(&r, "1 dropped line");
	assert_log(&r, "3 ept end cut_head");
	assert_log(&r, "5 ept d2");
	assert_int_equal(r.cut_heads, 1);
	assert_int_equal(r.bad_lines, 1);
	assert_int_equal(r.entries, 3);
	rec_free(&r);

	rec_text(&r, "d600 rw  WB!\n" E1 E2);
	assert_int_equal(r.dumps, 1);
	assert_int_equal(r.cut_heads, 1);
	assert_int_equal(r.entries, 2);
	assert_int_equal(r.notes, 1);
	rec_free(&r);
}

/* A heading that is lost in the middle: the second dump is not the first's. */
static void heading_lost_between(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, HEAD E0 E1 E2 E0 E1);
	assert_int_equal(r.dumps, 2);
	assert_int_equal(r.entries, 5);
	assert_log(&r, "3 entry 0 9 4ee00 rw- WB!");
	assert_log(&r, "6 ept d-1");
	assert_log(&r, "7 ept end cut_head");
	rec_free(&r);
}

static void garbage(void **state)
{
	static const char *const bad[] = {
		"(XEN) gfn:           200 order:  9 mfn:         5d6(XEN) other\n",
		"(XEN) gfn:           200 order:  9 mfn:         5d600 rw  W\n",
		"(XEN) gfn:           200 order:  9 mfn:         5d600 rw  XX!\n",
		"(XEN) gfn:           200 order:  9 mfn:         5d600 rw  WB7\n",
		"(XEN) gfn:           200 order:  9 mfn:         5d600 wr  WB!\n",
		"(XEN) gfn:           200 order:  9 mfn:         5d600\n",
		"(XEN) gfn:           200 order: 11 mfn:         5d600 rw  WB!\n",
		"(XEN) gfn:           200 order:  9 PoDx\n",
		"(XEN) gfn:           200 order:  9 mfn: 123456789abcdef01 rw  WB!\n",
		"(XEN) gfn:           200 order:  9 mfn:   1ffffffffff rw  WB!\n",
		"(XEN) gfn:             \n",
		"(XEN) gfn:           20(XEN) 0 order\n",
		"(XEN) order:  9 mfn:         5d600 rw  WB!\n",
		"(d1) x(XEN) gfn:           200 order:  9 mfn:         5d600 rw  WB!\n",
		"(XEN) gfn:           200 order:  9 mfn:         5d600 rw  UC(XEN) x\n",
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++) {
		char text[1024];

		snprintf(text, sizeof(text), HEAD E0 "%s" E2, bad[i]);
		rec_text(&r, text);
		if (r.bad_lines != 1 || r.entries != 2 || r.notes != 1)
			fail_msg("%s gave\n%s", bad[i], r.log);
		assert_log(&r, "4 dropped line");
		assert_int_equal(emt_console_used(r.c), 3);
		rec_free(&r);
	}
}

static void order_and_alignment(void **state)
{
	static const struct {
		const char *line, *note;
	} bad[] = {
		{ "(XEN) gfn:           100 order:  0 mfn:         5d600 rw  WB!\n", "out of gfn order" },
		{ "(XEN) gfn:           3ff order:  0 mfn:         5d600 rw  WB!\n", "overlaps" },
		{ "(XEN) gfn:           401 order:  9 mfn:         5d600 rw  WB!\n", "not aligned" },
		{ "(XEN) gfn:           400 order:  9 mfn:         5d601 rw  WB!\n", "not aligned" },
		{ "(XEN) gfn:         40200 order: 18 mfn:         40000 rw  WB!\n", "not aligned" },
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++) {
		char text[1024];

		snprintf(text, sizeof(text), HEAD E0 E1 "%s" E3, bad[i].line);
		rec_text(&r, text);
		assert_int_equal(r.entries, 3);
		assert_int_equal(r.cut_entries, 1);
		assert_int_equal(r.bad_lines, 0);
		assert_log(&r, "5 dropped entry");
		assert_non_null(strstr(r.log, bad[i].note));
		rec_free(&r);
	}
}

static void two_in_one_line(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, HEAD "(XEN) gfn:             0 order:  9 mfn:         4ee00 rw  WB!"
		 "gfn:           200 order:  9 mfn:         5d600 rw  WB!\n"
		 "dom0 says(XEN) gfn:           400 order:  9 mfn:         5d400 rwx UC (XEN) gfn:           600 "
		 "order:  0 PoD\n"
		 "text gfn:           601 order:  0 mfn:         5d401 rwx UC  and more\n");
	assert_int_equal(r.entries, 5);
	assert_int_equal(r.bad_lines, 0);
	assert_int_equal(r.notes, 1);
	rec_free(&r);
}

static void cut_tail(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, HEAD E0 "(XEN) gfn:           200 order:  9 mfn:         5d");
	assert_int_equal(r.cut_tails, 1);
	assert_int_equal(r.bad_lines, 1);
	assert_int_equal(r.entries, 1);
	rec_free(&r);
	/* without its last column, where others kept theirs: cut */
	rec_text(&r, HEAD E0 E1 "(XEN) gfn:           400 order:  9 mfn:         5d400 rwx UC");
	assert_int_equal(r.cut_tails, 1);
	assert_int_equal(r.entries, 2);
	rec_free(&r);
	/* ... where all lost their trailing blanks: whole */
	rec_text(&r, HEAD "gfn:             0 order:  9 mfn:         4ee00 rw  UC\n"
		 "gfn:           200 order:  9 mfn:         5d400 rwx UC");
	assert_int_equal(r.cut_tails, 0);
	assert_int_equal(r.entries, 2);
	rec_free(&r);
	rec_text(&r, HEAD E0 "(XEN) gfn:           200 order:  9 mfn:         5d600 rw  WB!");
	assert_int_equal(r.cut_tails, 0);
	assert_int_equal(r.entries, 2);
	rec_free(&r);
}

static void other_texts_end_it(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, HEAD E0 "(XEN) General information for domain 0:\n" E1);
	assert_int_equal(r.dumps, 2);
	assert_log(&r, "3 ept end");
	assert_log(&r, "5 ept d-1");
	rec_free(&r);
	rec_text(&r, HEAD "(XEN) \n(XEN) domain7 EPT p2m table:\n" E0);
	assert_int_equal(r.dumps, 2);
	assert_log(&r, "2 ept end");
	assert_log(&r, "4 ept d7");
	rec_free(&r);
}

static void long_line(void **state)
{
	size_t n = 10000;
	char *text = malloc(n + 200);
	struct recorder r;

	(void)state;
	memset(text, 'x', n);
	strcpy(text + n, "\n" HEAD E0);
	rec_text(&r, text);
	assert_int_equal(r.entries, 1);
	assert_log(&r, "1 note line is longer than 4096 bytes, its end is cut");
	assert_int_equal(emt_console_lines(r.c), 4);
	rec_free(&r);
	free(text);
}

static void control_characters(void **state)
{
	static const char text[] = HEAD "(XEN) gfn:\0            0 order:  9 mfn:         4e\0e00 rw  WB!\n"
				   "(XEN) gfn:\t200 order:  9 mfn:         5d600 rw  WB!\n";
	struct recorder r;

	(void)state;
	rec_bytes(&r, text, sizeof(text) - 1, 0);
	assert_int_equal(r.bad_lines, 1);
	assert_int_equal(r.entries, 1);
	rec_free(&r);
}

/* Any division into pieces gives the same events. */
static void pieces(void **state)
{
	static const char *const files[] = {
		"xen-4.17.7-key-D-every-type-collected.txt", "xen-4.17.7-key-D-then-q-pvh-built.txt",
		"xen-4.17.7-boot-log-mtrr-show-vmx.txt", "xen-4.17.7-key-o-vtd.txt",
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(files); i++) {
		char path[256];
		struct recorder one, r;
		size_t len;
		char *text;

		snprintf(path, sizeof(path), DATA "%s", files[i]);
		text = rec_slurp(path, &len);
		rec_bytes(&one, text, len, 0);
		for (size_t piece = 1; piece < 200; piece += piece < 10 ? 1 : 61) {
			rec_bytes(&r, text, len, piece);
			assert_string_equal(r.log, one.log);
			rec_free(&r);
		}
		rec_free(&one);
		free(text);
	}
}

static void errors_stop(void **state)
{
	struct emt_err err = { 0 };
	struct recorder r = { .log = NULL, .stop_at = 1 };

	(void)state;
	r.c = emt_console_new(&rec_ops, &r);
	assert_int_equal(emt_console_feed(r.c, HEAD E0 E1, strlen(HEAD E0 E1), &err), EMT_E_CANCELLED);
	assert_int_equal(err.code, EMT_E_CANCELLED);
	assert_int_equal(r.entries, 1);
	/* and stays so */
	assert_int_equal(emt_console_feed(r.c, E2, strlen(E2), NULL), EMT_E_CANCELLED);
	assert_int_equal(emt_console_finish(r.c, NULL), EMT_E_CANCELLED);
	assert_int_equal(r.entries, 1);
	rec_free(&r);
	emt_console_free(NULL);
}

/* A reader that wants nothing: no callback is ever missed. */
static void no_callbacks(void **state)
{
	static const struct emt_console_ops none;
	struct emt_console *c = emt_console_new(&none, NULL);
	size_t len;
	char *text = rec_slurp(DATA "xen-4.17.7-key-D-then-q-pvh-built.txt", &len);

	(void)state;
	assert_int_equal(emt_console_feed(c, text, len, NULL), 0);
	assert_int_equal(emt_console_finish(c, NULL), 0);
	emt_console_free(c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_every_type), cmocka_unit_test(real_dumps), cmocka_unit_test(real_values),
		cmocka_unit_test(dressings), cmocka_unit_test(lost_blanks), cmocka_unit_test(reserved_and_invalid),
		cmocka_unit_test(old_format), cmocka_unit_test(wrapped), cmocka_unit_test(heading_lost_between),
		cmocka_unit_test(garbage), cmocka_unit_test(order_and_alignment), cmocka_unit_test(two_in_one_line),
		cmocka_unit_test(cut_tail), cmocka_unit_test(other_texts_end_it), cmocka_unit_test(long_line),
		cmocka_unit_test(control_characters), cmocka_unit_test(pieces), cmocka_unit_test(errors_stop),
		cmocka_unit_test(no_callbacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
