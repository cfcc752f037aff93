/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The hooks: the cifs module's own tracepoints, attached raw. The arguments are those of the
 * tracepoint (fs/smb/client/trace.h, DECLARE_EVENT_CLASS smb3_*_class), so this needs neither BTF
 * nor the offset of any field. smb3_cmd_* are needed; a kernel may lack any of the others.
 */
#include "connection.bpf.h"
#include "names.bpf.h"
#include "operation.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline struct task current_task(void)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct task task = {.pid = pid_tgid >> 32, .tid = pid_tgid};

	bpf_get_current_comm(task.comm, sizeof(task.comm));
	return task;
}

SEC("raw_tp/smb3_cmd_enter")
int smb3_cmd_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task task = current_task();

	start_operation(ctx->args[0], ctx->args[1], (__u16)ctx->args[2], ctx->args[3], &task);
	return 0;
}

SEC("raw_tp/smb3_cmd_done")
int smb3_cmd_done(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u32 command = (__u16)ctx->args[2];

	if (command == SMB2_TREE_CONNECT)
		connect_tree(thread, ctx->args[1], ctx->args[0]);
	finish_operation(ctx->args[1], command, ctx->args[3], 0, 0, thread);
	return 0;
}

SEC("raw_tp/smb3_cmd_err")
int smb3_cmd_err(struct bpf_raw_tracepoint_args *ctx)
{
	finish_operation(ctx->args[1], (__u16)ctx->args[2], ctx->args[3], ctx->args[4],
			 (int)ctx->args[5], bpf_get_current_pid_tgid());
	return 0;
}

static __always_inline union aod_name kernel_text(const void *address)
{
	union aod_name name = {};

	bpf_probe_read_kernel_str(name.text, sizeof(name.text), address);
	return name;
}

static __always_inline void remember_server(__u64 connection_id, const union aod_name *host)
{
	struct aod_name_key key = {.id = connection_id, .kind = AOD_NAME_SERVER};

	remember_name(&key, host);
}

/*
 * (mid, connection id, host name, ...), on older kernels (mid, host name, ...): there the host's
 * name makes an id. The second argument tells them apart: a connection id is a small counter, an
 * address is not. The third is read as memory: a kernel refuses a program that uses more arguments
 * than the tracepoint has.
 */
static __always_inline int on_connection(struct bpf_raw_tracepoint_args *ctx, __u32 command)
{
	struct task task = current_task();
	struct aod_event event = {.mid = ctx->args[0], .command = command};
	const void *address = (const void *)ctx->args[1];
	bool has_id = ctx->args[1] >> 32 == 0;
	union aod_name host;

	if (has_id)
		bpf_probe_read_kernel(&address, sizeof(address), &ctx->args[2]);
	host = kernel_text(address);
	event.session_id = has_id ? ctx->args[1] : id_of_name(&host);
	remember_server(event.session_id, &host);
	record_connection(&event, &task);
	return 0;
}

SEC("raw_tp/smb3_reconnect")
int smb3_reconnect(struct bpf_raw_tracepoint_args *ctx)
{
	return on_connection(ctx, AOD_RECONNECT);
}

SEC("raw_tp/smb3_partial_send_reconnect")
int smb3_partial_send_reconnect(struct bpf_raw_tracepoint_args *ctx)
{
	return on_connection(ctx, AOD_SEND_CUT);
}

SEC("raw_tp/smb3_credit_timeout")
int smb3_credit_timeout(struct bpf_raw_tracepoint_args *ctx)
{
	return on_connection(ctx, AOD_CREDIT_TIMEOUT);
}

SEC("raw_tp/smb3_insufficient_credits")
int smb3_insufficient_credits(struct bpf_raw_tracepoint_args *ctx)
{
	return on_connection(ctx, AOD_CREDITS_SHORT);
}

/* (host name, connection id, address, rc) */
SEC("raw_tp/smb3_connect_err")
int smb3_connect_err(struct bpf_raw_tracepoint_args *ctx)
{
	struct task task = current_task();
	struct aod_event event = {
	    .session_id = ctx->args[1], .error = (int)ctx->args[3], .command = AOD_CONNECT_FAILED};
	union aod_name host = kernel_text((const void *)ctx->args[0]);

	remember_server(event.session_id, &host);
	record_connection(&event, &task);
	return 0;
}

/* (tree id, session id, command, mid) of the operation that was refused */
SEC("raw_tp/smb3_ses_expired")
int smb3_ses_expired(struct bpf_raw_tracepoint_args *ctx)
{
	struct task task = current_task();
	struct aod_event event = {.session_id = ctx->args[1],
				  .mid = ctx->args[3],
				  .tree_id = ctx->args[0],
				  .command = AOD_SESSION_EXPIRED};

	record_connection(&event, &task);
	return 0;
}

/* (xid, tree id, session id, UNC, rc): a TREE_CONNECT was answered */
SEC("raw_tp/smb3_tcon")
int smb3_tcon(struct bpf_raw_tracepoint_args *ctx)
{
	union aod_name unc;

	if ((int)ctx->args[4])
		return 0;
	unc = kernel_text((const void *)ctx->args[3]);
	name_tree(bpf_get_current_pid_tgid(), ctx->args[2], ctx->args[1], &unc);
	return 0;
}
