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

/* Knobs, changed by user space under the running programs. One entry, mapped. */
struct aod_knobs {
	__u64 threshold_ns[AOD_COMMANDS]; /* a longer operation matches; AOD_NEVER_NS: none does */
	__u64 emergency_ns[AOD_COMMANDS]; /* one that takes this long is an emergency */
	__u64
	    tracked_errors[AOD_ERRNO_LIMIT / 64]; /* bit e: an operation that ends in -e matches */
	__u64 wake_bytes;     /* a ring filled this far wakes the reader, matches or not */
	__u64 simulate_drops; /* of 2^32 records, so many are lost on purpose */
	__u32 matching_only;  /* only matching operations make a record (`recorder: matching`) */
	__u32 reserved;
};

/* Written by both sides while running. One entry, mapped. */
struct aod_control {
	__u32 wake_pending; /* the reader was woken and has not begun its drain */
	__u32 busy;         /* an operation has started since the last look at `inflight` */
	__u64 ring_id;      /* of this installation */
	__u64 scanned_ns;   /* when user space last looked at `inflight` */
	__u64 gave_up[AOD_COMMANDS];   /* unanswered by age, counted by user space */
	__u64 uncertain[AOD_COMMANDS]; /* may lack in gave_up: who counts it was killed meanwhile */
	__u32 giving_up; /* command + 1 of what user space is about to give up; or 0 */
	__u32 reserved;
	__u64 names_changed; /* moves when `names` does */
	__u8 build_id[AOD_BUILD_ID_LEN];
};

/* Children of the daemon that take evidence. One entry, written by user space. */
struct aod_own {
	__u32 pids[AOD_MAX_OWN]; /* 0: the end */
};

/*
 * Per command, per CPU. Always true, per command, while no program counts:
 *   started  = finished + unanswered + gave_up + untimed + dropped_inflight_full + in flight
 *   finished + unanswered_told = emitted + filtered + dropped_ring_full + dropped_simulated
 *
 * Who counts says so before and after, and adds at most one to each counter in between. So `begun`
 * as read after the others, minus `ended` as read before them, is how far either sum may be off in
 * what was read (native/inflight.c). Counted atomically: programs may be preempted by each other.
 */
struct aod_command_stats {
	__u64 begun;
	__u64 ended;
	__u64 started;
	__u64 finished;
	__u64 unanswered;            /* started, then seen to have no end */
	__u64 unanswered_told;       /* of them, those that may have been told as hanging */
	__u64 untimed;               /* started; the client does not say when it ends (ECHO) */
	__u64 orphaned;              /* an end without a start: makes no record */
	__u64 emitted;               /* records put into the ring */
	__u64 filtered;              /* no record, as `recorder: matching` asks */
	__u64 dropped_ring_full;     /* record lost: the reader was too slow */
	__u64 dropped_simulated;     /* record lost on purpose, as `simulate_drops` asks */
	__u64 dropped_inflight_full; /* operation not tracked: too many in flight */
	__u64 latency_slots[AOD_LATENCY_SLOTS]; /* slot i: 2^i <= latency_ns < 2^(i+1) */
};

/*
 * The key of an operation in flight. A mid is unique per connection only, and the tracepoints do
 * not name the connection: a reused key is counted (`unanswered`), never mixed up silently.
 */
struct aod_inflight_key {
	__u64 session_id;
	__u64 mid;
	__u32 command;
	__u32 reserved;
};

struct aod_inflight {
	__u64 start_ns;
	__u32 pid;
	__u32 tree_id;
	__u32 flags; /* AOD_EVENT_OWN, or none */
	__u32 reserved;
	char comm[AOD_COMM_LEN];
};

/* Who is at the other end: text of the client's, so whatever its user or the server made of it. */
enum aod_name_kind {
	AOD_NAME_SHARE = 1,  /* a tree's UNC; id: the session */
	AOD_NAME_SERVER = 2, /* a host; id: the connection, tree_id: 0 */
};

struct aod_name_key {
	__u64 id;
	__u32 tree_id;
	__u32 kind; /* enum aod_name_kind */
};

union aod_name {
	char text[96]; /* cut to 95 bytes; zeros behind its end */
	__u64 words[12];
};

#endif
