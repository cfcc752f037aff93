/* SPDX-License-Identifier: MIT */
/* What a process does to itself, and to its children. */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aod.h"

/* proc(5), /proc/self/stat: fields 48 and 49, arg_start and arg_end; comm may hold anything. */
static int argument_area(char **start, char **end)
{
	unsigned long from = 0, to = 0;
	char text[2048], *after_comm;
	FILE *stat = fopen("/proc/self/stat", "re");
	size_t len;

	if (!stat)
		return -errno;
	len = fread(text, 1, sizeof(text) - 1, stat);
	fclose(stat);
	text[len] = '\0';
	after_comm = strrchr(text, ')');
	for (int field = 2; after_comm && field < 48; field++)
		after_comm = strchr(after_comm + 1, ' ');
	if (!after_comm || sscanf(after_comm, "%lu %lu", &from, &to) != 2 || from >= to)
		return -EINVAL;
	*start = (char *)from;
	*end = (char *)to;
	return 0;
}

int aod_name_process(const char *name)
{
	char *start, *end;
	int err;

	if (prctl(PR_SET_NAME, name))
		return -errno;
	err = argument_area(&start, &end);
	if (err)
		return err;
	memset(start, 0, (size_t)(end - start));
	snprintf(start, (size_t)(end - start), "%s", name);
	return 0;
}

int aod_die_with_parent(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) ? -errno : 0;
}

/* ioprio_set(2); glibc has neither the function nor its constants. */
int aod_idle_io(int group)
{
	const int who_pgrp = 2, class_idle = 3, class_shift = 13;

	return syscall(SYS_ioprio_set, who_pgrp, group, class_idle << class_shift) ? -errno : 0;
}

/* Needs CAP_SETPCAP; without it, no_new_privs still keeps an execve() from adding rights. */
static int drop_bounding(uint64_t kept)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EPERM)
			return -errno;
	return 0;
}

int aod_limit_rights(uint64_t kept)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return drop_bounding(kept);
}

int aod_keep_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, sets))
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets[i].permitted &= (uint32_t)(kept >> (32 * i));
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, sets) ? -errno : 0;
}
