/* SPDX-License-Identifier: MIT */
/* Inside the shim: an opened tracer. */
#ifndef AOD_TRACER_H
#define AOD_TRACER_H

#include "aod.h"

/* Three copies, one after the other, and the best one of each CPU. */
enum { AOD_COPIES = 4 };

struct aod_ring {
	unsigned long *consumer_pos;
	const unsigned long *producer_pos;
	const uint8_t *data; /* mapped twice in a row: no record wraps */
	size_t bytes;        /* of the data, a power of two */
};

struct aod_program {
	char name[AOD_NAME_LEN];
	int fd;
};

struct aod_tracer {
	char *pin_dir;
	int events_fd;
	int thresholds_fd;
	int control_fd;
	int stats_fd;
	int inflight_fd;
	int names_fd;
	int own_fd;
	struct aod_ring ring;
	struct aod_thresholds *thresholds;
	struct aod_control *control;
	struct aod_program programs[AOD_MAX_PROGRAMS];
	int program_count;
	uint32_t max_inflight;
	uint64_t scanned_ns;              /* the last scan, */
	uint64_t in_flight[AOD_COMMANDS]; /* and what it saw */
	int cpus;
	struct aod_command_stats *per_cpu[AOD_COPIES]; /* of one command's counters, all CPUs */
};

struct bpf_object;

int aod_open_object(const void *data, size_t size, struct bpf_object **object);
/* A descriptor of what is pinned as dir/kind/name. */
int aod_open_pin(const char *dir, const char *kind, const char *name);
/*
 * Attach a program to a raw tracepoint; NULL: to the function that it names itself. The link is
 * pinned as dir/name, which keeps it when this process is gone; nothing to do where it is.
 */
int aod_attach_and_pin(const char *tracepoint, int program_fd, const char *dir, const char *name);

/* eventlog.c */
struct aod_event *aod_log_records(struct aod_log_header *log);
void aod_log_commit_to(struct aod_log_header *log, const struct aod_log_commit *commit);

#endif
