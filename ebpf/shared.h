/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the maps hold: the other things that the kernel's side and user space both read. */
#ifndef AOD_SHARED_H
#define AOD_SHARED_H

#include "event.h"

#define AOD_NEVER_NS (~0ULL)

enum aod_map_limits {
	AOD_MAX_NAMES = 2048,
	AOD_MAX_OWN = 32,
};

enum aod_build {
	AOD_BUILD_ID_LEN = 32, /* SHA-256 of the object */
};

/* What records are compared with; user space changes it while programs run. One entry, mapped. */
struct aod_thresholds {
	uint64_t
	    threshold_ns[AOD_COMMANDS]; /* a longer operation matches; AOD_NEVER_NS: none does */
	uint64_t emergency_ns[AOD_COMMANDS]; /* one that takes this long is an emergency */
	uint64_t
	    tracked_errors[AOD_ERRNO_LIMIT / 64]; /* bit e: an operation that ends in -e matches */
	uint64_t wake_bytes;     /* a ring filled this far wakes the reader, matches or not */
	uint64_t simulate_drops; /* of 2^32 records, so many are lost on purpose */
	uint32_t matching_only;  /* only matching operations make a record (`recorder: matching`) */
	uint32_t reserved;
};

/* Written by both sides while running. One entry, mapped. */
struct aod_control {
	uint32_t wake_pending; /* the reader was woken and has not begun its drain */
	uint32_t busy;         /* an operation has started since the last scan of `inflight` */
	uint64_t ring_id;      /* of this installation */
	uint64_t scanned_ns;   /* when user space last scanned `inflight` */
	uint64_t gave_up[AOD_COMMANDS];   /* unanswered by age, counted by user space */
	uint64_t uncertain[AOD_COMMANDS]; /* may be missing in gave_up: its writer was killed
					     meanwhile */
	uint32_t giving_up; /* command + 1 of what user space is about to give up; or 0 */
	uint32_t reserved;
	uint64_t names_changed; /* moves when `names` does */
	uint8_t build_id[AOD_BUILD_ID_LEN];
};

/* Children of the daemon that collect evidence. One entry, written by user space. */
struct aod_own {
	uint32_t pids[AOD_MAX_OWN]; /* 0: the end */
};

/*
 * Per command, per CPU. Always true, per command, while no program counts:
 *   started  = finished + unanswered + gave_up + untimed + dropped_inflight_full + in flight
 *   finished + unanswered_told = emitted + filtered + dropped_ring_full + dropped_simulated
 *
 * A program counts `begun` before and `ended` after, and adds at most one to each counter in
 * between. So `begun`, read after the others, minus `ended`, read before them, is how far either
 * sum may be off in what was read (native/counters.c). Counters are atomic: one program may preempt
 * another.
 */
struct aod_command_stats {
	uint64_t begun;
	uint64_t ended;
	uint64_t started;
	uint64_t finished;
	uint64_t unanswered;            /* started, then seen to have no end */
	uint64_t unanswered_told;       /* of them, those that made a record, as they may hang */
	uint64_t untimed;               /* started; the client does not trace its end (ECHO) */
	uint64_t orphaned;              /* an end without a start: makes no record */
	uint64_t emitted;               /* records put into the ring */
	uint64_t filtered;              /* no record, as `recorder: matching` asks */
	uint64_t dropped_ring_full;     /* record lost: the reader was too slow */
	uint64_t dropped_simulated;     /* record lost on purpose, as `simulate_drops` asks */
	uint64_t dropped_inflight_full; /* operation not tracked: too many in flight */
	uint64_t latency_slots[AOD_LATENCY_SLOTS]; /* slot i: 2^i <= latency_ns < 2^(i+1) */
};

/*
 * The key of an operation in flight. A mid is unique per connection only, and the tracepoints do
 * not name the connection: a reused key is counted (`unanswered`), never mixed up silently.
 */
struct aod_inflight_key {
	uint64_t session_id;
	uint64_t mid;
	uint32_t command;
	uint32_t reserved;
};

struct aod_inflight {
	uint64_t start_ns;
	uint32_t pid;
	uint32_t tree_id;
	uint32_t flags; /* AOD_EVENT_OWN, or none */
	uint32_t reserved;
	char comm[AOD_COMM_LEN];
};

/* Names of peers: text of the client's, so whatever its user or the server made of it. */
enum aod_name_kind {
	AOD_NAME_SHARE = 1,  /* a tree's UNC; id: the session */
	AOD_NAME_SERVER = 2, /* a host; id: the connection, tree_id: 0 */
};

struct aod_name_key {
	uint64_t id;
	uint32_t tree_id;
	uint32_t kind; /* enum aod_name_kind */
};

union aod_name {
	char text[96]; /* cut to 95 bytes; zeros behind its end */
	uint64_t words[12];
};

#endif
