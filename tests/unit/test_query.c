/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading the query payload, and asking it, against a hypervisor of our own. */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_xen.h"
#include "xen/query.h"

static struct emt_xen *x;
static struct emt_query_status status;

static void open_xen(bool changes)
{
	struct emt_err err = { 0 };

	fake_xen_reset();
	fake.minor = 17;
	fake.domctl = fake.sysctl = 0x15;
	assert_int_equal(emt_xen_open(&x, &fake_xen, false, "xen", &err), 0);
	if (changes)
		emt_xen_allow_changes(x);
}

static void read_status(void)
{
	struct emt_err err = { 0 };

	assert_int_equal(emt_query_status(x, &status, &err), 0);
}

static void close_xen(void)
{
	assert_int_equal(fake.foreign, 0);
	emt_xen_close(x);
	assert_int_equal(fake.buffers, 0);
}

static const struct emt_query_build *known(void)
{
	return emt_query_build_at(0);
}

static void loads_and_unloads(void **state)
{
	const struct emt_query_build *b;
	struct emt_err err = { 0 };
	uint32_t checked;

	(void)state;
	open_xen(true);
	read_status();
	assert_string_equal(status.build_id, FAKE_BUILD_ID);
	assert_ptr_equal(status.build, known());
	assert_int_equal(status.patch.state, EMT_LIVEPATCH_ABSENT);
	assert_int_equal(emt_query_may_load(x, &status, NULL, &b, &err), 0);
	assert_int_equal(emt_query_load(x, b, &checked, &err), 0);
	assert_int_equal(checked, 1);
	assert_true(fake.checked);
	read_status();
	assert_int_equal(status.patch.state, EMT_LIVEPATCH_APPLIED);
	assert_int_equal(status.patch.others, 0);
	assert_int_equal(emt_query_may_load(x, &status, NULL, &b, &err), EMT_E_USAGE);
	assert_non_null(strstr(err.text, "already"));
	err = (struct emt_err){ 0 };
	assert_int_equal(emt_query_load(x, known(), &checked, &err), EMT_E_USAGE);
	assert_int_equal(fake.patch, 2);
	assert_int_equal(emt_query_unload(x, &status, NULL), 0);
	assert_int_equal(fake.patch, 0);
	read_status();
	err = (struct emt_err){ 0 };
	assert_int_equal(emt_query_unload(x, &status, &err), EMT_E_USAGE);
	close_xen();
}

/* Whoever did not agree changes nothing. */
static void nothing_changes_unasked(void **state)
{
	struct emt_err err = { 0 };
	uint32_t checked;

	(void)state;
	open_xen(false);
	assert_int_equal(emt_query_load(x, known(), &checked, &err), EMT_E_USAGE);
	fake.patch = 2;
	read_status();
	assert_int_equal(emt_query_unload(x, &status, NULL), EMT_E_USAGE);
	assert_int_equal(fake.patch, 2);
	assert_int_equal(fake.seen[EMT_XC_LIVEPATCH_UPLOAD] + fake.seen[EMT_XC_LIVEPATCH_ACTION], 0);
	close_xen();
}

static void failures_leave_nothing(void **state)
{
	static const struct { int upload, apply, field, code; const char *says; } cases[] = {
		{ EINVAL, 0, 0, EMT_E_UNSUPPORTED, "another build" },
		{ EPERM, 0, 0, EMT_E_PERM, "does not permit" },
		{ EACCES, 0, 0, EMT_E_PERM, "security policy" },
		{ ENOSYS, 0, 0, EMT_E_UNSUPPORTED, "without livepatch" },
		{ ENOMEM, 0, 0, EMT_E_IO, "memory" },
		{ 0, EINVAL, 0, EMT_E_UNSUPPORTED, "refused" },
		{ 0, EBUSY, 0, EMT_E_IO, "in time" },
		{ 0, 0, EMT_QF_DOMAIN_P2M, EMT_E_FORMAT, "domain.arch.p2m" },
		{ 0, 0, EMT_QF_PAGE_SIZEOF, EMT_E_FORMAT, "sizeof page_info" },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		struct emt_err err = { 0 };
		uint32_t checked;
		int rc;

		open_xen(true);
		fake.upload_refuse = cases[i].upload;
		fake.apply_error = cases[i].apply;
		fake.wrong_field = cases[i].field;
		rc = emt_query_load(x, known(), &checked, &err);
		if (rc != cases[i].code || !strstr(err.text, cases[i].says))
			fail_msg("case %zu: %d %s", i, rc, err.text);
		assert_int_equal(fake.patch, 0);
		close_xen();
	}
}

