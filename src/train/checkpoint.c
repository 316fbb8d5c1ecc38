/*
 * Checkpoints. One is written into a temporary folder: state.safetensors, trainer.json, metrics.jsonl, each fsynced, then
 * manifest.json with their sizes and SHA-256 sums, then the folder is fsynced, renamed to step-N and its parent fsynced. So step-N is
 * either absent or whole, and what happens to it later on the disk is noticed when it is read. A failed fsync is not repeated
 * on the same file: the save fails and the next one writes anew.
 * Reference: Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
 */
#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SMALL_FILE = 1 << 20, LOG_FILE = 1 << 30, KEPT = 2 };

static const char *const files[] = {"state.safetensors", "trainer.json", "metrics.jsonl"};

enum { N_FILES = sizeof files / sizeof *files };

/* ---- JSON and folders --------------------------------------------------------------------------------------------------- */

int json_append(struct buf *out, const json_t *object, struct err *e)
{
	char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15)) : NULL;
	if (!text)
		return err_set(e, ERR_RESOURCE, "out of memory for a JSON object");
	int rc = buf_printf(out, e, "%s\n", text);
	free(text);
	return rc;
}

/* Takes `object`. */
static int json_write(const char *dir, const char *name, json_t *object, struct err *e)
{
	char path[PATH_SIZE];
	struct buf text = {0};
	int rc = json_append(&text, object, e);
	if (!rc)
		rc = path_join(path, sizeof path, e, dir, name);
	if (!rc)
		rc = file_replace(path, text.p, text.len, e);
	buf_release(&text);
	json_decref(object);
	return rc;
}

static int json_read(const char *dir, const char *name, json_t **out, struct err *e)
{
	char path[PATH_SIZE];
	struct buf text = {0};
	json_error_t why;
	*out = NULL;
	int rc = path_join(path, sizeof path, e, dir, name);
	if (!rc)
		rc = file_read(path, SMALL_FILE, &text, e);
	if (rc)
		goto done;
	*out = json_loadb(text.len ? text.p : "", text.len, JSON_REJECT_DUPLICATES, &why);
	if (!*out)
		rc = err_set(e, ERR_DATA, "%s:%d: %s", path, why.line, why.text);
done:
	buf_release(&text);
	return rc;
}

int dir_publish(const char *from, const char *to, const char *parent, struct err *e)
{
	int rc = dir_sync(from, e);
	if (!rc)
		rc = dir_remove(to, e);
	if (!rc && (fault_hit(FAULT_FILE) || rename(from, to)))
		rc = err_errno(e, "rename to", to);
	return rc ? rc : dir_sync(parent, e);
}

/* The N of "step-N"; false for any other name. */
static bool step_parse(const char *name, size_t *step)
{
	char again[32];
	*step = strncmp(name, "step-", 5) ? 0 : strtoul(name + 5, NULL, 10);
	snprintf(again, sizeof again, "step-%zu", *step);
	return !strcmp(name, again);
}

static int step_descending(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x < y) - (x > y);
}

/* The steps of the checkpoints in `dir`, newest first. The caller frees *steps. An absent folder has none. */
static int steps_list(const char *dir, size_t **steps, size_t *n, struct err *e)
{
	size_t cap = 0, step;
	int rc = 0;
	*steps = NULL;
	*n = 0;
	DIR *d = fault_hit(FAULT_FILE) ? NULL : opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(e, "open folder", dir);
	for (struct dirent *entry; !rc && (entry = readdir(d));) {
		if (!step_parse(entry->d_name, &step))
			continue;
		if (*n == cap) {
			rc = mem_resize(steps, cap, cap + 16, sizeof **steps, e);
			cap += 16;
		}
		if (!rc)
			(*steps)[(*n)++] = step;
	}
	closedir(d);
	if (rc)
		mem_free(*steps);
	else if (*n)
		qsort(*steps, *n, sizeof **steps, step_descending);
	return rc;
}

/* ---- writing -------------------------------------------------------------------------------------------------------------- */

/* The best weights are a tensor of their own only while they are not the current ones. */
static int state_write(const char *dir, const struct train_state *s, struct err *e)
{
	char path[PATH_SIZE];
	struct tensor t[] = {{.name = "adapter", .data = s->params}, {.name = "m", .data = s->m}, {.name = "v", .data = s->v},
		{.name = "best", .data = s->best}};
	size_t n_after;
	const struct point *lowest = curve_lowest(&s->metrics.eval_loss, &n_after);
	size_t n = lowest && (size_t)lowest->x != s->step ? 4 : 3;
	for (size_t i = 0; i < n; i++) {
		t[i].dtype = DTYPE_F32;
		t[i].n_dims = 1;
		t[i].dims[0] = s->n_params;
		t[i].size_bytes = s->n_params * sizeof(float);
	}
	int rc = path_join(path, sizeof path, e, dir, files[0]);
	return rc ? rc : safetensors_write(path, t, n, e);
}

