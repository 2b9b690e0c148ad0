/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The query payload's file and the numbers in it: what is written where, what is refused,
 * and offsets of a program compiled here from structs of our own.
 */
#include "common.h"

#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xen/query_build.h"

#define KNOWN "151b373fd64b321593bf987fd923cd10dabadac4"

static char dir[] = "/tmp/emt-query-XXXXXX";
static char elf_path[64], json_path[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(elf_path, sizeof(elf_path), "%s/xen-syms", dir);
	snprintf(json_path, sizeof(json_path), "%s/numbers.json", dir);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* ---- the file ---- */

struct section {
	GElf_Shdr sh;
	const uint8_t *data;
};

static bool find_section(const uint8_t *file, size_t len, const char *name, struct section *out)
{
	Elf *elf = elf_memory((char *)(uintptr_t)file, len);
	size_t names;
	bool found = false;

	assert_non_null(elf);
	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	for (Elf_Scn *s = NULL; !found && (s = elf_nextscn(elf, s));) {
		assert_non_null(gelf_getshdr(s, &out->sh));
		found = !strcmp(elf_strptr(elf, names, out->sh.sh_name), name);
	}
	out->data = file + out->sh.sh_offset;
	elf_end(elf);
	return found;
}

static void numbers_and_build_id_are_written(void **state)
{
	static const uint8_t note[] = { 4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 0x15, 0x1b, 0x37, 0x3f };
	const struct emt_query_build *known = emt_query_build_find(KNOWN);
	struct emt_query_build other;
	struct emt_err err = { 0 };
	struct section s;
	uint8_t *file, *again;
	size_t len, len2, differ = 0;

	(void)state;
	assert_non_null(known);
	assert_int_equal(emt_query_payload(known, &file, &len, &err), 0);
	assert_true(find_section(file, len, ".emt.numbers", &s));
	assert_int_equal(s.sh.sh_size, sizeof(known->numbers));
	assert_memory_equal(s.data, known->numbers, sizeof(known->numbers));
	for (int i = 0; i < 2; i++) {
		assert_true(find_section(file, len, i ? ".livepatch.xen_depends" : ".livepatch.depends", &s));
		assert_int_equal(s.sh.sh_size, 36);
		assert_memory_equal(s.data, note, sizeof(note));
		assert_int_equal(s.data[35], 0xc4);
	}
	/* what else Xen asks of such a file */
	assert_true(find_section(file, len, ".livepatch.funcs", &s));
	assert_int_equal(s.sh.sh_size, 104);
	assert_int_equal(s.data[32], 2);
	assert_true(find_section(file, len, ".livepatch.hooks.preapply", &s));
	assert_true(find_section(file, len, ".note.gnu.build-id", &s));
	assert_true(find_section(file, len, ".ex_table", &s));
	assert_int_equal(s.sh.sh_size % 8, 0);
	assert_true(s.sh.sh_size > 0);
	assert_false(find_section(file, len, ".got", &s));
	/* one number, and nothing but it */
	other = *known;
	other.numbers[EMT_QF_DOMAIN_P2M] = 0xabcd;
	assert_int_equal(emt_query_payload(&other, &again, &len2, &err), 0);
	assert_int_equal(len, len2);
	for (size_t i = 0; i < len; i++)
		differ += file[i] != again[i];
	assert_int_equal(differ, 2);
	free(again);
	free(file);
}

/* Xen's loader knows four relocations; and each name must be one that emt looks for. */
static void xen_can_link_it(void **state)
{
	static const char *const names[] = {
#define F(name) name,
		EMT_QUERY_SYMBOLS(F)
#undef F
	};
	struct emt_err err = { 0 };
	unsigned int relocations = 0, symbols = 0;
	uint8_t *file;
	size_t len;
	Elf *elf;

	(void)state;
	assert_int_equal(emt_query_payload(emt_query_build_at(0), &file, &len, &err), 0);
	elf = elf_memory((char *)file, len);
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
		GElf_Shdr sh;
		Elf_Data *data = elf_getdata(s, NULL);

		gelf_getshdr(s, &sh);
		for (size_t i = 0; sh.sh_type == SHT_RELA && i < sh.sh_size / sh.sh_entsize; i++) {
			GElf_Rela r;
			size_t type;

			gelf_getrela(data, (int)i, &r);
			type = GELF_R_TYPE(r.r_info);
			assert_true(type == R_X86_64_64 || type == R_X86_64_PC32 || type == R_X86_64_PLT32);
			relocations++;
		}
		for (size_t i = 1; sh.sh_type == SHT_SYMTAB && i < sh.sh_size / sh.sh_entsize; i++) {
			GElf_Sym sym;
			bool listed = false;

			gelf_getsym(data, (int)i, &sym);
			if (sym.st_shndx != SHN_UNDEF)
				continue;
			for (size_t k = 0; k < EMT_ARRAY_SIZE(names); k++)
				listed |= !strcmp(names[k], elf_strptr(elf, sh.sh_link, sym.st_name));
			if (!listed)
				fail_msg("%s is not in EMT_QUERY_SYMBOLS", elf_strptr(elf, sh.sh_link, sym.st_name));
			symbols++;
		}
	}
	assert_true(relocations > 50);
	/* the one that is replaced is named by a text */
	assert_int_equal(symbols, EMT_ARRAY_SIZE(names) - 1);
	elf_end(elf);
	free(file);
}

