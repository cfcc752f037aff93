/* SPDX-License-Identifier: MIT */
/* Operations in flight, and the counters of the maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "tracer.h"

enum {
	BATCH = 512,
	LOOKS = 8, /* at counters that move */
};

/* What one scan looks for, and the records that it makes. */
struct scan {
	struct aod_tracer *tracer;
	const struct aod_ages *ages;
	uint64_t now_ns;
	struct aod_event *events;
	int found, room;
	uint64_t in_flight[AOD_COMMANDS];
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
	struct aod_control *control = scan->tracer->control;
	int err;

	/* Who is killed between the two leaves the mark (drain.c, settle). */
	__atomic_store_n(&control->giving_up, key->command + 1, __ATOMIC_RELEASE);
	err = bpf_map_delete_elem(scan->tracer->inflight_fd, key);
	if (!err)
		control->gave_up[key->command]++;
	__atomic_store_n(&control->giving_up, 0, __ATOMIC_RELEASE);
	if (err)
		return;
	scan->in_flight[key->command]--;
	if (is_emergency(scan, key->command, op->start_ns))
		tell(scan, key, op, AOD_EVENT_UNANSWERED);
}

static void look_at(struct scan *scan, const struct aod_inflight_key *key,
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
	else if (is_to_be_told(scan, command, op->start_ns))
		tell(scan, key, op, AOD_EVENT_IN_FLIGHT);
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
			look_at(&scan, &keys[i], &ops[i]);
		from = &cursor;
	} while (!err);
	keep_scan(tracer, log, &scan);
	return scan.found;
}

static void add_stats(struct aod_command_stats *sum, const struct aod_command_stats *one)
{
	const uint64_t *from = (const uint64_t *)one;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*one) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static int copy_stats(const struct aod_tracer *tracer, uint32_t command, int copy)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* after all that earlier copies have read */
	return bpf_map_lookup_elem(tracer->stats_fd, &command, tracer->per_cpu[copy]) ? -errno : 0;
}

static uint64_t doubt(const struct aod_command_stats *stats)
{
	return stats->begun - stats->ended;
}

/*
 * Of each CPU the copy with the least doubt. Programs count while the kernel copies, in an order
 * that nobody promises; but one copy is done before the next begins. What had ended in the first
 * is whole in the second, and what had not begun in the third is not in the second: only what is
 * between the two may be counted by half. A second copy that is as the first was true at the
 * moment between them.
 */
static void choose(struct aod_tracer *tracer, int try)
{
	for (int cpu = 0; cpu < tracer->cpus; cpu++) {
		struct aod_command_stats *best = &tracer->per_cpu[AOD_COPIES - 1][cpu];
		struct aod_command_stats found = tracer->per_cpu[1][cpu];

		if (memcmp(&tracer->per_cpu[0][cpu], &found, sizeof(found))) {
			found.ended = tracer->per_cpu[0][cpu].ended;
			found.begun = tracer->per_cpu[2][cpu].begun;
		}
		if (!try || doubt(&found) < doubt(best))
			*best = found;
	}
}

static uint64_t doubts(const struct aod_tracer *tracer)
{
	uint64_t sum = 0;

	for (int cpu = 0; cpu < tracer->cpus; cpu++)
		sum += doubt(&tracer->per_cpu[AOD_COPIES - 1][cpu]);
	return sum;
}

/* Three copies, or two where they are the same. */
static int look(struct aod_tracer *tracer, uint32_t command, int try)
{
	size_t size = (size_t)tracer->cpus * sizeof(**tracer->per_cpu);
	int err = copy_stats(tracer, command, 0);

	if (!err)
		err = copy_stats(tracer, command, 1);
	if (!err && memcmp(tracer->per_cpu[0], tracer->per_cpu[1], size))
		err = copy_stats(tracer, command, 2);
	if (!err)
		choose(tracer, try);
	return err;
}

/* Looks until nothing is in doubt, or a few times. */
static int read_stats(struct aod_tracer *tracer, uint32_t command, struct aod_command_stats *sum)
{
	int err = look(tracer, command, 0);

	for (int try = 1; !err && try < LOOKS && doubts(tracer); try++)
		err = look(tracer, command, try);
	for (int cpu = 0; !err && cpu < tracer->cpus; cpu++)
		add_stats(sum, &tracer->per_cpu[AOD_COPIES - 1][cpu]);
	return err;
}

/* Since 5.12; before, and for a program that never was in its own way: none. */
static uint64_t missed_events(const struct aod_tracer *tracer)
{
	uint64_t sum = 0;

	for (int i = 0; i < tracer->program_count; i++) {
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(tracer->programs[i].fd, &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}

/* What follows is read between two looks at stats_seq; a writer that is killed leaves it odd. */
static void begin_writing(struct aod_log_header *log)
{
	__atomic_store_n(&log->stats_seq, log->stats_seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void end_writing(struct aod_log_header *log)
{
	__atomic_store_n(&log->stats_seq, log->stats_seq + 1, __ATOMIC_RELEASE);
}

int aod_publish_stats(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t now_ns)
{
	uint64_t from = __atomic_load_n(tracer->ring.producer_pos, __ATOMIC_ACQUIRE);
	struct aod_command_stats stats[AOD_COMMANDS] = {0};
	int err = 0;

	for (uint32_t command = 0; !err && command < AOD_COMMANDS; command++)
		err = read_stats(tracer, command, &stats[command]);
	if (err)
		return err;
	begin_writing(log);
	memcpy(log->stats, stats, sizeof(stats));
	memcpy(log->gave_up, tracer->control->gave_up, sizeof(log->gave_up));
	memcpy(log->uncertain, tracer->control->uncertain, sizeof(log->uncertain));
	memcpy(log->in_flight_of, tracer->in_flight, sizeof(log->in_flight_of));
	log->scanned_ns = tracer->scanned_ns;
	log->produced_from = from;
	log->produced_to = __atomic_load_n(tracer->ring.producer_pos, __ATOMIC_ACQUIRE);
	log->missed = missed_events(tracer);
	log->max_inflight = tracer->max_inflight;
	log->stats_ring_id = tracer->control->ring_id;
	log->stats_ns = now_ns;
	end_writing(log);
	return 0;
}