static int trainer_write(const char *dir, const struct train_state *s, struct err *e)
{
	return json_write(dir, files[1],
		json_pack("{sI sI sI sI sf sf ss sO}", "step", (json_int_t)s->step, "epoch", (json_int_t)s->epoch, "next_batch",
			(json_int_t)s->next_batch, "tokens", (json_int_t)s->n_tokens, "seconds", s->seconds, "loss", s->loss,
			"kernels", kern->name, "inputs", s->inputs),
		e);
}

static int metrics_write(const char *dir, const struct train_state *s, struct err *e)
{
	char path[PATH_SIZE];
	const struct buf *text = &s->metrics.text;
	int rc = path_join(path, sizeof path, e, dir, files[2]);
	return rc ? rc : file_replace(path, text->len ? text->p : "", text->len, e);
}

/* Size and SHA-256 of one file of a checkpoint; ERR_DATA when it is missing. */
static int file_measure(const char *dir, const char *name, size_t *size, char hex[65], struct err *e)
{
	char path[PATH_SIZE];
	struct stat st;
	int rc = path_join(path, sizeof path, e, dir, name);
	if (!rc && (stat(path, &st) || !S_ISREG(st.st_mode)))
		rc = err_set(e, ERR_DATA, "%s: missing", path);
	if (!rc)
		rc = sha256_file(path, hex, e);
	*size = rc ? 0 : (size_t)st.st_size;
	return rc;
}

static int manifest_write(const char *dir, struct err *e)
{
	char hex[65];
	size_t size;
	int rc = 0;
	json_t *manifest = json_object();
	for (int i = 0; !rc && i < N_FILES; i++) {
		rc = file_measure(dir, files[i], &size, hex, e);
		if (!rc)
			json_object_set_new(manifest, files[i], json_pack("{sI ss}", "size", (json_int_t)size, "sha256", hex));
	}
	if (rc) {
		json_decref(manifest);
		return rc;
	}
	return json_write(dir, "manifest.json", manifest, e);
}

/* Keeps `step` and the one before it. Later ones, which can only be damaged, stay until they are overwritten. */
static int steps_prune(const char *dir, size_t step, struct err *e)
{
	char path[PATH_SIZE], name[32];
	size_t *steps, n, kept = 0;
	int rc = steps_list(dir, &steps, &n, e);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < n; i++) {
		if (steps[i] > step || ++kept <= KEPT)
			continue;
		snprintf(name, sizeof name, "step-%zu", steps[i]);
		rc = path_join(path, sizeof path, e, dir, name);
		if (!rc)
			rc = dir_remove(path, e);
	}
	mem_free(steps);
	return rc;
}

