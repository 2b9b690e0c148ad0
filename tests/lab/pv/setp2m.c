// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts wrong entries into a PV domain's p2m, as a faulty driver would; unloading puts back
 * what was there. Nothing uses the entries meanwhile: the pages are this module's own.
 *
 * insmod setp2m.ko missing=0x200005[,0x150000 ...]   these pfns become "missing"
 * insmod setp2m.ko own=1   of three pages of its own: one becomes identity, two change places
 *
 * It says on the console: setp2m: missing 0x..., setp2m: identity 0x..., setp2m: swapped 0x... 0x...
 */
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <asm/xen/page.h>

#define MANY 8

static unsigned long missing[MANY];
static unsigned int nr_missing;
module_param_array(missing, ulong, &nr_missing, 0444);
static int own;
module_param(own, int, 0444);

static bool (*set)(unsigned long pfn, unsigned long entry);
static unsigned long changed[MANY + 3], before[MANY + 3];
static unsigned int nr_changed;
static struct page *page[3];

static int change(unsigned long pfn, unsigned long entry)
{
	before[nr_changed] = get_phys_to_machine(pfn);
	if (!set(pfn, entry))
		return -ENOMEM;
	changed[nr_changed++] = pfn;
	return 0;
}

static void give_back(void)
{
	while (nr_changed--)
		set(changed[nr_changed], before[nr_changed]);
	for (unsigned int i = 0; i < 3; i++)
		if (page[i])
			__free_page(page[i]);
}

static int own_pages(void)
{
	unsigned long pfn[3], entry[3];
	int rc;

	for (unsigned int i = 0; i < 3; i++) {
		page[i] = alloc_page(GFP_KERNEL);
		if (!page[i])
			return -ENOMEM;
		pfn[i] = page_to_pfn(page[i]);
		entry[i] = get_phys_to_machine(pfn[i]);
	}
	rc = change(pfn[0], IDENTITY_FRAME(pfn[0])) ?: change(pfn[1], entry[2]) ?: change(pfn[2], entry[1]);
	if (!rc)
		pr_alert("setp2m: identity 0x%lx\nsetp2m: swapped 0x%lx 0x%lx\n", pfn[0], pfn[1], pfn[2]);
	return rc;
}

static int __init setp2m_init(void)
{
	/* not exported: a probe knows where it is */
	struct kprobe kp = { .symbol_name = "set_phys_to_machine" };
	int rc = register_kprobe(&kp);

	if (rc)
		return rc;
	set = (void *)kp.addr;
	unregister_kprobe(&kp);
	for (unsigned int i = 0; i < nr_missing && !rc; i++) {
		rc = change(missing[i], INVALID_P2M_ENTRY);
		pr_alert("setp2m: missing 0x%lx\n", missing[i]);
	}
	if (!rc && own)
		rc = own_pages();
	if (rc)
		give_back();
	return rc;
}

static void __exit setp2m_exit(void)
{
	give_back();
}

module_init(setp2m_init);
module_exit(setp2m_exit);
MODULE_DESCRIPTION("wrong entries in a PV domain's p2m");
MODULE_LICENSE("GPL");
