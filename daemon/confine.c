/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What emtd gives up once its sockets are there: all capabilities, and the system calls by
 * which a program takes hold of the host. All that it starts is bound by the same. The unit
 * file allows less still; this holds where no systemd starts it.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emtd.h"

#define X32 0x40000000u /* bit of the other table of calls of the same architecture */

/* No command of emtctl that emtd runs, and no hook, has a use for these. */
static const int refused[] = {
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig,
	SYS_fsmount, SYS_fspick, SYS_mount_setattr, SYS_setns, SYS_unshare, SYS_swapon, SYS_swapoff, SYS_quotactl,
	SYS_acct, SYS_open_by_handle_at, SYS_fanotify_init, /* files and namespaces */
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load, SYS_reboot,
	SYS_bpf, SYS_perf_event_open, SYS_iopl, SYS_ioperm, SYS_syslog, /* the kernel and the machine */
	SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname,
	SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, /* other processes */
	SYS_userfaultfd, SYS_io_uring_setup, SYS_add_key, SYS_request_key, SYS_keyctl,
#ifndef __SANITIZE_ADDRESS__ /* LeakSanitizer traces its own process */
	SYS_ptrace,
#endif
};

/* The control interface asks for the user, not for capabilities: none is needed once
 * the sockets are there, and no program run from here can get one back. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (int cap = 0; cap <= 63; cap++)
		prctl(PR_CAPBSET_DROP, cap);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &head, none))
		log_line(LOG_LEVEL_WARNING, "cannot give up capabilities");
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JUMP(test, value, then, otherwise) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, then, otherwise)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)

static void refuse_calls(void)
{
	struct sock_filter code[2 * EMT_ARRAY_SIZE(refused) + 8];
	struct sock_fprog prog = { .filter = code };
	unsigned short n = 0;

	/* calls of other architectures have other numbers: none is needed */
	code[n++] = (struct sock_filter)LOAD(arch);
	code[n++] = (struct sock_filter)JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | ENOSYS);
	code[n++] = (struct sock_filter)LOAD(nr);
	code[n++] = (struct sock_filter)JUMP(BPF_JGE, X32, 0, 1);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(refused); i++) {
		code[n++] = (struct sock_filter)JUMP(BPF_JEQ, (unsigned int)refused[i], 0, 1);
		code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
	}
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	prog.len = n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		log_line(LOG_LEVEL_WARNING, "system calls are not confined: %s", strerror(errno));
}

void confine(void)
{
	drop_capabilities();
	refuse_calls();
}
