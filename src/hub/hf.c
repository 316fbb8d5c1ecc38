/*
 * The Hugging Face hub. A file is asked for with HEAD, which tells its revision, its size and its hash (SHA-256 for large files, the
 * git blob's SHA-1 for small ones); its bytes go to blobs/HASH.incomplete, where a later call goes on from the last byte; once the
 * hash is right the blob gets its name and the snapshot a link to it. Reference: huggingface_hub, "Understand caching"; RFC 9110, 14.
 */
#include "hub/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>

enum { LISTING_MAX = 16 * 1024 * 1024, URL_SIZE = 4096, CONNECT_S = 30, STALL_S = 60, FILES_MAX = 1000 };

/* What the hub says about one file, or about why there is none. */
struct head {
	char revision[128], hash[128];
	uint64_t size;
	bool sized;
	bool linked;     /* hash and size are the large file's own, not those of the answer that forwards to it */
	char error[128]; /* X-Error-Code: GatedRepo, RepoNotFound, RevisionNotFound, EntryNotFound */
};

struct fetch {
	CURL *curl;
	struct curl_slist *headers;
	char endpoint[1024]; /* without a slash at its end */
	bool token;
	char words[CURL_ERROR_SIZE];
	struct cache_repo repo;
	char org[128], name[128];
	struct head head; /* of the latest request */
};

/* libcurl keeps this header from other hosts when it is forwarded. */
static int token_header(struct fetch *f, const char *token, struct err *e)
{
	char line[512];
	for (const char *at = token; *at; at++)
		if (*at <= ' ' || *at > '~')
			return err_set(
				e, ERR_USAGE, "HF_TOKEN: got a blank or a control character in it, expected a token, e.g. hf_...");
	if (snprintf(line, sizeof line, "Authorization: Bearer %s", token) >= (int)sizeof line)
		return err_set(e, ERR_USAGE, "HF_TOKEN: got %zu characters, expected a token of at most 480", strlen(token));
	f->headers = curl_slist_append(NULL, line);
	f->token = true;
	return f->headers ? 0 : err_set(e, ERR_RESOURCE, "out of memory");
}

static int fetch_init(struct fetch *f, const char *org, const char *name, struct err *e)
{
	const char *endpoint = getenv("HF_ENDPOINT"), *token = getenv("HF_TOKEN");
	*f = (struct fetch){0};
	size_t n = (size_t)snprintf(
		f->endpoint, sizeof f->endpoint, "%s", endpoint && *endpoint ? endpoint : "https://huggingface.co");
	if (n >= sizeof f->endpoint)
		return err_set(e, ERR_USAGE, "HF_ENDPOINT: got %zu characters, expected the address of a hub", n);
	while (n && f->endpoint[n - 1] == '/')
		f->endpoint[--n] = 0;
	snprintf(f->org, sizeof f->org, "%s", org);
	snprintf(f->name, sizeof f->name, "%s", name);
	int rc = cache_repo_init(&f->repo, org, name, e);
	if (rc)
		return rc;
	f->curl = curl_global_init(CURL_GLOBAL_DEFAULT) ? NULL : curl_easy_init();
	if (!f->curl)
		return err_set(e, ERR_RESOURCE, "libcurl cannot start");
	return token && *token ? token_header(f, token, e) : 0;
}

static void fetch_release(struct fetch *f)
{
	curl_slist_free_all(f->headers);
	curl_easy_cleanup(f->curl);
	cache_repo_release(&f->repo);
}

/* The value of header `name` (with its colon) without blanks, W/ and quotes, when `line` is that header. */
static bool header_value(const char *line, size_t n, const char *name, char dst[128])
{
	size_t m = strlen(name), k = 0;
	if (n <= m || strncasecmp(line, name, m))
		return false;
	line += m, n -= m;
	while (n && strchr(" \tW/\"", *line))
		line++, n--;
	while (k < n && k < 127 && !strchr(" \t\r\n\"", line[k]))
		k++;
	memcpy(dst, line, k);
	dst[k] = 0;
	return word_is_safe(dst);
}

