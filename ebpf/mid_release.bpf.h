/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * From an entry of the client's queue (struct mid_q_entry) to its operation. The client makes one
 * for every operation and releases it when nobody waits for an answer any more: what is still in
 * flight then was never answered.
 */
#ifndef AOD_MID_RELEASE_BPF_H
#define AOD_MID_RELEASE_BPF_H

#include "unanswered.bpf.h"

struct aod_queued {
	struct aod_inflight_key key;
	__u64 start_ns; /* tells the operation from a later one with the same mid */
};

/* By the address of the entry. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384); /* set at load */
	__type(key, __u64);
	__type(value, struct aod_queued);
} queued SEC(".maps");

static __always_inline void queue_mid(__u64 entry, const struct aod_inflight_key *key)
{
	const struct aod_inflight *op = bpf_map_lookup_elem(&inflight, key);
	struct aod_queued operation = {.key = *key};

	if (!op)
		return; /* not tracked: no room, or an ECHO */
	operation.start_ns = op->start_ns;
	bpf_map_update_elem(&queued, &entry, &operation, BPF_ANY);
}

static __always_inline void release_mid(__u64 entry)
{
	const struct aod_queued *operation = bpf_map_lookup_elem(&queued, &entry);
	const struct aod_inflight *op;

	if (!operation)
		return;
	op = bpf_map_lookup_elem(&inflight, &operation->key);
	if (op && op->start_ns == operation->start_ns)
		give_up_operation(&operation->key);
	bpf_map_delete_elem(&queued, &entry);
}

#endif
