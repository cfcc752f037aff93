/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A connection event: one record, which starts and ends at once. */
#ifndef AOD_CONNECTION_BPF_H
#define AOD_CONNECTION_BPF_H

#include "record.bpf.h"

/* `event` has the kind and the place of what happened; the rest is filled in here. */
static __always_inline void record_connection(struct aod_event *event, const struct task *task)
{
	struct aod_command_stats *stat = stats_of(event->command);

	if (!stat)
		return;
	event->end_ns = bpf_ktime_get_ns();
	event->pid = task->pid;
	event->flags = AOD_EVENT_CONNECTION;
	__builtin_memcpy(event->comm, task->comm, sizeof(event->comm));
	count(&stat->begun);
	count(&stat->started);
	count(&stat->finished);
	count(emit(event, stat));
	count(&stat->ended);
}

#endif
