/*
 * export: what another program loads. The product is made in a folder beside its place, read back and compared (passport.c), and moved
 * into place by a rename, so that a run that fails or is killed leaves nothing under the final name.
 */
#include "flow/export.h"
#include "hub/hub.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[EXPORT_KINDS] = {"peft", "gguf-lora", "gguf", "hf", "mlx"};

enum dtype export_coarser(enum dtype a, enum dtype b)
{
	static const enum dtype order[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_K, DTYPE_Q4_0};
	size_t i = 0;
	while (order[i] != a && order[i] != b)
		i++;
	return order[i] == a ? b : a;
}

static int read_options(struct export_job *j, struct err *e)
{
	const struct flow_export_options *o = j->o;
	while (j->kind < EXPORT_KINDS && strcmp(kinds[j->kind], o->to))
		j->kind++;
	if (j->kind == EXPORT_KINDS)
		return err_set(e, ERR_USAGE, "--to %s: expected peft, gguf-lora, gguf, hf or mlx", o->to);
	for (j->type = o->type ? 0 : DTYPE_COUNT; j->type < DTYPE_COUNT && strcmp(dtype_name(j->type), o->type); j->type++)
		;
	if (o->type && (j->type == DTYPE_COUNT || !dtype_can_quantize(j->type)))
		return err_set(e, ERR_USAGE, "--type %s: expected F32, F16, BF16, Q8_0, Q4_0 or Q4_K", o->type);
	if (o->type && !export_is_merged(j))
		return err_set(e, ERR_USAGE, "--type goes with a merged model (--to gguf, --to hf); an adapter is written in F32");
	if (o->type && j->kind == EXPORT_HF && dtype_block(j->type) > 1)
		return err_set(e, ERR_USAGE, "--type %s: a Hugging Face folder holds F32, F16 or BF16", o->type);
	if (file_exists(o->out) || dir_exists(o->out))
		return err_set(e, ERR_USAGE, "%s exists already; name a place that does not", o->out);
	return 0;
}

static int name_parts(struct export_job *j, struct err *e)
{
	struct buf part = {0}, passport = {0};
	size_t n = strlen(j->o->out);
	while (n > 1 && j->o->out[n - 1] == '/')
		n--;
	bool is_file = j->kind == EXPORT_GGUF || j->kind == EXPORT_GGUF_LORA;
	int rc = buf_printf(&part, e, "%.*s.part", (int)n, j->o->out);
	if (!rc)
		rc = path_join(j->part, sizeof j->part, e, "", part.p);
	if (!rc)
		rc = path_join(j->product, sizeof j->product, e, j->part, "product");
	if (!rc)
		rc = path_join(j->passport, sizeof j->passport, e, is_file ? j->part : j->product, "passport.json");
	if (!rc)
		rc = buf_printf(&passport, e, "%.*s%s", (int)n, j->o->out, is_file ? ".passport.json" : "/passport.json");
	if (!rc && passport.len >= PATH_SIZE)
		rc = err_set(e, ERR_USAGE, "%s: the name is too long", j->o->out);
	if (!rc)
		memcpy(((struct flow_export_options *)j->o)->passport, passport.p, passport.len + 1);
	buf_release(&part);
	buf_release(&passport);
	return rc;
}

static int move(const char *from, const char *to, struct err *e)
{
	return fault_hit(FAULT_FILE) || rename(from, to) ? err_errno(e, "rename to", to) : 0;
}

/* The passport first: a file is never there without it. */
static int publish(struct export_job *j, struct err *e)
{
	bool in_folder = dir_exists(j->product);
	int rc = in_folder ? dir_sync(j->product, e) : move(j->passport, j->o->passport, e);
	if (!rc && file_exists(j->o->out))
		rc = err_set(e, ERR_USAGE, "%s was made meanwhile by somebody else; nothing was written", j->o->out);
	return rc ? rc : move(j->product, j->o->out, e);
}

static int make(struct export_job *j, struct err *e)
{
	switch (j->kind) {
	case EXPORT_PEFT:
		return lora_save(j->lora, j->model, j->product, e);
	case EXPORT_GGUF_LORA:
		return lora_save_gguf(j->lora, j->model, j->product, e);
	case EXPORT_MLX:
		return lora_save_mlx(j->lora, j->model, j->product, e);
	case EXPORT_HF:
		return export_hf(j, e);
	default:
		return export_gguf(j, e);
	}
}

int flow_export(struct flow_export_options *o, struct err *e)
{
	struct export_job *j = mem_alloc(1, sizeof *j, e);
	int rc = j ? 0 : ERR_RESOURCE, lock = -1;
	if (rc)
		return rc;
	j->o = o;
	if ((rc = read_options(j, e)) || (rc = name_parts(j, e)) || (rc = hub_resolve(j->model_path, o->model, e)) ||
		(rc = model_open(&j->model, j->model_path, e)) || (rc = lora_open(&j->lora, j->model, o->adapter, e)) ||
		(rc = dir_make(j->part, e)) || (rc = dir_lock(&lock, j->part, e)))
		goto done;
	if ((rc = dir_remove(j->product, e)) == 0 && (rc = make(j, e)) == 0 && (rc = passport_make(j, e)) == 0)
		rc = publish(j, e);
	struct err ignored = {0};
	dir_remove(j->part, &ignored);
done:
	dir_unlock(lock);
	lora_free(j->lora);
	model_free(j->model);
	mem_free(j);
	return rc;
}
