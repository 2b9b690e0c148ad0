/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Captures that are cut or bent: a clear error, or a subset that says so, never
 * something wrong.
 */
#include "test_capture_util.h"

#define NR_WALKS 2
#define NR_RUNS 60

static struct emt_run runs[NR_WALKS][NR_RUNS];
static size_t nr_runs[NR_WALKS];
static uint8_t *whole;
static size_t whole_len;

/* A small file with everything in it. */
static int make_whole(void **state)
{
	struct emt_capture_writer *w;
	struct emt_facts f;
	struct emt_err err = { 0 };
	uint8_t page[EMT_CAP_PAGE] = { 1, 2, 3 };

	if (scratch_setup(state))
		return -1;
	must(emt_capture_create(&w, scratch("whole.emt"), NULL, &err));
	for (size_t i = 0; i < NR_WALKS; i++) {
		struct maker m = { .seed = 5 + i, .raws = 3, .nest = true };

		nr_runs[i] = make_runs(&m, runs[i], NR_RUNS);
		emt_facts_init(&f);
		f.domid = 3;
		f.nr_pages = 77 + i;
		must(emt_capture_walk_begin(w, &f, 9, "w", &err));
		for (size_t k = 0; k < nr_runs[i]; k++)
			must(emt_capture_put(w, &runs[i][k], &err));
		must(emt_capture_put_table(w, 5, 4, page, &err));
		must(emt_capture_put_blob(w, "note", "text", 4, &err));
		must(emt_capture_walk_end(w, NULL, &err));
	}
	must(emt_capture_close(w, &err));
	whole = read_whole(scratch("whole.emt"), &whole_len);
	return 0;
}

static int drop_whole(void **state)
{
	free(whole);
	return scratch_teardown(state);
}

static int page_cb(uint64_t mfn, unsigned int level, const void *page, void *arg)
{
	(void)arg;
	assert_int_equal(mfn, 5);
	assert_int_equal(level, 4);
	assert_int_equal(((const uint8_t *)page)[2], 3);
	return 0;
}

struct outcome {
	int rc;           /* of open, or of the first call that failed */
	bool all;         /* every run, fact and table came, and no loss was told */
	struct emt_err err;
};

/* Read all that a file gives. What comes must be of the original; whether it is all is told. */
static struct outcome read_all(const char *path, bool salvage)
{
	struct outcome o = { 0 };
	struct emt_capture *c;
	size_t walks;

	o.rc = emt_capture_open(&c, path, salvage, &o.err);
	if (o.rc)
		return o;
	walks = emt_capture_walks(c);
	assert_true(walks <= NR_WALKS);
	o.all = walks == NR_WALKS;
	for (size_t i = 0; i < walks; i++) {
		const struct emt_walk_info *info = emt_capture_walk(c, i);
		size_t is = info->generation == 1 || (walks == NR_WALKS && i == 1), at = 0, got = 0;
		struct emt_capture_cursor *cur;
		struct emt_facts f;
		struct emt_run r;
		void *data;
		size_t len;
		int rc;

		o.all = o.all && emt_loss_none(&info->loss);
		assert_true(salvage || emt_loss_none(&info->loss));
		rc = emt_capture_facts(c, i, &f, &o.err);
		if (rc) {
			o.rc = rc;
			break;
		}
		if (f.nr_pages) {
			is = f.nr_pages - 77;
			assert_int_equal(info->domid, 3);
		} else {
			o.all = false;
		}
		emt_facts_free(&f);
		assert_int_equal(emt_capture_cursor(c, i, &cur, &o.err), 0);
		while ((rc = emt_capture_next(cur, &r, &o.err)) == 1) {
			while (at < nr_runs[is] && !equal_run(&runs[is][at], &r))
				at++;
			assert_true(at++ < nr_runs[is]); /* a run that never was */
			got++;
		}
		emt_capture_cursor_free(cur);
		o.rc = o.rc ? o.rc : rc;
		o.all = o.all && got == nr_runs[is];
		if (!rc)
			assert_int_equal(info->runs, got);
		rc = emt_capture_tables(c, i, page_cb, NULL, &o.err);
		o.rc = o.rc ? o.rc : rc;
		rc = emt_capture_blob(c, i, "note", &data, &len, &o.err);
		if (rc)
			o.all = false;
		else
			assert_memory_equal(data, "text", 4);
		free(data);
		o.rc = o.rc || rc == EMT_E_MISSING ? o.rc : rc;
	}
	emt_capture_free(c);
	return o;
}

