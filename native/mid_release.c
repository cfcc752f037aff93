/* SPDX-License-Identifier: MIT */
/* Load the hooks that see a mid released (ebpf/mid_release.bpf.c), where the kernel allows it. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer.h"

#define ALLOC   "smb2_mid_entry_alloc"
#define RELEASE "__release_mid"

/* How many parameters a function of the module has; negative: there is no such function. */
static int parameters(const struct btf *btf, const char *function)
{
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);

	if (id < 0)
		return id;
	return btf_vlen(btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type));
}

/* Which program fits this module; NULL and errno: none does. */
static const char *fitting_program(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	struct btf *module = kernel ? btf__load_module_btf("cifs", kernel) : NULL;
	const char *program = NULL;

	errno = ENOENT;
	if (module) {
		int by = parameters(module, RELEASE);

		errno = ESRCH;
		if (parameters(module, ALLOC) == 2)
			program = by == 1   ? "mid_release_by_count"
				  : by == 2 ? "mid_release_by_entry"
					    : NULL;
	}
	btf__free(module);
	btf__free(kernel);
	return program;
}

/* Maps that the tracer has are used, the others belong to this object. */
static int share_maps(struct bpf_object *object, const struct aod_tracer *tracer)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		int fd = aod_open_pin(tracer->pin_dir, "maps", bpf_map__name(map));
		int err = fd < 0 ? bpf_map__set_max_entries(map, tracer->max_inflight)
				 : bpf_map__reuse_fd(map, fd);

		if (fd >= 0)
			close(fd);
		if (err)
			return err;
	}
	return 0;
}

/* A pinned link holds its program, and that its maps: nothing else needs a pin. */
static int attach_all(struct bpf_object *object, const char *dir)
{
	struct bpf_program *program;
	int err = 0;

	bpf_object__for_each_program(program, object)
	{
		if (!err && bpf_program__autoload(program))
			err = aod_attach_and_pin(NULL, bpf_program__fd(program), dir,
						 bpf_program__name(program));
	}
	return err;
}

static int load_and_pin(struct bpf_object *object, const struct aod_tracer *tracer,
			const char *program, const char *dir)
{
	const char *variants[] = {"mid_release_by_count", "mid_release_by_entry"};
	int err = share_maps(object, tracer);

	for (size_t i = 0; !err && i < sizeof(variants) / sizeof(variants[0]); i++)
		err =
		    bpf_program__set_autoload(bpf_object__find_program_by_name(object, variants[i]),
					      !strcmp(variants[i], program));
	if (!err)
		err = bpf_object__load(object);
	if (!err && mkdir(dir, 0700))
		err = -errno;
	return err ? err : attach_all(object, dir);
}

int aod_attach_mid_release(struct aod_tracer *tracer, const void *data, size_t size)
{
	char staging[PATH_MAX], final[PATH_MAX];
	struct bpf_object *object;
	const char *program;
	int err;

	snprintf(final, sizeof(final), "%s/mid_release", tracer->pin_dir);
	snprintf(staging, sizeof(staging), "%s/mid_release-new", tracer->pin_dir);
	if (access(final, F_OK) == 0)
		return 0; /* a predecessor of this build did it */
	aod_remove(staging);
	program = fitting_program();
	if (!program)
		return -errno;
	err = aod_open_object(data, size, &object);
	if (err)
		return err;
	err = load_and_pin(object, tracer, program, staging);
	if (!err && rename(staging, final))
		err = -errno;
	if (err)
		aod_remove(staging);
	bpf_object__close(object);
	return err;
}
