/* SPDX-License-Identifier: MIT */
/*
 * The head of the event log (aod/eventlog.py): a single-writer ring of records in shared memory,
 * addressed by absolute positions (the n-th record ever written lies in slot n % capacity).
 *
 * What is committed is how far the log is written and how far the kernel's ring is read. Both
 * change at once, because the writer fills the slot that is not in use and then moves commit_seq by
 * one. A writer that dies between two instructions leaves what was before or what is after, so no
 * record is lost or repeated.
 */
#ifndef AOD_EVENTLOG_H
#define AOD_EVENTLOG_H

#include "shared.h"

enum aod_log_layout {
	AOD_LOG_MAGIC = 0x31474c41, /* "ALG1" */
	AOD_LOG_VERSION = 4,
	AOD_LOG_HEADER_BYTES = 16384,
};

/* Always true, in each:
 *   log_position - base_log = (ring_position - base_ring - passed_bytes) / 72 + appended
 */
struct aod_log_commit {
	__u64 log_position;
	__u64 ring_position;
	__u64 appended;     /* records of user space's own; like the next, with this ring */
	__u64 passed_bytes; /* of the ring, that held no record */
	__u64 base_log;     /* where both stood when the log took up this ring */
	__u64 base_ring;
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
	/* For whoever reads the log. Odd while the rest is written, but for in_flight. */
	__u64 stats_seq;
	__u64 stats_ns;      /* when the kernel's counters were read; they are sums over the CPUs */
	__u64 stats_ring_id; /* whose they are */
	__u64 in_flight;
	__u64 scanned_ns; /* before that: when in_flight_of was counted */
	__u64 max_inflight;
	__u64 missed;        /* events that the kernel did not run our programs for */
	__u64 produced_from; /* bytes that the ring had taken before the counters were read, */
	__u64 produced_to;   /* and after */
	__u64 unseen_events; /* bit n: this kernel has no tracepoint of connection event n */
	__u64 gave_up[AOD_COMMANDS];
	__u64 uncertain[AOD_COMMANDS];
	__u64 in_flight_of[AOD_COMMANDS];
	struct aod_command_stats stats[AOD_COMMANDS];
};

#endif