int checkpoint_save(const char *run, const struct train_state *s, struct err *e)
{
	char dir[PATH_SIZE], temporary[PATH_SIZE], path[PATH_SIZE], name[32];
	snprintf(name, sizeof name, "step-%zu", s->step);
	int rc = path_join(dir, sizeof dir, e, run, "checkpoints");
	if (!rc)
		rc = path_join(temporary, sizeof temporary, e, dir, ".unfinished");
	if (!rc)
		rc = path_join(path, sizeof path, e, dir, name);
	if (!rc)
		rc = dir_remove(temporary, e);
	if (!rc)
		rc = dir_make(temporary, e);
	if (!rc)
		rc = state_write(temporary, s, e);
	if (!rc)
		rc = trainer_write(temporary, s, e);
	if (!rc)
		rc = metrics_write(temporary, s, e);
	if (!rc)
		rc = manifest_write(temporary, e);
	if (!rc)
		rc = dir_publish(temporary, path, dir, e);
	if (!rc)
		rc = steps_prune(dir, s->step, e);
	return rc ? err_prefix(e, "checkpoint of step %zu", s->step) : 0;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------- */

int inputs_compare(const char *run, const json_t *before, const json_t *now, struct err *e)
{
	const char *key;
	json_t *value;
	char *was = NULL, *is = NULL;
	json_object_foreach ((json_t *)(uintptr_t)now, key, value) {
		const json_t *old = json_object_get(before, key);
		if (json_equal(old, value))
			continue;
		was = old ? json_dumps(old, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
		is = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		err_set(e, ERR_USAGE,
			"%s: holds a run whose %s was %s and now is %s; set it back to continue that run, or give another "
			"folder with --out",
			run, key, was ? was : "not known", is ? is : "different");
		free(was);
		free(is);
		return ERR_USAGE;
	}
	return 0;
}

/* Every file is there with the size and the sum that the manifest gives. */
static int manifest_verify(const char *dir, struct err *e)
{
	json_t *manifest;
	char hex[65];
	size_t size;
	int rc = json_read(dir, "manifest.json", &manifest, e);
	for (int i = 0; !rc && i < N_FILES; i++) {
		const json_t *entry = json_object_get(manifest, files[i]);
		const char *sum = json_string_value(json_object_get(entry, "sha256"));
		rc = file_measure(dir, files[i], &size, hex, e);
		if (!rc && (!sum || strcmp(sum, hex) || json_integer_value(json_object_get(entry, "size")) != (json_int_t)size))
			rc = err_set(e, ERR_DATA, "%s/%s: size or SHA-256 differ from manifest.json", dir, files[i]);
	}
	json_decref(manifest);
	return rc;
}

/* In pieces that are forgotten at once: when a run goes on, all that it will hold is there already. */
static void tensor_take(float *to, const struct safetensors *file, const struct tensor *t)
{
	enum { PIECE = 1 << 20 };
	struct tensor piece = *t;
	for (size_t at = 0; at < t->size_bytes; at += piece.size_bytes) {
		piece.data = (const char *)t->data + at;
		piece.size_bytes = t->size_bytes - at < PIECE ? t->size_bytes - at : PIECE;
		memcpy((char *)to + at, piece.data, piece.size_bytes);
		safetensors_forget(file, &piece);
	}
}

static int state_read(const char *dir, struct train_state *s, struct err *e)
{
	static const char *const names[] = {"adapter", "m", "v", "best"};
	float *const to[] = {s->params, s->m, s->v, s->best};
	char path[PATH_SIZE];
	struct safetensors *file = NULL;
	int rc = path_join(path, sizeof path, e, dir, files[0]);
	if (!rc)
		rc = safetensors_open(&file, path, e);
	for (int i = 0; !rc && i < (s->best ? 4 : 3); i++) {
		const struct tensor *t = safetensors_find(file, names[i]);
		if (!t && to[i] == s->best) {
			memcpy(s->best, s->params, s->n_params * sizeof(float));
		} else if (t && t->dtype == DTYPE_F32 && t->size_bytes == s->n_params * sizeof(float)) {
			tensor_take(to[i], file, t);
		} else {
			rc = err_set(e, ERR_DATA, "%s: %s is not %zu f32 values", path, names[i], s->n_params);
		}
	}
	safetensors_close(file);
	return rc;
}

static int metrics_read(const char *dir, struct metrics *m, struct err *e)
{
	char path[PATH_SIZE];
	struct buf text = {0};
	metrics_release(m);
	int rc = path_join(path, sizeof path, e, dir, files[2]);
	if (!rc)
		rc = file_read(path, LOG_FILE, &text, e);
	if (!rc && text.len)
		rc = metrics_restore(m, text.p, text.len, e);
	buf_release(&text);
	return rc;
}

static int checkpoint_read(const char *run, const char *dir, struct train_state *s, struct err *e)
{
	json_t *trainer = NULL, *before;
	const char *kernels;
	json_int_t step, epoch, next_batch, n_tokens;
	int rc = manifest_verify(dir, e);
	if (!rc)
		rc = json_read(dir, files[1], &trainer, e);
	if (rc)
		return rc;
	if (json_unpack(trainer, "{sI sI sI sI sF sF ss so}", "step", &step, "epoch", &epoch, "next_batch", &next_batch, "tokens",
		    &n_tokens, "seconds", &s->seconds, "loss", &s->loss, "kernels", &kernels, "inputs", &before)) {
		rc = err_set(e, ERR_DATA, "%s/%s: a field is missing", dir, files[1]);
		goto done;
	}
	if (strcmp(kernels, kern->name) != 0)
		log_line(LOG_WARNING,
			"%s: computed with the %s kernels and now continues with %s; the last bits will differ from a run on "
			"one of them",
			run, kernels, kern->name);
	rc = inputs_compare(run, before, s->inputs, e);
	if (!rc)
		rc = state_read(dir, s, e);
	if (!rc)
		rc = metrics_read(dir, &s->metrics, e);
	s->step = (size_t)step;
	s->epoch = (size_t)epoch;
	s->next_batch = (size_t)next_batch;
	s->n_tokens = (size_t)n_tokens;
done:
	json_decref(trainer);
	return rc;
}

int checkpoint_load(const char *run, struct train_state *s, bool *found, struct err *e)
{
	char dir[PATH_SIZE], path[PATH_SIZE], name[32];
	size_t *steps = NULL, n = 0;
	struct err why = {0};
	*found = false;
	int rc = path_join(dir, sizeof dir, e, run, "checkpoints");
	if (!rc)
		rc = steps_list(dir, &steps, &n, e);
	for (size_t i = 0; !rc && !*found && i < n; i++) {
		snprintf(name, sizeof name, "step-%zu", steps[i]);
		rc = path_join(path, sizeof path, e, dir, name);
		if (rc)
			break;
		int damage = checkpoint_read(run, path, s, &why);
		*found = !damage;
		if (damage == ERR_USAGE || damage == ERR_RESOURCE)
			rc = err_set(e, damage, "%s", why.text);
		else if (damage)
			log_line(LOG_WARNING, "%s: this checkpoint is damaged (%s); trying the one before it", path, why.text);
	}
	if (!rc && n && !*found)
		rc = err_set(e, ERR_DATA, "%s: no checkpoint in it is whole (%s); remove the folder to train from the start", dir,
			why.text);
	mem_free(steps);
	return rc;
}
