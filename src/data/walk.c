/*
 * A folder to the sorted list of its Markdown files. Sorted, since readdir's order differs between file systems and the
 * dataset must not.
 */
#include "data/walk.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { WALK_DEPTH = 32 };

static bool is_markdown(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && (!strcasecmp(dot, ".md") || !strcasecmp(dot, ".markdown"));
}

static int add(struct paths *out, const char *relative, struct arena *a, struct err *e)
{
	if (out->n == out->cap) {
		size_t cap = out->cap ? 2 * out->cap : 64;
		int rc = mem_resize(&out->p, out->cap, cap, sizeof *out->p, e);
		if (rc < 0)
			return rc;
		out->cap = cap;
	}
	out->p[out->n] = arena_strdup(a, relative, strlen(relative), e);
	return out->p[out->n++] ? 0 : ERR_RESOURCE;
}

/* `relative` is the folder's path below the root, "" for the root itself. */
static int walk_dir(struct paths *out, const char *root, const char *relative, int depth, struct arena *a, struct err *e)
{
	char dir[PATH_SIZE], child[PATH_SIZE], full[PATH_SIZE];
	int rc = path_join(dir, sizeof dir, e, root, relative);
	if (rc < 0)
		return rc;
	DIR *d = fault_hit(FAULT_FILE) ? NULL : opendir(dir);
	if (!d) {
		rc = err_errno(e, "open folder", dir);
		if (depth == 0)
			return rc;
		log_line(LOG_WARNING, "%s: cannot be opened, left out", dir); /* one closed folder does not stop the rest */
		return 0;
	}
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		if ((rc = path_join(child, sizeof child, e, relative, entry->d_name)) < 0 ||
			(rc = path_join(full, sizeof full, e, root, child)) < 0)
			goto done;
		struct stat here, there;
		if (lstat(full, &here) < 0 || stat(full, &there) < 0)
			continue; /* gone meanwhile, or a link to nowhere */
		if (S_ISDIR(here.st_mode) && depth < WALK_DEPTH)
			rc = walk_dir(out, root, child, depth + 1, a, e);
		else if (S_ISREG(there.st_mode) && is_markdown(entry->d_name))
			rc = add(out, child, a, e);
		if (rc < 0)
			goto done;
	}
done:
	closedir(d);
	return rc;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int walk(struct paths *out, const char *root, struct arena *a, struct err *e)
{
	struct stat st;
	memset(out, 0, sizeof *out);
	if (stat(root, &st) < 0)
		return err_errno(e, "open", root);
	if (!S_ISDIR(st.st_mode)) {
		const char *slash = strrchr(root, '/');
		return add(out, slash ? slash + 1 : root, a, e);
	}
	int rc = walk_dir(out, root, "", 0, a, e);
	if (rc == 0 && out->n)
		qsort(out->p, out->n, sizeof *out->p, by_bytes);
	return rc;
}

void paths_release(struct paths *p)
{
	mem_free(p->p);
	memset(p, 0, sizeof *p);
}
