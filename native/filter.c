/* SPDX-License-Identifier: MIT */
/* System calls that a stage which only computes never makes, and that an intruder in it might. */
#include <asm/ioctls.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aod.h"

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#define FOREIGN   0x40000000 /* from here on: x32, the same calls by other numbers */
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#define FOREIGN   0x7fffffff
#endif

#ifdef THIS_ARCH

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the low half of an argument is elsewhere"
#endif

#define LOAD(member)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ALLOW          RETURN(SECCOMP_RET_ALLOW)
#define FAIL(number)   RETURN(SECCOMP_RET_ERRNO | (number))
/* Else the next instruction is left out. */
#define WHERE(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1)
#define REFUSE(name) WHERE(__NR_##name), FAIL(EPERM)

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

static struct sock_filter program[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
    FAIL(EPERM),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN, 0, 1),
    FAIL(EPERM),
    /* Other programs, other processes. */
    REFUSE(execve),
    REFUSE(execveat),
    REFUSE(ptrace),
    REFUSE(process_vm_readv),
    REFUSE(process_vm_writev),
    REFUSE(process_madvise),
    REFUSE(kcmp),
    REFUSE(pidfd_getfd),
#ifdef __NR_fork
    REFUSE(fork),
    REFUSE(vfork),
#endif
    /* Ways into the kernel with a history. */
    REFUSE(bpf),
    REFUSE(perf_event_open),
    REFUSE(userfaultfd),
    REFUSE(io_uring_setup),
    REFUSE(io_uring_enter),
    REFUSE(io_uring_register),
    REFUSE(add_key),
    REFUSE(request_key),
    REFUSE(keyctl),
    REFUSE(init_module),
    REFUSE(finit_module),
    REFUSE(delete_module),
    REFUSE(kexec_load),
#ifdef __NR_kexec_file_load
    REFUSE(kexec_file_load),
#endif
    REFUSE(personality),
    REFUSE(lookup_dcookie),
    REFUSE(vhangup),
#ifdef __x86_64__
    REFUSE(iopl),
    REFUSE(ioperm),
    REFUSE(modify_ldt),
#endif
    /* File systems, and files by other ways than their names. */
    REFUSE(mount),
    REFUSE(umount2),
    REFUSE(move_mount),
    REFUSE(open_tree),
    REFUSE(fsopen),
    REFUSE(fsconfig),
    REFUSE(fsmount),
    REFUSE(fspick),
#ifdef __NR_mount_setattr
    REFUSE(mount_setattr),
#endif
    REFUSE(pivot_root),
    REFUSE(chroot),
    REFUSE(swapon),
    REFUSE(swapoff),
    REFUSE(quotactl),
    REFUSE(acct),
    REFUSE(fanotify_init),
    REFUSE(name_to_handle_at),
    REFUSE(open_by_handle_at),
    REFUSE(mknodat),
#ifdef __NR_mknod
    REFUSE(mknod),
#endif
    /* The host. */
    REFUSE(setns),
    REFUSE(unshare),
    REFUSE(reboot),
    REFUSE(syslog),
    REFUSE(sethostname),
    REFUSE(setdomainname),
    REFUSE(settimeofday),
    REFUSE(clock_settime),
    REFUSE(clock_adjtime),
    REFUSE(adjtimex),
    /* The C library does without, and then asks by clone(), whose flags can be seen here. */
    WHERE(__NR_clone3),
    FAIL(ENOSYS),
    /* Threads, but no processes, and nothing in a namespace of its own. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 5),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
    FAIL(EPERM),
    ALLOW,
    /* Sockets of this host alone. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 4),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
    FAIL(EPERM),
    ALLOW,
    /* No input is pushed into a terminal. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 5),
    LOAD(args[1]),
    WHERE(TIOCSTI),
    FAIL(EPERM),
    WHERE(TIOCLINUX),
    FAIL(EPERM),
    ALLOW,
};

int aod_filter_calls(void)
{
	const struct sock_fprog filter = {
	    .len = sizeof(program) / sizeof(program[0]),
	    .filter = program,
	};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? -errno : 0;
}

#else

int aod_filter_calls(void)
{
	return -EOPNOTSUPP;
}

#endif
