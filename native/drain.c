/* SPDX-License-Identifier: MIT */
/* From the kernel's ring into the event log: the only copy of a record that is made. */
#include <bpf/bpf.h>
#include <string.h>

#include "tracer.h"

/* Before each entry of the ring: its length and page offset (BPF_RINGBUF_HDR_SZ). */
#define RING_HEADER_BYTES 8

enum kind {
	BUSY,   /* reserved, not written yet */
	RECORD, /* as it should be */
	DISCARDED,
	MALFORMED, /* of another size */
};

struct entry {
	enum kind kind;
	size_t bytes; /* of the ring, header included */
	const struct aod_event *event;
};

static inline size_t ring_entry_bytes(uint32_t length)
{
	return (length + RING_HEADER_BYTES + 7) & ~(size_t)7;
}

static inline struct entry read_entry(const struct aod_ring *ring, unsigned long consumed,
				      unsigned long produced)
{
	const uint8_t *at = ring->data + (consumed & (ring->bytes - 1));
	uint32_t head = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
	uint32_t length = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	struct entry entry = {
	    .bytes = ring_entry_bytes(length),
	    .event = (const void *)(at + RING_HEADER_BYTES),
	};

	if (head & BPF_RINGBUF_BUSY_BIT)
		entry.kind = BUSY;
	else if (entry.bytes > produced - consumed || length != sizeof(struct aod_event))
		entry.kind = MALFORMED;
	else
		entry.kind = head & BPF_RINGBUF_DISCARD_BIT ? DISCARDED : RECORD;
	/* No entry runs beyond the end; where the next one begins is unknown. */
	if (entry.bytes > produced - consumed)
		entry.bytes = produced - consumed;
	return entry;
}

static inline int stop_at(uint64_t position, uint64_t limit, uint64_t count, uint64_t max_records)
{
	if (position >= limit)
		return AOD_DRAIN_FULL;
	return count == max_records ? AOD_DRAIN_LIMIT : AOD_DRAIN_EMPTY;
}

/* Both positions of `commit` move with what is copied. */
static void copy_records(const struct aod_ring *ring, struct aod_log_header *log, uint64_t limit,
			 uint64_t max_records, struct aod_log_commit *commit,
			 struct aod_drained *drained)
{
	struct aod_event *records = aod_log_records(log);
	uint64_t position = commit->log_position, slots = log->capacity - 1;
	unsigned long consumed = commit->ring_position;
	unsigned long produced = __atomic_load_n(ring->producer_pos, __ATOMIC_ACQUIRE);

	while (consumed < produced) {
		struct entry entry = read_entry(ring, consumed, produced);

		if (entry.kind == BUSY)
			break;
		if (entry.kind == RECORD) {
			drained->stop = stop_at(position, limit, drained->count, max_records);
			if (drained->stop)
				break;
			memcpy(&records[position++ & slots], entry.event, sizeof(*entry.event));
			drained->matched += (entry.event->flags & AOD_EVENT_MATCHED) != 0;
			drained->count++;
		} else {
			drained->malformed += entry.kind == MALFORMED;
			commit->passed_bytes += entry.bytes;
		}
		consumed += entry.bytes;
	}
	commit->log_position = position;
	commit->ring_position = consumed;
}

int aod_drain(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t limit,
	      uint64_t max_records, struct aod_drained *drained)
{
	unsigned long *consumer_pos = tracer->ring.consumer_pos;
	struct aod_log_commit commit = aod_log_committed(log);

	memset(drained, 0, sizeof(*drained));
	drained->start = commit.log_position;
	commit.ring_position = *consumer_pos;
	copy_records(&tracer->ring, log, limit, max_records, &commit, drained);
	drained->ring_position = commit.ring_position;
	if (commit.ring_position == *consumer_pos)
		return 0;
	aod_log_commit_to(log, &commit);
	__atomic_store_n(consumer_pos, commit.ring_position, __ATOMIC_RELEASE);
	return 0;
}

uint64_t aod_pending(const struct aod_tracer *tracer)
{
	unsigned long produced = __atomic_load_n(tracer->ring.producer_pos, __ATOMIC_ACQUIRE);

	return (produced - *tracer->ring.consumer_pos) / ring_entry_bytes(sizeof(struct aod_event));
}
