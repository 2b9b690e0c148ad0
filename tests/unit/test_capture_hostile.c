/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are foreign, newer, unreadable, or made by an enemy with every hash
 * right: a clear error, whatever the numbers in them say.
 */
#include "test_capture_util.h"

#include <time.h>

static int open_code(const char *path, bool salvage, struct emt_err *err)
{
	struct emt_capture *c = NULL;
	int rc;

	memset(err, 0, sizeof(*err));
	rc = emt_capture_open(&c, path, salvage, err);
	assert_true(!rc == !!c);
	emt_capture_free(c);
	if (rc) {
		assert_int_equal(err->code, rc);
		assert_string_equal(err->subject, path);
		assert_true(err->text[0]);
	}
	return rc;
}

static void test_foreign(void **state)
{
	static const char *const texts[] = {"x", "\177ELF\002\001\001", "{\"json\": 1}\n",
					    "(XEN) text of a console",
					    "\x89PNG\r\n\x1a\n0000000000000000000000000000000000000000"};
	struct emt_err err;
	uint8_t noise[5000];
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(texts); i++)
		for (int salvage = 0; salvage < 2; salvage++) {
			write_file(scratch("foreign"), texts[i], strlen(texts[i]));
			assert_int_equal(open_code(scratch("foreign"), salvage, &err), EMT_E_FORMAT);
			assert_non_null(strstr(err.text, "no emt capture"));
			assert_int_equal(emt_capture_verify(scratch("foreign"), NULL, NULL, NULL),
					 EMT_E_FORMAT);
		}
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)rnd(&seed);
	write_file(scratch("foreign"), noise, sizeof(noise));
	assert_int_equal(open_code(scratch("foreign"), true, &err), EMT_E_FORMAT);
	write_file(scratch("empty"), "", 0);
	assert_int_equal(open_code(scratch("empty"), false, &err), EMT_E_TRUNCATED);
	assert_int_equal(open_code(scratch("empty"), true, &err), EMT_E_TRUNCATED);
	/* a copy that changed the ends of lines */
	memcpy(noise, EMT_CAP_MAGIC, 8);
	memmove(noise + 4, noise + 5, 95);
	write_file(scratch("text-copy"), noise, 99);
	assert_int_equal(open_code(scratch("text-copy"), false, &err), EMT_E_FORMAT);
}

static void test_places(void **state)
{
	struct emt_err err;

	(void)state;
	assert_int_equal(open_code(scratch("missing.emt"), false, &err), EMT_E_NOSOURCE);
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(open_code(scratch_dir, false, &err), EMT_E_NOSOURCE);
	assert_non_null(strstr(err.text, "directory"));
	assert_int_equal(open_code("/dev/null", true, &err), EMT_E_NOSOURCE);
	assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
	assert_int_equal(open_code(scratch("fifo"), false, &err), EMT_E_NOSOURCE);
	assert_true(err.next[0]);
	write_file(scratch("secret.emt"), "x", 1);
	assert_int_equal(chmod(scratch("secret.emt"), 0), 0);
	assert_int_equal(chmod(scratch_dir, 0755), 0);
	if (geteuid()) {
		assert_int_equal(open_code(scratch("secret.emt"), false, &err), EMT_E_PERM);
	} else if (!seteuid(65534)) { /* root reads anything: be nobody for a moment */
		assert_int_equal(open_code(scratch("secret.emt"), false, &err), EMT_E_PERM);
		assert_int_equal(seteuid(0), 0);
	}
	assert_true(err.next[0]);
}

