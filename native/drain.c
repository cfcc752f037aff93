/* SPDX-License-Identifier: MIT */
/* From the kernel's ring into the event log: the only copy that a record makes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "tracer.h"

AOD_SIZE(aod_log_commit, 48);
_Static_assert(sizeof(struct aod_log_header) <= AOD_LOG_HEADER_BYTES, "the head has its own pages");

/* The largest head start of a record in the ring: length and page offset (BPF_RINGBUF_HDR_SZ). */
#define RING_HEADER_BYTES 8

static size_t ring_entry_bytes(uint32_t length)
{
	return (length + RING_HEADER_BYTES + 7) & ~(size_t)7;
}

struct aod_event *aod_log_records(struct aod_log_header *log)
{
	return (struct aod_event *)((uint8_t *)log + AOD_LOG_HEADER_BYTES);
}

static void commit_to(struct aod_log_header *log, const struct aod_log_commit *commit)
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

/*
 * The last writer may have been killed after it gave an operation up and before it counted that, or
 * between a look at `busy` and one at what is in flight.
 */
static void settle(struct aod_tracer *tracer)
{
	uint32_t mark = tracer->control->giving_up;

	if (mark && mark <= AOD_COMMANDS)
		tracer->control->uncertain[mark - 1]++;
	tracer->control->giving_up = 0;
	tracer->control->busy = 1;
}

/* What is read was produced, and read to the end of an entry; else a log must not move the ring. */
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
	struct aod_log_commit begin = {.log_position = last.log_position,
				       .ring_position = consumed,
				       .base_log = last.log_position,
				       .base_ring = consumed};

	settle(tracer);
	if (log->ring_id == tracer->control->ring_id &&
	    is_in_ring(&tracer->ring, last.ring_position)) {
		/* The last writer may have died between its commit and telling the kernel. */
		__atomic_store_n(tracer->ring.consumer_pos, last.ring_position, __ATOMIC_RELEASE);
		return 0;
	}
	commit_to(log, &begin);
	log->ring_id = tracer->control->ring_id;
	return 0;
}

int aod_drain(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t limit,
	      uint64_t max_records, struct aod_drained *drained)
{
	struct aod_ring *ring = &tracer->ring;
	struct aod_event *records = aod_log_records(log);
	struct aod_log_commit commit = aod_log_committed(log);
	uint64_t position = commit.log_position, slots = log->capacity - 1;
	unsigned long consumed = *ring->consumer_pos;
	unsigned long produced = __atomic_load_n(ring->producer_pos, __ATOMIC_ACQUIRE);

	memset(drained, 0, sizeof(*drained));
	drained->start = position;
	while (consumed < produced) {
		const uint8_t *entry = ring->data + (consumed & (ring->bytes - 1));
		uint32_t head = __atomic_load_n((const uint32_t *)entry, __ATOMIC_ACQUIRE);
		uint32_t length = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		const struct aod_event *event = (const void *)(entry + RING_HEADER_BYTES);
		size_t bytes = ring_entry_bytes(length);

		if (head & BPF_RINGBUF_BUSY_BIT)
			break;
		/* No entry runs beyond: nobody knows where the next one begins. */
		if (bytes > produced - consumed) {
			bytes = produced - consumed;
			length = 0;
		}
		if (!(head & BPF_RINGBUF_DISCARD_BIT) && length == sizeof(*event)) {
			drained->stop = position >= limit               ? AOD_DRAIN_FULL
					: drained->count == max_records ? AOD_DRAIN_LIMIT
									: AOD_DRAIN_EMPTY;
			if (drained->stop)
				break;
			memcpy(&records[position & slots], event, sizeof(*event));
			drained->matched += (event->flags & AOD_EVENT_MATCHED) != 0;
			drained->count++;
			position++;
		} else {
			drained->malformed += length != sizeof(*event);
			commit.passed_bytes += bytes;
		}
		consumed += bytes;
	}
	drained->ring_position = consumed;
	if (consumed == *ring->consumer_pos)
		return 0;
	commit.log_position = position;
	commit.ring_position = consumed;
	commit_to(log, &commit);
	__atomic_store_n(ring->consumer_pos, consumed, __ATOMIC_RELEASE);
	return 0;
}

uint64_t aod_pending(const struct aod_tracer *tracer)
{
	unsigned long produced = __atomic_load_n(tracer->ring.producer_pos, __ATOMIC_ACQUIRE);

	return (produced - *tracer->ring.consumer_pos) / ring_entry_bytes(sizeof(struct aod_event));
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
		commit_to(log, &last);
	return copied;
}