static size_t on_header(char *line, size_t one, size_t n, void *context)
{
	struct head *h = context;
	char value[128];
	(void)one;
	if (header_value(line, n, "x-repo-commit:", value))
		memcpy(h->revision, value, sizeof value);
	else if (header_value(line, n, "x-error-code:", value))
		memcpy(h->error, value, sizeof value);
	else if (header_value(line, n, "x-linked-etag:", value)) {
		memcpy(h->hash, value, sizeof value);
		h->linked = true;
	} else if (header_value(line, n, "x-linked-size:", value)) {
		h->size = strtoull(value, NULL, 10);
		h->sized = true;
	} else if (!h->linked && header_value(line, n, "etag:", value))
		memcpy(h->hash, value, sizeof value);
	else if (!h->linked && header_value(line, n, "content-length:", value)) {
		h->size = strtoull(value, NULL, 10);
		h->sized = true;
	}
	return n;
}

/* A fresh request for `url`. A hub reached by TLS may not forward to a plain connection. */
static void request(struct fetch *f, const char *url)
{
	bool plain = !strncmp(f->endpoint, "http:", 5);
	f->head = (struct head){0};
	curl_easy_reset(f->curl);
	curl_easy_setopt(f->curl, CURLOPT_URL, url);
	curl_easy_setopt(f->curl, CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
	curl_easy_setopt(f->curl, CURLOPT_REDIR_PROTOCOLS_STR, plain ? "http,https" : "https");
	curl_easy_setopt(f->curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(f->curl, CURLOPT_MAXREDIRS, 10L);
	curl_easy_setopt(f->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(f->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(f->curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(f->curl, CURLOPT_USERAGENT, "attune");
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, &f->head);
	curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, f->words);
	f->words[0] = 0;
}

/* Why there is nothing to get, as the hub's code says it. Without a token it answers 401 for what does not exist, too. */
static int refused(const struct fetch *f, const char *url, long status, struct err *e)
{
	if (!strcmp(f->head.error, "RevisionNotFound"))
		return err_set(e, ERR_FAILED, "%s: the repository has no such revision", url);
	if (!strcmp(f->head.error, "RepoNotFound"))
		return err_set(e, ERR_FAILED, "%s: the hub has no such repository, or it is private and %s", url,
			f->token ? "not open to the account of HF_TOKEN" : "HF_TOKEN is not set");
	if (status == 404)
		return err_set(e, ERR_FAILED, "%s: the hub has no such repository or file", url);
	if (!strcmp(f->head.error, "GatedRepo") || !f->token)
		return err_set(e, ERR_FAILED, "%s: the hub refuses (%ld): accept the model's terms at %s/%s/%s %s", url, status,
			f->endpoint, f->org, f->name,
			f->token ? "with the account of HF_TOKEN" : "and set HF_TOKEN to a token of that account");
	return err_set(
		e, ERR_FAILED, "%s: the hub refuses HF_TOKEN (%ld); make a token that may read this repository", url, status);
}

/* Sends the request; 0 when the answer is 2xx. */
static int perform(struct fetch *f, const char *url, struct err *e)
{
	long status = 0;
	CURLcode code = curl_easy_perform(f->curl);
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code)
		return err_set(e, ERR_NETWORK,
			"%s: %s; check the network and run the same command again, it goes on where it stopped", url,
			f->words[0] ? f->words : curl_easy_strerror(code));
	if (status == 401 || status == 403 || status == 404)
		return refused(f, url, status, e);
	if (status < 200 || status > 299)
		return err_set(e, ERR_NETWORK, "%s: the hub answered with status %ld; try again later", url, status);
	return 0;
}

/* Appends `text` to url, escaped; *n may run beyond URL_SIZE. */
static void url_append(char url[URL_SIZE], size_t *n, const char *text, const char *plain)
{
	for (const char *at = text; *n < URL_SIZE && *at; at++) {
		bool keep = (*at >= '0' && *at <= '9') || ((*at | 32) >= 'a' && (*at | 32) <= 'z') || strchr(plain, *at);
		*n += (size_t)snprintf(url + *n, URL_SIZE - *n, keep ? "%c" : "%%%02X", (unsigned char)*at);
	}
}

/* ENDPOINT/ORG/NAME/resolve/REVISION/FILE, or, for file NULL, ENDPOINT/API ORG/NAME/revision/REVISION */
static int make_url(
	const struct fetch *f, char url[URL_SIZE], const char *api, const char *revision, const char *file, struct err *e)
{
	size_t n =
		(size_t)snprintf(url, URL_SIZE, "%s/%s%s/%s/%s/", f->endpoint, api, f->org, f->name, file ? "resolve" : "revision");
	url_append(url, &n, revision, "-_.~");
	url_append(url, &n, file ? "/" : "", "/");
	url_append(url, &n, file ? file : "", "/-_.~");
	return n < URL_SIZE ? 0 : err_set(e, ERR_USAGE, "%s: the name is too long", file ? file : revision);
}

/* ---- what the hub says about a file ---------------------------------------------------------------------------------------------- */

static int file_head(struct fetch *f, const char *url, struct head *h, struct err *e)
{
	request(f, url);
	curl_easy_setopt(f->curl, CURLOPT_NOBODY, 1L);
	int rc = perform(f, url, e);
	*h = f->head;
	if (rc && h->linked) /* the store behind the hub may refuse HEAD; the hub has answered already */
		rc = 0;
	if (!rc && (!h->revision[0] || !h->hash[0] || !h->sized))
		rc = err_set(
			e, ERR_NETWORK, "%s: the answer names no revision, hash or size; is HF_ENDPOINT a Hugging Face hub?", url);
	return rc;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------------------ */

struct sink {
	struct fetch *fetch;
	struct progress progress;
	int fd;
	uint64_t before, have, size; /* bytes: on disk when the request was sent, on disk now, of the whole */
	const char *label;
	bool started;
	int rc;
	struct err *e;
	const char *path;
};

static size_t on_bytes(char *p, size_t one, size_t n, void *context)
{
	struct sink *s = context;
	long status = 0;
	curl_easy_getinfo(s->fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	if (!s->started && status == 200 && s->have) { /* asked for the rest, got all */
		s->have = s->before = 0;
		progress_begin(&s->progress, s->label, "MB", (double)s->size / 1e6);
		if (ftruncate(s->fd, 0))
			s->rc = err_errno(s->e, "empty", s->path);
	}
	s->started = true;
	if (status < 200 || status > 299)
		return n * one; /* the page that comes with an error */
	if (!s->rc && n > s->size - s->have)
		s->rc = err_set(
			s->e, ERR_DATA, "%s: more bytes came than the %llu announced", s->path, (unsigned long long)s->size);
	for (size_t done = 0; !s->rc && done < n;) {
		ssize_t put = fault_hit(FAULT_FILE) ? -1 : write(s->fd, p + done, n - done);
		if (put < 0 && errno != EINTR)
			s->rc = err_errno(s->e, "write", s->path);
		done += put > 0 ? (size_t)put : 0;
	}
	if (s->rc)
		return 0;
	s->have += n;
	progress_update(&s->progress, (double)(s->have - s->before) / 1e6, NULL);
	return n * one;
}

/* The bytes that are missing at the end of `path`. */
static int file_get(struct fetch *f, const char *url, const char *label, const char *path, uint64_t size, struct err *e)
{
	struct sink s = {.fetch = f, .label = label, .fd = -1, .size = size, .e = e, .path = path};
	struct stat st;
	struct statvfs disk;
	int rc = 0;
	s.fd = fault_hit(FAULT_FILE) ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (s.fd < 0 || fstat(s.fd, &st)) {
		rc = err_errno(e, "open", path);
		goto done;
	}
	s.have = s.before = (uint64_t)st.st_size;
	if (s.have < size && !fstatvfs(s.fd, &disk) && (size - s.have) / disk.f_frsize >= disk.f_bavail) {
		rc = err_set(e, ERR_RESOURCE, "%s: needs %.0f MB more, and the disk has %.0f MB; make room, or set HF_HUB_CACHE",
			path, (double)(size - s.have) / 1e6, (double)disk.f_bavail * (double)disk.f_frsize / 1e6);
		goto done;
	}
	if (s.have < size) {
		request(f, url);
		curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_bytes);
		curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, &s);
		curl_easy_setopt(f->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)s.have);
		progress_begin(&s.progress, label, "MB", (double)(size - s.have) / 1e6);
		struct err stopped = {0};
		rc = perform(f, url, &stopped);
		progress_end(&s.progress);
		if (s.rc) /* our own reason is the better one */
			rc = s.rc;
		else if (rc)
			err_set(e, rc, "%s", stopped.text);
	}
	if (!rc && s.have != size)
		rc = err_set(e, ERR_NETWORK, "%s: %llu of %llu bytes came; run the same command again, it goes on where it stopped",
			url, (unsigned long long)s.have, (unsigned long long)size);
	if (!rc && (fault_hit(FAULT_FILE) || fsync(s.fd)))
		rc = err_errno(e, "fsync", path);
done:
	if (s.fd >= 0)
		close(s.fd);
	return rc;
}

/* A large file's hash is its SHA-256, a small one's that of its git blob; other hubs may use tags of their own, which say nothing. */
static int file_check(const char *path, const struct head *h, const char *url, struct err *e)
{
	char hex[65], prefix[32];
	size_t n = strlen(h->hash);
	int n_prefix = snprintf(prefix, sizeof prefix, "blob %llu", (unsigned long long)h->size), rc = 0;
	if (strspn(h->hash, "0123456789abcdef") != n || (n != 64 && n != 40))
		return 0;
	rc = n == 64 ? digest_file(hex, "SHA256", "", 0, path, e) : digest_file(hex, "SHA1", prefix, (size_t)n_prefix + 1, path, e);
	if (!rc && strcmp(hex, h->hash)) {
		unlink(path);
		rc = err_set(e, ERR_DATA,
			"%s: the hash of what came is %s, expected %s; it was thrown away, run the same command again", url, hex,
			h->hash);
	}
	return rc;
}

/* ---- into the cache ------------------------------------------------------------------------------------------------------------- */

/* snapshots/REVISION/a/b -> ../../../blobs/HASH */
static int link_file(const char *snapshot, const char *file, const char *hash, struct err *e)
{
	char path[PATH_SIZE], temporary[PATH_SIZE], target[512] = "../../";
	int rc = path_join(path, sizeof path, e, snapshot, file);
	if (rc)
		return rc;
	for (const char *at = file; (at = strchr(at, '/')) && strlen(target) < 256; at++)
		strcat(target, "../");
	snprintf(target + strlen(target), sizeof target - strlen(target), "blobs/%s", hash);
	if (snprintf(temporary, sizeof temporary, "%s" FILE_TEMPORARY "%ld", path, (long)getpid()) >= (int)sizeof temporary)
		return err_set(e, ERR_FAILED, "%s: the path is too long", path);
	*strrchr(path, '/') = 0;
	rc = dir_make(path, e);
	path[strlen(path)] = '/';
	if (rc)
		return rc;
	unlink(temporary);
	if (fault_hit(FAULT_FILE) || symlink(target, temporary) || rename(temporary, path)) {
		rc = err_errno(e, "link", path);
		unlink(temporary);
	}
	return rc;
}

/* The blob of a file, while no other program fetches it. */
static int blob_get(struct fetch *f, const char *url, const char *file, const struct head *h, struct err *e)
{
	char blobs[PATH_SIZE], blob[PATH_SIZE], part[PATH_SIZE];
	int lock = -1, rc = path_join(blobs, sizeof blobs, e, f->repo.root, "blobs");
	if (!rc)
		rc = dir_make(blobs, e);
	if (!rc)
		rc = path_join(blob, sizeof blob, e, blobs, h->hash);
	if (!rc && snprintf(part, sizeof part, "%s.incomplete", blob) >= (int)sizeof part)
		rc = err_set(e, ERR_FAILED, "%s: the path is too long", blob);
	if (!rc)
		rc = cache_lock(&lock, &f->repo, h->hash, e);
	if (!rc && !file_exists(blob)) {
		rc = file_get(f, url, file, part, h->size, e);
		if (!rc)
			rc = file_check(part, h, url, e);
		if (!rc && (fault_hit(FAULT_FILE) || rename(part, blob)))
			rc = err_errno(e, "rename to", blob);
		if (!rc)
			rc = dir_sync(blobs, e);
	}
	if (lock >= 0)
		close(lock);
	return rc;
}

/* One file into blobs and snapshot, unless it is there. `revision` is what to ask for, and becomes the one that answered. */
static int hf_file(struct fetch *f, char revision[128], const char *file, struct err *e)
{
	char url[URL_SIZE], snapshot[PATH_SIZE];
	struct head h;
	int rc = make_url(f, url, "", revision, file, e);
	if (!rc)
		rc = file_head(f, url, &h, e);
	if (!rc)
		rc = blob_get(f, url, file, &h, e);
	if (!rc)
		rc = cache_snapshot(snapshot, &f->repo, h.revision, e);
	if (!rc)
		rc = link_file(snapshot, file, h.hash, e);
	if (!rc)
		memcpy(revision, h.revision, sizeof h.revision);
	return rc;
}

/* ---- a whole repository ----------------------------------------------------------------------------------------------------------- */

static size_t on_listing(char *p, size_t one, size_t n, void *context)
{
	struct buf *b = context;
	return b->len + n > LISTING_MAX || buf_append(b, p, n, NULL) ? 0 : n * one;
}

/* {"sha": revision, "siblings": [{"rfilename": file}, ...]} */
static int hf_listing(struct fetch *f, const char *revision, json_t **out, struct err *e)
{
	char url[URL_SIZE];
	struct buf text = {0};
	json_error_t why;
	*out = NULL;
	int rc = make_url(f, url, "api/models/", revision, NULL, e);
	if (rc)
		return rc;
	request(f, url);
	curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_listing);
	curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, &text);
	rc = perform(f, url, e);
	if (!rc) {
		*out = json_loadb(text.len ? text.p : "", text.len, JSON_REJECT_DUPLICATES, &why);
		const char *sha = json_string_value(json_object_get(*out, "sha"));
		if (!sha || !word_is_safe(sha) || !json_is_array(json_object_get(*out, "siblings"))) {
			json_decref(*out);
			*out = NULL;
			rc = err_set(e, ERR_NETWORK, "%s: the answer is no list of files; is HF_ENDPOINT a Hugging Face hub?", url);
		}
	}
	buf_release(&text);
	return rc;
}

