/* SPDX-License-Identifier: MIT */
/* The counters of the maps, read while programs count, and published in the log's head. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "tracer.h"

enum { MAX_READS = 8 }; /* of one command's counters, while they move */

static void add_stats(struct aod_command_stats *sum, const struct aod_command_stats *one)
{
	const uint64_t *from = (const uint64_t *)one;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*one) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static int copy_stats(const struct aod_tracer *tracer, uint32_t command, int copy)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* after all reads of earlier copies */
	return bpf_map_lookup_elem(tracer->stats_fd, &command, tracer->per_cpu[copy]) ? -errno : 0;
}

static uint64_t doubt(const struct aod_command_stats *stats)
{
	return stats->begun - stats->ended;
}

/*
 * Keep, of each CPU, the copy with the least doubt. Programs count while the kernel copies, in an
 * order that is not defined; but one copy is complete before the next begins. What had ended in the
 * first copy is whole in the second, and what had not begun in the third is not in the second: only
 * what lies between may be counted in part. A second copy that equals the first was true at the
 * moment between them.
 */
static void keep_best(struct aod_tracer *tracer, int try)
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

/* Three copies, or two where they are equal. */
static int read_once(struct aod_tracer *tracer, uint32_t command, int try)
{
	size_t size = (size_t)tracer->cpus * sizeof(**tracer->per_cpu);
	int err = copy_stats(tracer, command, 0);

	if (!err)
		err = copy_stats(tracer, command, 1);
	if (!err && memcmp(tracer->per_cpu[0], tracer->per_cpu[1], size))
		err = copy_stats(tracer, command, 2);
	if (!err)
		keep_best(tracer, try);
	return err;
}

/* Read until nothing is in doubt, or MAX_READS times. */
static int read_stats(struct aod_tracer *tracer, uint32_t command, struct aod_command_stats *sum)
{
	int err = read_once(tracer, command, 0);

	for (int try = 1; !err && try < MAX_READS && doubts(tracer); try++)
		err = read_once(tracer, command, try);
	for (int cpu = 0; !err && cpu < tracer->cpus; cpu++)
		add_stats(sum, &tracer->per_cpu[AOD_COPIES - 1][cpu]);
	return err;
}

/* Linux counts them since 5.12; before: none. */
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

/* Readers compare stats_seq before and after; a writer that is killed leaves it odd. */
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
