/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Remember the peers' names: a record has only their numbers. */
#ifndef AOD_NAMES_BPF_H
#define AOD_NAMES_BPF_H

#include "maps.bpf.h"

static __always_inline void remember_name(const struct aod_name_key *key,
					  const union aod_name *name)
{
	__u32 zero = 0;
	struct aod_control *ctl = bpf_map_lookup_elem(&control, &zero);

	if (!name->text[0] || bpf_map_update_elem(&names, key, name, BPF_ANY))
		return;
	if (ctl)
		__sync_fetch_and_add(&ctl->names_changed, 1);
}

/*
 * smb3_tcon has the UNC, but some kernels trace it before they take the tree's new id from the
 * answer. The end of the TREE_CONNECT, traced by the same thread just before, has that.
 */
static __always_inline void connect_tree(__u32 thread, __u64 session_id, __u32 tree_id)
{
	struct aod_tree tree = {.session_id = session_id, .tree_id = tree_id};

	bpf_map_update_elem(&connected, &thread, &tree, BPF_ANY);
}

static __always_inline void name_tree(__u32 thread, __u64 session_id, __u32 tree_id,
				      const union aod_name *unc)
{
	const struct aod_tree *tree = bpf_map_lookup_elem(&connected, &thread);
	struct aod_name_key key = {.id = session_id, .tree_id = tree_id, .kind = AOD_NAME_SHARE};

	if (tree && tree->session_id == session_id)
		key.tree_id = tree->tree_id;
	remember_name(&key, unc);
}

/* A number that stands for a name: FNV-1a, a word at a time. */
static __always_inline __u64 id_of_name(const union aod_name *name)
{
	__u64 id = 0xcbf29ce484222325ULL;

	for (__u32 i = 0; i < sizeof(name->words) / sizeof(name->words[0]); i++)
		id = (id ^ name->words[i]) * 0x100000001b3ULL;
	return id;
}

#endif