static void other_xens_are_refused(void **state)
{
	static const struct { unsigned int minor, ctl; const char *id; uint32_t others; int refuse, code; const char *says; } cases[] = {
		{ 17, 0x15, "151b373fd64b321593bf987fd923cd10dabadac5", 0, 0, EMT_E_UNSUPPORTED, "not known exactly" },
		{ 17, 0x15, "", 0, 0, EMT_E_UNSUPPORTED, "without an id" },
		{ 17, 0x15, FAKE_BUILD_ID, 1, 0, EMT_E_UNSUPPORTED, "hotfix" },
		{ 17, 0x15, FAKE_BUILD_ID, 0, ENOSYS, EMT_E_UNSUPPORTED, "without livepatch" },
		{ 17, 0x15, FAKE_BUILD_ID, 0, EPERM, EMT_E_PERM, "not permit" },
		{ 17, 0x15, FAKE_BUILD_ID, 0, EACCES, EMT_E_PERM, "security policy" },
		{ 19, 0x17, FAKE_BUILD_ID, 0, 0, EMT_E_UNSUPPORTED, "4.17's functions" },
		{ 16, 0x14, FAKE_BUILD_ID, 0, 0, EMT_E_UNSUPPORTED, "4.17 and later" },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		const struct emt_query_build *b;
		struct emt_err err = { 0 };
		int rc;

		open_xen(true);
		emt_xen_close(x);
		fake.minor = cases[i].minor;
		fake.domctl = cases[i].ctl;
		fake.sysctl = cases[i].minor == 19 ? 0x15 : cases[i].ctl;
		fake.build_id = cases[i].id;
		fake.others = cases[i].others;
		fake.livepatch_refuse = cases[i].refuse;
		assert_int_equal(emt_xen_open(&x, &fake_xen, false, "xen", &err), 0);
		rc = emt_query_status(x, &status, &err);
		if (!rc)
			rc = emt_query_may_load(x, &status, NULL, &b, &err);
		if (rc != cases[i].code || !strstr(err.text, cases[i].says))
			fail_msg("case %zu: %d %s", i, rc, err.text);
		assert_true(err.next[0]);
		close_xen();
	}
}

/* Numbers of a file serve the build that they name, and no other. */
static void own_numbers_must_be_of_this_build(void **state)
{
	struct emt_query_build own = *known();
	const struct emt_query_build *b;
	struct emt_err err = { 0 };

	(void)state;
	open_xen(true);
	read_status();
	assert_int_equal(emt_query_may_load(x, &status, &own, &b, &err), 0);
	assert_ptr_equal(b, &own);
	own.build_id[0] = 'f';
	assert_int_equal(emt_query_may_load(x, &status, &own, &b, &err), EMT_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, own.build_id));
	close_xen();
}

