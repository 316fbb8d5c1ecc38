/*
 * flow_meter: what limits a data folder. Rows are dealt, the trainings taken, and what they make of the same questions is compared. Reference: flow.h, meter.h.
 */
#include "flow/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "hub/hub.h"

enum { MANIFEST_BYTES_MAX = 64 << 20, UNITS_LEAST = 8, CLUSTERS_LEAST = 3 };

/* ---- comparing --------------------------------------------------------------------------------------------------------------------- */

void meter_slope(const double *log2_rows, const bool *used, size_t n, double *weight)
{
	double mean = 0, squares = 0, count = 0;
	for (size_t i = 0; i < n; i++) {
		mean += used[i] ? log2_rows[i] : 0;
		count += used[i];
	}
	mean /= count;
	for (size_t i = 0; i < n; i++)
		squares += used[i] ? (log2_rows[i] - mean) * (log2_rows[i] - mean) : 0;
	for (size_t i = 0; i < n; i++)
		weight[i] = used[i] ? -(log2_rows[i] - mean) / squares : 0;
}

double meter_scatter(const double *log2_rows, const bool *used, size_t n, const double *loss)
{
	double weight[METER_TRAININGS], slope = 0, mean = 0, mean_x = 0, squares = 0, count = 0;
	meter_slope(log2_rows, used, n, weight);
	for (size_t i = 0; i < n; i++) {
		slope -= weight[i] * loss[i];
		mean += used[i] ? loss[i] : 0;
		mean_x += used[i] ? log2_rows[i] : 0;
		count += used[i];
	}
	for (size_t i = 0; i < n && count; i++) {
		double off = loss[i] - mean / count - slope * (log2_rows[i] - mean_x / count);
		squares += used[i] ? off * off : 0;
	}
	return count > 2 ? sqrt(squares / (count - 2)) : NAN;
}

/* What is asked of the trainings: a weight of each, and of which questions. */
struct look {
	double weight[METER_TRAININGS];
	bool own;        /* questions on units that one half alone sees: what it is worth to be there. Else those on held units */
	double apart;    /* of own: how much worse the other half is on held units, for each token; that is not the document's */
	size_t kind;     /* SIZE_MAX: any */
	size_t document; /* document; SIZE_MAX: any */
};
#define LOOK_ALL .kind = SIZE_MAX, .document = SIZE_MAX

/* Does the question count? Then *top is what the weights make of its losses. */
static bool question_take(const struct meter *m, const struct look *l, const struct meter_unit *u, size_t asked, double *top)
{
	const struct meter_training *half = &m->training[METER_HALF], *other = &m->training[METER_OTHER_HALF];
	if ((l->kind != SIZE_MAX && l->kind != u->kind) || (l->document != SIZE_MAX && l->document != u->document))
		return false;
	if (meter_held(&m->data, u) == l->own)
		return false;
	*top = 0;
	for (size_t t = 0; t < m->n_trainings; t++)
		*top += l->weight[t] * m->training[t].nats[asked];
	if (l->own) {
		double there = other->nats[asked] - half->nats[asked] - l->apart * m->tokens[asked];
		*top = meter_sees(&m->data, half, u) ? there : -there;
	}
	return true;
}

/* The ratio of sums over the questions that count, and on how many units they are. */
static int look_at(
	const struct meter *m, const struct look *l, struct eval_estimate *out, size_t *n_clusters, double *sum, struct err *e)
{
	const struct meter_data *d = &m->data;
	struct eval_part *part = mem_alloc(d->n_asked, sizeof *part, e);
	bool *there = mem_alloc(d->n_units, sizeof *there, e);
	size_t n = 0, asked = 0;
	int rc = part && there ? 0 : ERR_RESOURCE;
	*n_clusters = 0;
	*sum = 0;
	for (size_t i = 0; i < d->n_rows && !rc; i++) {
		size_t unit = d->row[i].unit;
		if (d->row[i].use != METER_ASKED_ROW || !question_take(m, l, &d->unit[unit], asked++, &part[n].top))
			continue;
		part[n].cluster = unit;
		*sum += part[n].top;
		part[n].bottom = m->tokens[asked - 1];
		*n_clusters += !there[unit];
		there[unit] = true;
		n++;
	}
	if (!rc)
		rc = eval_ratio(part, n, d->n_units, out, e);
	mem_free(part);
	mem_free(there);
	return rc;
}

