/* SPDX-License-Identifier: MIT */
/*
 * The shim over libbpf: what Python calls. Functions return 0 or a count, or -errno.
 *
 * A tracer is a folder in bpffs: maps/NAME, programs/NAME and, once attached, links/NAME. It is
 * made whole by aod_install() and used by aod_open(); the process that opened it owns nothing, so
 * its death loses nothing.
 */
#ifndef AOD_H
#define AOD_H

#ifndef AOD_CDEF
#include <stddef.h>
#include <stdint.h>
#endif

#include "eventlog.h"

enum aod_shim_limits {
	AOD_MAX_PROGRAMS = 32,
	AOD_NAME_LEN = 32,
};

struct aod_setup {
	const char *pin_dir;
	const char *staging_dir; /* beside pin_dir, does not exist */
	const char *beside_dir; /* a tracer whose map of own processes is shared, if there is one */
	uint32_t ring_bytes;    /* a power of two, at least a page */
	uint32_t max_inflight;  /* operations */
	uint64_t ring_id;       /* unique to this installation */
	uint8_t build_id[32];   /* of the object */
};

struct aod_attachment {
	char name[32]; /* of the program and of its raw tracepoint */
	int error;     /* 0: attached; else why not, a positive errno */
};

struct aod_named {
	struct aod_name_key key;
	union aod_name name;
};

enum aod_drain_stop {
	AOD_DRAIN_EMPTY = 0, /* all that is complete was copied */
	AOD_DRAIN_LIMIT = 1, /* `max_records` were copied, there is more */
	AOD_DRAIN_FULL = 2,  /* the log has no room for the next record */
};

struct aod_drained {
	uint64_t start; /* log position of the first record copied */
	uint64_t count;
	uint64_t matched;   /* how many of them carry AOD_EVENT_MATCHED */
	uint64_t malformed; /* ring entries of another size, skipped */
	uint64_t ring_position;
	int stop; /* enum aod_drain_stop */
};

struct aod_tracer;

/* Load the object and pin it, complete, as setup->pin_dir. Until thresholds are set, all matches.
 */
int aod_install(const void *object, size_t size, const struct aod_setup *setup);
/* Remove a tracer's folder: detaches its programs and drops its maps. */
int aod_remove(const char *pin_dir);
/* Load the object and drop it: can this kernel run it? */
int aod_probe(const void *object, size_t size);
/* Make the smallest map of a type that has neither keys nor values, and drop it. -EINVAL: the
 * kernel does not know the type. */
int aod_probe_map(uint32_t type);

int aod_open(const char *pin_dir, struct aod_tracer **tracer);
void aod_close(struct aod_tracer *tracer);
/* The wake-up descriptor: readable when a record needs attention. */
int aod_wake_fd(const struct aod_tracer *tracer);
uint64_t aod_ring_bytes(const struct aod_tracer *tracer);
/* Attach every program that is not attached; fills one row a program, returns how many. */
int aod_attach(struct aod_tracer *tracer, struct aod_attachment *rows, int max_rows);
/*
 * Load and attach the hooks that see a mid released, functions of the cifs module, which must be
 * loaded; they use this tracer's maps. Nothing to do where they are attached. -ENOENT: the module
 * has no BTF; -ESRCH: the hooks do not know its functions.
 */
int aod_attach_mid_release(struct aod_tracer *tracer, const void *object, size_t size);
struct aod_thresholds *aod_thresholds(struct aod_tracer *tracer);
struct aod_control *aod_control(struct aod_tracer *tracer);

/* Continue in `log` where its last writer stopped, or begin with this tracer's ring. */
int aod_log_adopt(struct aod_tracer *tracer, struct aod_log_header *log);
struct aod_log_commit aod_log_committed(const struct aod_log_header *log);
/* Copy records from the ring into the log, up to log position `limit` (exclusive). */
int aod_drain(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t limit,
	      uint64_t max_records, struct aod_drained *drained);
/* Records in the ring that no drain has taken, complete or not. */
uint64_t aod_pending(const struct aod_tracer *tracer);
/* Copy user space's own records (operations in flight) into the log; returns how many fitted. */
int aod_log_append(struct aod_log_header *log, uint64_t limit, const struct aod_event *events,
		   int count);
/* Tables by command, AOD_COMMANDS long each. */
struct aod_ages {
	const uint64_t *give_up_ns;
	const uint64_t *hanging_ns; /* one table after the other: each rule's emergency threshold */
	int hanging_tables;
};

/*
 * Go through the operations in flight: those that reached one of hanging_ns since the last scan
 * become records; those older than give_up_ns of their command are dropped and counted, and become
 * a record if they reached the emergency threshold. Without room for a record, nothing is dropped.
 */
int aod_scan_inflight(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t now_ns,
		      const struct aod_ages *ages, struct aod_event *events, int max_events);
/* Copy the counters of the maps into the log's head. */
int aod_publish_stats(struct aod_tracer *tracer, struct aod_log_header *log, uint64_t now_ns);

/* Copy what `names` holds; returns how many rows there are, at most max_rows. */
int aod_names(const struct aod_tracer *tracer, struct aod_named *rows, int max_rows);
/* Add a name, unless the kernel has recorded one for that key. */
int aod_add_name(struct aod_tracer *tracer, const struct aod_named *row);

/* From now on operations of these processes carry AOD_EVENT_OWN; at most AOD_MAX_OWN count. */
int aod_set_own(const struct aod_tracer *tracer, const uint32_t *pids, size_t count);

/* libbpf's messages since the last call. Returns the length. */
int aod_messages(char *text, size_t size);
/* Name this process in `ps` and `top`. */
int aod_name_process(const char *name);
/* Be killed when the parent dies. */
int aod_die_with_parent(void);
/*
 * Nothing that this process or its children execute gives them rights, and none but the kept
 * capabilities (a bit each, by number) can be acquired again. For a process of one thread.
 */
int aod_limit_rights(uint64_t kept);
/* Drop all capabilities of this process but these. */
int aod_keep_capabilities(uint64_t kept);
/* Refuse (EPERM) the system calls that a stage which only computes never makes; see filter.c. */
int aod_filter_calls(void);
/* Let a process group use disks only when they are idle otherwise. */
int aod_idle_io(int group);

#endif
