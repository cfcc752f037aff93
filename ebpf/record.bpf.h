/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* From what happened to a record in the ring, and whether somebody is woken for it. */
#ifndef AOD_RECORD_BPF_H
#define AOD_RECORD_BPF_H

#include "maps.bpf.h"

/* Whom a record names. */
struct task {
	__u32 pid;
	__u32 tid;
	char comm[AOD_COMM_LEN];
};

static __always_inline bool is_match(const struct aod_knobs *knob, const struct aod_event *event)
{
	__u32 command = event->command & (AOD_COMMANDS - 1);
	__u32 error = -event->error;

	if (event->latency_ns > knob->threshold_ns[command] ||
	    event->latency_ns >= knob->emergency_ns[command])
		return true;
	error &= AOD_ERRNO_LIMIT - 1;
	return error && knob->tracked_errors[error / 64] >> (error % 64) & 1;
}

/*
 * Wake the reader for a match or a ring that fills up, once per drain: it clears the mark, then
 * reads. A record that saw the mark just before it was cleared waits for the reader's next tick.
 */
static __always_inline __u64 wake_flag(const struct aod_knobs *knob, bool match)
{
	__u32 zero = 0;
	struct aod_control *ctl;

	if (!match && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < knob->wake_bytes)
		return BPF_RB_NO_WAKEUP;
	ctl = bpf_map_lookup_elem(&control, &zero);
	if (!ctl || ctl->wake_pending)
		return BPF_RB_NO_WAKEUP;
	ctl->wake_pending = 1;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void emit(struct aod_event *event, struct aod_command_stats *stat)
{
	__u32 zero = 0;
	const struct aod_knobs *knob = bpf_map_lookup_elem(&knobs, &zero);
	struct aod_event *slot;
	bool match;

	if (!knob)
		return;
	match = is_match(knob, event);
	if (!match && knob->matching_only) {
		stat->filtered++;
		return;
	}
	slot = bpf_ringbuf_reserve(&events, sizeof(*slot), 0);
	if (!slot) {
		stat->dropped_ring_full++;
		return;
	}
	if (match)
		event->flags |= AOD_EVENT_MATCHED;
	*slot = *event;
	stat->emitted++;
	bpf_ringbuf_submit(slot, wake_flag(knob, match));
}

#endif
