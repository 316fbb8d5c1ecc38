/*
 * The strength of the adapter: a search over its scale. Place in the pipeline: trainer -> strength -> adapter. Reference: strength.h.
 */
#include "train/strength.h"

#include <math.h>

enum { FULL = 20, LEAST = 10 }; /* twentieths */

static int loss_at(struct trainer *t, int twentieths, double *loss, struct err *e)
{
	struct lora weaker = *t->lora;
	weaker.scale *= (float)twentieths / FULL;
	return trainer_general(t, &weaker, loss, e);
}

/* The largest strength within the limit, by bisection: the loss grows with it. `*loss` is that at the strength found. */
static int search(struct trainer *t, double limit, int *strength, double *loss, struct err *e)
{
	int low = LEAST, high = FULL; /* low is taken, high is too much */
	int rc = loss_at(t, FULL, loss, e);
	*strength = FULL;
	if (rc || *loss <= limit)
		return rc;
	*loss = NAN; /* of low, which is not measured yet */
	while (high - low > 1) {
		int middle = (low + high) / 2;
		double here;
		rc = loss_at(t, middle, &here, e);
		if (rc)
			return rc;
		if (here <= limit) {
			low = middle;
			*loss = here;
		} else {
			high = middle;
		}
	}
	*strength = low;
	return isnan(*loss) ? loss_at(t, low, loss, e) : 0;
}

static void weaken(struct lora *l, float by)
{
	for (size_t i = 0; i < l->n_layers * LORA_TARGETS; i++)
		for (size_t j = 0; l->slot[i].present && j < l->config.r * l->slot[i].n_out; j++)
			l->params[l->slot[i].bt + j] *= by;
}

int strength_choose(struct trainer *t, struct train_result *out, struct err *e)
{
	int strength = FULL;
	out->strength = 1;
	out->general_loss_base = out->general_loss = NAN;
	if (!t->general.n)
		return 0;
	int rc = trainer_general(t, NULL, &out->general_loss_base, e);
	if (!rc)
		rc = search(t, out->general_loss_base * (1 + t->c->max_forgetting), &strength, &out->general_loss, e);
	if (rc || strength == FULL)
		return rc;
	out->strength = (double)strength / FULL;
	weaken(t->lora, (float)strength / FULL);
	log_line(LOG_INFO, "the adapter was weakened to %.2f of its strength, where general text costs %.1f %% more than the base",
		out->strength, 100 * (out->general_loss / out->general_loss_base - 1));
	return 0;
}