static void unknown_builds_are_refused(void **state)
{
	struct emt_query_build b = *emt_query_build_at(0);
	struct emt_err err = { 0 };
	char name[64];
	uint8_t *file;
	size_t len;

	(void)state;
	assert_int_equal(emt_query_builds(), 1);
	assert_null(emt_query_build_at(1));
	assert_null(emt_query_build_find("151b373fd64b321593bf987fd923cd10dabadac5"));
	assert_null(emt_query_build_find(""));
	b.build_id[39] = '\0';
	assert_int_equal(emt_query_payload(&b, &file, &len, &err), EMT_E_FORMAT);
	assert_null(file);
	memcpy(b.build_id + 38, "xy", 3);
	err = (struct emt_err){ 0 };
	assert_int_equal(emt_query_payload(&b, &file, &len, &err), EMT_E_FORMAT);
	assert_string_equal(emt_query_field_name(EMT_QF_DOMAIN_P2M, name, sizeof(name)), "domain.arch.p2m");
	assert_string_equal(emt_query_field_name(EMT_QF_PAGE_SIZEOF, name, sizeof(name)), "sizeof page_info");
	assert_string_equal(emt_query_field_name(EMT_QF_NR, name, sizeof(name)), "?");
}

/* ---- a file with numbers ---- */

static void write_json(const char *from, const char *to)
{
	const struct emt_query_build *b = emt_query_build_at(0);
	char *text = NULL, *at;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "{\"schema\":\"emt.query_offsets\",\"data\":{\"build\":{\"build_id\":\"%s\"},\"numbers\":[", b->build_id);
	for (int i = 0; i < EMT_QF_NR; i++)
		fprintf(f, "%s{\"struct\":\"%s\",\"member\":\"%s\",\"bytes\":%u}", i ? "," : "", emt_query_fields[i].type,
			emt_query_fields[i].member, (unsigned int)b->numbers[i]);
	fputs("]}}", f);
	fclose(f);
	f = fopen(json_path, "w");
	assert_non_null(f);
	at = from ? strstr(text, from) : NULL;
	assert_true(!from || at);
	if (at)
		fprintf(f, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	else
		fputs(text, f);
	fclose(f);
	free(text);
}

static void numbers_come_from_a_file(void **state)
{
	static const struct { const char *from, *to, *says; } cases[] = {
		{ "emt.query_offsets", "emt.facts", "not what query offsets prints" },
		{ KNOWN, "151b", "build id" },
		{ "\"member\":\"arch.p2m\"", "\"member\":\"arch.other\"", "arch.other" },
		{ "\"member\":\"start\"", "\"member\":\"end\"", "twice: end" },
		{ "{\"struct\":\"page_info\",\"member\":\"\",\"bytes\":32},", "", "lacks sizeof page_info" },
		{ "\"bytes\":1208", "\"bytes\":-8", "domain.arch.p2m" },
		{ "\"bytes\":1208", "\"bytes\":65536", "domain.arch.p2m" },
		{ "\"bytes\":1208", "\"bytes\":\"1208\"", "domain.arch.p2m" },
		{ "\"numbers\":", "\"other\":", "no numbers" },
		{ "]}}", "", "not JSON" },
	};
	struct emt_query_build b;
	struct emt_err err = { 0 };

	(void)state;
	write_json(NULL, NULL);
	assert_int_equal(emt_query_build_read(&b, json_path, &err), 0);
	assert_string_equal(b.build_id, KNOWN);
	assert_memory_equal(b.numbers, emt_query_build_at(0)->numbers, sizeof(b.numbers));
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		err = (struct emt_err){ 0 };
		write_json(cases[i].from, cases[i].to);
		assert_int_equal(emt_query_build_read(&b, json_path, &err), EMT_E_FORMAT);
		if (!strstr(err.text, cases[i].says))
			fail_msg("case %zu: %s", i, err.text);
		assert_true(err.next[0]);
	}
}