static void test_newer(void **state)
{
	struct build b;
	struct emt_err err;
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch("newer.emt"));
	/* another major version: nothing is read, not even to salvage */
	build_start(&b, EMT_CAPTURE_MAJOR + 1, 0);
	build_header(&b);
	build_end(&b, path);
	assert_int_equal(open_code(path, false, &err), EMT_E_NEWER);
	assert_true(err.next[0]);
	assert_int_equal(open_code(path, true, &err), EMT_E_NEWER);
	assert_int_equal(emt_capture_verify(path, NULL, NULL, NULL), EMT_E_NEWER);
	/* a later minor version, with a kind that may be skipped and a fact we do not know */
	for (int critical = 0; critical < 2; critical++) {
		static const char fact[] = "{\"domid\":8,\"new_fact\":{\"x\":[1]},\"max_gfn\":\"0x5\"}";
		struct emt_capture *c;
		struct emt_facts f;

		build_start(&b, EMT_CAPTURE_MAJOR, EMT_CAPTURE_MINOR + 1);
		b.nr_walks = 1;
		b.walks[0].domid = 8;
		build_header(&b);
		build_walk_record(&b, "WALK", 0);
		build_chunk(&b, "FACT", EMT_CAP_CRITICAL, 0, fact, strlen(fact));
		build_chunk(&b, "nEW1", critical ? EMT_CAP_CRITICAL : 0, 0, "what is it", 10);
		build_walk_record(&b, "WEND", 0);
		build_end(&b, path);
		if (critical) {
			assert_int_equal(open_code(path, false, &err), EMT_E_NEWER);
			assert_non_null(strstr(err.text, "nEW1"));
			assert_int_equal(open_code(path, true, &err), EMT_E_NEWER);
			assert_int_equal(emt_capture_verify(path, NULL, NULL, NULL), EMT_E_NEWER);
			continue;
		}
		for (int salvage = 0; salvage < 2; salvage++) {
			memset(&err, 0, sizeof(err));
			must(emt_capture_open(&c, path, salvage, &err));
			must(emt_capture_facts(c, 0, &f, &err));
			assert_int_equal(f.max_gfn, 5);
			assert_true(emt_loss_none(&emt_capture_walk(c, 0)->loss));
			emt_facts_free(&f);
			emt_capture_free(c);
		}
		must(emt_capture_verify(path, NULL, NULL, &err));
	}
}

/* ---- right hashes, wrong content ---- */

struct columns {
	uint32_t n, attrs, gaps_len, counts_len, mfns_len, zero;
	uint64_t first;
	uint64_t attr[3][3];
	uint8_t bytes[200];
	size_t len;
};

/* Two runs: [0x200, 2 entries of 2 MiB], [0x600 + gap, one of 4 KiB]. */
static const struct columns plain = {
	.n = 2, .attrs = 2, .gaps_len = 2, .counts_len = 2, .mfns_len = 3, .first = 0x200,
	.attr = { { 0, 9ull << 32 | 7ull << 40 | 6ull << 48, 0xffff }, { 0, 7ull << 40, 0xffff } },
	.bytes = { 0, 5, /* gaps */ 1, 0, /* counts */ 0x80, 0x10, 0, /* mfns */ 0, 1 /* attributes */ },
	.len = 9,
};

static size_t lay_out(const struct columns *c, uint8_t *out)
{
	uint8_t *p = out;

	emt_put32(p, c->n);
	emt_put32(p + 4, c->attrs);
	emt_put64(p + 8, c->first);
	emt_put32(p + 16, c->gaps_len);
	emt_put32(p + 20, c->counts_len);
	emt_put32(p + 24, c->mfns_len);
	emt_put32(p + 28, c->zero);
	p += EMT_RUNS_HEAD;
	for (uint32_t i = 0; i < c->attrs && i < 3; i++)
		for (int k = 0; k < 3; k++, p += 8)
			emt_put64(p, c->attr[i][k]);
	memcpy(p, c->bytes, c->len);
	return (size_t)(p - out) + c->len;
}

/* Open and read such a file: 0 or the error. 'salvaged' tells the runs that salvage gives. */
static int try_columns(const struct columns *c, uint64_t *salvaged)
{
	const struct emt_chunk says = { .items = 2, .first = 0x200, .last = 0x605 };
	const struct emt_walk_info walk = {.domid = 1,
					   .runs = 2,
					   .entries = 3,
					   .frames = 1025,
					   .first_gfn = 0x200,
					   .last_gfn = 0x605,
					   .chunks = 1};
	struct emt_capture_cursor *cur;
	struct emt_capture *cap;
	struct emt_err err = { 0 };
	uint8_t content[1000];
	struct emt_run got[10];
	long n;
	int verified;

	build_runs_file(scratch("cols.emt"), content, lay_out(c, content), &says, &walk);
	verified = emt_capture_verify(scratch("cols.emt"), NULL, NULL, NULL);
	must(emt_capture_open(&cap, scratch("cols.emt"), false, &err));
	must(emt_capture_cursor(cap, 0, &cur, &err));
	while ((n = emt_capture_read(cur, got, 10, &err)) > 0)
		;
	if (n < 0) /* and nothing after an error */
		assert_int_equal(emt_capture_read(cur, got, 10, NULL), 0);
	emt_capture_cursor_free(cur);
	emt_capture_free(cap);
	assert_int_equal(!verified, !n);
	memset(&err, 0, sizeof(err));
	must(emt_capture_open(&cap, scratch("cols.emt"), true, &err));
	*salvaged = emt_capture_walk(cap, 0)->runs;
	if (!*salvaged)
		assert_int_equal(emt_capture_walk(cap, 0)->loss.entries_cut, 3);
	assert_int_equal(emt_loss_none(&emt_capture_walk(cap, 0)->loss), *salvaged > 0);
	emt_capture_free(cap);
	return (int)n;
}