/* Files of a model folder that attune reads. config.json comes last: where it is, everything is. */
static bool is_wanted(const char *file)
{
	static const char *const names[] = {"generation_config.json", "tokenizer.json", "tokenizer_config.json",
		"special_tokens_map.json", "chat_template.jinja", "model.safetensors.index.json"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i], file))
			return true;
	return !strncmp(file, "model", 5) && ends_with(file, ".safetensors") && path_is_safe(file) && !strchr(file, '/');
}

/* The file to ask for instead of a folder: the only GGUF of a repository that has no config.json. */
static int only_gguf(const json_t *files, const struct fetch *f, const char **out, struct err *e)
{
	size_t i, n = 0;
	json_t *item;
	*out = NULL;
	json_array_foreach (files, i, item) {
		const char *file = json_string_value(json_object_get(item, "rfilename"));
		if (!file || !ends_with(file, ".gguf") || !path_is_safe(file))
			continue;
		*out = file;
		n++;
	}
	if (n == 1)
		return 0;
	if (!n)
		return err_set(e, ERR_DATA,
			"hf:%s/%s: neither config.json nor a .gguf file in it; attune cannot use this repository", f->org, f->name);
	return err_set(e, ERR_USAGE, "hf:%s/%s: holds %zu .gguf files; name one, e.g. hf:%s/%s:%s", f->org, f->name, n, f->org,
		f->name, *out);
}

