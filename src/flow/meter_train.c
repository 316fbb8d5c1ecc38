/*
 * The trainings of the meter and what each makes of the questions. Every one of them, once finished, is a small file of its own, named by what it is;
 * one that was stopped goes on where its run folder stands. Reference: meter.h.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flow/meter.h"

enum { GROUP_TOKENS = 2048, GROUP_ROWS = 256, SCORES_BYTES_MAX = 1 << 20, VERSION = 1 };

/* Of the time of a training: what asking and reading take beside it, rounded up. */
static const double asking_share = 0.3;

/* ---- asking ------------------------------------------------------------------------------------------------------------------------ */

struct asking {
	const struct meter *m;
	const struct lora *lora;
	struct packer packer;
	struct work *work;
	size_t owner[GROUP_TOKENS]; /* of scored token i: its row */
	float loss[GROUP_TOKENS];
	double *nats, *tokens; /* [n_asked]; tokens: NULL where they are known */
};

static int group_ask(struct asking *a, struct err *e)
{
	const struct batch *b = &a->packer.batch;
	int rc = b->n_scored ? model_loss(a->m->model, a->lora, a->work, b, a->loss, e) : 0;
	for (size_t i = 0; i < b->n_scored && !rc; i++)
		a->nats[a->owner[i]] += (double)a->loss[i];
	packer_clear(&a->packer);
	return rc;
}

/* A row that is too long for a group or the model adds nothing to any training. */
static int row_ask(struct asking *a, const struct meter_row *row, size_t i, struct err *e)
{
	const struct meter *m = a->m;
	struct row r = {0};
	struct sample s = {0};
	json_t *object = json_loads(row->text, 0, NULL);
	int rc = object ? row_parse(&r, object, "a row", 0, e) : err_set(e, ERR_RESOURCE, "out of memory");
	if (!rc)
		rc = row_sample(&s, &r, model_encoder(m->model), false, e);
	if (!rc && s.n <= GROUP_TOKENS && s.n <= model_config(m->model)->context) {
		if (a->packer.batch.n_tokens + s.n > GROUP_TOKENS || a->packer.batch.n_seqs == GROUP_ROWS)
			rc = group_ask(a, e);
		for (size_t k = 0; k < s.n_scored; k++)
			a->owner[a->packer.batch.n_scored + k] = i;
		if (!rc)
			packer_add(&a->packer, &s);
		a->tokens[i] = (double)s.n_scored;
	}
	sample_release(&s);
	row_release(&r);
	return rc;
}

static int ask(const struct meter *m, const struct lora *lora, double *nats, struct err *e)
{
	struct asking *a = mem_alloc(1, sizeof *a, e);
	if (!a)
		return ERR_RESOURCE;
	a->m = m;
	a->lora = lora;
	a->nats = nats;
	a->tokens = m->tokens;
	int rc = packer_init(&a->packer, GROUP_TOKENS, GROUP_ROWS, e);
	a->packer.forward_only = true;
	if (!rc)
		rc = work_new(&a->work, m->model, lora, GROUP_TOKENS, false, e);
	for (size_t i = 0, n = 0; i < m->data.n_rows && !rc; i++) {
		if (m->data.row[i].use == METER_ASKED_ROW)
			rc = row_ask(a, &m->data.row[i], n++, e);
		if (!rc && m->o->stop && *m->o->stop)
			rc = err_set(e, ERR_STOPPED, "stopped while asking; run the same command again to go on");
	}
	if (!rc)
		rc = group_ask(a, e);
	work_free(a->work);
	packer_release(&a->packer);
	mem_free(a);
	return rc;
}

/* ---- what a training is made from ------------------------------------------------------------------------------------------------------ */

int meter_name(char out[PATH_SIZE], const struct meter *m, size_t i, struct err *e)
{
	static const char *const name[] = {"base", "quarter", "half", "other-half", "all", "half-of", "without"};
	const struct meter_training *t = &m->training[i];
	char text[64];
	if (t->part < METER_HALF_OF)
		return path_join(out, PATH_SIZE, e, "", name[t->part]);
	snprintf(text, sizeof text, "%s-%zu", name[t->part], t->kind);
	return path_join(out, PATH_SIZE, e, "", text);
}

