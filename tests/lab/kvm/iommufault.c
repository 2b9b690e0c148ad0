// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the lab only: /dev/iommufault unmaps with and without the flush that belongs to it,
 * in an IOMMU domain of its own to which no device is attached. Written to it: "good",
 * "late", "missed" or "reused".
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/version.h>

#define IOVA 0x10000000ul
#define BYTES (4 * PAGE_SIZE)
#define LATE_MS 20

static struct iommu_domain *domain;
static unsigned long pages;

static int map(unsigned long iova)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return iommu_map(domain, iova, virt_to_phys((void *)pages), BYTES, IOMMU_READ | IOMMU_WRITE, GFP_KERNEL);
#else
	return iommu_map(domain, iova, virt_to_phys((void *)pages), BYTES, IOMMU_READ | IOMMU_WRITE);
#endif
}

/* Each kind has addresses of its own. */
static int play(const char *what)
{
	struct iommu_iotlb_gather gather;
	unsigned long iova = IOVA;
	int rc;

	iova += !strcmp(what, "late") ? 0x100000 : !strcmp(what, "missed") ? 0x200000 : !strcmp(what, "reused") ? 0x300000 : 0;
	rc = map(iova);
	if (rc)
		return rc;
	if (!strcmp(what, "good")) {
		iommu_unmap(domain, iova, BYTES);
		return 0;
	}
	iommu_iotlb_gather_init(&gather);
	iommu_unmap_fast(domain, iova, BYTES, &gather);
	if (!strcmp(what, "late")) {
		msleep(LATE_MS);
		iommu_iotlb_sync(domain, &gather);
	} else if (!strcmp(what, "reused")) {
		rc = map(iova);
		if (!rc)
			iommu_unmap(domain, iova, BYTES);
	}
	return rc;
}

static ssize_t fault_write(struct file *file, const char __user *buffer, size_t n, loff_t *at)
{
	char what[16];
	int rc;

	if (n >= sizeof(what) || copy_from_user(what, buffer, n))
		return -EINVAL;
	what[n] = '\0';
	strim(what);
	rc = play(what);
	return rc ? rc : (ssize_t)n;
}

static const struct file_operations fault_fops = { .owner = THIS_MODULE, .write = fault_write };
static struct miscdevice fault_device = { .minor = MISC_DYNAMIC_MINOR, .name = "iommufault", .fops = &fault_fops };

static int __init fault_init(void)
{
	int rc;

	pages = __get_free_pages(GFP_KERNEL, 2);
	domain = pages ? iommu_domain_alloc(&pci_bus_type) : NULL;
	rc = domain ? misc_register(&fault_device) : -ENODEV;
	if (rc) {
		if (domain)
			iommu_domain_free(domain);
		free_pages(pages, 2);
	}
	return rc;
}

static void __exit fault_exit(void)
{
	misc_deregister(&fault_device);
	iommu_domain_free(domain);
	free_pages(pages, 2);
}

module_init(fault_init);
module_exit(fault_exit);
MODULE_DESCRIPTION("unmap without a flush, for tests");
MODULE_LICENSE("GPL");
