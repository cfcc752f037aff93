/* SPDX-License-Identifier: MIT */
/* Attach the programs of a tracer to their tracepoints. */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tracer.h"

int aod_attach_and_pin(const char *tracepoint, int program_fd, const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd, err = 0;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (access(path, F_OK) == 0)
		return 0;
	fd = bpf_raw_tracepoint_open(tracepoint, program_fd);
	if (fd < 0)
		return -errno;
	if (bpf_obj_pin(fd, path))
		err = -errno;
	close(fd);
	return err;
}

int aod_attach(struct aod_tracer *tracer, struct aod_attachment *rows, int max_rows)
{
	int count = tracer->program_count < max_rows ? tracer->program_count : max_rows;
	char links[PATH_MAX];

	snprintf(links, sizeof(links), "%s/links", tracer->pin_dir);
	for (int i = 0; i < count; i++) {
		const struct aod_program *program = &tracer->programs[i];

		memcpy(rows[i].name, program->name, sizeof(rows[i].name));
		rows[i].error =
		    -aod_attach_and_pin(program->name, program->fd, links, program->name);
	}
	return count;
}
