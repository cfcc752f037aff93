/* SPDX-License-Identifier: MIT */
/* Operations in flight, and the counters of the maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "tracer.h"

enum { BATCH = 512 };

/* A record of an operation that has not finished; its latency is its age. */
static void describe(struct aod_event *event, const struct aod_inflight_key *key,
		     const struct aod_inflight *op, uint64_t now_ns)
{
	*event = (struct aod_event){
	    .end_ns = now_ns,
	    .latency_ns = now_ns - op->start_ns,
	    .session_id = key->session_id,
	    .mid = key->mid,
	    .tree_id = op->tree_id,
	    .pid = op->pid,
	    .command = (__u8)key->command,
	    .flags = AOD_EVENT_IN_FLIGHT | AOD_EVENT_MATCHED,
	};
	memcpy(event->comm, op->comm, sizeof(event->comm));
}

/* Whether it came of emergency age after the last scan and up to this one: told once, no list. */
static int is_new_emergency(const struct aod_tracer *tracer, uint32_t command, uint64_t start_ns,
			    uint64_t now_ns)
{
	uint64_t emergency_ns = tracer->knobs->emergency_ns[command];

	if (emergency_ns == AOD_NEVER_NS || now_ns - start_ns < emergency_ns)
		return 0;
	return start_ns + emergency_ns > tracer->control->scanned_ns;
}

static void give_up(struct aod_tracer *tracer, const struct aod_inflight_key *key)
{
	if (bpf_map_delete_elem(tracer->inflight_fd, key) == 0)
		tracer->control->gave_up[key->command]++;
}

static int scan_batch(struct aod_tracer *tracer, const struct aod_inflight_key *keys,
		      const struct aod_inflight *ops, uint32_t count, uint64_t now_ns,
		      const uint64_t *give_up_ns, struct aod_event *events, int room)
{
	int found = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t command = keys[i].command;

		if (command >= AOD_COMMANDS || ops[i].start_ns > now_ns)
			continue;
		if (now_ns - ops[i].start_ns >= give_up_ns[command])
			give_up(tracer, &keys[i]);
		else if (found < room && is_new_emergency(tracer, command, ops[i].start_ns, now_ns))
			describe(&events[found++], &keys[i], &ops[i], now_ns);
	}
	return found;
}

int aod_scan_inflight(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t now_ns,
		      const uint64_t *give_up_ns, struct aod_event *events, int max_events)
{
	struct aod_inflight_key keys[BATCH];
	struct aod_inflight ops[BATCH];
	uint32_t cursor, count;
	uint64_t in_flight = 0;
	void *from = NULL;
	int found = 0, err;

	if (!__atomic_exchange_n(&tracer->control->busy, 0, __ATOMIC_ACQ_REL) && !log->in_flight)
		return 0; /* an idle share costs no walk through the map */
	do {
		count = BATCH;
		err = bpf_map_lookup_batch(tracer->inflight_fd, from, &cursor, keys, ops, &count,
					   NULL);
		if (err && errno != ENOENT)
			return -errno;
		found += scan_batch(tracer, keys, ops, count, now_ns, give_up_ns, events + found,
				    max_events - found);
		in_flight += count;
		from = &cursor;
	} while (!err);
	log->in_flight = in_flight;
	return found;
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
