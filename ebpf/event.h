/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The record: an SMB operation that ended or hangs, or something that happened to a connection. The
 * only declaration of it: the programs in the kernel write it, the shim copies it, Python's dtype
 * is made from it. All fields have fixed widths and their natural alignment; there is no padding.
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
	AOD_EVENT_IN_FLIGHT = 1,  /* not finished: latency is its age when it was seen */
	AOD_EVENT_MATCHED = 2,    /* a match: reached a threshold, or ended in a tracked error */
	AOD_EVENT_CONNECTION = 4, /* no operation: `command` is an enum aod_connection_event */
	AOD_EVENT_UNANSWERED = 8, /* latency is its age when that was known */
	AOD_EVENT_OWN = 16,       /* of a child of the daemon that collects evidence */
};

/* What happens to a connection: pseudo-commands, beyond the numbers of SMB2. */
enum aod_connection_event {
	AOD_RECONNECT = 20,
	AOD_SEND_CUT = 21,
	AOD_SESSION_EXPIRED = 22,
	AOD_CREDIT_TIMEOUT = 23,
	AOD_CREDITS_SHORT = 24,
	AOD_CONNECT_FAILED = 25,
};

struct aod_event {
	uint64_t end_ns; /* CLOCK_MONOTONIC */
	uint64_t latency_ns;
	uint64_t session_id; /* of a connection event: the connection's id, if known */
	uint64_t mid;        /* MS-SMB2 MessageId, per connection */
	uint32_t tree_id;
	uint32_t pid;            /* process (tgid) of the task that started the operation */
	uint32_t status;         /* NTSTATUS */
	int16_t error;           /* what the client made of it: -errno or 0 */
	uint8_t command;         /* MS-SMB2 2.2.1.2, or an enum aod_connection_event */
	uint8_t flags;           /* enum aod_event_flags */
	char comm[AOD_COMM_LEN]; /* of the task that started the operation */
};

AOD_SIZE(aod_event, 64);

#endif
