/* SPDX-License-Identifier: MIT */
/*
 * The head of the event log (aod/transport/eventlog.py): a single-writer ring of records in shared
 * memory, addressed by absolute positions (the n-th record ever written lies in slot n % capacity).
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
	AOD_LOG_VERSION = 5,        /* of the position that detect writes beside it, too */
	AOD_LOG_HEADER_BYTES = 16384,
};

/* Always true, in each:
 *   log_position - base_log = (ring_position - base_ring - passed_bytes) / 72 + appended
 */
struct aod_log_commit {
	uint64_t log_position;
	uint64_t ring_position;
	uint64_t appended;     /* records of user space's own; like the next, since base_log */
	uint64_t passed_bytes; /* of the ring, that held no record */
	uint64_t base_log;     /* both positions when the log adopted this ring */
	uint64_t base_ring;
};

struct aod_log_header {
	uint32_t magic;
	uint32_t version;
	uint32_t header_bytes;
	uint32_t record_bytes;
	uint64_t capacity;          /* records, a power of two */
	int64_t realtime_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC, as last followed */
	uint64_t ring_id;           /* of the ring that `ring_position` is in */
	uint64_t commit_seq;        /* commit[commit_seq % 2] is valid */
	struct aod_log_commit commit[2];
	uint64_t reader_invalid; /* times the reader's position was refused */
	/* For readers of the log. Odd while what follows is written, except in_flight. */
	uint64_t stats_seq;
	uint64_t stats_ns; /* when the kernel's counters were read; they are sums over the CPUs */
	uint64_t stats_ring_id; /* of the ring that they belong to */
	uint64_t in_flight;
	uint64_t scanned_ns; /* when in_flight_of was counted, before stats_ns */
	uint64_t max_inflight;
	uint64_t missed;        /* events that the kernel did not run our programs for */
	uint64_t produced_from; /* bytes that the ring had taken before the counters were read, */
	uint64_t produced_to;   /* and after */
	uint64_t unseen_events; /* bit n: this kernel has no tracepoint of connection event n */
	uint64_t gave_up[AOD_COMMANDS];
	uint64_t uncertain[AOD_COMMANDS];
	uint64_t in_flight_of[AOD_COMMANDS];
	struct aod_command_stats stats[AOD_COMMANDS];
};

#endif
