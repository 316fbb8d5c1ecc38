/*
 * Data files to samples: every row is tokenised once, before training, so that a bad row is named before any work is done.
 * Place in the pipeline: format's rows -> dataset -> batch. Reference: train.h.
 */
#include "train/dataset.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 256, EXCESS_LOGGED = 20 };

/* ---- rows that are too long ---------------------------------------------------------------------------------------------- */

bool sample_truncate(struct sample *s, size_t max)
{
	size_t last = s->n, scored = 0;
	while (last && !s->scored[last - 1])
		last--;
	if (last <= max) { /* only an unscored tail is too long; nobody misses it */
		s->n = last;
		return true;
	}
	for (size_t i = 0; i < max - 1; i++)
		scored += s->scored[i];
	if (!scored)
		return false;
	s->ids[max - 1] = s->ids[last - 1];
	s->scored[max - 1] = 1;
	s->n = max;
	s->n_scored = scored + 1;
	return true;
}

static int dataset_note_excess(struct dataset *d, size_t line, struct err *e)
{
	if (mem_reserve(&d->excess, d->n_excess, &d->excess_cap, sizeof *d->excess, e))
		return ERR_RESOURCE;
	d->excess[d->n_excess++] = line;
	return 0;
}

/* Applies the strategy to a row that is longer than the limit. *keep: the (shortened) sample still belongs to the data. */
static int dataset_shorten(
	struct dataset *d, struct sample *s, size_t line, const struct train_config *c, bool *keep, struct err *e)
{
	size_t n = s->n, max = (size_t)c->sequence_len;
	*keep = false;
	if (c->excess_length_strategy == EXCESS_RAISE)
		return err_set(e, ERR_DATA,
			"%s: line %zu: the row has %zu tokens and sequence_len is %zu; raise sequence_len, or set "
			"excess_length_strategy to drop or truncate",
			d->path, line, n, max);
	int rc = dataset_note_excess(d, line, e);
	if (rc)
		return rc;
	if (c->excess_length_strategy == EXCESS_TRUNCATE)
		*keep = sample_truncate(s, max);
	if (d->n_excess <= EXCESS_LOGGED)
		log_line(LOG_WARNING, "%s: line %zu: the row has %zu tokens, sequence_len is %zu: %s", d->path, line, n, max,
			*keep ? "truncated" : "left out");
	return 0;
}

/* ---- loading --------------------------------------------------------------------------------------------------------------- */

/* Takes the sample. */
static int dataset_push(struct dataset *d, struct sample *s, size_t line, struct err *e)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : FIRST_ROWS;
		int rc = mem_resize(&d->samples, d->cap, cap, sizeof *d->samples, e);
		if (!rc)
			rc = mem_resize(&d->line, d->cap, cap, sizeof *d->line, e);
		if (rc)
			return rc;
		d->cap = cap;
	}
	d->n_tokens += s->n;
	d->n_scored += s->n_scored;
	d->line[d->n] = line;
	d->samples[d->n++] = *s;
	*s = (struct sample){0};
	return 0;
}

/* Takes `object`. */
static int dataset_add(
	struct dataset *d, json_t *object, size_t line, const struct encoder *enc, const struct train_config *c, struct err *e)
{
	struct row row = {0};
	struct sample s = {0};
	bool keep = true;
	int rc = row_parse(&row, object, d->path, line, e);
	if (rc)
		goto done;
	rc = row_sample(&s, &row, enc, c->train_on_inputs, e);
	if (rc) {
		err_prefix(e, "%s", d->path);
		goto done;
	}
	if (s.n > (size_t)c->sequence_len)
		rc = dataset_shorten(d, &s, line, c, &keep, e);
	if (!rc && keep)
		rc = dataset_push(d, &s, line, e);
done:
	sample_release(&s);
	row_release(&row);
	return rc;
}

