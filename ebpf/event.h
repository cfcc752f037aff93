/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The record: one finished (or hanging) SMB operation. The only declaration of it: the programs in
 * the kernel write it, the shim copies it, Python's dtype is made from it. All fields have fixed
 * widths and their natural alignment; there is no padding.
 */
#ifndef AOD_EVENT_H
#define AOD_EVENT_H

#include "types.h"

enum aod_limits {
	AOD_COMMANDS = 32,      /* tables by command; MS-SMB2 2.2.1.2 defines 0 to 18 */
	AOD_COMM_LEN = 16,      /* TASK_COMM_LEN */
	AOD_ERRNO_LIMIT = 4096, /* MAX_ERRNO + 1 */
	AOD_LATENCY_SLOTS = 40, /* log2 of nanoseconds: the last slot starts at 9 minutes */
};

enum aod_event_flags {
	AOD_EVENT_IN_FLIGHT = 1, /* not finished: latency is its age when it was seen */
	AOD_EVENT_MATCHED = 2,   /* reached a threshold or a tracked error, says the kernel */
};

struct aod_event {
	__u64 end_ns; /* CLOCK_MONOTONIC */
	__u64 latency_ns;
	__u64 session_id;
	__u64 mid; /* MS-SMB2 MessageId, per connection */
	__u32 tree_id;
	__u32 pid;    /* process (tgid) of the task that started the operation */
	__u32 status; /* NTSTATUS */
	__s16 error;  /* what the client made of it: -errno or 0 */
	__u8 command;
	__u8 flags;
	char comm[AOD_COMM_LEN]; /* of the task that started the operation */
};

AOD_SIZE(aod_event, 64);

#endif