/* Rows of the trainings that the line goes through. */
static void line_make(const struct meter *m, double log2_rows[METER_TRAININGS], bool used[METER_TRAININGS])
{
	for (size_t t = 0; t < METER_TRAININGS; t++) {
		used[t] = t >= METER_QUARTER && t <= METER_ALL && m->training[t].n_rows;
		log2_rows[t] = used[t] ? log2((double)m->training[t].n_rows) : 0;
	}
}

/* Losses of the trainings on the line scatter around it by chance; a sum with weights scatters by the root of their squares as much. */
static int luck_find(const struct meter *m, const struct look *l, double *out, struct err *e)
{
	double log2_rows[METER_TRAININGS], loss[METER_TRAININGS] = {0}, squares = 0, sum;
	bool used[METER_TRAININGS];
	size_t n_clusters;
	int rc = 0;
	line_make(m, log2_rows, used);
	for (size_t t = METER_QUARTER; t <= METER_ALL && !rc; t++) {
		struct look one = {.kind = l->kind, .document = l->document};
		struct eval_estimate v;
		one.weight[t] = 1;
		rc = look_at(m, &one, &v, &n_clusters, &sum, e);
		loss[t] = v.value;
	}
	for (size_t t = 0; t < m->n_trainings; t++)
		squares += l->weight[t] * l->weight[t];
	*out = meter_scatter(log2_rows, used, METER_TRAININGS, loss) * sqrt(squares);
	return rc;
}

/* An effect is told when its interval leaves out 0 and it is more than twice what chance in training would make of none. */
static int effect(const struct meter *m, const struct look *l, struct meter_effect *out, struct err *e)
{
	double sum;
	size_t n_clusters;
	int rc = look_at(m, l, &out->less, &n_clusters, &sum, e);
	out->luck = 0; /* of one document in two trainings of equal size: each half is once with and once without */
	if (!rc && !l->own)
		rc = luck_find(m, l, &out->luck, e);
	out->told = !rc && n_clusters >= CLUSTERS_LEAST && (out->less.low > 0 || out->less.high < 0) &&
		!(fabs(out->less.value) <= 2 * out->luck);
	return rc;
}

/* ---- weighing ------------------------------------------------------------------------------------------------------------------------ */

static size_t training_find(const struct meter *m, enum meter_part part, size_t kind)
{
	for (size_t i = 0; i < m->n_trainings; i++)
		if (m->training[i].part == part && m->training[i].kind == kind)
			return i;
	return SIZE_MAX;
}

static double halves_apart(const struct meter_result *r)
{
	return r->loss[METER_OTHER_HALF].value - r->loss[METER_HALF].value;
}

/* What it takes off all new documents' questions that the kind is there, and twice. */
static int kind_weigh(const struct meter *m, struct meter_result *r, size_t k, struct err *e)
{
	size_t half = training_find(m, METER_HALF_OF, k), without = training_find(m, METER_WITHOUT, k);
	r->without[k].less = r->twice_of[k].less = eval_share(0, 0);
	if (half == SIZE_MAX)
		return 0;
	double all = (double)m->training[METER_ALL].n_rows, of_kind = all - (double)m->training[without].n_rows;
	double doublings = log2(of_kind / (of_kind - (all - (double)m->training[half].n_rows)));
	struct look twice = {LOOK_ALL}, none = {LOOK_ALL};
	twice.weight[half] = 1 / doublings;
	twice.weight[METER_ALL] = -1 / doublings;
	none.weight[without] = 1;
	none.weight[METER_ALL] = -1;
	int rc = effect(m, &twice, &r->twice_of[k], e);
	return rc ? rc : effect(m, &none, &r->without[k], e);
}

static int kinds_weigh(const struct meter *m, struct meter_result *r, const struct look *curve, struct err *e)
{
	struct look all = {.weight = {[METER_ALL] = 1}, LOOK_ALL};
	size_t n_clusters, n = m->data.n_kinds;
	double sum;
	int rc = 0;
	for (size_t k = 0; k < n && !rc; k++) {
		struct look own = *curve;
		own.kind = all.kind = k;
		rc = effect(m, &own, &r->curve_of[k], e);
		if (!rc)
			rc = look_at(m, &all, &r->all_of[k], &n_clusters, &sum, e);
		if (!rc)
			rc = kind_weigh(m, r, k, e);
	}
	for (size_t k = 0; k < n; k++) { /* insertion; what was not trained without comes last */
		size_t at = k;
		for (; at && !(r->without[r->rank[at - 1]].less.value >= r->without[k].less.value) &&
			!isnan(r->without[k].less.value);
			at--)
			r->rank[at] = r->rank[at - 1];
		r->rank[at] = k;
	}
	return rc;
}