/* The rows of one use, of one training; the order of the file. */
static int rows_put(struct buf *out, const struct meter *m, const struct meter_training *t, enum meter_use use, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < m->data.n_rows && !rc; i++) {
		const struct meter_row *r = &m->data.row[i];
		if (r->use == use && (!t || meter_sees(&m->data, t, &m->data.unit[r->unit])))
			rc = buf_puts(out, r->text, e);
	}
	return rc;
}

/* All that the scores depend on; the name of what is trained is not among it. */
static int key_make(char hex[65], const struct meter *m, const struct buf *rows, struct err *e)
{
	struct buf b = {0};
	struct sha256 *sum = NULL;
	int rc = buf_printf(&b, e, "%d %d %s %s\n", VERSION, METER_STEPS, kern->name, m->model_key);
	if (!rc && rows->len) /* the base is not trained */
		rc = train_config_text(&m->config, &b, e);
	if (!rc)
		rc = rows_put(&b, m, NULL, METER_ASKED_ROW, e);
	if (!rc)
		rc = sha256_new(&sum, e);
	if (!rc) {
		sha256_add(sum, b.p, b.len);
		sha256_add(sum, "\n", 1);
		sha256_add(sum, rows->p ? rows->p : "", rows->len);
		sha256_hex(sum, hex);
	}
	sha256_free(sum);
	buf_release(&b);
	return rc;
}

/* ---- scores on disk ------------------------------------------------------------------------------------------------------------------- */

static int scores_write(const struct meter *m, const struct meter_training *t, const char *path, const char *key, struct err *e)
{
	json_t *nats = json_array(), *tokens = json_array();
	int failed = 0;
	for (size_t i = 0; i < m->data.n_asked; i++)
		failed |= json_array_append_new(nats, json_real(t->nats[i])) |
			json_array_append_new(tokens, json_integer((json_int_t)m->tokens[i]));
	json_t *o = failed ? NULL : json_pack("{s:s, s:O, s:O}", "key", key, "nats", nats, "tokens", tokens);
	int rc = o ? json_file_write(path, o, e) : err_set(e, ERR_FAILED, "%s: a loss is not a number", path);
	json_decref(o);
	json_decref(nats);
	json_decref(tokens);
	return rc;
}

/* Whether the file holds the scores of this key; then they are read. A file that is not as scores_write leaves it is nobody's. */
static bool scores_read(const struct meter *m, const struct meter_training *t, const char *path, const char *key)
{
	json_t *o = NULL, *nats, *tokens;
	const char *made_from;
	bool good = file_exists(path) && !json_file(&o, path, SCORES_BYTES_MAX, NULL) &&
		!json_unpack(o, "{s:s, s:o, s:o}", "key", &made_from, "nats", &nats, "tokens", &tokens) &&
		!strcmp(made_from, key) && json_array_size(nats) == m->data.n_asked && json_array_size(tokens) == m->data.n_asked;
	for (size_t i = 0; good && i < m->data.n_asked; i++) {
		t->nats[i] = json_number_value(json_array_get(nats, i));
		m->tokens[i] = json_number_value(json_array_get(tokens, i));
	}
	json_decref(o);
	return good;
}

/* ---- one training ---------------------------------------------------------------------------------------------------------------------- */

/* A training as it stands on disk. */
struct place {
	char name[PATH_SIZE], scores[PATH_SIZE], work[PATH_SIZE], rows_path[PATH_SIZE], run[PATH_SIZE], key[65];
	struct buf rows;
	bool done;
};

static int place_find(struct place *p, const struct meter *m, size_t i, struct err *e)
{
	char file[PATH_SIZE + 8], key_file[PATH_SIZE];
	*p = (struct place){0};
	int rc = meter_name(p->name, m, i, e);
	if (!rc)
		rc = rows_put(&p->rows, m, &m->training[i], METER_TRAINED, e);
	if (!rc)
		rc = key_make(p->key, m, &p->rows, e);
	snprintf(file, sizeof file, "%s.json", p->name);
	if (!rc)
		rc = path_join(p->scores, PATH_SIZE, e, m->folder, file);
	snprintf(key_file, sizeof key_file, "%s-%.*s", m->training[i].part == METER_BASE ? "base" : "run", FLOW_KEY_SHOWN, p->key);
	if (!rc)
		rc = path_join(p->work, PATH_SIZE, e, m->folder, key_file);
	if (!rc)
		rc = path_join(p->rows_path, PATH_SIZE, e, p->work, "train.jsonl");
	if (!rc)
		rc = path_join(p->run, PATH_SIZE, e, p->work, "run");
	return rc;
}