static void clear_error(const struct outcome *o, const char *path)
{
	assert_true(o->rc < 0);
	assert_string_equal(o->err.subject, path);
	assert_true(o->err.text[0] && o->err.next[0]);
}

static void test_whole(void **state)
{
	struct outcome o = read_all(scratch("whole.emt"), false);

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_true(o.all);
	o = read_all(scratch("whole.emt"), true);
	assert_int_equal(o.rc, 0);
	assert_true(o.all);
}

/* Cut off at every byte. */
static void test_truncated(void **state)
{
	char path[600];
	unsigned int subsets = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch("cut.emt"));
	for (size_t len = 0; len < whole_len; len++) {
		struct emt_err err = { 0 };
		struct outcome o;
		int rc;

		write_file(path, whole, len);
		o = read_all(path, false);
		clear_error(&o, path);
		assert_true(o.rc == EMT_E_TRUNCATED || o.rc == EMT_E_DAMAGED);
		rc = emt_capture_verify(path, NULL, NULL, &err);
		assert_true(rc == EMT_E_TRUNCATED || (rc == EMT_E_DAMAGED && o.rc == EMT_E_DAMAGED));
		assert_true(err.text[0] && err.next[0]);
		o = read_all(path, true);
		if (o.rc)
			clear_error(&o, path);
		else
			subsets++;
		/* all of it only when no more than the index or the end is gone */
		if (o.all)
			assert_true(len > whole_len - 600);
	}
	assert_true(subsets > whole_len / 2);
}

/* Each bit of every byte flipped. */
static void test_flipped(void **state)
{
	char path[600];
	unsigned int lost = 0;
	uint8_t *bent = malloc(whole_len);

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch("bent.emt"));
	memcpy(bent, whole, whole_len);
	for (size_t i = 0; i < whole_len; i++) {
		for (int bit = 0; bit < 8; bit += i < 64 || i + 100 > whole_len ? 1 : 3) {
			struct emt_err err = { 0 };
			struct outcome o;

			bent[i] = whole[i] ^ (uint8_t)(1 << bit);
			write_file(path, bent, whole_len);
			/* strictly: there is no byte that does not matter */
			if (!emt_capture_verify(path, NULL, NULL, &err))
				fail_msg("bit %d of byte %zu flipped, and nobody noticed", bit, i);
			assert_true(err.text[0] && err.next[0]);
			/* what is not read is not checked; what is read is right */
			o = read_all(path, false);
			if (o.rc)
				clear_error(&o, path);
			else
				assert_true(o.all);
			o = read_all(path, true);
			if (o.rc)
				clear_error(&o, path);
			else
				lost += !o.all;
		}
		bent[i] = whole[i];
	}
	assert_true(lost > 100);
	free(bent);
}

/* Bytes missing from, or added to, the middle. */
static void test_shifted(void **state)
{
	char path[600];
	uint8_t *bent = malloc(whole_len + 8);

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch("shift.emt"));
	for (size_t i = 0; i < whole_len; i += 3) {
		for (int more = 0; more < 2; more++) {
			size_t len =
				more ? whole_len + 5 : whole_len - (i + 7 < whole_len ? 7 : whole_len - i);
			struct emt_err err = { 0 };
			struct outcome o;

			memcpy(bent, whole, i);
			if (more) {
				memset(bent + i, 'E', 5);
				memcpy(bent + i + 5, whole + i, whole_len - i);
			} else {
				memcpy(bent + i, whole + whole_len - (len - i), len - i);
			}
			write_file(path, bent, len);
			assert_true(emt_capture_verify(path, NULL, NULL, &err) < 0);
			o = read_all(path, false);
			clear_error(&o, path);
			o = read_all(path, true);
			if (o.rc)
				clear_error(&o, path);
		}
	}
	free(bent);
}