/* `revision` becomes the one that the listing is of. */
static int hf_folder(struct fetch *f, const json_t *listing, char revision[128], char path[PATH_SIZE], struct err *e)
{
	const json_t *files = json_object_get(listing, "siblings");
	const char *file;
	json_t *item;
	size_t i, n = 0;
	bool folder = false;
	int rc = 0;
	snprintf(revision, 128, "%s", json_string_value(json_object_get(listing, "sha")));
	json_array_foreach (files, i, item) {
		file = json_string_value(json_object_get(item, "rfilename"));
		folder = folder || (file && !strcmp(file, "config.json"));
	}
	if (!folder) {
		rc = only_gguf(files, f, &file, e);
		if (!rc)
			rc = hf_file(f, revision, file, e);
	}
	for (i = 0; folder && !rc && i < json_array_size(files); i++) {
		file = json_string_value(json_object_get(json_array_get(files, i), "rfilename"));
		if (file && is_wanted(file) && ++n > FILES_MAX)
			rc = err_set(e, ERR_DATA, "hf:%s/%s: more than %d files", f->org, f->name, FILES_MAX);
		else if (file && is_wanted(file))
			rc = hf_file(f, revision, file, e);
	}
	if (folder && !rc)
		rc = hf_file(f, revision, "config.json", e);
	if (!rc)
		rc = cache_snapshot(path, &f->repo, revision, e);
	if (!rc && !folder) {
		char snapshot[PATH_SIZE];
		memcpy(snapshot, path, PATH_SIZE);
		rc = path_join(path, PATH_SIZE, e, snapshot, file);
	}
	return rc;
}

