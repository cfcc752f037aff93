/* SPDX-License-Identifier: MIT */
/* Open a pinned tracer, and close it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tracer.h"

int aod_open_pin(const char *dir, const char *kind, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, kind, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int open_maps(struct aod_tracer *tracer)
{
	const struct {
		const char *name;
		int *fd;
	} maps[] = {
	    {"events", &tracer->events_fd},     {"thresholds", &tracer->thresholds_fd},
	    {"control", &tracer->control_fd},   {"stats", &tracer->stats_fd},
	    {"inflight", &tracer->inflight_fd}, {"names", &tracer->names_fd},
	    {"own", &tracer->own_fd},
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		*maps[i].fd = aod_open_pin(tracer->pin_dir, "maps", maps[i].name);
		/* 0.1.0's name: its unread records are counted when this build replaces it. */
		if (*maps[i].fd == -ENOENT && maps[i].fd == &tracer->thresholds_fd)
			*maps[i].fd = aod_open_pin(tracer->pin_dir, "maps", "knobs");
		if (*maps[i].fd < 0)
			return *maps[i].fd;
	}
	return 0;
}

/* Programs that attach to nothing (those of the tests) are left alone. */
static int add_program(struct aod_tracer *tracer, const char *name)
{
	struct aod_program *program = &tracer->programs[tracer->program_count];
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	size_t name_len = strlen(name);
	int fd = name_len < AOD_NAME_LEN ? aod_open_pin(tracer->pin_dir, "programs", name)
					 : -ENAMETOOLONG;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_PROG_TYPE_RAW_TRACEPOINT) {
		close(fd);
		return 0;
	}
	memcpy(program->name, name, name_len + 1);
	program->fd = fd;
	tracer->program_count++;
	return 0;
}

static int open_programs(struct aod_tracer *tracer)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/programs", tracer->pin_dir);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!err && tracer->program_count < AOD_MAX_PROGRAMS && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = add_program(tracer, entry->d_name);
	closedir(dir);
	return err;
}

static void *map_shared(int fd, size_t size, int protection, off_t offset)
{
	void *memory = mmap(NULL, size, protection, MAP_SHARED, fd, offset);

	return memory == MAP_FAILED ? NULL : memory;
}

/* kernel/bpf/ringbuf.c: page 0 is the consumer's, page 1 the producer's, then the data, twice. */
static int map_ring(struct aod_tracer *tracer)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	uint8_t *producer;

	if (bpf_obj_get_info_by_fd(tracer->events_fd, &info, &len))
		return -errno;
	tracer->ring.bytes = info.max_entries;
	tracer->ring.consumer_pos = map_shared(tracer->events_fd, page, PROT_READ | PROT_WRITE, 0);
	if (!tracer->ring.consumer_pos)
		return -errno;
	producer =
	    map_shared(tracer->events_fd, page + 2 * tracer->ring.bytes, PROT_READ, (off_t)page);
	if (!producer)
		return -errno;
	tracer->ring.producer_pos = (const unsigned long *)producer;
	tracer->ring.data = producer + page;
	return 0;
}

static int map_values(struct aod_tracer *tracer)
{
	tracer->thresholds = map_shared(tracer->thresholds_fd, sizeof(*tracer->thresholds),
					PROT_READ | PROT_WRITE, 0);
	if (!tracer->thresholds)
		return -errno;
	tracer->control =
	    map_shared(tracer->control_fd, sizeof(*tracer->control), PROT_READ | PROT_WRITE, 0);
	return tracer->control ? 0 : -errno;
}

static int read_limits(struct aod_tracer *tracer)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(tracer->inflight_fd, &info, &len))
		return -errno;
	tracer->max_inflight = info.max_entries;
	return 0;
}

static int allocate_counters(struct aod_tracer *tracer)
{
	for (int i = 0; i < AOD_COPIES; i++) {
		tracer->per_cpu[i] = calloc((size_t)tracer->cpus, sizeof(**tracer->per_cpu));
		if (!tracer->per_cpu[i])
			return -ENOMEM;
	}
	return 0;
}

static int open_all(struct aod_tracer *tracer)
{
	int err = open_maps(tracer);

	if (!err)
		err = map_ring(tracer);
	if (!err)
		err = map_values(tracer);
	if (!err)
		err = open_programs(tracer);
	if (!err)
		err = read_limits(tracer);
	if (err)
		return err;
	tracer->cpus = libbpf_num_possible_cpus();
	if (tracer->cpus < 0)
		return tracer->cpus;
	return allocate_counters(tracer);
}

int aod_open(const char *pin_dir, struct aod_tracer **out)
{
	struct aod_tracer *tracer = calloc(1, sizeof(*tracer));
	int err;

	if (!tracer)
		return -ENOMEM;
	tracer->events_fd = tracer->thresholds_fd = tracer->control_fd = -1;
	tracer->stats_fd = tracer->inflight_fd = tracer->names_fd = tracer->own_fd = -1;
	tracer->pin_dir = strdup(pin_dir);
	err = tracer->pin_dir ? open_all(tracer) : -ENOMEM;
	if (err) {
		aod_close(tracer);
		return err;
	}
	*out = tracer;
	return 0;
}

static void unmap(const void *memory, size_t size)
{
	if (memory)
		munmap((void *)memory, size);
}

void aod_close(struct aod_tracer *tracer)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const int fds[] = {tracer->events_fd, tracer->thresholds_fd, tracer->control_fd,
			   tracer->stats_fd,  tracer->inflight_fd,   tracer->names_fd,
			   tracer->own_fd};

	unmap(tracer->ring.consumer_pos, page);
	unmap(tracer->ring.producer_pos, page + 2 * tracer->ring.bytes);
	unmap(tracer->thresholds, sizeof(*tracer->thresholds));
	unmap(tracer->control, sizeof(*tracer->control));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (int i = 0; i < tracer->program_count; i++)
		close(tracer->programs[i].fd);
	for (int i = 0; i < AOD_COPIES; i++)
		free(tracer->per_cpu[i]);
	free(tracer->pin_dir);
	free(tracer);
}

int aod_wake_fd(const struct aod_tracer *tracer)
{
	return tracer->events_fd;
}

uint64_t aod_ring_bytes(const struct aod_tracer *tracer)
{
	return tracer->ring.bytes;
}

struct aod_thresholds *aod_thresholds(struct aod_tracer *tracer)
{
	return tracer->thresholds;
}

struct aod_control *aod_control(struct aod_tracer *tracer)
{
	return tracer->control;
}

int aod_set_own(const struct aod_tracer *tracer, const uint32_t *pids, size_t count)
{
	struct aod_own own = {0};
	__u32 zero = 0;

	memcpy(own.pids, pids, (count < AOD_MAX_OWN ? count : AOD_MAX_OWN) * sizeof(*pids));
	return bpf_map_update_elem(tracer->own_fd, &zero, &own, BPF_ANY) ? -errno : 0;
}
