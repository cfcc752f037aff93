/* SPDX-License-Identifier: MIT */
/* Operations in flight, and the counters of the maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "tracer.h"

enum { BATCH = 512 };

/* What one scan looks for, and the records that it makes. */
struct scan {
	const struct aod_tracer *tracer;
	const struct aod_ages *ages;
	uint64_t now_ns;
	struct aod_event *events;
	int found, room;
};

/* A record of an operation that has not finished; its latency is its age. */
static void tell(struct scan *scan, const struct aod_inflight_key *key,
		 const struct aod_inflight *op, uint8_t flag)
{
	struct aod_event *event = &scan->events[scan->found++];

	*event = (struct aod_event){
	    .end_ns = scan->now_ns,
	    .latency_ns = scan->now_ns - op->start_ns,
	    .session_id = key->session_id,
	    .mid = key->mid,
	    .tree_id = op->tree_id,
	    .pid = op->pid,
	    .command = (__u8)key->command,
	    .flags = flag | (op->flags ? op->flags : AOD_EVENT_MATCHED),
	};
	memcpy(event->comm, op->comm, sizeof(event->comm));
}

static int is_emergency(const struct scan *scan, uint32_t command, uint64_t start_ns)
{
	return scan->now_ns - start_ns >= scan->tracer->knobs->emergency_ns[command];
}

/*
 * Whether it came of an age to be told after the last scan and up to this one: told once for each
 * rule that wants it, no list.
 */
static int is_to_be_told(const struct scan *scan, uint32_t command, uint64_t start_ns)
{
	for (int i = 0; i < scan->ages->tell_tables; i++) {
		uint64_t age_ns = scan->ages->tell_ns[i * AOD_COMMANDS + command];

		if (scan->now_ns - start_ns >= age_ns &&
		    start_ns + age_ns > scan->tracer->control->scanned_ns)
			return 1;
	}
	return 0;
}

/* Told where the kernel would have told it (ebpf/unanswered.bpf.h). */
static void give_up(struct scan *scan, const struct aod_inflight_key *key,
		    const struct aod_inflight *op)
{
	if (bpf_map_delete_elem(scan->tracer->inflight_fd, key))
		return;
	scan->tracer->control->gave_up[key->command]++;
	if (is_emergency(scan, key->command, op->start_ns))
		tell(scan, key, op, AOD_EVENT_UNANSWERED);
}

static void look_at(struct scan *scan, const struct aod_inflight_key *key,
		    const struct aod_inflight *op)
{
	uint32_t command = key->command;

	if (command >= AOD_COMMANDS || op->start_ns > scan->now_ns || scan->found == scan->room)
		return;
	if (scan->now_ns - op->start_ns >= scan->ages->give_up_ns[command])
		give_up(scan, key, op);
	else if (is_to_be_told(scan, command, op->start_ns))
		tell(scan, key, op, AOD_EVENT_IN_FLIGHT);
}

int aod_scan_inflight(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t now_ns,
		      const struct aod_ages *ages, struct aod_event *events, int max_events)
{
	struct aod_inflight_key keys[BATCH];
	struct aod_inflight ops[BATCH];
	uint32_t cursor, count;
	struct scan scan = {tracer, ages, now_ns, events, 0, max_events};
	uint64_t in_flight = 0;
	void *from = NULL;
	int err;

	if (!__atomic_exchange_n(&tracer->control->busy, 0, __ATOMIC_ACQ_REL) && !log->in_flight)
		return 0; /* an idle share costs no walk through the map */
	do {
		count = BATCH;
		err = bpf_map_lookup_batch(tracer->inflight_fd, from, &cursor, keys, ops, &count,
					   NULL);
		if (err && errno != ENOENT)
			return -errno;
		for (uint32_t i = 0; i < count; i++)
			look_at(&scan, &keys[i], &ops[i]);
		in_flight += count;
		from = &cursor;
	} while (!err);
	log->in_flight = in_flight;
	return scan.found;
}

static void add_stats(struct aod_command_stats *sum, const struct aod_command_stats *one)
{
	const __u64 *from = (const __u64 *)one;
	__u64 *to = (__u64 *)sum;

	for (size_t i = 0; i < sizeof(*one) / sizeof(__u64); i++)
		to[i] += from[i];
}

int aod_publish_stats(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t now_ns)
{
	for (uint32_t command = 0; command < AOD_COMMANDS; command++) {
		struct aod_command_stats sum = {0};

		if (bpf_map_lookup_elem(tracer->stats_fd, &command, tracer->per_cpu))
			return -errno;
		for (int cpu = 0; cpu < tracer->cpus; cpu++)
			add_stats(&sum, &tracer->per_cpu[cpu]);
		log->stats[command] = sum;
		log->gave_up[command] = tracer->control->gave_up[command];
	}
	log->stats_ns = now_ns;
	return 0;
}
