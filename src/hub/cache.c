/*
 * The model cache on disk. Reference: huggingface_hub, "Understand caching".
 */
#include "hub/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <openssl/evp.h>

enum { DEPTH_MAX = 12 }; /* folders; a snapshot is the third */

/* ---- names --------------------------------------------------------------------------------------------------------------- */

bool word_is_safe(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = strlen(s);
	if (!n || n > 96 || !strchr(letters, s[0]) || strstr(s, ".."))
		return false;
	for (; *s; s++)
		if (!strchr(letters, *s) && !strchr("._+!-", *s))
			return false;
	return true;
}

bool path_is_safe(const char *s)
{
	for (const char *at = s;; at++) {
		size_t n = strcspn(at, "/");
		if (!n || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)at[i] < ' ' || at[i] == 127 || at[i] == '\\')
				return false;
		at += n;
		if (!*at)
			return true;
	}
}

bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);
	return n >= m && !strcmp(s + n - m, tail);
}

/* ---- places -------------------------------------------------------------------------------------------------------------- */

bool cache_offline(void)
{
	const char *v = getenv("HF_HUB_OFFLINE");
	return v && (!strcmp(v, "1") || !strcasecmp(v, "true") || !strcasecmp(v, "yes") || !strcasecmp(v, "on"));
}

int hub_cache_dir(char dir[PATH_SIZE], struct err *e)
{
	static const struct {
		const char *variable, *below;
	} places[] = {{"HF_HUB_CACHE", ""}, {"HF_HOME", "hub"}, {"XDG_CACHE_HOME", "huggingface/hub"},
		{"HOME", ".cache/huggingface/hub"}};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const char *v = getenv(places[i].variable);
		if (v && *v)
			return path_join(dir, PATH_SIZE, e, *places[i].below ? v : "", *places[i].below ? places[i].below : v);
	}
	dir[0] = 0;
	return err_set(e, ERR_USAGE, "no place for the model cache: neither HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME nor HOME is set");
}

int cache_repo_init(struct cache_repo *r, const char *org, const char *name, struct err *e)
{
	char cache[PATH_SIZE], folder[256];
	*r = (struct cache_repo){0};
	snprintf(folder, sizeof folder, "models--%s--%s", org, name);
	int rc = hub_cache_dir(cache, e);
	return rc ? rc : path_join(r->root, sizeof r->root, e, cache, folder);
}

int cache_lock(int *fd, const struct cache_repo *r, const char *name, struct err *e)
{
	char path[PATH_SIZE];
	const char *folder = strrchr(r->root, '/') + 1;
	*fd = -1;
	int n = snprintf(path, sizeof path, "%.*s.locks/%s", (int)(folder - r->root), r->root, folder);
	int rc = n < (int)sizeof path ? dir_make(path, e) : 0;
	if (rc)
		return rc;
	if (n >= (int)sizeof path || snprintf(path + n, sizeof path - (size_t)n, "/%s.lock", name) >= (int)sizeof path - n)
		return err_set(e, ERR_FAILED, "%s: the path is too long", r->root);
	*fd = fault_hit(FAULT_FILE) ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (*fd < 0)
		return err_errno(e, "open", path);
	while (flock(*fd, LOCK_EX))
		if (errno != EINTR) {
			rc = err_errno(e, "lock", path);
			close(*fd);
			*fd = -1;
			return rc;
		}
	return 0;
}

int cache_repo_lock(struct cache_repo *r, struct err *e)
{
	int fd, rc = dir_make(r->root, e);
	if (!rc)
		rc = cache_lock(&fd, r, "attune", e);
	if (!rc)
		r->lock = fd;
	return rc;
}

void cache_repo_release(struct cache_repo *r)
{
	if (r->lock > 0)
		close(r->lock);
	*r = (struct cache_repo){0};
}

int cache_snapshot(char path[PATH_SIZE], const struct cache_repo *r, const char *revision, struct err *e)
{
	char below[160];
	snprintf(below, sizeof below, "snapshots/%s", revision);
	return path_join(path, PATH_SIZE, e, r->root, below);
}

/* root/refs/NAME */
static int ref_path(char path[PATH_SIZE], const struct cache_repo *r, const char *name, struct err *e)
{
	char refs[PATH_SIZE];
	int rc = path_join(refs, sizeof refs, e, r->root, "refs");
	return rc ? rc : path_join(path, PATH_SIZE, e, refs, name);
}

int cache_ref_read(char revision[128], const struct cache_repo *r, const char *name, struct err *e)
{
	char path[PATH_SIZE];
	struct buf text = {0};
	revision[0] = 0;
	int rc = ref_path(path, r, name, e);
	if (rc || !file_exists(path))
		return rc;
	rc = file_read(path, 1024, &text, e);
	if (!rc && text.len) {
		text.p[strcspn(text.p, "\r\n")] = 0;
		if (word_is_safe(text.p))
			snprintf(revision, 128, "%s", text.p);
	}
	buf_release(&text);
	return rc;
}