static void test_hostile_runs(void **state)
{
	struct columns c = plain;
	uint64_t salvaged, sensible = 0;

	(void)state;
	assert_int_equal(try_columns(&c, &salvaged), 0);
	assert_int_equal(salvaged, 2);
#define BENT(change)                                                                                         \
	do {                                                                                                 \
		c = plain;                                                                                   \
		change;                                                                                      \
		if (try_columns(&c, &salvaged) != EMT_E_DAMAGED)                                             \
			fail_msg("not noticed: " #change);                                                   \
		if (salvaged != sensible)                                                                    \
			fail_msg("salvaged %d runs: " #change, (int)salvaged);                               \
	} while (0)
	BENT(c.n = 0);
	BENT(c.n = 1);
	BENT(c.n = 3);
	BENT(c.n = UINT32_MAX);
	BENT(c.n = EMT_RUNS_MAX + 1);
	BENT(c.attrs = 0);
	BENT(c.attrs = 3);
	BENT(c.attrs = UINT32_MAX);
	BENT(c.gaps_len = 1);
	BENT(c.gaps_len = UINT32_MAX);
	BENT(c.counts_len = 3);
	BENT(c.counts_len = UINT32_MAX - 1);
	BENT(c.mfns_len = 0);
	BENT(c.mfns_len = 2);
	BENT(c.zero = 1);
	BENT(c.len = 8);
	BENT(c.len = 10);
	BENT(c.first = 0x201);                        /* not aligned */
	BENT(c.first = UINT64_MAX & ~511ull);
	BENT(c.bytes[0] = 1);                         /* the first gap is none */
	BENT(c.bytes[1] = 0x85);                      /* a number runs into the next column */
	BENT(c.bytes[3] = 0x80);
	BENT(c.bytes[6] = 0xff);
	BENT(c.bytes[8] = 2);                         /* no such attribute */
	BENT(c.attr[0][1] ^= 1ull << 32);             /* order 8 */
	BENT(c.attr[0][1] = 10ull << 32);
	BENT(c.attr[1][1] = 63ull << 32);
	BENT(c.attr[1][1] |= 8ull << 40);             /* perm */
	BENT(c.attr[1][1] |= 8ull << 48);             /* emt */
	BENT(c.attr[1][1] |= 2ull << 56);             /* ipat */
	BENT(c.attr[1][2] |= 1ull << 16);             /* what follows access */
	BENT(c.attr[1][1] |= EMT_RUNS_NO_FRAME);      /* then a frame number is too many */
	/* numbers of 8 bytes: past 2^52; of more than 8: none */
	BENT(memcpy(c.bytes, "\x00\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x00\x00\x00\x00\x00\x01", 16);
	     c.gaps_len = 9; c.mfns_len = 3; c.len = 16);
	BENT(memcpy(c.bytes, "\x00\x05\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00\x00\x00\x00\x01", 16);
	     c.counts_len = 9; c.len = 16);
	BENT(memcpy(c.bytes, "\x00\x05\x01\x00\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00\x01", 15);
	     c.mfns_len = 9; c.len = 15);
	BENT(memcpy(c.bytes, "\x00\x05\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x01", 16);
	     c.mfns_len = 10; c.len = 16);
	/* entries that are not nested: the second of order 9 below the first */
	BENT(c.attr[0][1] |= EMT_RUN_INTERMEDIATE; c.attr[1][1] = c.attr[0][1]; c.bytes[1] = 0);
	/* runs that could be, but are not those of the index: salvage goes by the runs */
	sensible = 2;
	BENT(c.first = 0x400);
	BENT(c.bytes[1] = 6);
}

/* An index that lies, its hash right all the same. */
static void test_hostile_index(void **state)
{
	struct emt_err err;
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch("liar.emt"));
	for (int lie = 0; lie <= 22; lie++) {
		uint8_t content[1000], big[64] = { 0 };
		struct build b;
		struct emt_chunk *c;
		size_t len = lay_out(&plain, content);
		bool good = lie == 0;

		build_start(&b, EMT_CAPTURE_MAJOR, EMT_CAPTURE_MINOR);
		b.nr_walks = 1;
		b.walks[0] = (struct emt_walk_info){ .domid = 1, .runs = 2, .entries = 3, .frames = 1025,
						     .first_gfn = 0x200, .last_gfn = 0x605, .chunks = 1 };
		if (lie == 1)
			build_raw(&b, big, 10); /* bytes that no chunk holds */
		if (lie != 2)
			build_header(&b);
		build_walk_record(&b, "WALK", 0);
		if (lie != 3)
			build_chunk(&b, "FACT", EMT_CAP_CRITICAL, 0, "{\"domid\":1}", 11);
		if (lie == 4)
			build_chunk(&b, "FACT", EMT_CAP_CRITICAL, 0, "{\"domid\":1}", 11);
		c = build_chunk(&b, "RUNS", EMT_CAP_CRITICAL,
				lie == 5   ? 1
				: lie == 6 ? EMT_CAP_NO_WALK
					   : 0,
				content, len);
		c->items = lie == 7 ? 3 : lie == 8 ? 0 : 2;
		c->first = lie == 9 ? 0x201 : lie == 10 ? 0x606 : 0x200;
		c->last = lie == 11 ? 0x606 : lie == 12 ? UINT64_MAX : 0x605;
		if (lie == 13) { /* the same runs once more */
			c = build_chunk(&b, "RUNS", EMT_CAP_CRITICAL, 0, content, len);
			c->items = 2;
			c->first = 0x200;
			c->last = 0x605;
			b.walks[0].runs = 4;
			b.walks[0].chunks = 2;
		}
		c->offset += lie == 14 ? 1 : lie == 15 ? 1ull << 63 : 0;
		c->clen += lie == 16 ? 1 : 0;
		c->ulen = lie == 17 ? UINT32_MAX : c->ulen;
		c->hash += lie == 18 ? 1 : 0;
		memcpy(c->kind, lie == 19 ? "HEAD" : lie == 20 ? "R\0N " : c->kind, 4);
		b.walks[0].runs += lie == 21 ? 1 : 0;
		if (lie != 22)
			build_walk_record(&b, "WEND", 0);
		build_end(&b, path);
		if (good) {
			assert_int_equal(open_code(path, false, &err), 0);
			assert_int_equal(emt_capture_verify(path, NULL, NULL, NULL), 0);
			continue;
		}
		if (lie != 18 && open_code(path, false, &err) != EMT_E_DAMAGED)
			fail_msg("lie %d of the index was not noticed", lie);
		assert_int_equal(emt_capture_verify(path, NULL, NULL, NULL), EMT_E_DAMAGED);
		(void)open_code(path, true, &err);
	}
}

/* A frame that says it is small and is not, and one that says it is huge. */
static void test_bombs(void **state)
{
	static uint8_t zeros[4 << 20];
	struct emt_err err;
	struct build b;
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch("bomb.emt"));
	for (int kind = 0; kind < 3; kind++) {
		struct emt_chunk *c;
		uint8_t *head;

		build_start(&b, EMT_CAPTURE_MAJOR, EMT_CAPTURE_MINOR);
		c = build_chunk(&b, "HEAD", EMT_CAP_CRITICAL, EMT_CAP_NO_WALK, zeros, sizeof(zeros));
		c->ulen = kind == 0 ? 1000 : kind == 1 ? (64 << 10) : UINT32_MAX;
		head = b.p + c->offset;
		emt_chunk_put(head, c);
		build_end(&b, path);
		assert_true(open_code(path, false, &err) < 0);
		assert_int_equal(open_code(path, true, &err), 0); /* nothing is whole */
		assert_true(emt_capture_verify(path, NULL, NULL, NULL) < 0);
	}
}

