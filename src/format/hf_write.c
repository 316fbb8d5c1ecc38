/*
 * Writes the weights of a Hugging Face model folder in one pass, as one file or as shards, so that a model never has to be in memory as a
 * whole. Place in the pipeline: what an exported folder is written with; hf.c reads it. Reference: transformers, "Sharded checkpoints".
 */
#include "format/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 64 };

struct hf_writer {
	char dir[PATH_SIZE];
	const struct tensor *tensors;
	size_t n_tensors, shard_bytes, n_shards;
	size_t at, in_tensor; /* the tensor that data go to, and how many of its bytes are there */
	size_t shard, end;    /* of the open file: its number from 1, and the tensor behind its last; 0 before the first */
	struct file_writer file;
	json_t *map; /* tensor -> file */
};

/* The end of the shard that begins with tensor `first`. */
static size_t shard_end(const struct hf_writer *w, size_t first)
{
	size_t i = first, bytes = 0;
	while (i < w->n_tensors && (i == first || w->tensors[i].size_bytes <= w->shard_bytes - bytes)) {
		bytes += w->tensors[i++].size_bytes;
		if (bytes >= w->shard_bytes)
			break;
	}
	return i;
}

static void shard_name(const struct hf_writer *w, char name[NAME_SIZE])
{
	if (w->n_shards == 1)
		snprintf(name, NAME_SIZE, "model.safetensors");
	else
		snprintf(name, NAME_SIZE, "model-%05zu-of-%05zu.safetensors", w->shard, w->n_shards);
}

static int shard_begin(struct hf_writer *w, struct err *e)
{
	char name[NAME_SIZE], path[PATH_SIZE];
	size_t first = w->end;
	w->shard++;
	w->end = shard_end(w, first);
	shard_name(w, name);
	for (size_t i = first; i < w->end; i++)
		if (json_object_set_new(w->map, w->tensors[i].name, json_string(name)))
			return err_set(e, ERR_RESOURCE, "%s: out of memory for the index", w->dir);
	int rc = path_join(path, sizeof path, e, w->dir, name);
	return rc ? rc : safetensors_begin(&w->file, path, w->tensors + first, w->end - first, e);
}

int hf_writer_open(struct hf_writer **out, const char *dir, const struct tensor *t, size_t n, size_t shard_bytes, struct err *e)
{
	*out = NULL;
	assert(n && shard_bytes);
	struct hf_writer *w = mem_alloc(1, sizeof *w, e);
	if (!w)
		return ERR_RESOURCE;
	w->tensors = t;
	w->n_tensors = n;
	w->shard_bytes = shard_bytes;
	for (size_t i = 0; i < n; i = shard_end(w, i))
		w->n_shards++;
	w->map = json_object();
	int rc = w->map ? path_join(w->dir, sizeof w->dir, e, dir, "") : err_set(e, ERR_RESOURCE, "%s: out of memory", dir);
	if (!rc)
		rc = dir_make(dir, e);
	if (!rc)
		rc = shard_begin(w, e);
	if (rc)
		hf_writer_free(w);
	else
		*out = w;
	return rc;
}

int hf_put_data(struct hf_writer *w, const void *p, size_t n, struct err *e)
{
	assert(w->at < w->n_tensors && n <= w->tensors[w->at].size_bytes - w->in_tensor);
	int rc = w->at == w->end ? shard_begin(w, e) : 0;
	if (!rc)
		rc = file_writer_put(&w->file, p, n, e);
	w->in_tensor += n;
	if (rc || w->in_tensor < w->tensors[w->at].size_bytes)
		return rc;
	w->in_tensor = 0;
	return ++w->at == w->end ? file_writer_commit(&w->file, e) : 0;
}

int hf_writer_commit(struct hf_writer *w, struct err *e)
{
	char path[PATH_SIZE];
	size_t total = 0;
	assert(w->at == w->n_tensors && !w->in_tensor);
	if (w->n_shards == 1)
		return 0;
	for (size_t i = 0; i < w->n_tensors; i++)
		total += w->tensors[i].size_bytes;
	int rc = path_join(path, sizeof path, e, w->dir, "model.safetensors.index.json");
	json_t *index = json_pack("{s:{s:I}, s:O}", "metadata", "total_size", (json_int_t)total, "weight_map", w->map);
	if (!rc)
		rc = json_file_write(path, index, e);
	json_decref(index);
	return rc;
}

void hf_writer_free(struct hf_writer *w)
{
	if (!w)
		return;
	file_writer_abort(&w->file);
	json_decref(w->map);
	mem_free(w);
}
