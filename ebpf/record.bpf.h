/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Put a record into the ring, and decide whether it wakes the reader. */
#ifndef AOD_RECORD_BPF_H
#define AOD_RECORD_BPF_H

#include "maps.bpf.h"

/* The task that a record names. */
struct task {
	__u32 pid;
	__u32 tid;
	char comm[AOD_COMM_LEN];
};

static __always_inline bool is_match(const struct aod_thresholds *limits,
				     const struct aod_event *event)
{
	__u32 command = event->command & (AOD_COMMANDS - 1);
	__u32 error = -event->error;

	if (event->flags & AOD_EVENT_OWN)
		return false; /* collecting evidence never triggers more of it */
	if (event->latency_ns > limits->threshold_ns[command] ||
	    event->latency_ns >= limits->emergency_ns[command])
		return true;
	error &= AOD_ERRNO_LIMIT - 1;
	return error && limits->tracked_errors[error / 64] >> (error % 64) & 1;
}

/*
 * Wake the reader for a match or a ring that fills up, once per drain: it clears the mark, then
 * reads. A record that saw the mark just before it was cleared waits for the reader's next tick.
 */
static __always_inline __u64 wake_flag(const struct aod_thresholds *limits, bool match)
{
	__u32 zero = 0;
	struct aod_control *ctl;

	if (!match && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < limits->wake_bytes)
		return BPF_RB_NO_WAKEUP;
	ctl = bpf_map_lookup_elem(&control, &zero);
	if (!ctl || ctl->wake_pending)
		return BPF_RB_NO_WAKEUP;
	ctl->wake_pending = 1;
	return BPF_RB_FORCE_WAKEUP;
}

/* Fill in what the start of an operation that ends now has left for its record. */
static __always_inline void end_now(struct aod_event *event, const struct aod_inflight *op)
{
	event->end_ns = bpf_ktime_get_ns();
	event->latency_ns = event->end_ns - op->start_ns;
	event->tree_id = op->tree_id;
	event->pid = op->pid;
	event->flags |= op->flags;
	__builtin_memcpy(event->comm, op->comm, sizeof(event->comm));
}

/* Returns the counter of what became of the record, for the caller to increment. */
static __always_inline __u64 *emit(struct aod_event *event, struct aod_command_stats *stat)
{
	__u32 zero = 0;
	const struct aod_thresholds *limits = bpf_map_lookup_elem(&thresholds, &zero);
	struct aod_event *slot;
	bool match;

	if (!limits)
		return &stat->filtered;
	match = is_match(limits, event);
	if (!match && limits->matching_only)
		return &stat->filtered;
	if (limits->simulate_drops && bpf_get_prandom_u32() < limits->simulate_drops)
		return &stat->dropped_simulated;
	slot = bpf_ringbuf_reserve(&events, sizeof(*slot), 0);
	if (!slot)
		return &stat->dropped_ring_full;
	if (match)
		event->flags |= AOD_EVENT_MATCHED;
	*slot = *event;
	bpf_ringbuf_submit(slot, wake_flag(limits, match));
	return &stat->emitted;
}

#endif
