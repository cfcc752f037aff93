/* SPDX-License-Identifier: MIT */
/* A tracer whose ring and maps are plain memory, made of a fuzzer's bytes. */
#ifndef AOD_FUZZ_RING_H
#define AOD_FUZZ_RING_H

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* What is left of the input; zeros follow its end. */
struct input {
	const uint8_t *data;
	size_t size;
};

static inline void take(struct input *input, void *to, size_t size)
{
	size_t there = size < input->size ? size : input->size;

	memset(to, 0, size);
	if (there)
		memcpy(to, input->data, there);
	input->data += there;
	input->size -= there;
}

static inline uint64_t take_u64(struct input *input)
{
	uint64_t value;

	take(input, &value, sizeof(value));
	return value;
}

static inline uint8_t take_u8(struct input *input)
{
	uint8_t value;

	take(input, &value, sizeof(value));
	return value;
}

/* A log of `capacity` records, its head filled by the input; exactly as large as it has to be. */
static inline struct aod_log_header *make_log(struct input *input)
{
	uint64_t capacity = 1ULL << (take_u8(input) % 7);
	struct aod_log_header *log =
	    malloc(AOD_LOG_HEADER_BYTES + capacity * sizeof(struct aod_event));

	memset(log, 0, AOD_LOG_HEADER_BYTES);
	log->ring_id = take_u8(input) % 2;
	log->commit_seq = take_u64(input);
	take(input, &log->commit, sizeof(log->commit));
	log->stats_seq = take_u8(input);
	log->capacity = capacity; /* aod/transport/eventlog.py has checked it */
	return log;
}

struct memory {
	struct aod_tracer tracer;
	struct aod_control control;
	struct aod_thresholds thresholds;
	unsigned long consumer, producer;
	uint8_t *data;
};

/*
 * A ring as the kernel's: positions are multiples of 8, no more is produced than there is room; its
 * bytes are the input's. What was not produced must not be read.
 */
static inline void make_ring(struct memory *memory, struct input *input)
{
	size_t bytes = 256UL << (take_u8(input) % 4), at, produced;
	struct aod_ring *ring = &memory->tracer.ring;

	memory->consumer = (take_u64(input) % (1UL << 62)) & ~7UL;
	produced = take_u64(input) % (bytes + 1) & ~7UL;
	memory->producer = memory->consumer + produced;
	memory->data = malloc(2 * bytes);
	at = memory->consumer & (bytes - 1);
	for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
		uint64_t word = take_u64(input);

		memcpy(memory->data + ((at + i) & (bytes - 1)), &word, sizeof(word));
	}
	memcpy(memory->data + bytes, memory->data, bytes);
	for (size_t i = 0; i < 2 * bytes; i += 8) /* from `at`, going round */
		if (((i - at) & (bytes - 1)) >= produced)
			ASAN_POISON_MEMORY_REGION(memory->data + i, 8);
	*ring = (struct aod_ring){&memory->consumer, &memory->producer, memory->data, bytes};
	memory->tracer.control = &memory->control;
	memory->tracer.thresholds = &memory->thresholds;
}

static inline void free_ring(struct memory *memory)
{
	ASAN_UNPOISON_MEMORY_REGION(memory->data, 2 * memory->tracer.ring.bytes);
	free(memory->data);
}

#endif
