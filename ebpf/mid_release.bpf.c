/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The hooks on functions of the cifs module, where it has BTF: they see an operation that will
 * never be answered, for which there is no tracepoint. Without them it is recognised by what its
 * thread does next (chain.h) or by its age.
 */
#include "mid_release.bpf.h"

#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* MS-SMB2 2.2.1.2, on the wire and so at the same place on every kernel. */
enum smb2_header {
	SMB2_COMMAND_AT = 12,
	SMB2_MESSAGE_ID_AT = 24,
	SMB2_SESSION_ID_AT = 40,
};

struct kref;

/* Only what is used of it; where it lies is filled in at load. */
struct mid_q_entry {
	struct {
		int refs;
	} refcount;
} __attribute__((preserve_access_index));

static __always_inline void read_key(struct aod_inflight_key *key, const char *header)
{
	__u16 command = 0;

	bpf_probe_read_kernel(&command, sizeof(command), header + SMB2_COMMAND_AT);
	bpf_probe_read_kernel(&key->mid, sizeof(key->mid), header + SMB2_MESSAGE_ID_AT);
	bpf_probe_read_kernel(&key->session_id, sizeof(key->session_id),
			      header + SMB2_SESSION_ID_AT);
	key->command = command;
}

/* (header, server) -> entry */
SEC("fexit/smb2_mid_entry_alloc")
int smb2_mid_entry_alloc(__u64 *arguments)
{
	struct aod_inflight_key key = {0};

	if (!arguments[2])
		return 0;
	read_key(&key, (const char *)arguments[0]);
	queue_mid(arguments[2], &key);
	return 0;
}

/* (reference count of an entry) */
SEC("fentry/__release_mid")
int mid_release_by_count(__u64 *arguments)
{
	release_mid(arguments[0] - bpf_core_field_offset(struct mid_q_entry, refcount));
	return 0;
}

/* (server, entry), on newer kernels */
SEC("fentry/__release_mid")
int mid_release_by_entry(__u64 *arguments)
{
	release_mid(arguments[1]);
	return 0;
}