/* Puts the rows where a training reads them. */
static int rows_place(struct train_options *o, const struct meter *m, const struct place *p, struct err *e)
{
	*o = (struct train_options){
		.model = m->model, .config = &m->config, .data = p->work, .out = p->run, .stop = m->o->stop, .unvalidated = true};
	int rc = dir_make(p->work, e);
	return rc ? rc : file_replace(p->rows_path, p->rows.p, p->rows.len, e);
}

static int train(const struct meter *m, const struct place *p, struct lora **lora, struct err *e)
{
	char adapter[PATH_SIZE];
	struct train_options o;
	struct train_result r;
	int rc = rows_place(&o, m, p, e);
	if (!rc)
		rc = train_run(&o, &r, e);
	if (!rc)
		rc = path_join(adapter, sizeof adapter, e, p->run, "adapter");
	return rc ? rc : lora_open(lora, m->model, adapter, e);
}

/* Trains, asks, keeps the scores and throws the rest away. */
static int one(struct meter *m, size_t i, const struct place *p, struct err *e)
{
	struct meter_training *t = &m->training[i];
	struct lora *lora = NULL;
	int rc = p->rows.len ? train(m, p, &lora, e) : 0;
	if (!rc)
		rc = ask(m, lora, t->nats, e);
	if (!rc)
		rc = scores_write(m, t, p->scores, p->key, e);
	lora_free(lora);
	return rc ? rc : dir_remove(p->work, e);
}

/* What all will take, by a few steps of the largest training, before the first. */
static int forecast(const struct meter *m, const struct place *p, size_t n_left, struct err *e)
{
	struct train_options o;
	struct train_forecast f;
	int rc = rows_place(&o, m, p, e);
	o.out = p->work; /* only the disk under it is looked at */
	if (!rc)
		rc = train_forecast(&o, &f, e);
	if (!rc) /* the median step: a slow one among so few may be another program's */
		log_line(LOG_INFO, "meter: %zu trainings of %d steps, and %zu questions after each: about %.0f min, at most %zu MB",
			n_left, METER_STEPS, m->data.n_asked,
			ceil((double)n_left * (1 + asking_share) * (double)f.n_tokens / f.tokens_per_s / 60),
			(f.memory.bytes >> 20) + 1);
	return rc;
}

int meter_train(struct meter *m, struct err *e)
{
	struct place *p = mem_alloc(m->n_trainings, sizeof *p, e);
	size_t n_left = 0, n_done = 0;
	double begun;
	int rc = p ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < m->n_trainings && !rc; i++) {
		rc = place_find(&p[i], m, i, e);
		p[i].done = !rc && scores_read(m, &m->training[i], p[i].scores, p[i].key);
		n_left += !p[i].done && m->training[i].part != METER_BASE;
	}
	if (!rc && n_left)
		rc = forecast(m, &p[METER_ALL], n_left, e);
	begun = now_s();
	for (size_t i = 0; i < m->n_trainings && !rc; i++) {
		if (p[i].done) { /* one that was killed behind its scores left its run */
			rc = dir_remove(p[i].work, e);
			continue;
		}
		if (n_done)
			log_line(LOG_INFO, "meter: %s, training %zu of %zu, about %.0f min left", p[i].name, n_done + 1, n_left,
				ceil((now_s() - begun) / (double)n_done * (double)(n_left - n_done) / 60));
		rc = one(m, i, &p[i], e);
		n_done += m->training[i].part != METER_BASE;
	}
	for (size_t i = 0; p && i < m->n_trainings; i++)
		buf_release(&p[i].rows);
	mem_free(p);
	return rc;
}