static int by_nats(const void *a, const void *b)
{
	const struct meter_document *x = a, *y = b;
	return x->nats != y->nats ? (x->nats < y->nats) - (x->nats > y->nats) : strcmp(x->path, y->path);
}

static int documents_weigh(const struct meter *m, struct meter_result *r, struct err *e)
{
	const struct meter_data *d = &m->data;
	size_t n_clusters;
	r->document = mem_alloc(d->n_documents, sizeof *r->document, e);
	const char **path = mem_alloc(d->n_documents, sizeof *path, e);
	size_t *n_facts = mem_alloc(d->n_documents, sizeof *n_facts, e);
	bool *asked = mem_alloc(d->n_documents, sizeof *asked, e); /* few of many are */
	int rc = r->document && path && n_facts && asked ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < d->n_units && !rc; i++)
		path[d->unit[i].document] = d->unit[i].path;
	for (size_t i = 0; i < d->n_units && !rc; i++)
		n_facts[d->unit[i].document] += d->unit[i].n_facts;
	for (size_t i = 0; i < d->n_rows && !rc; i++)
		asked[d->unit[d->row[i].unit].document] |= d->row[i].use == METER_ASKED_ROW;
	for (size_t i = 0; i < d->n_documents && !rc; i++) {
		if (!asked[i])
			continue;
		struct look own = {.own = true, .apart = halves_apart(r), .kind = SIZE_MAX, .document = i};
		struct meter_document *one = &r->document[r->n_documents];
		*one = (struct meter_document){.path = path[i], .n_facts = n_facts[i]};
		rc = look_at(m, &own, &one->less, &n_clusters, &one->nats, e);
		one->nats *= one->less.n ? (double)one->n_facts / (double)one->less.n : 0;
		r->n_documents += one->less.n > 0;
	}
	if (!rc)
		qsort(r->document, r->n_documents, sizeof *r->document, by_nats);
	mem_free(path);
	mem_free(n_facts);
	mem_free(asked);
	return rc;
}

