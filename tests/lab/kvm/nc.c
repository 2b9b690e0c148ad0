// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the lab only: /dev/nc registers non-coherent DMA with a VM, as KVM's VFIO device
 * does for a group whose IOMMU cannot enforce snooping. The lab's machine has no IOMMU.
 */
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/version.h>

#define NC_ON 0x4e43
#define NC_OFF 0x4e44

static long nc_ioctl(struct file *file, unsigned int request, unsigned long fd)
{
	struct file *vm = fget(fd);
	long rc = 0;

	if (!vm)
		return -EBADF;
	if (request == NC_ON)
		kvm_arch_register_noncoherent_dma(vm->private_data);
	else if (request == NC_OFF)
		kvm_arch_unregister_noncoherent_dma(vm->private_data);
	else
		rc = -ENOTTY;
	fput(vm);
	return rc;
}

static const struct file_operations nc_fops = { .owner = THIS_MODULE, .unlocked_ioctl = nc_ioctl };
static struct miscdevice nc_device = { .minor = MISC_DYNAMIC_MINOR, .name = "nc", .fops = &nc_fops };

module_misc_device(nc_device);
MODULE_DESCRIPTION("register non-coherent DMA with a VM, for tests");
MODULE_LICENSE("GPL");