int cache_ref_write(const struct cache_repo *r, const char *name, const char *revision, struct err *e)
{
	char path[PATH_SIZE], dir[PATH_SIZE];
	int rc = ref_path(path, r, name, e);
	if (rc)
		return rc;
	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
	rc = dir_make(dir, e);
	return rc ? rc : file_replace(path, revision, strlen(revision), e);
}

/* ---- what is there -------------------------------------------------------------------------------------------------------- */

static int not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int walk(const char *dir, int depth, cache_visit *visit, void *context, struct err *e)
{
	struct dirent **names = NULL;
	char path[PATH_SIZE];
	int rc = 0, n = scandir(dir, &names, not_hidden, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : err_errno(e, "read folder", dir);
	for (int i = 0; i < n; i++) {
		if (!rc)
			rc = path_join(path, sizeof path, e, dir, names[i]->d_name);
		if (!rc && names[i]->d_type == DT_DIR && depth < DEPTH_MAX)
			rc = walk(path, depth + 1, visit, context, e);
		else if (!rc && file_exists(path))
			rc = visit(context, path, e);
		free(names[i]);
	}
	free(names);
	return rc;
}

int cache_walk(const char *dir, cache_visit *visit, void *context, struct err *e)
{
	return walk(dir, 0, visit, context, e);
}

struct only {
	size_t n;
	char path[PATH_SIZE];
	struct buf others; /* all that were found, for the sentence */
};

static int only_visit(void *context, const char *path, struct err *e)
{
	struct only *o = context;
	if (!ends_with(path, ".gguf"))
		return 0;
	if (!o->n++)
		snprintf(o->path, sizeof o->path, "%s", path);
	return buf_printf(&o->others, e, "%s%s", o->n > 1 ? ", " : "", path);
}

int cache_only_gguf(char path[PATH_SIZE], const char *dir, const char *name, struct err *e)
{
	struct only o = {0};
	int rc = cache_walk(dir, only_visit, &o, e);
	if (!rc && !o.n)
		rc = err_set(e, ERR_DATA, "%s: holds no .gguf file", name);
	if (!rc && o.n > 1)
		rc = err_set(e, ERR_USAGE, "%s: holds %zu models; name one of them by its path: %s", name, o.n, o.others.p);
	if (!rc)
		snprintf(path, PATH_SIZE, "%s", o.path);
	buf_release(&o.others);
	return rc;
}

struct list {
	void (*visit)(void *context, const char *path);
	void *context;
};

static int list_visit(void *context, const char *path, struct err *e)
{
	struct list *l = context;
	char dir[PATH_SIZE], tokenizer[PATH_SIZE];
	if (ends_with(path, ".gguf"))
		l->visit(l->context, path);
	if (!ends_with(path, "/config.json"))
		return 0;
	snprintf(dir, sizeof dir, "%.*s", (int)(strlen(path) - strlen("/config.json")), path);
	int rc = path_join(tokenizer, sizeof tokenizer, e, dir, "tokenizer.json");
	if (!rc && file_exists(tokenizer)) /* else a part of a model, such as an embedder's 1_Pooling */
		l->visit(l->context, dir);
	return rc;
}

int hub_list(void (*visit)(void *context, const char *path), void *context, struct err *e)
{
	char cache[PATH_SIZE];
	struct list l = {visit, context};
	int rc = hub_cache_dir(cache, e);
	return rc ? rc : cache_walk(cache, list_visit, &l, e);
}

/* ---- digests --------------------------------------------------------------------------------------------------------------- */

int digest_file(char hex[65], const char *algorithm, const char *prefix, size_t n_prefix, const char *path, struct err *e)
{
	struct file_map m = {0};
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_MD_CTX *c = NULL;
	const EVP_MD *md = EVP_get_digestbyname(algorithm);
	hex[0] = 0;
	int rc = file_map_open(&m, path, e);
	if (rc)
		goto done;
	c = EVP_MD_CTX_new();
	if (!c || !md || !EVP_DigestInit_ex(c, md, NULL) || !EVP_DigestUpdate(c, prefix, n_prefix) ||
		!EVP_DigestUpdate(c, m.p, m.size) || !EVP_DigestFinal_ex(c, sum, &n) || n > 32) {
		rc = err_set(e, ERR_FAILED, "%s: libcrypto cannot compute %s", path, algorithm);
		goto done;
	}
	for (unsigned i = 0; i < n; i++)
		sprintf(hex + 2 * (size_t)i, "%02x", sum[i]);
done:
	EVP_MD_CTX_free(c);
	file_map_close(&m);
	return rc;
}