/* ---- what is there already --------------------------------------------------------------------------------------------------------- */

static bool is_there(const char *dir, const char *file)
{
	char path[PATH_SIZE];
	return !path_join(path, sizeof path, NULL, dir, file) && file_exists(path);
}

/* Other tools fetch the files that they need, so a folder may lack weights, shards or the tokenizer. */
static bool is_complete(const char *snapshot)
{
	char path[PATH_SIZE];
	const char *tensor;
	json_t *shard;
	bool whole = is_there(snapshot, "config.json") && is_there(snapshot, "tokenizer.json");
	if (!whole || is_there(snapshot, "model.safetensors"))
		return whole;
	json_t *index = path_join(path, sizeof path, NULL, snapshot, "model.safetensors.index.json")
		? NULL
		: json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	json_t *map = json_object_get(index, "weight_map");
	whole = json_object_size(map) > 0;
	json_object_foreach (map, tensor, shard)
		whole = whole && json_is_string(shard) && is_there(snapshot, json_string_value(shard));
	json_decref(index);
	return whole;
}

/* path is "" when what is asked for is not in the cache. */
static int hf_find(char path[PATH_SIZE], const struct cache_repo *r, const char *name, const char *file, struct err *e)
{
	char revision[128], snapshot[PATH_SIZE];
	path[0] = 0;
	int rc = cache_ref_read(revision, r, name, e);
	if (!rc && !revision[0] && word_is_safe(name)) /* a commit */
		snprintf(revision, sizeof revision, "%s", name);
	if (!rc)
		rc = cache_snapshot(snapshot, r, revision, e);
	if (rc || !revision[0] || !dir_exists(snapshot))
		return rc;
	if (file)
		return is_there(snapshot, file) ? path_join(path, PATH_SIZE, e, snapshot, file) : 0;
	if (is_complete(snapshot))
		return path_join(path, PATH_SIZE, e, "", snapshot);
	if (is_there(snapshot, "config.json") || cache_only_gguf(path, snapshot, "", NULL))
		path[0] = 0;
	return 0;
}