int meter_weigh(const struct meter *m, struct meter_result *r, struct err *e)
{
	double log2_rows[METER_TRAININGS], sum;
	bool used[METER_TRAININGS];
	struct look curve = {LOOK_ALL}, own = {.own = true, LOOK_ALL};
	size_t n_clusters;
	int rc = 0;
	line_make(m, log2_rows, used);
	meter_slope(log2_rows, used, METER_TRAININGS, curve.weight);
	for (size_t t = 0; t < m->n_trainings && !rc; t++) {
		struct look loss = {LOOK_ALL};
		loss.weight[t] = 1;
		rc = look_at(m, &loss, &r->loss[t], &n_clusters, &sum, e);
	}
	if (!rc)
		rc = effect(m, &curve, &r->twice, e);
	own.apart = halves_apart(r);
	if (!rc)
		rc = effect(m, &own, &r->own, e);
	if (!rc)
		rc = kinds_weigh(m, r, &curve, e);
	return rc ? rc : documents_weigh(m, r, e);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------------ */

static int training_add(struct meter *m, enum meter_part part, size_t kind, struct err *e)
{
	struct meter_training *t = &m->training[m->n_trainings++];
	*t = (struct meter_training){.part = part, .kind = kind};
	for (size_t i = 0; i < m->data.n_units; i++)
		t->n_units += meter_sees(&m->data, t, &m->data.unit[i]);
	for (size_t i = 0; i < m->data.n_rows; i++)
		t->n_rows += m->data.row[i].use == METER_TRAINED && meter_sees(&m->data, t, &m->data.unit[m->data.row[i].unit]);
	t->nats = mem_alloc(m->data.n_asked, sizeof *t->nats, e);
	return t->nats ? 0 : ERR_RESOURCE;
}

/* Those of a kind only where it can be halved and another one is left. */
static int trainings_plan(struct meter *m, struct err *e)
{
	const struct meter_data *d = &m->data;
	int rc = 0;
	for (enum meter_part p = METER_BASE; p <= METER_ALL && !rc; p++)
		rc = training_add(m, p, SIZE_MAX, e);
	for (size_t k = 0; k < d->n_kinds && k < METER_KINDS && d->n_kinds > 1; k++)
		for (enum meter_part p = METER_HALF_OF; p <= METER_WITHOUT && d->kind[k].n_used > 1 && !rc; p++)
			rc = training_add(m, p, k, e);
	m->tokens = rc ? NULL : mem_alloc(d->n_asked, sizeof *m->tokens, e);
	return m->tokens ? 0 : ERR_RESOURCE;
}

/* Why there is nothing to be measured; NULL: there is. */
static const char *too_little(const struct meter *m)
{
	size_t n_used = 0;
	for (size_t k = 0; k < m->data.n_kinds; k++)
		n_used += m->data.kind[k].n_used;
	if (n_used < UNITS_LEAST)
		return "fewer than 8 documents or sections to train on are too few to be halved twice";
	if (m->data.n_unseen < EVAL_FEW)
		return "fewer than 30 questions on documents that can be kept back cannot tell anything";
	return NULL;
}

/* The key of the manifest: what the folder was made from. */
static int data_key(struct meter *m, struct err *e)
{
	char path[PATH_SIZE];
	json_t *all = NULL;
	int rc = path_join(path, sizeof path, e, m->o->data, "manifest.json");
	if (!rc)
		rc = json_file(&all, path, MANIFEST_BYTES_MAX, e);
	const char *key = json_string_value(json_object_get(all, "key"));
	if (!rc && (!key || strlen(key) >= sizeof m->data_key))
		rc = err_set(e, ERR_DATA, "%s: expected a manifest with its key; curate the documents again", path);
	if (!rc)
		memcpy(m->data_key, key, strlen(key) + 1);
	json_decref(all);
	return rc;
}

static void config_make(struct meter *m)
{
	m->config = *m->o->config;
	m->config.max_steps = m->config.save_steps = METER_STEPS;
	m->config.micro_batch_size = m->config.gradient_accumulation_steps = 1;
}

static int results_write(const struct meter *m, const struct meter_result *r, struct buf *page, json_t **json, struct err *e)
{
	char path[PATH_SIZE];
	struct buf html = {0};
	int rc = meter_json(m, r, json, e);
	if (!rc)
		rc = path_join(path, sizeof path, e, m->o->data, "meter.json");
	if (!rc)
		rc = json_file_write(path, *json, e);
	if (!rc)
		rc = meter_html(m, r, &html, e);
	if (!rc)
		rc = data_report_add(m->o->data, html.p, html.len, e);
	buf_release(&html);
	return rc ? rc : meter_page(m, r, page, e);
}

int flow_meter(const struct flow_meter_options *o, struct buf *page, json_t **json, struct err *e)
{
	struct meter *m = mem_alloc(1, sizeof *m, e);
	struct meter_result r = {0};
	char path[PATH_SIZE];
	*json = NULL;
	if (!m)
		return ERR_RESOURCE;
	m->o = o;
	m->lock = -1;
	config_make(m);
	int rc = path_join(m->folder, sizeof m->folder, e, o->data, "meter");
	if (!rc)
		rc = data_key(m, e);
	if (!rc)
		rc = meter_data_read(&m->data, o->data, o->config->seed, e);
	if (!rc && !(r.too_little = too_little(m))) {
		if (!(rc = dir_make(m->folder, e)) && !(rc = dir_lock(&m->lock, m->folder, e)) && !(rc = trainings_plan(m, e)) &&
			!(rc = hub_resolve(path, o->model, e)) && !(rc = sha256_path(path, m->model_key, e)) &&
			!(rc = model_open(&m->model, path, e)) && !(rc = meter_train(m, e)))
			rc = meter_weigh(m, &r, e);
	}
	if (!rc)
		rc = results_write(m, &r, page, json, e);
	for (size_t i = 0; i < m->n_trainings; i++)
		mem_free(m->training[i].nats);
	mem_free(m->tokens);
	mem_free(r.document);
	model_free(m->model);
	meter_data_release(&m->data);
	dir_unlock(m->lock);
	mem_free(m);
	return rc;
}
