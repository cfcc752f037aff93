/* SPDX-License-Identifier: MIT */
/* The names of shares and servers that the programs have seen. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "tracer.h"

int aod_names(const struct aod_tracer *tracer, struct aod_named *rows, int max_rows)
{
	struct aod_name_key previous, *from = NULL;
	int count = 0;

	while (count < max_rows &&
	       !bpf_map_get_next_key(tracer->names_fd, from, &rows[count].key)) {
		previous = rows[count].key;
		from = &previous;
		if (!bpf_map_lookup_elem(tracer->names_fd, from, &rows[count].name))
			count++; /* else it was evicted meanwhile */
	}
	return count;
}

int aod_add_name(struct aod_tracer *tracer, const struct aod_named *row)
{
	if (bpf_map_update_elem(tracer->names_fd, &row->key, &row->name, BPF_NOEXIST))
		return errno == EEXIST ? 0 : -errno;
	__atomic_fetch_add(&tracer->control->names_changed, 1, __ATOMIC_RELAXED);
	return 0;
}
