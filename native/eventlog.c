/* SPDX-License-Identifier: MIT */
/* The event log's writer: it commits records, appends its own, and takes up where another stopped.
 */
#include "tracer.h"

AOD_SIZE(aod_log_commit, 48);
_Static_assert(sizeof(struct aod_log_header) <= AOD_LOG_HEADER_BYTES, "the head has its own pages");

struct aod_event *aod_log_records(struct aod_log_header *log)
{
	return (struct aod_event *)((uint8_t *)log + AOD_LOG_HEADER_BYTES);
}

void aod_log_commit_to(struct aod_log_header *log, const struct aod_log_commit *commit)
{
	uint64_t next = log->commit_seq + 1;

	log->commit[next % 2] = *commit;
	__atomic_store_n(&log->commit_seq, next, __ATOMIC_RELEASE);
}

struct aod_log_commit aod_log_committed(const struct aod_log_header *log)
{
	struct aod_log_commit commit;
	uint64_t seq;

	do { /* a writer that commits twice meanwhile may have changed the slot under us */
		seq = __atomic_load_n(&log->commit_seq, __ATOMIC_ACQUIRE);
		commit = log->commit[seq % 2];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&log->commit_seq, __ATOMIC_RELAXED) != seq);
	return commit;
}

int aod_log_append(struct aod_log_header *log, uint64_t limit, const struct aod_event *events,
		   int count)
{
	struct aod_log_commit last = aod_log_committed(log);
	struct aod_event *records = aod_log_records(log);
	int copied = 0;

	for (; copied < count && last.log_position < limit; copied++, last.log_position++)
		records[last.log_position & (log->capacity - 1)] = events[copied];
	last.appended += (uint64_t)copied;
	if (copied)
		aod_log_commit_to(log, &last);
	return copied;
}

/*
 * The last writer may have been killed after it gave an operation up and before it counted that, or
 * after it cleared `busy` and before it saw what is in flight.
 */
static void settle(struct aod_tracer *tracer)
{
	uint32_t mark = tracer->control->giving_up;

	if (mark && mark <= AOD_COMMANDS)
		tracer->control->uncertain[mark - 1]++;
	tracer->control->giving_up = 0;
	tracer->control->busy = 1;
}

/* Whether an entry that the kernel produced may end here; a log must not move the ring elsewhere.
 */
static int is_in_ring(const struct aod_ring *ring, uint64_t position)
{
	uint64_t consumed = *ring->consumer_pos;
	uint64_t produced = __atomic_load_n(ring->producer_pos, __ATOMIC_ACQUIRE);

	return position % 8 == 0 && position - consumed <= produced - consumed;
}

int aod_log_adopt(struct aod_tracer *tracer, struct aod_log_header *log)
{
	struct aod_log_commit last = aod_log_committed(log);
	unsigned long consumed = *tracer->ring.consumer_pos;
	struct aod_log_commit first = {.log_position = last.log_position,
				       .ring_position = consumed,
				       .base_log = last.log_position,
				       .base_ring = consumed};

	settle(tracer);
	if (log->ring_id == tracer->control->ring_id &&
	    is_in_ring(&tracer->ring, last.ring_position)) {
		/* The last writer may have died after its commit, before the kernel knew of it. */
		__atomic_store_n(tracer->ring.consumer_pos, last.ring_position, __ATOMIC_RELEASE);
		return 0;
	}
	aod_log_commit_to(log, &first);
	log->ring_id = tracer->control->ring_id;
	return 0;
}
