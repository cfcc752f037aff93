/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The hooks: the cifs module's own tracepoints, attached raw. The arguments are those of the
 * tracepoint (fs/smb/client/trace.h, DECLARE_EVENT_CLASS smb3_cmd_*), so this needs neither BTF nor
 * the offset of any field.
 */
#include "operation.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("raw_tp/smb3_cmd_enter")
int smb3_cmd_enter(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct task task = {.pid = pid_tgid >> 32, .tid = pid_tgid};

	bpf_get_current_comm(task.comm, sizeof(task.comm));
	start_operation(ctx->args[0], ctx->args[1], (__u16)ctx->args[2], ctx->args[3], &task);
	return 0;
}

SEC("raw_tp/smb3_cmd_done")
int smb3_cmd_done(struct bpf_raw_tracepoint_args *ctx)
{
	finish_operation(ctx->args[1], (__u16)ctx->args[2], ctx->args[3], 0, 0,
			 bpf_get_current_pid_tgid());
	return 0;
}

SEC("raw_tp/smb3_cmd_err")
int smb3_cmd_err(struct bpf_raw_tracepoint_args *ctx)
{
	finish_operation(ctx->args[1], (__u16)ctx->args[2], ctx->args[3], ctx->args[4],
			 (int)ctx->args[5], bpf_get_current_pid_tgid());
	return 0;
}
