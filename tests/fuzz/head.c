/* SPDX-License-Identifier: MIT */
/* The head of the event log: whatever it holds, what is written keeps within its bounds. */
#include <bpf/bpf.h>
#include <errno.h>

#include "ring.h"

static struct input kernel; /* what the maps "hold" */
static int cpus, lookups;

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	uint32_t command;

	memcpy(&command, key, sizeof(command));
	CHECK(command < AOD_COMMANDS);
	if (kernel.size && take_u8(&kernel) == 255) {
		errno = ENOENT;
		return -1;
	}
	take(&kernel, value, (size_t)cpus * sizeof(struct aod_command_stats));
	return 0;
}

int bpf_map_lookup_batch(int fd, void *from, void *to, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	__u32 room = *count, found = take_u64(&kernel) % (room + 1);

	take(&kernel, keys, found * sizeof(struct aod_inflight_key));
	for (__u32 i = 0; i < found; i++) { /* commands that there are, mostly */
		struct aod_inflight_key *key = (struct aod_inflight_key *)keys + i;

		key->command %= AOD_COMMANDS + 8;
	}
	take(&kernel, values, found * sizeof(struct aod_inflight));
	*count = found;
	if (++lookups % 3 && kernel.size)
		return 0;
	errno = take_u8(&kernel) == 255 ? EFAULT : ENOENT;
	return -1;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	return take_u8(&kernel) == 255 ? -1 : 0;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *len)
{
	return -1;
}

static void append(struct aod_log_header *log, struct input *input)
{
	int count = take_u8(input) % 80, copied;
	struct aod_event *events = calloc((size_t)count + !count, sizeof(*events));
	struct aod_log_commit before = aod_log_committed(log), after;
	uint64_t limit = take_u64(input);
	uint64_t room = limit > before.log_position ? limit - before.log_position : 0;

	copied = aod_log_append(log, limit, events, count);
	after = aod_log_committed(log);
	CHECK(copied == (room < (uint64_t)count ? (int)room : count));
	CHECK(after.log_position == before.log_position + (uint64_t)copied);
	CHECK(after.ring_position == before.ring_position);
	CHECK(after.appended == before.appended + (uint64_t)copied);
	free(events);
}

static void scan(struct aod_tracer *tracer, struct aod_log_header *log, struct input *input)
{
	int room = take_u8(input) % 20, found;
	struct aod_event *events = calloc((size_t)room + !room, sizeof(*events));
	uint64_t give_up[AOD_COMMANDS], hanging[2 * AOD_COMMANDS], sum = 0;
	struct aod_ages ages = {give_up, hanging, take_u8(input) % 3};

	for (int i = 0; i < AOD_COMMANDS; i++)
		give_up[i] = hanging[2 * i] = hanging[2 * i + 1] = take_u64(input);
	tracer->control->busy = 1;
	found = aod_scan_inflight(tracer, log, take_u64(input), &ages, events, room);
	CHECK(found <= room && found >= -EFAULT);
	for (int i = 0; i < AOD_COMMANDS; i++)
		sum += tracer->in_flight[i];
	CHECK(found < 0 || sum == log->in_flight);
	CHECK(!tracer->control->giving_up);
	free(events);
}

static void publish(struct aod_tracer *tracer, struct aod_log_header *log)
{
	int err;

	for (int i = 0; i < AOD_COPIES; i++)
		tracer->per_cpu[i] = calloc((size_t)cpus, sizeof(**tracer->per_cpu));
	err = aod_publish_stats(tracer, log, 1);
	CHECK(err || (log->stats_seq % 2 == 0 && log->stats_ns == 1));
	CHECK(err || !memcmp(log->in_flight_of, tracer->in_flight, sizeof(log->in_flight_of)));
	for (int i = 0; i < AOD_COPIES; i++)
		free(tracer->per_cpu[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct memory memory = {0};
	struct aod_log_header *log = make_log(&input);
	uint64_t capacity = log->capacity;

	cpus = 1 + take_u8(&input) % 3;
	lookups = 0;
	make_ring(&memory, &input);
	aod_log_adopt(&memory.tracer, log);
	kernel = input;
	append(log, &input);
	scan(&memory.tracer, log, &input);
	publish(&memory.tracer, log);
	append(log, &input);
	CHECK(log->capacity == capacity);
	free_ring(&memory);
	free(log);
	return 0;
}
