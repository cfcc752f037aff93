/* SPDX-License-Identifier: MIT */
/* libbpf's own consumer with an empty callback: what the shim's drain is measured against. */
#include <bpf/libbpf.h>
#include <time.h>

static int ignore(void *context, void *data, size_t size)
{
	return 0;
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

struct ring_buffer *bench_open(int map_fd)
{
	return ring_buffer__new(map_fd, ignore, NULL, NULL);
}

/* ns for all records that the ring holds; *count is how many they were. */
double bench_consume(struct ring_buffer *ring, int *count)
{
	double start = now_ns();

	*count = ring_buffer__consume(ring);
	return now_ns() - start;
}