/* One whole chunk gone, wherever: exactly its loss is told. */
static void test_lost_chunk(void **state)
{
	const uint8_t *p = whole;
	unsigned int nr = 0;

	(void)state;
	while ((p = memmem(p, (size_t)(whole + whole_len - p), EMT_CAP_SYNC, 4))) {
		struct emt_chunk k;
		struct emt_capture *c;
		struct emt_err err = { 0 };
		size_t len;
		uint8_t *bent;
		const struct emt_walk_info *info;

		if (emt_chunk_get(p, &k)) {
			p++;
			continue;
		}
		len = EMT_CAP_CHUNK + k.clen;
		bent = malloc(whole_len);
		memcpy(bent, whole, (size_t)(p - whole));
		memcpy(bent + (p - whole), p + len, (size_t)(whole + whole_len - p) - len);
		write_file(scratch("lost.emt"), bent, whole_len - len);
		free(bent);
		p += len;
		nr++;
		assert_true(emt_capture_open(&c, scratch("lost.emt"), false, &err) < 0);
		memset(&err, 0, sizeof(err));
		must(emt_capture_open(&c, scratch("lost.emt"), true, &err));
		assert_int_equal(emt_capture_walks(c), NR_WALKS);
		for (size_t i = 0; i < NR_WALKS; i++) {
			info = emt_capture_walk(c, i);
			assert_int_equal(info->domid, 3);
			assert_int_equal(info->generation, i);
			assert_string_equal(info->label, "w");
			if (k.walk != i) {
				assert_true(emt_loss_none(&info->loss) ||
					    (k.walk == i + 1 && k.kind[0] == 'W'));
				continue;
			}
			assert_false(emt_loss_none(&info->loss));
			assert_int_equal(info->loss.chunks_bad, 1);
			assert_true(info->loss.note[0]);
			assert_int_equal(info->loss.cut_tail, 0); /* the index told the end */
			if (!strcmp(k.kind, "RUNS"))
				assert_true(info->loss.entries_cut > 0 && !info->runs);
			else
				assert_true(!info->loss.entries_cut && info->runs == nr_runs[i]);
		}
		emt_capture_free(c);
	}
	assert_int_equal(nr, 2 + NR_WALKS * 6);
}

struct problems {
	unsigned int n, steps, limit;
	struct emt_capture_problem last;
	uint64_t done;
};

static void note(const struct emt_capture_problem *p, void *arg)
{
	struct problems *all = arg;

	all->n++;
	all->last = *p;
	assert_true(p->text[0]);
}

/* Bytes never go back; the check ends where it is told to. */
static int counted(uint64_t done, uint64_t total, void *arg)
{
	struct problems *all = arg;

	assert_true(done > all->done && done <= total);
	all->done = done;
	return ++all->steps == all->limit ? EMT_E_CANCELLED : 0;
}

/* One damaged chunk is one problem, with its place. */
static void test_report(void **state)
{
	struct problems all = { 0 };
	const struct emt_verify_calls calls = { note, counted, &all };
	struct emt_err err = { 0 };
	uint64_t chunks = 0;
	uint8_t *bent = malloc(whole_len);
	const uint8_t *runs_at = memmem(whole, whole_len, "RUNS", 4);
	size_t at = (size_t)(runs_at - whole) - 4;

	(void)state;
	must(emt_capture_verify(scratch("whole.emt"), &calls, &chunks, &err));
	assert_int_equal(all.n, 0);
	assert_int_equal(chunks, 2 + NR_WALKS * 6);
	assert_int_equal(all.steps, chunks);
	assert_true(whole_len - all.done <= 32); /* the place of the index stands behind the last chunk */
	all = (struct problems){ .limit = 3 };
	assert_int_equal(emt_capture_verify(scratch("whole.emt"), &calls, &chunks, &err), EMT_E_CANCELLED);
	assert_int_equal(all.steps, 3);
	assert_true(all.done < whole_len);
	all = (struct problems){ 0 };
	memcpy(bent, whole, whole_len);
	bent[at + 60] ^= 1;
	write_file(scratch("report.emt"), bent, whole_len);
	assert_int_equal(emt_capture_verify(scratch("report.emt"), &calls, &chunks, &err), EMT_E_DAMAGED);
	assert_int_equal(chunks, 2 + NR_WALKS * 6);
	/* the chunk, and the end of its walk that counts differently */
	assert_int_equal(all.n, 2);
	assert_string_equal(all.last.kind, "WEND");
	assert_non_null(strstr(err.text, "RUNS"));
	free(bent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_shifted),
		cmocka_unit_test(test_lost_chunk),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, make_whole, drop_whole);
}