/* Fetches what hf_find did not find. `name` is the branch, tag or commit. */
static int hf_fetch(struct fetch *f, char path[PATH_SIZE], const char *name, const char *file, struct err *e)
{
	json_t *listing = NULL;
	char revision[128];
	snprintf(revision, sizeof revision, "%s", name);
	int rc = file ? hf_file(f, revision, file, e) : hf_listing(f, name, &listing, e);
	if (!rc && !file)
		rc = hf_folder(f, listing, revision, path, e);
	json_decref(listing);
	if (!rc && strcmp(name, revision)) /* a commit has no entry among the branches */
		rc = cache_ref_write(&f->repo, name, revision, e);
	return rc || !file ? rc : hf_find(path, &f->repo, name, file, e);
}

int hf_resolve(char path[PATH_SIZE], const char *org, const char *repo, const char *revision, const char *file, struct err *e)
{
	struct fetch f;
	const char *name = revision ? revision : "main";
	int rc = fetch_init(&f, org, repo, e);
	if (!rc)
		rc = hf_find(path, &f.repo, name, file, e);
	if (rc || path[0])
		goto done;
	if (cache_offline()) {
		rc = err_set(e, ERR_NETWORK, "hf:%s/%s%s%s: not in the model cache, and HF_HUB_OFFLINE forbids to fetch it", org,
			repo, revision ? "@" : "", revision ? revision : "");
		goto done;
	}
	rc = cache_repo_lock(&f.repo, e);
	if (!rc)
		rc = hf_find(path, &f.repo, name, file, e); /* another process may have been quicker */
	if (!rc && !path[0])
		rc = hf_fetch(&f, path, name, file, e);
done:
	if (rc)
		path[0] = 0;
	fetch_release(&f);
	return rc;
}

bool hub_has_curl(void)
{
	return true;
}
