/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The maps. Pinned by these names; sizes marked "set at load" come from the configuration. */
#ifndef AOD_MAPS_BPF_H
#define AOD_MAPS_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "chain.h"
#include "shared.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* set at load */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct aod_thresholds);
} thresholds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct aod_control);
} control SEC(".maps");

/* Shared by the tracers of this host: each knows the daemon's children. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct aod_own);
} own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AOD_COMMANDS);
	__type(key, __u32);
	__type(value, struct aod_command_stats);
} stats SEC(".maps");

/* Not an LRU map: that would evict the oldest first, which are the hung ones that matter most. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384); /* set at load */
	__type(key, struct aod_inflight_key);
	__type(value, struct aod_inflight);
} inflight SEC(".maps");

/* By thread id. LRU: no hook sees a thread end; a chain lost only makes `unanswered` late. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct aod_chain);
} chains SEC(".maps");

/* LRU: every reconnect makes new ids, and brings the names of those in use again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AOD_MAX_NAMES);
	__type(key, struct aod_name_key);
	__type(value, union aod_name);
} names SEC(".maps");

struct aod_tree {
	__u64 session_id;
	__u32 tree_id;
	__u32 reserved;
};

/* By thread id: the TREE_CONNECT that it was just answered. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct aod_tree);
} connected SEC(".maps");

static __always_inline struct aod_command_stats *stats_of(__u32 command)
{
	return bpf_map_lookup_elem(&stats, &command);
}

static __always_inline void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

#endif
