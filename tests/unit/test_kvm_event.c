/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened to a KVM guest, in words. */
#include "common.h"

#include <string.h>

#include "policy/rules.h"
#include "source/kvm_event.h"

#define WBI EMT_OUT(EMT_MT_WB, 1)
#define WB EMT_OUT(EMT_MT_WB, 0)
#define NONE EMT_KVM_NO_TYPE

static void words(void **state)
{
	static const struct {
		struct emt_kvm_event e;
		const char *text;
	} cases[] = {
		{ { .what = EMT_KVM_EV_MAP, .gfn = 0x100, .last = 0x1ff, .count = 256, .was = NONE, .is = WBI },
		  "maps 0x100-0x1ff as WB! (256 of 4 KiB)" },
		{ { .what = EMT_KVM_EV_MAP, .gfn = 0x200, .last = 0x3ff, .count = 1, .order = 9, .was = NONE, .is = WB },
		  "maps 0x200-0x3ff as WB (1 of 2 MiB)" },
		{ { .what = EMT_KVM_EV_UNMAP, .gfn = 7, .last = 7, .count = 1, .was = WB, .is = NONE },
		  "drops 0x7, which was WB (1 of 4 KiB)" },
		{ { .what = EMT_KVM_EV_CHANGE, .gfn = 7, .last = 7, .count = 1, .was = WBI, .is = WB },
		  "makes 0x7 WB, which was WB! (1 of 4 KiB)" },
		{ { .what = EMT_KVM_EV_CHANGE, .gfn = 7, .last = 7, .count = 1, .was = WB, .is = WB },
		  "maps other memory at 0x7, WB as before (1 of 4 KiB)" },
		{ { .what = EMT_KVM_EV_SPLIT, .gfn = 0x200, .last = 0x3ff, .count = 1, .order = 9, .was = WB, .is = NONE },
		  "splits 0x200-0x3ff, which was WB (1 of 2 MiB)" },
		{ { .what = EMT_KVM_EV_MERGE, .gfn = 0x40000, .last = 0x7ffff, .count = 1, .order = 18, .was = NONE, .is = WB },
		  "joins 0x40000-0x7ffff as WB (1 of 1 GiB)" },
		{ { .what = EMT_KVM_EV_SLOT_ADD, .gfn = 0x100, .last = 0x1ff, .count = 256, .flags = 3 },
		  "adds the memslot 0x100-0x1ff, read-only, dirty pages logged" },
		{ { .what = EMT_KVM_EV_SLOT_DELETE, .gfn = EMT_NO_FRAME, .last = EMT_NO_FRAME },
		  "deletes the memslot (which is not told)" },
		{ { .what = EMT_KVM_EV_DMA_ON, .gfn = EMT_NO_FRAME }, "registers non-coherent DMA" },
		{ { .what = EMT_KVM_EV_DMA_OFF, .gfn = EMT_NO_FRAME }, "takes back non-coherent DMA" },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++)
		assert_string_equal(emt_kvm_event_text(&cases[i].e, text, sizeof(text)), cases[i].text);
	/* however little room there is */
	assert_int_equal(strlen(emt_kvm_event_text(&cases[0].e, text, 8)), 7);
	assert_string_equal(emt_kvm_event_name(EMT_KVM_EV_NR), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