int dataset_load(struct dataset *d, const char *path, const struct encoder *enc, const struct train_config *c, struct err *e)
{
	struct jsonl *file = NULL;
	json_t *object;
	size_t line;
	*d = (struct dataset){0};
	int rc = path_join(d->path, sizeof d->path, e, "", path);
	if (!rc)
		rc = sha256_file(path, d->sha256, e);
	if (!rc)
		rc = jsonl_open(&file, path, e);
	if (rc)
		goto done;
	while ((rc = jsonl_next(file, &object, &line, e)) > 0) {
		rc = dataset_add(d, object, line, enc, c, e);
		if (rc)
			goto done;
	}
	if (rc)
		goto done;
	if (d->n_excess)
		log_line(LOG_WARNING, "%s: %zu of its rows were longer than sequence_len %d (%s); run.json lists them all", path,
			d->n_excess, c->sequence_len, c->excess_length_strategy == EXCESS_DROP ? "left out" : "truncated");
	if (!d->n && d->n_excess)
		rc = err_set(e, ERR_DATA, "%s: no row fits into sequence_len %d; raise it", path, c->sequence_len);
	else if (!d->n)
		rc = err_set(e, ERR_DATA, "%s: has no rows; a data set needs at least one", path);
done:
	jsonl_close(file);
	if (rc)
		dataset_release(d);
	return rc;
}

bool dataset_distills(const struct dataset *d)
{
	size_t i = 0;
	while (i < d->n && !d->samples[i].distill)
		i++;
	return i < d->n;
}

int dataset_take_distilled(struct dataset *from, struct dataset *to, struct err *e)
{
	size_t n = from->n;
	*to = (struct dataset){0};
	memcpy(to->path, from->path, sizeof to->path);
	from->n = from->n_tokens = from->n_scored = 0;
	int rc = 0;
	for (size_t i = 0; i < n; i++) {
		struct sample s = from->samples[i];
		from->samples[i] = (struct sample){0};
		if (!rc)
			rc = dataset_push(s.distill ? to : from, &s, from->line[i], e);
		sample_release(&s);
	}
	return rc;
}

void dataset_release(struct dataset *d)
{
	for (size_t i = 0; i < d->n; i++)
		sample_release(&d->samples[i]);
	mem_free(d->samples);
	mem_free(d->line);
	mem_free(d->excess);
	*d = (struct dataset){0};
}

/* ---- leakage ----------------------------------------------------------------------------------------------------------------- */

/* What is compared: a sample and where it stands. */
struct leak_key {
	const struct sample *sample;
	size_t line;
};

static int leak_compare(const void *a, const void *b)
{
	const struct sample *x = ((const struct leak_key *)a)->sample, *y = ((const struct leak_key *)b)->sample;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	int order = memcmp(x->ids, y->ids, x->n * sizeof *x->ids);
	return order ? order : memcmp(x->scored, y->scored, x->n);
}

int dataset_check_leak(const struct dataset *train, const struct dataset *valid, struct err *e)
{
	size_t n_equal = 0, first_valid = 0, first_train = 0;
	struct leak_key *keys = mem_alloc(train->n, sizeof *keys, e);
	if (!keys)
		return ERR_RESOURCE;
	for (size_t i = 0; i < train->n; i++)
		keys[i] = (struct leak_key){.sample = &train->samples[i], .line = train->line[i]};
	qsort(keys, train->n, sizeof *keys, leak_compare);
	for (size_t i = 0; i < valid->n; i++) {
		struct leak_key wanted = {.sample = &valid->samples[i]};
		const struct leak_key *found = bsearch(&wanted, keys, train->n, sizeof *keys, leak_compare);
		if (!found)
			continue;
		if (!n_equal++) {
			first_valid = valid->line[i];
			first_train = found->line;
		}
	}
	mem_free(keys);
	if (!n_equal)
		return 0;
	return err_set(e, ERR_DATA,
		"%s: line %zu: the row is also in %s, line %zu; %zu validation rows are in both; a validation loss on rows "
		"that are trained on says nothing, so take them out of one of the two files",
		valid->path, first_valid, train->path, first_train, n_equal);
}
