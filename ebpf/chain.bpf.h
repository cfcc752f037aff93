/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A chain (chain.h) grows, is answered, and ends. */
#ifndef AOD_CHAIN_BPF_H
#define AOD_CHAIN_BPF_H

#include "unanswered.bpf.h"

/* Give up what the chain still waits for, beginning with operation `first`. */
static __always_inline void end_chain(struct aod_chain *chain, __u32 first)
{
	for (__u32 i = 0; i < AOD_CHAIN_MAX; i++) {
		if (i >= first && chain->waiting >> i & 1)
			give_up_operation(&chain->ops[i]);
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

#endif