/* Headers that overlap, each right and each claiming the rest of the file: read
 * one after the other they would take hours. */
static void test_overlapping(void **state)
{
	enum { NR = 100000 };
	struct build b;
	struct emt_err err;
	uint8_t head[EMT_CAP_CHUNK];
	struct timespec t, u;

	(void)state;
	build_start(&b, EMT_CAPTURE_MAJOR, EMT_CAPTURE_MINOR);
	build_header(&b);
	for (uint32_t i = 0; i < NR; i++) {
		struct emt_chunk c = { .kind = "note", .walk = EMT_CAP_NO_WALK, .seq = i + 1, .ulen = 1,
				       .clen = (NR - 1 - i) * EMT_CAP_CHUNK };

		emt_chunk_put(head, &c);
		build_raw(&b, head, sizeof(head));
	}
	build_end(&b, scratch("overlap.emt"));
	clock_gettime(CLOCK_MONOTONIC, &t);
	assert_int_equal(open_code(scratch("overlap.emt"), false, &err), EMT_E_DAMAGED);
	assert_int_equal(open_code(scratch("overlap.emt"), true, &err), 0);
	assert_int_equal(emt_capture_verify(scratch("overlap.emt"), NULL, NULL, NULL), EMT_E_DAMAGED);
	clock_gettime(CLOCK_MONOTONIC, &u);
	assert_true(u.tv_sec - t.tv_sec < 20); /* reading each would be 480 GB */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_hostile_runs),
		cmocka_unit_test(test_hostile_index),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_overlapping),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
