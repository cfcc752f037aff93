/* SPDX-License-Identifier: MIT */
/*
 * The head of the event log (aod/eventlog.py): a single-writer ring of records in shared memory,
 * addressed by absolute positions (the n-th record ever written lies in slot n % capacity).
 *
 * What is committed is a pair: how far the log is written and how far the kernel's ring is read.
 * Both change at once, because the writer fills the slot that is not in use and then moves
 * commit_seq by one. A writer that dies between two instructions leaves the pair before or the pair
 * after, so no record is lost or repeated.
 */
#ifndef AOD_EVENTLOG_H
#define AOD_EVENTLOG_H

#include "shared.h"

enum aod_log_layout {
	AOD_LOG_MAGIC = 0x31474c41, /* "ALG1" */
	AOD_LOG_VERSION = 3,
	AOD_LOG_HEADER_BYTES = 16384,
};

struct aod_log_commit {
	__u64 log_position;
	__u64 ring_position;
};

struct aod_log_header {
	__u32 magic;
	__u32 version;
	__u32 header_bytes;
	__u32 record_bytes;
	__u64 capacity;           /* records, a power of two */
	__s64 realtime_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC when the log was made */
	__u64 ring_id;            /* which ring `ring_position` speaks of */
	__u64 commit_seq;         /* commit[commit_seq % 2] is valid */
	struct aod_log_commit commit[2];
	__u64 reader_invalid; /* times the reader's position was refused */
	/* The kernel's counters, summed over the CPUs, as of stats_ns; for whoever reads the log.
	 */
	__u64 stats_ns;
	__u64 in_flight;
	__u64 unseen_events; /* bit n: this kernel has no tracepoint of connection event n */
	__u64 gave_up[AOD_COMMANDS];
	struct aod_command_stats stats[AOD_COMMANDS];
};

#endif
