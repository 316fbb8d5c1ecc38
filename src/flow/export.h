/* Private to flow: what writing an export and proving it share. */
#ifndef ATTUNE_FLOW_EXPORT_H
#define ATTUNE_FLOW_EXPORT_H

#include "flow/flow.h"
#include "model/model.h"

enum export_kind { EXPORT_PEFT, EXPORT_GGUF_LORA, EXPORT_GGUF, EXPORT_HF, EXPORT_MLX, EXPORT_KINDS };

struct export_job {
	const struct flow_export_options *o;
	enum export_kind kind;
	enum dtype type;  /* of a merged model's matrices; DTYPE_COUNT: the base's own where it can be written */
	enum dtype worst; /* what was written: the type that rounds most */
	char model_path[PATH_SIZE];
	struct model *model;
	struct lora *lora;
	char part[PATH_SIZE], product[PATH_SIZE], passport[PATH_SIZE]; /* while it is made, all in the folder `part` */
};

/* Whether the product is the whole model, with the adapter in it. */
static inline bool export_is_merged(const struct export_job *j)
{
	return j->kind == EXPORT_GGUF || j->kind == EXPORT_HF;
}

/* The model with the adapter in it, as one GGUF file with all keys and tensors of the base's. */
int export_gguf(struct export_job *j, struct err *e);
/* The same as a Hugging Face folder. ERR_DATA when a GGUF base says what such a folder cannot. */
int export_hf(struct export_job *j, struct err *e);

/* The one of the two types that rounds more. */
enum dtype export_coarser(enum dtype a, enum dtype b);

/* Takes the next n bytes of a product. */
typedef int export_put(void *writer, const void *p, size_t n, struct err *e);
/* The tensor of the base, merged, in `type` and in the product's row order, to `put`. ERR_FAILED when a value is too large for the type. */
int export_rows(const struct export_job *j, const struct hf_part *x, enum dtype type, export_put *put, void *writer, struct err *e);

/*
 * Opens the product again and compares it with base and adapter on prompts; writes the passport. ERR_FAILED with a sentence when they
 * differ by more than what the number format explains.
 */
int passport_make(struct export_job *j, struct err *e);

#endif
