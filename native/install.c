/* SPDX-License-Identifier: MIT */
/* Load the object and pin it; remove what is pinned. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer.h"

static char messages[16384];
static size_t messages_len;

static int keep_message(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t room = sizeof(messages) - messages_len;
	int len;

	if (level == LIBBPF_DEBUG || room < 2)
		return 0;
	len = vsnprintf(messages + messages_len, room, format, args);
	if (len > 0)
		messages_len += (size_t)len < room ? (size_t)len : room - 1;
	return 0;
}

int aod_messages(char *text, size_t size)
{
	size_t len = messages_len < size - 1 ? messages_len : size - 1;

	memcpy(text, messages, len);
	text[len] = '\0';
	messages_len = 0;
	return (int)len;
}

static int set_sizes(struct bpf_object *object, const struct aod_setup *setup)
{
	struct bpf_map *events = bpf_object__find_map_by_name(object, "events");
	struct bpf_map *inflight = bpf_object__find_map_by_name(object, "inflight");
	int err;

	if (!events || !inflight)
		return -ENOENT;
	err = bpf_map__set_max_entries(events, setup->ring_bytes);
	return err ? err : bpf_map__set_max_entries(inflight, setup->max_inflight);
}

/* Without such a tracer, or beside one of another build, no operation is marked as our own. */
static int share_own(struct bpf_object *object, const char *beside_dir)
{
	struct bpf_map *own = bpf_object__find_map_by_name(object, "own");
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	int fd = aod_open_pin(beside_dir, "maps", "own");
	int err = 0;

	if (fd < 0)
		return 0;
	if (own && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    info.value_size == bpf_map__value_size(own))
		err = bpf_map__reuse_fd(own, fd);
	close(fd);
	return err;
}

static int set_control(struct bpf_object *object, const struct aod_setup *setup)
{
	struct aod_control control = {.ring_id = setup->ring_id};
	int fd = bpf_object__find_map_fd_by_name(object, "control");
	__u32 zero = 0;

	memcpy(control.build_id, setup->build_id, sizeof(control.build_id));
	return fd < 0 ? fd : bpf_map_update_elem(fd, &zero, &control, BPF_ANY);
}

static int pin_all(struct bpf_object *object, const char *dir)
{
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/maps", dir);
	err = bpf_object__pin_maps(object, path);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/programs", dir);
	err = bpf_object__pin_programs(object, path);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/links", dir);
	return mkdir(path, 0700) ? -errno : 0;
}

int aod_open_object(const void *data, size_t size, struct bpf_object **object)
{
	libbpf_set_print(keep_message);
	*object = bpf_object__open_mem(data, size, NULL);
	return *object ? 0 : -errno;
}

int aod_probe(const void *data, size_t size)
{
	struct bpf_object *object;
	int err = aod_open_object(data, size, &object);

	if (err)
		return err;
	err = bpf_object__load(object);
	bpf_object__close(object);
	return err;
}

int aod_probe_map(uint32_t type)
{
	int fd;

	libbpf_set_print(keep_message);
	fd = bpf_map_create(type, NULL, 0, 0, (uint32_t)sysconf(_SC_PAGESIZE), NULL);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int aod_install(const void *data, size_t size, const struct aod_setup *setup)
{
	struct bpf_object *object;
	int err = aod_open_object(data, size, &object);

	if (err)
		return err;
	err = set_sizes(object, setup);
	if (!err && setup->beside_dir)
		err = share_own(object, setup->beside_dir);
	if (err)
		goto cleanup;
	err = bpf_object__load(object);
	if (err)
		goto cleanup;
	err = set_control(object, setup);
	if (err)
		goto cleanup;
	if (mkdir(setup->staging_dir, 0700)) {
		err = -errno;
		goto cleanup;
	}
	err = pin_all(object, setup->staging_dir);
	if (!err && rename(setup->staging_dir, setup->pin_dir))
		err = -errno;
	if (err)
		aod_remove(setup->staging_dir);
cleanup:
	bpf_object__close(object);
	return err;
}

static int remove_entry(const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (unlink(path) == 0)
		return 0;
	return errno == EISDIR || errno == EPERM ? aod_remove(path) : -errno;
}

/* Links first: no program may run while its maps go. bpffs lists in no order that helps. */
int aod_remove(const char *pin_dir)
{
	char links[PATH_MAX];
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	snprintf(links, sizeof(links), "%s/links", pin_dir);
	if (access(links, F_OK) == 0) {
		err = aod_remove(links);
		if (err)
			return err;
	}
	dir = opendir(pin_dir);
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			err = remove_entry(pin_dir, entry->d_name);
	closedir(dir);
	if (!err && rmdir(pin_dir))
		err = -errno;
	return err;
}
