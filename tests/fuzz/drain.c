/* SPDX-License-Identifier: MIT */
/* The record path: from a ring of any content into a log with any head. */
#include <bpf/bpf.h>

#include "ring.h"

enum { RECORD_BYTES = sizeof(struct aod_event) + 8 };

static void check_drain(const struct memory *memory, const struct aod_log_commit *before,
			const struct aod_log_commit *after, uint64_t consumer,
			const struct aod_drained *drained)
{
	uint64_t passed = after->passed_bytes - before->passed_bytes;

	CHECK(drained->start == before->log_position);
	CHECK(after->log_position == before->log_position + drained->count);
	CHECK(memory->consumer >= consumer && memory->consumer <= memory->producer);
	CHECK(memory->consumer % 8 == 0 && drained->ring_position == memory->consumer);
	CHECK(drained->matched <= drained->count);
	if (memory->consumer == consumer) {
		CHECK(!memcmp(before, after, sizeof(*after)));
		return;
	}
	CHECK(after->ring_position == memory->consumer);
	CHECK(after->appended == before->appended && after->base_log == before->base_log);
	CHECK(memory->consumer - consumer == drained->count * RECORD_BYTES + passed);
	CHECK(!passed || drained->malformed || passed % RECORD_BYTES == 0);
}

/* Why it stopped is true. */
static void check_stop(const struct memory *memory, const struct aod_drained *drained,
		       uint64_t position, uint64_t limit, uint64_t most)
{
	const struct aod_ring *ring = &memory->tracer.ring;
	const uint8_t *entry = ring->data + (memory->consumer & (ring->bytes - 1));
	int is_empty = memory->consumer == memory->producer;

	CHECK(drained->count <= most);
	CHECK(drained->stop != AOD_DRAIN_FULL || position >= limit);
	CHECK(drained->stop != AOD_DRAIN_LIMIT || drained->count == most);
	CHECK(drained->stop != AOD_DRAIN_EMPTY || is_empty ||
	      *(const uint32_t *)entry & BPF_RINGBUF_BUSY_BIT);
}

static void drain(struct memory *memory, struct aod_log_header *log, uint64_t limit, uint64_t most)
{
	struct aod_drained drained = {.stop = AOD_DRAIN_LIMIT};
	size_t rounds = 0;

	while (drained.stop == AOD_DRAIN_LIMIT) {
		struct aod_log_commit before = aod_log_committed(log), after;
		uint64_t consumer = memory->consumer;

		CHECK(!aod_drain(&memory->tracer, log, limit, most, &drained));
		after = aod_log_committed(log);
		check_drain(memory, &before, &after, consumer, &drained);
		check_stop(memory, &drained, after.log_position, limit, most);
		CHECK(++rounds <= memory->tracer.ring.bytes / 8 + 1 || !most);
		if (!most)
			break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct memory memory = {0};
	struct aod_log_header *log = make_log(&input);
	uint64_t consumer, limit = take_u64(&input), most = take_u8(&input) % 9;

	memory.control.ring_id = 1;
	memory.control.giving_up = take_u8(&input);
	make_ring(&memory, &input);
	consumer = memory.consumer;
	CHECK(!aod_log_adopt(&memory.tracer, log));
	CHECK(memory.consumer >= consumer && memory.consumer <= memory.producer);
	CHECK(aod_log_committed(log).ring_position == memory.consumer && log->ring_id == 1);
	drain(&memory, log, limit, most);
	CHECK(aod_pending(&memory.tracer) <= memory.tracer.ring.bytes / RECORD_BYTES);
	free_ring(&memory);
	free(log);
	return 0;
}
