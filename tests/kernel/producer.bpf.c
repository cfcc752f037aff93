/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Where the kernel refuses tracing programs, this stands in for the hooks, and for nothing else:
 * `syscall` programs that call the very functions that the hooks call, in the same maps and ring.
 */
#include "connection.bpf.h"
#include "names.bpf.h"
#include "operation.bpf.h"
#include "mid_release.bpf.h"

#include "producer.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline void set_comm(struct task *task, const struct aod_test_operation *op)
{
	__builtin_memcpy(task->comm, op->comm, sizeof(task->comm));
}

SEC("syscall")
int test_start(struct aod_test_operation *op)
{
	struct task task = {.pid = op->pid, .tid = op->tid};

	set_comm(&task, op);
	start_operation(op->tree_id, op->session_id, op->command, op->mid, &task);
	return 0;
}

SEC("syscall")
int test_finish(struct aod_test_operation *op)
{
	finish_operation(op->session_id, op->command, op->mid, op->status, op->error, op->tid);
	return 0;
}

SEC("syscall")
int test_queue(struct aod_test_operation *op)
{
	struct aod_inflight_key key = {
	    .session_id = op->session_id, .mid = op->mid, .command = op->command};

	queue_mid(op->entry, &key);
	return 0;
}

SEC("syscall")
int test_release(struct aod_test_operation *op)
{
	release_mid(op->entry);
	return 0;
}

SEC("syscall")
int test_connection(struct aod_test_operation *op)
{
	struct task task = {.pid = op->pid, .tid = op->tid};
	struct aod_event event = {.session_id = op->session_id,
				  .mid = op->mid,
				  .tree_id = op->tree_id,
				  .error = op->error,
				  .command = op->command};

	set_comm(&task, op);
	record_connection(&event, &task);
	return 0;
}

SEC("syscall")
int test_name(struct aod_test_name *traced)
{
	struct aod_name_key key = traced->key;
	union aod_name name = traced->name;

	if (key.kind == AOD_NAME_SHARE) {
		name_tree(traced->thread, key.id, key.tree_id, &name);
		return 0;
	}
	if (!key.id)
		key.id = id_of_name(&name);
	remember_name(&key, &name);
	return 0;
}

SEC("syscall")
int test_connect_tree(struct aod_test_operation *op)
{
	connect_tree(op->tid, op->session_id, op->tree_id);
	return 0;
}

/* One record, numbered by its mid, as the end of an operation would emit it. */
static int emit_one(__u32 index, void *context)
{
	struct aod_test_load *load = context;
	struct aod_command_stats *stat = stats_of(load->command & (AOD_COMMANDS - 1));
	struct aod_event event = {
	    .end_ns = bpf_ktime_get_ns(),
	    .latency_ns = load->latency_ns,
	    .session_id = 1,
	    .mid = load->first_mid + index,
	    .tree_id = 1,
	    .pid = 1,
	    .error = load->error,
	    .status = load->status,
	    .command = load->command,
	    .comm = "producer",
	};

	if (!stat)
		return 1;
	count(&stat->begun);
	count(&stat->started);
	count(&stat->finished);
	count(emit(&event, stat));
	count(&stat->ended);
	return 0;
}

SEC("syscall")
int test_load(struct aod_test_load *load)
{
	struct aod_test_load copy = *load;
	const struct aod_command_stats *stat = stats_of(load->command & (AOD_COMMANDS - 1));
	__u64 before = stat ? stat->emitted : 0;

	bpf_loop(load->count, emit_one, &copy, 0);
	load->emitted = stat ? stat->emitted - before : 0;
	return 0;
}

/* Start and finish, the whole path of an operation. */
static int operate_one(__u32 index, void *context)
{
	struct aod_test_load *load = context;
	struct task task = {.pid = 1, .tid = load->tid, .comm = "producer"};
	__u64 mid = load->first_mid + index;

	start_operation(1, 1, load->command, mid, &task);
	finish_operation(1, load->command, mid, load->status, load->error, load->tid);
	return 0;
}

SEC("syscall")
int test_operate(struct aod_test_load *load)
{
	struct aod_test_load copy = *load;

	bpf_loop(load->count, operate_one, &copy, 0);
	return 0;
}
