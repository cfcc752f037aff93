/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* An operation that will not be answered any more, however that was recognised. */
#ifndef AOD_UNANSWERED_BPF_H
#define AOD_UNANSWERED_BPF_H

#include "record.bpf.h"

/* Whether user space may have made a record of it while it hung. */
static __always_inline bool is_old(const struct aod_event *event)
{
	__u32 zero = 0;
	const struct aod_thresholds *limits = bpf_map_lookup_elem(&thresholds, &zero);

	return limits &&
	       event->latency_ns >= limits->emergency_ns[event->command & (AOD_COMMANDS - 1)];
}

/* Whoever deletes an operation counts it; one that may have a record as hanging gets another. */
static __always_inline void count_unanswered(const struct aod_inflight_key *key,
					     struct aod_event *event,
					     struct aod_command_stats *stat)
{
	if (bpf_map_delete_elem(&inflight, key))
		return;
	count(&stat->unanswered);
	if (!is_old(event))
		return;
	count(&stat->unanswered_told);
	count(emit(event, stat));
}

/* The operation ends here, unless it has ended elsewhere. */
static __always_inline void give_up_operation(const struct aod_inflight_key *key)
{
	const struct aod_inflight *op = bpf_map_lookup_elem(&inflight, key);
	struct aod_command_stats *stat = stats_of(key->command);
	struct aod_event event = {.session_id = key->session_id,
				  .mid = key->mid,
				  .command = key->command,
				  .flags = AOD_EVENT_UNANSWERED};

	if (!op || !stat)
		return;
	end_now(&event, op);
	count(&stat->begun);
	count_unanswered(key, &event, stat);
	count(&stat->ended);
}

#endif