static void entries_and_inputs_come_in_parts(void **state)
{
	static const uint32_t batches[] = { 0, 1, 2, 5 };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(batches); i++) {
		const struct emt_query_run *e;
		struct emt_query_client *c;
		struct emt_query_cost cost;
		struct emt_query_rec *recs;
		struct emt_err err = { 0 };
		uint64_t gfn = 0, total = 0, last = 0;
		bool more = true;
		size_t n;

		open_xen(false);
		fake.patch = 2;
		fake.batch = batches[i];
		fake.moves = 3;
		assert_int_equal(emt_query_open(&c, x, 5, &err), 0);
		while (more) {
			assert_int_equal(emt_query_walk(c, &gfn, UINT64_MAX, EMT_QUERY_F_XEN, &e, &n, &more, &err), 0);
			for (size_t k = 0; k < n; k++, total++) {
				assert_true(!total || e[k].gfn > last);
				last = e[k].gfn;
				assert_int_equal(e[k].count, last == 0xf0000 ? 16 : 1);
			}
		}
		assert_int_equal(total, 6);
		assert_int_equal(last, 0xf0000);
		assert_int_equal(emt_query_policy(c, &recs, &n, &err), 0);
		assert_int_equal(n, 27);
		assert_int_equal(recs[0].type, EMT_QUERY_R_DOMAIN);
		assert_int_equal(recs[26].type, EMT_QUERY_R_VCPU_CR0);
		free(recs);
		emt_query_cost(c, &cost);
		assert_int_equal(cost.runs, 6);
		assert_int_equal(cost.entries, 21);
		assert_int_equal(cost.calls, fake.seen[EMT_XC_QUERY]);
		emt_query_close(c);
		close_xen();
	}
}

static void refusals_say_why(void **state)
{
	static const struct { uint32_t patch, domid; int refuse, moves, code; const char *says; bool other; } cases[] = {
		{ 0, 5, 0, 0, EMT_E_UNSUPPORTED, "not loaded", false },
		{ 2, 5, 0, 0, EMT_E_UNSUPPORTED, "another version", true },
		{ 1, 5, 0, 0, EMT_E_UNSUPPORTED, "not loaded", false },
		{ 2, 0, 0, 0, EMT_E_UNSUPPORTED, "cannot be asked", false },
		{ 2, 5, EPERM, 0, EMT_E_PERM, "not permit", false },
		{ 2, 5, 0, 1000, EMT_E_IO, "change faster", false },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		struct emt_query_client *c;
		struct emt_err err = { 0 };
		int rc;

		open_xen(false);
		fake.patch = cases[i].patch;
		fake.query_refuse = cases[i].refuse;
		fake.moves = cases[i].moves;
		fake.other_version = cases[i].other;
		rc = emt_query_open(&c, x, cases[i].domid, &err);
		if (rc != cases[i].code || !strstr(err.text, cases[i].says))
			fail_msg("case %zu: %d %s", i, rc, err.text);
		assert_null(c);
		close_xen();
	}
}

/* Taken out and loaded anew between two questions of one client: it is checked anew, not asked unchecked. */
static void loaded_anew_under_a_client(void **state)
{
	const struct emt_query_run *e;
	struct emt_query_client *c;
	struct emt_err err = { 0 };
	uint64_t gfn = 0;
	uint32_t calls;
	bool more;
	size_t n;

	(void)state;
	open_xen(false);
	fake.patch = 2;
	assert_int_equal(emt_query_open(&c, x, 5, &err), 0);
	fake.checked = false;
	calls = fake.seen[EMT_XC_QUERY];
	assert_int_equal(emt_query_walk(c, &gfn, UINT64_MAX, 0, &e, &n, &more, &err), 0);
	assert_int_equal(n, 6);
	assert_int_equal(fake.seen[EMT_XC_QUERY] - calls, 3);
	/* the new one has wrong numbers */
	fake.checked = false;
	fake.wrong_field = EMT_QF_DOMAIN_P2M;
	gfn = 0;
	assert_int_equal(emt_query_walk(c, &gfn, UINT64_MAX, 0, &e, &n, &more, &err), EMT_E_FORMAT);
	assert_non_null(strstr(err.text, "domain.arch.p2m"));
	/* or it is gone */
	fake.patch = 0;
	err = (struct emt_err){ 0 };
	assert_int_equal(emt_query_walk(c, &gfn, UINT64_MAX, 0, &e, &n, &more, &err), EMT_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "not loaded"));
	emt_query_close(c);
	close_xen();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_and_unloads),
		cmocka_unit_test(nothing_changes_unasked),
		cmocka_unit_test(failures_leave_nothing),
		cmocka_unit_test(other_xens_are_refused),
		cmocka_unit_test(own_numbers_must_be_of_this_build),
		cmocka_unit_test(entries_and_inputs_come_in_parts),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(loaded_anew_under_a_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
