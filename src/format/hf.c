/*
 * A Hugging Face model folder: config.json and the tensors of model.safetensors, or of the shards that
 * model.safetensors.index.json lists. The index is foreign: it may only name files of the folder itself.
 * Reference: https://huggingface.co/docs/safetensors and transformers' "Sharded checkpoints".
 */
#include "format/cursor.h"
#include "format/json.h"
#include "format/tensor.h"

#include <string.h>

static const size_t CONFIG_MAX = (size_t)16 << 20, INDEX_MAX = (size_t)64 << 20;
static const char SINGLE[] = "model.safetensors", INDEX[] = "model.safetensors.index.json";

struct hf {
	json_t *config;
	struct safetensors **shards;
	size_t n_shards;
	struct tensor_index index; /* over all shards */
};

static int add_shard(struct hf *h, const char *dir, const char *name, struct err *e)
{
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, dir, name);
	if (!rc)
		rc = mem_resize(&h->shards, h->n_shards, h->n_shards + 1, sizeof *h->shards, e);
	if (!rc)
		rc = safetensors_open(&h->shards[h->n_shards], path, e);
	if (rc)
		return rc;
	const struct safetensors *s = h->shards[h->n_shards++];
	return safetensors_n(s) ? tensor_index_add(&h->index, safetensors_at(s, 0), safetensors_n(s), e) : 0;
}

/* One line of the index: `tensor` is in the file `name` of the folder. Opens that file when `opened`, name -> shard, has it not yet. */
static int add_mapped(struct hf *h, const char *dir, const char *tensor, const json_t *value, json_t *opened, struct err *e)
{
	char path[PATH_SIZE], shown[80], shown_name[80] = "";
	const char *name = json_string_value(value);
	name_shown(shown, sizeof shown, tensor, strlen(tensor));
	if (!name)
		return err_set(
			e, ERR_DATA, "%s/%s: weight_map: '%s': got %s, expected a file name", dir, INDEX, shown, json_kind(value));
	name_shown(shown_name, sizeof shown_name, name, strlen(name));
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(e, ERR_DATA, "%s/%s: weight_map: '%s': got '%s', expected the name of a file in this folder", dir,
			INDEX, shown, shown_name);
	if (!json_object_get(opened, name)) {
		int rc = path_join(path, sizeof path, e, dir, name);
		if (rc)
			return rc;
		if (!file_exists(path))
			return err_set(e, ERR_DATA, "%s/%s: weight_map: '%s': got '%s', which is not in the folder; fetch it too",
				dir, INDEX, shown, shown_name);
		rc = add_shard(h, dir, name, e);
		if (rc)
			return rc;
		if (json_object_set_new(opened, name, json_integer((json_int_t)(h->n_shards - 1))))
			return err_set(e, ERR_RESOURCE, "%s/%s: out of memory", dir, INDEX);
	}
	const struct safetensors *s = h->shards[json_integer_value(json_object_get(opened, name))];
	if (!safetensors_find(s, tensor))
		return err_set(
			e, ERR_DATA, "%s/%s: weight_map: got '%s' in '%s', which does not hold it", dir, INDEX, shown, shown_name);
	return 0;
}

static int open_shards(struct hf *h, const char *dir, struct err *e)
{
	json_t *index = NULL, *opened = json_object(), *value;
	const char *tensor;
	int rc = json_file_in(&index, dir, INDEX, INDEX_MAX, e);
	if (rc)
		goto done;
	json_t *map = json_object_get(index, "weight_map");
	if (!json_object_size(map)) {
		rc = err_set(e, ERR_DATA, "%s/%s: weight_map: got %s, expected an object of tensors and their files", dir, INDEX,
			json_is_object(map) ? "an empty object" : json_kind(map));
		goto done;
	}
	json_object_foreach (map, tensor, value) {
		rc = add_mapped(h, dir, tensor, value, opened, e);
		if (rc)
			goto done;
	}
done:
	json_decref(opened);
	json_decref(index);
	return rc;
}

static int open_tensors(struct hf *h, const char *dir, struct err *e)
{
	char single[PATH_SIZE], index[PATH_SIZE];
	int rc = path_join(single, sizeof single, e, dir, SINGLE);
	if (!rc)
		rc = path_join(index, sizeof index, e, dir, INDEX);
	if (rc)
		return rc;
	if (file_exists(single))
		rc = add_shard(h, dir, SINGLE, e);
	else if (file_exists(index))
		rc = open_shards(h, dir, e);
	else
		return err_set(
			e, ERR_DATA, "%s: got neither %s nor %s, expected one of them in a model folder", dir, SINGLE, INDEX);
	if (rc)
		return rc;
	const struct tensor *twin = tensor_index_by_name(&h->index);
	if (twin) {
		char shown[80];
		return err_set(e, ERR_DATA, "%s: tensor '%s': got it in two files, expected it in one", dir,
			name_shown(shown, sizeof shown, twin->name, strlen(twin->name)));
	}
	return 0;
}

int hf_open(struct hf **out, const char *dir, struct err *e)
{
	*out = NULL;
	struct hf *h = mem_alloc(1, sizeof *h, e);
	if (!h)
		return ERR_RESOURCE;
	int rc = json_file_in(&h->config, dir, "config.json", CONFIG_MAX, e);
	if (!rc)
		rc = open_tensors(h, dir, e);
	if (rc)
		hf_close(h);
	else
		*out = h;
	return rc;
}

void hf_close(struct hf *h)
{
	if (!h)
		return;
	tensor_index_release(&h->index);
	for (size_t i = 0; i < h->n_shards; i++)
		safetensors_close(h->shards[i]);
	mem_free(h->shards);
	json_decref(h->config);
	mem_free(h);
}

const json_t *hf_config(const struct hf *h)
{
	return h->config;
}

const struct tensor *hf_tensor(const struct hf *h, const char *name)
{
	return tensor_index_find(&h->index, name);
}

size_t hf_n_tensors(const struct hf *h)
{
	return h->index.n;
}

const struct tensor *hf_tensor_at(const struct hf *h, size_t i)
{
	return h->index.p[i];
}