#ifdef EMT_HAVE_LIBDW

/* tests/data/xen-structs.c */
static void compile(const char *flags)
{
	char command[256];

	snprintf(command, sizeof(command), "gcc -Wl,--build-id=sha1 %s -o %s tests/data/xen-structs.c", flags, elf_path);
	assert_int_equal(system(command), 0);
}

static void offsets_come_from_debug_information(void **state)
{
	struct emt_query_build b;
	struct emt_err err = { 0 };
	uint8_t *file;
	size_t len;
	int rc;

	(void)state;
	compile("-g");
	rc = emt_query_build_syms(&b, elf_path, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(rc, 0);
	assert_int_equal(strlen(b.build_id), 40);
	assert_int_equal(b.numbers[EMT_QF_DOMAIN_ID], 0);
	assert_int_equal(b.numbers[EMT_QF_DOMAIN_VCPU], 8);
	assert_int_equal(b.numbers[EMT_QF_DOMAIN_OPTIONS], 16);
	assert_int_equal(b.numbers[EMT_QF_DOMAIN_IOMEM], 24);
	assert_int_equal(b.numbers[EMT_QF_DOMAIN_IOPORT], 32);
	assert_int_equal(b.numbers[EMT_QF_DOMAIN_P2M], 40);
	assert_int_equal(b.numbers[EMT_QF_DOMAIN_PINS], 56);
	assert_int_equal(b.numbers[EMT_QF_VCPU_DOMAIN], 16);
	assert_int_equal(b.numbers[EMT_QF_VCPU_CR], 56);
	assert_int_equal(b.numbers[EMT_QF_VCPU_MTRR], 96);
	assert_int_equal(b.numbers[EMT_QF_P2M_EPTP], 64);
	assert_int_equal(b.numbers[EMT_QF_PAGE_OWNER], 32);
	assert_int_equal(b.numbers[EMT_QF_MTRR_CAP], 104);
	assert_int_equal(b.numbers[EMT_QF_PAGE_SIZEOF], 56);
	assert_int_equal(b.numbers[EMT_QF_CPU_INFO_SIZEOF], 72);
	assert_int_equal(b.numbers[EMT_QF_CURRENT_VCPU], 56);
	assert_int_equal(emt_query_payload(&b, &file, &len, &err), 0);
	free(file);
}

static void syms_refused(int code, const char *says)
{
	struct emt_query_build b;
	struct emt_err err = { 0 };

	assert_int_equal(emt_query_build_syms(&b, elf_path, &err), code);
	if (!strstr(err.text, says))
		fail_msg("'%s' not in: %s", says, err.text);
}

static void other_files_are_refused(void **state)
{
	(void)state;
	compile("-g0");
	syms_refused(EMT_E_FORMAT, "no debug information");
	compile("-g -Depte_get_entry_emt=other");
	syms_refused(EMT_E_MISSING, "epte_get_entry_emt");
	compile("-g -DMORE=flask_ops");
	syms_refused(EMT_E_UNSUPPORTED, "XSM");
	compile("-g -Dfixed_enabled=fe");
	syms_refused(EMT_E_MISSING, "mtrr_state.fixed_enabled");
	compile("-g -Dpage_info=page");
	syms_refused(EMT_E_MISSING, "page_info");
	compile("-g -Wl,--build-id=0x1234");
	syms_refused(EMT_E_FORMAT, "20 bytes");
	assert_int_equal(unlink(elf_path), 0);
	syms_refused(EMT_E_NOSOURCE, "");
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_build_id_are_written),
		cmocka_unit_test(xen_can_link_it),
		cmocka_unit_test(unknown_builds_are_refused),
		cmocka_unit_test(numbers_come_from_a_file),
#ifdef EMT_HAVE_LIBDW
		cmocka_unit_test(offsets_come_from_debug_information),
		cmocka_unit_test(other_files_are_refused),
#endif
	};

	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
