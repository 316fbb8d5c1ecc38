/*
 * The memory planner. Everything large has a part in the ledger whose size is computed by the function that will lay it out, or is measured
 * because it is there already; what a run holds at its peak is their sum, since all of it is made and touched before the first step.
 * Place in the pipeline: trainer_prepare, before any of it is made. Reference: Chen et al. 2016 (recomputation); docs/decisions.md.
 */
#include "train/memory.h"

#include <stdio.h>

#include "train/optim.h"

enum {
	ROW_BYTES = 160, /* a sample, its line, and the rounding of its two blocks */
	SMALL = 5 << 20  /* the log, buffers of files that are written or read, threads: up to 4 MB, when a run goes on */
};

static const char *const names[MEMORY_PARTS] = {[MEMORY_PROGRAM] = "program",
	[MEMORY_WEIGHTS] = "weights",
	[MEMORY_ROWS] = "rows",
	[MEMORY_ADAPTER] = "adapter",
	[MEMORY_GRADIENTS] = "gradients",
	[MEMORY_MOMENTS] = "moments",
	[MEMORY_BEST] = "best",
	[MEMORY_LAYERS] = "layers",
	[MEMORY_PASSING] = "passing",
	[MEMORY_HEAD] = "head",
	[MEMORY_KERNELS] = "kernels",
	[MEMORY_TEACHER] = "teacher",
	[MEMORY_BATCH] = "batch"};

const char *train_memory_name(enum train_memory_part part)
{
	return names[part];
}

size_t memory_of_rows(const struct dataset *d)
{
	return d->n_tokens * (sizeof *d->samples->ids + sizeof *d->samples->scored) + d->cap * ROW_BYTES;
}

/*
 * Share of a step's time that the recomputation adds, by the products: two operations a weight and token in a layer's second forward pass, but for
 * its last product; four a weight and six a value of the adapters in a step. Attention, cheap at usual lengths, is left out on both sides.
 */
static double recomputed_share(const struct memory_case *c, size_t n_recomputed)
{
	const struct model_config *m = model_config(c->model);
	double last = (double)(m->C * m->F), layer = (double)(2 * m->C * (m->H + m->Hkv) * m->D) + 3 * last;
	double adapter = (double)c->n_params / (double)m->n_layers, n = (double)m->n_layers;
	return (double)n_recomputed * 2 * (layer - last + adapter) /
		(n * (4 * layer + 6 * adapter) + 4 * c->scored * (double)(m->C * m->V));
}

void memory_count(struct train_memory *m, const struct memory_case *c, size_t n_recomputed)
{
	size_t vector = c->n_params * sizeof(float), weights = model_bytes(c->model), held = c->held_bytes, *part = m->part;
	struct work_size work;
	work_measure(&work, c->model, &c->lora, c->max_tokens, n_recomputed);
	part[MEMORY_WEIGHTS] = weights < held ? weights : held;
	held -= part[MEMORY_WEIGHTS];
	part[MEMORY_ROWS] = c->data_bytes < held ? c->data_bytes : held;
	part[MEMORY_PROGRAM] = held - part[MEMORY_ROWS] + SMALL;
	part[MEMORY_ADAPTER] = vector;
	part[MEMORY_GRADIENTS] = grad_tree_depth(c->window) * vector;
	part[MEMORY_MOMENTS] = 2 * vector;
	part[MEMORY_BEST] = c->validates ? vector : 0;
	part[MEMORY_LAYERS] = work.layers;
	part[MEMORY_PASSING] = work.passing;
	part[MEMORY_HEAD] = work.head;
	part[MEMORY_KERNELS] = work.scratch;
	part[MEMORY_TEACHER] = c->distills ? c->max_tokens * model_config(c->model)->C * sizeof(float) : 0;
	part[MEMORY_BATCH] = c->max_tokens * (3 * sizeof(int32_t) + sizeof(float) + 2 * sizeof(size_t));
	m->bytes = 0;
	for (int i = 0; i < MEMORY_PARTS; i++)
		m->bytes += part[i];
	m->n_layers = model_config(c->model)->n_layers;
	m->n_recomputed = n_recomputed;
	m->more_time = recomputed_share(c, n_recomputed);
}

static size_t mb(size_t bytes)
{
	return (bytes >> 20) + 1;
}

int memory_choose(struct train_memory *m, const struct memory_case *c, const struct train_config *config, size_t limit_bytes,
	const char *where, struct err *e)
{
	size_t most = model_config(c->model)->n_layers - 1;
	char rows[48] = "";
	*m = (struct train_memory){.limit_bytes = limit_bytes};
	for (size_t n = 0; n <= most; n++) {
		memory_count(m, c, n);
		if (m->bytes <= limit_bytes)
			return 0;
	}
	if (config->micro_batch_size > 1)
		snprintf(rows, sizeof rows, "micro_batch_size (now %d), ", config->micro_batch_size);
	return err_set(e, ERR_RESOURCE,
		"training needs at least %zu MB of memory, even with %zu of %zu layers recomputed, and %zu MB are %s; lower "
		"%ssequence_len (now %d) or lora_r (now %zu), or take a smaller or a quantised model",
		mb(m->bytes), most, m->n_layers, limit_bytes >> 20, where, rows, config->sequence_len, c->lora.r);
}

void memory_text(char *dst, size_t size, const struct train_memory *m)
{
	int n = snprintf(dst, size, "%zu MB predicted", mb(m->bytes));
	if (m->limit_bytes != SIZE_MAX && n > 0 && (size_t)n < size)
		n += snprintf(dst + n, size - (size_t)n, " of %zu MB", m->limit_bytes >> 20);
	if (n <= 0 || (size_t)n >= size)
		return;
	if (m->n_recomputed)
		snprintf(dst + n, size - (size_t)n, ": %zu of %zu layers recomputed, about %.0f %% more time", m->n_recomputed,
			m->n_layers, 100 * m->more_time);
	else
		snprintf(dst + n, size - (size_t)n, ": all %zu layers kept", m->n_layers);
}
