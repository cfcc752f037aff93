/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* An operation starts and ends: what the hooks call. */
#ifndef AOD_OPERATION_BPF_H
#define AOD_OPERATION_BPF_H

#include "chain.bpf.h"

enum smb2_command { /* MS-SMB2 2.2.1.2 */
		    SMB2_SESSION_SETUP = 1,
		    SMB2_TREE_CONNECT = 3,
		    SMB2_READ = 8,
		    SMB2_WRITE = 9,
		    SMB2_ECHO = 13,
};

static __always_inline bool is_asynchronous(__u32 command)
{
	return command == SMB2_READ || command == SMB2_WRITE;
}

/* Read by all CPUs, written once after each scan of user space: no cache line bounces. */
static __always_inline void mark_busy(void)
{
	__u32 zero = 0;
	struct aod_control *ctl = bpf_map_lookup_elem(&control, &zero);

	if (ctl && !ctl->busy)
		ctl->busy = 1;
}

static __always_inline __u32 flags_of(__u32 pid)
{
	__u32 zero = 0;
	const struct aod_own *ours = bpf_map_lookup_elem(&own, &zero);

	for (int i = 0; ours && i < AOD_MAX_OWN && ours->pids[i]; i++)
		if (ours->pids[i] == pid)
			return AOD_EVENT_OWN;
	return 0;
}

static __always_inline void track(const struct aod_inflight_key *key, __u32 tree_id,
				  const struct task *task, struct aod_command_stats *stat)
{
	struct aod_inflight op = {.start_ns = bpf_ktime_get_ns(),
				  .pid = task->pid,
				  .tree_id = tree_id,
				  .flags = flags_of(task->pid)};

	__builtin_memcpy(op.comm, task->comm, sizeof(op.comm));
	give_up_operation(key); /* its mid is in use again, so the former is unanswered */
	/* Never overwrite: one that was put there meanwhile would be lost and not counted. */
	if (bpf_map_update_elem(&inflight, key, &op, BPF_NOEXIST))
		count(&stat->dropped_inflight_full);
	mark_busy();
}

static __always_inline void start_operation(__u32 tree_id, __u64 session_id, __u32 command,
					    __u64 mid, const struct task *task)
{
	struct aod_inflight_key key = {.session_id = session_id, .mid = mid, .command = command};
	struct aod_command_stats *stat = stats_of(command);

	if (!stat)
		return; /* no SMB2 command */
	count(&stat->begun);
	count(&stat->started);
	if (command == SMB2_ECHO) {
		count(&stat->untimed);
	} else {
		if (!is_asynchronous(command))
			join_chain(task->tid, &key);
		track(&key, tree_id, task, stat);
	}
	count(&stat->ended);
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

static __always_inline void count_end(struct aod_inflight_key *key, struct aod_event *event,
				      struct aod_command_stats *stat)
{
	struct aod_inflight *op = find_operation(key);

	if (!op) {
		count(&stat->orphaned);
		return;
	}
	end_now(event, op);
	if (bpf_map_delete_elem(&inflight, key)) {
		count(&stat->orphaned); /* some kernels trace done twice for one mid */
		return;
	}
	count(&stat->finished);
	count(&stat->latency_slots[log2_slot(event->latency_ns)]);
	count(emit(event, stat));
}

static __always_inline void finish_operation(__u64 session_id, __u32 command, __u64 mid,
					     __u32 status, int rc, __u32 tid)
{
	struct aod_inflight_key key = {.session_id = session_id, .mid = mid, .command = command};
	struct aod_command_stats *stat = stats_of(command);
	struct aod_event event = {.session_id = session_id,
				  .mid = mid,
				  .status = status,
				  .error = rc,
				  .command = command};

	if (!stat)
		return;
	if (!is_asynchronous(command))
		answer_chain(tid, mid, rc);
	count(&stat->begun);
	count_end(&key, &event, stat);
	count(&stat->ended);
}

#endif
