/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* An operation starts and ends: everything between the hooks and the ring. */
#ifndef AOD_OPERATION_BPF_H
#define AOD_OPERATION_BPF_H

#include "maps.bpf.h"

enum smb2_command { /* MS-SMB2 2.2.1.2 */
		    SMB2_SESSION_SETUP = 1,
		    SMB2_READ = 8,
		    SMB2_WRITE = 9,
		    SMB2_ECHO = 13,
};

struct task {
	__u32 pid;
	__u32 tid;
	char comm[AOD_COMM_LEN];
};

static __always_inline struct aod_command_stats *stats_of(__u32 command)
{
	return bpf_map_lookup_elem(&stats, &command);
}

static __always_inline void count_unanswered(__u32 command)
{
	struct aod_command_stats *stat = stats_of(command);

	if (stat)
		stat->unanswered++;
}

/* Give up what the chain still waits for, from operation `first` on. */
static __always_inline void end_chain(struct aod_chain *chain, __u32 first)
{
	for (__u32 i = 0; i < AOD_CHAIN_MAX; i++) {
		if (i < first || !(chain->waiting >> i & 1))
			continue;
		if (bpf_map_delete_elem(&inflight, &chain->ops[i]) == 0)
			count_unanswered(chain->ops[i].command);
	}
	chain->count = 0;
	chain->waiting = 0;
	chain->answered = 0;
}

static __always_inline void append_to_chain(struct aod_chain *chain,
					    const struct aod_inflight_key *key)
{
	__u32 slot = chain->count;

	if (slot >= AOD_CHAIN_MAX)
		return;
	chain->ops[slot] = *key;
	chain->count = slot + 1;
	chain->waiting |= 1u << slot;
}

static __always_inline void join_chain(__u32 tid, const struct aod_inflight_key *key)
{
	struct aod_chain *chain = bpf_map_lookup_elem(&chains, &tid);

	if (!chain) {
		struct aod_chain fresh = {.ops = {*key}, .count = 1, .waiting = 1};

		bpf_map_update_elem(&chains, &tid, &fresh, BPF_ANY);
		return;
	}
	if (chain->answered)
		end_chain(chain, 0);
	append_to_chain(chain, key);
}

/* The thread read the answer to `mid`; after a failure it reads no more of them. */
static __always_inline void answer_chain(__u32 tid, __u64 mid, int rc)
{
	struct aod_chain *chain = bpf_map_lookup_elem(&chains, &tid);

	if (!chain)
		return;
	for (__u32 i = 0; i < AOD_CHAIN_MAX; i++) {
		if (i >= chain->count)
			break;
		if (chain->ops[i].mid != mid)
			continue;
		chain->answered = 1;
		chain->waiting &= ~(1u << i);
		if (rc && chain->waiting)
			end_chain(chain, i + 1);
		break;
	}
}

static __always_inline bool is_asynchronous(__u32 command)
{
	return command == SMB2_READ || command == SMB2_WRITE;
}

/* Read by all CPUs, written only after user space has looked: no cache line goes to and fro. */
static __always_inline void mark_busy(void)
{
	__u32 zero = 0;
	struct aod_control *ctl = bpf_map_lookup_elem(&control, &zero);

	if (ctl && !ctl->busy)
		ctl->busy = 1;
}

static __always_inline void track(const struct aod_inflight_key *key, __u32 tree_id,
				  const struct task *task, struct aod_command_stats *stat)
{
	struct aod_inflight op = {
	    .start_ns = bpf_ktime_get_ns(), .pid = task->pid, .tree_id = tree_id};

	__builtin_memcpy(op.comm, task->comm, sizeof(op.comm));
	if (bpf_map_lookup_elem(&inflight, key))
		stat->unanswered++; /* its mid is in use again: that one was never answered */
	if (bpf_map_update_elem(&inflight, key, &op, BPF_ANY))
		stat->dropped_inflight_full++;
	mark_busy();
}

static __always_inline void start_operation(__u32 tree_id, __u64 session_id, __u32 command,
					    __u64 mid, const struct task *task)
{
	struct aod_inflight_key key = {.session_id = session_id, .mid = mid, .command = command};
	struct aod_command_stats *stat = stats_of(command);

	if (!stat)
		return; /* no SMB2 command */
	stat->started++;
	if (command == SMB2_ECHO) {
		stat->untimed++;
		return;
	}
	if (!is_asynchronous(command))
		join_chain(task->tid, &key);
	track(&key, tree_id, task, stat);
}

/* The first SESSION_SETUP is sent with session 0; its answer names the new session. */
static __always_inline struct aod_inflight *find_operation(struct aod_inflight_key *key)
{
	struct aod_inflight *op = bpf_map_lookup_elem(&inflight, key);

	if (op || key->command != SMB2_SESSION_SETUP)
		return op;
	key->session_id = 0;
	return bpf_map_lookup_elem(&inflight, key);
}

static __always_inline __u32 log2_slot(__u64 value)
{
	__u32 slot = 0;

	for (__u32 bits = 32; bits; bits >>= 1) {
		if (value >> bits) {
			value >>= bits;
			slot += bits;
		}
	}
	return slot < AOD_LATENCY_SLOTS ? slot : AOD_LATENCY_SLOTS - 1;
}

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
	event->flags = match ? AOD_EVENT_MATCHED : 0;
	*slot = *event;
	stat->emitted++;
	bpf_ringbuf_submit(slot, wake_flag(knob, match));
}

static __always_inline void finish_operation(__u64 session_id, __u32 command, __u64 mid,
					     __u32 status, int rc, __u32 tid)
{
	struct aod_inflight_key key = {.session_id = session_id, .mid = mid, .command = command};
	struct aod_command_stats *stat = stats_of(command);
	struct aod_event event = {.mid = mid, .status = status, .error = rc, .command = command};
	struct aod_inflight *op;

	if (!stat)
		return;
	if (!is_asynchronous(command))
		answer_chain(tid, mid, rc);
	op = find_operation(&key);
	if (!op) {
		stat->orphaned++;
		return;
	}
	event.end_ns = bpf_ktime_get_ns();
	event.latency_ns = event.end_ns - op->start_ns;
	event.session_id = session_id;
	event.tree_id = op->tree_id;
	event.pid = op->pid;
	__builtin_memcpy(event.comm, op->comm, sizeof(event.comm));
	if (bpf_map_delete_elem(&inflight, &key)) {
		stat->orphaned++; /* some kernels say done twice for one mid */
		return;
	}
	stat->finished++;
	stat->latency_slots[log2_slot(event.latency_ns)]++;
	emit(&event, stat);
}

#endif
