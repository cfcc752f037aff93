/* SPDX-License-Identifier: MIT */
/* Operations in flight: those that hang become records, those too old are given up. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "tracer.h"

enum { BATCH = 512 };

/* One scan: the ages that it compares with, and the records that it makes. */
struct scan {
	struct aod_tracer *tracer;
	const struct aod_ages *ages;
	uint64_t now_ns;
	struct aod_event *events;
	int found, room;
	uint64_t in_flight[AOD_COMMANDS];
};

/* A record of an operation that has not finished; its latency is its age. */
static void add_record(struct scan *scan, const struct aod_inflight_key *key,
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
	    .command = (uint8_t)key->command,
	    .flags = flag | (op->flags ? op->flags : AOD_EVENT_MATCHED),
	};
	memcpy(event->comm, op->comm, sizeof(event->comm));
}

static int is_emergency(const struct scan *scan, uint32_t command, uint64_t start_ns)
{
	return scan->now_ns - start_ns >= scan->tracer->thresholds->emergency_ns[command];
}

/*
 * Whether it reached one of the ages after the last scan and up to this one: so it becomes a record
 * once for each rule that asks, and no list is kept.
 */
static int is_due(const struct scan *scan, uint32_t command, uint64_t start_ns)
{
	for (int i = 0; i < scan->ages->hanging_tables; i++) {
		uint64_t age_ns = scan->ages->hanging_ns[i * AOD_COMMANDS + command];

		if (scan->now_ns - start_ns >= age_ns &&
		    start_ns + age_ns > scan->tracer->control->scanned_ns)
			return 1;
	}
	return 0;
}

/* A record is made where the kernel would have made one (ebpf/unanswered.bpf.h). */
static void give_up(struct scan *scan, const struct aod_inflight_key *key,
		    const struct aod_inflight *op)
{
	struct aod_control *control = scan->tracer->control;
	int err;

	/* A process that is killed between the two leaves the mark (eventlog.c, settle). */
	__atomic_store_n(&control->giving_up, key->command + 1, __ATOMIC_RELEASE);
	err = bpf_map_delete_elem(scan->tracer->inflight_fd, key);
	if (!err)
		control->gave_up[key->command]++;
	__atomic_store_n(&control->giving_up, 0, __ATOMIC_RELEASE);
	if (err)
		return;
	scan->in_flight[key->command]--;
	if (is_emergency(scan, key->command, op->start_ns))
		add_record(scan, key, op, AOD_EVENT_UNANSWERED);
}

static void examine(struct scan *scan, const struct aod_inflight_key *key,
		    const struct aod_inflight *op)
{
	uint32_t command = key->command;

	if (command >= AOD_COMMANDS)
		return;
	scan->in_flight[command]++;
	if (op->start_ns > scan->now_ns || scan->found == scan->room)
		return;
	if (scan->now_ns - op->start_ns >= scan->ages->give_up_ns[command])
		give_up(scan, key, op);
	else if (is_due(scan, command, op->start_ns))
		add_record(scan, key, op, AOD_EVENT_IN_FLIGHT);
}

static void keep_scan(struct aod_tracer *tracer, struct aod_log_header *log,
		      const struct scan *scan)
{
	memcpy(tracer->in_flight, scan->in_flight, sizeof(tracer->in_flight));
	tracer->scanned_ns = scan->now_ns;
	log->in_flight = 0;
	for (uint32_t command = 0; command < AOD_COMMANDS; command++)
		log->in_flight += scan->in_flight[command];
}

int aod_scan_inflight(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t now_ns,
		      const struct aod_ages *ages, struct aod_event *events, int max_events)
{
	struct aod_inflight_key keys[BATCH];
	struct aod_inflight ops[BATCH];
	uint32_t cursor, count;
	struct scan scan = {tracer, ages, now_ns, events, 0, max_events, {0}};
	void *from = NULL;
	int err;

	if (!__atomic_exchange_n(&tracer->control->busy, 0, __ATOMIC_ACQ_REL) && !log->in_flight) {
		keep_scan(tracer, log, &scan); /* an idle share costs no walk through the map */
		return 0;
	}
	do {
		count = BATCH;
		err = bpf_map_lookup_batch(tracer->inflight_fd, from, &cursor, keys, ops, &count,
					   NULL);
		if (err && errno != ENOENT)
			return -errno;
		for (uint32_t i = 0; i < count; i++)
			examine(&scan, &keys[i], &ops[i]);
		from = &cursor;
	} while (!err);
	keep_scan(tracer, log, &scan);
	return scan.found;
}
