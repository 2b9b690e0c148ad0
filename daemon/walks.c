/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last walk of each watched source, kept in files: the next audit compares with it. A
 * file is named by its source and by this start of the host, after which domain ids begin
 * anew; no other file in the folder is touched.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>
#include <xxhash.h>

#include "watch.h"

#define PREFIX "walk-"
#define NAME 80

static void name_of(const struct watched *src, char *out, size_t room)
{
	char boot[64] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t n = read(fd, boot, sizeof(boot) - 1);

		boot[n > 0 ? n : 0] = '\0';
		close(fd);
	}
	snprintf(out, room, PREFIX "%016llx.emt",
		 (unsigned long long)XXH64(src->text, strlen(src->text), XXH64(boot, strlen(boot), 0)));
}

bool walks_path(const struct watched *src, char *out, size_t room)
{
	const struct config *c = &src->w->s->config;
	char name[NAME];

	if (!*c->walks || src->walk_too_large)
		return false;
	name_of(src, name, sizeof(name));
	return snprintf(out, room, "%s/%s", c->walks, name) < (int)room;
}

void walks_forget(const struct watched *src)
{
	char path[512];

	if (walks_path(src, path, sizeof(path)))
		unlink(path);
}

static bool is_watched(const struct watch *w, const char *file)
{
	const struct watched *src;
	char name[NAME];

	DL_FOREACH(w->sources, src) {
		name_of(src, name, sizeof(name));
		if (!strcmp(name, file))
			return true;
	}
	return false;
}

/* Remove files of sources that are not watched, or sum up what the others take. */
static uint64_t look(const struct watch *w, bool sweep)
{
	DIR *d = opendir(w->s->config.walks);
	struct dirent *e;
	struct stat st;
	uint64_t bytes = 0;

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			continue;
		if (sweep && !is_watched(w, e->d_name))
			unlinkat(dirfd(d), e->d_name, 0);
		else if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			bytes += (uint64_t)st.st_size;
	}
	if (d)
		closedir(d);
	return bytes;
}

void walks_start(struct watch *w)
{
	const char *folder = w->s->config.walks;
	struct watched *src;

	DL_FOREACH(w->sources, src)
		src->walk_too_large = false;
	if (!*folder)
		return;
	if (mkdir(folder, 0700) && errno != EEXIST)
		log_line(LOG_LEVEL_WARNING, "%s: walks cannot be kept, and changes not judged: %s", folder, strerror(errno));
	look(w, true);
}

void walks_ended(struct watched *src)
{
	const struct config *c = &src->w->s->config;

	if (!*c->walks || src->walk_too_large || look(src->w, false) <= (uint64_t)c->walks_mib << 20)
		return;
	log_line(LOG_LEVEL_WARNING, "%s: its walk is not kept, and its changes are not judged: walks_mib is %u", src->text,
		 c->walks_mib);
	walks_forget(src);
	src->walk_too_large = true;
}
