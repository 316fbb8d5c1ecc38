/*
 * Items and documents to the rows of a data set, in the order of the documents: mixing them is the trainer's business.
 */
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/quality.h"
#include "data/settle.h"
#include "format/format.h"

enum { PARTS = 16, ITEMS_A_PART = 32 };              /* of rows that are made side by side */
enum { TEXT_BYTES_MIN = 80, TEXT_BYTES_MAX = 1600 }; /* the longest fits the shortest usual row of 512 tokens */

static const char *const kind_name[] = {"value", "cell", "definition", "faq", "howto", "step", "section", "reply", "statement",
	"denial", "confirmation", "unknown", "grounded"};

/* ---- ambiguous questions --------------------------------------------------------------------------------------------------- */

/* A question by the hash of what it was before its words were varied: 16 bytes each, where there are millions. */
struct asked {
	uint64_t hash;
	uint32_t item, question; /* both fewer than 2^32 */
};

static const char *core_of(const struct items *items, const struct asked *a)
{
	const struct item *it = &items->p[a->item];
	return it->cores ? it->cores[a->question] : it->questions[a->question];
}

/* The value of a fact when the core asks for it: the same in other words is no contradiction. */
static const char *answer_of(const struct items *items, const struct asked *a)
{
	const struct item *it = &items->p[a->item];
	return it->value && !strcasestr(core_of(items, a), it->value) ? it->value : it->answer;
}

static int by_core(const void *a, const void *b, void *items)
{
	const struct asked *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	int order = strcmp(core_of(items, x), core_of(items, y));
	if (!order && x->item != y->item)
		order = strcmp(answer_of(items, x), answer_of(items, y));
	return order ? order : (x->item > y->item) - (x->item < y->item);
}

/* A core that two answers claim goes with all its questions; of items that give the same answer the first keeps it. */
static int drop_ambiguous(struct items *items, struct err *e)
{
	size_t n = 0, k = 0;
	for (size_t i = 0; i < items->n; i++)
		n += items->p[i].n_questions;
	struct asked *v = mem_alloc(n, sizeof *v, e);
	if (!v)
		return ERR_RESOURCE;
	for (size_t i = 0; i < items->n; i++)
		for (size_t q = 0; q < items->p[i].n_questions; q++) {
			struct asked a = {.item = (uint32_t)i, .question = (uint32_t)q};
			if (!items->p[i].questions[q])
				continue;
			a.hash = hash_bytes(core_of(items, &a), strlen(core_of(items, &a)));
			v[k++] = a;
		}
	qsort_r(v, k, sizeof *v, by_core, items);
	for (size_t i = 0, end; i < k; i = end) {
		const char *core = core_of(items, &v[i]);
		for (end = i + 1; end < k && v[end].hash == v[i].hash && !strcmp(core, core_of(items, &v[end])); end++)
			;
		/* sorted: first equals last, so all are equal */
		bool same = v[i].item == v[end - 1].item || !strcmp(answer_of(items, &v[i]), answer_of(items, &v[end - 1]));
		uint32_t first = v[i].item;
		for (size_t j = i; j < end; j++)
			if (!same || v[j].item != first)
				items->p[v[j].item].questions[v[j].question] = NULL;
	}
	mem_free(v);
	mem_trim();
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A question kept for validation that some item asks in training, word for word, is none. */
static int drop_leaked(struct items *items, struct err *e)
{
	size_t n = 0, k = 0;
	for (size_t i = 0; i < items->n; i++)
		n += items->p[i].n_questions;
	const char **v = mem_alloc(n, sizeof *v, e);
	if (!v)
		return ERR_RESOURCE;
	for (size_t i = 0; i < items->n; i++)
		for (size_t q = 0; q < items->p[i].n_questions; q++)
			if (q != items->p[i].reserved && items->p[i].questions[q])
				v[k++] = items->p[i].questions[q];
	qsort(v, k, sizeof *v, by_text);
	for (size_t i = 0; i < items->n; i++) {
		struct item *it = &items->p[i];
		if (it->reserved < it->n_questions && it->questions[it->reserved] &&
			bsearch(&it->questions[it->reserved], v, k, sizeof *v, by_text))
			it->questions[it->reserved] = NULL;
	}
	mem_free(v);
	return 0;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------ */

static json_t *source_json(const struct document *d, const struct section *s, struct span span)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:s, s:s}", "path", d->path, "start", (json_int_t)document_place(d, span.start),
		"end", (json_int_t)document_place(d, span.end), "heading", s->heading, "sha256", d->sha256);
	if (o && d->n_pages)
		json_object_set_new(o, "page", json_integer((json_int_t)document_page(d, span.start)));
	return o;
}

/* Takes `object`. */
static int line_add(struct dataset_file *f, json_t *object, struct err *e)
{
	struct buf line = {0};
	int rc = json_line(&line, object, e);
	if (rc == 0)
		rc = dataset_file_put(f, line.p, line.len, e);
	buf_release(&line);
	json_decref(object);
	return rc;
}

static int row_add(struct buf *b, const struct item *it, size_t number, const char *question, bool valid, struct err *e)
{
	json_t *source = it->document ? source_json(it->document, it->section, it->span) : json_null();
	json_t *row = json_pack("{s:[{s:s, s:s}, {s:s, s:s}], s:o, s:s, s:I}", "messages", "role", "user", "content", question,
		"role", "assistant", "content", it->answer, "source", source, "kind", kind_name[it->kind], "item",
		(json_int_t)number);
	if (row && valid)
		json_object_set_new(row, "stratum", json_string("known"));
	int rc = json_line(b, row, e);
	json_decref(row);
	return rc;
}

/* The rows of some items. */
struct part {
	struct buf train, valid;
	size_t n_train, n_valid;
	int rc;
};

static int part_make(struct part *p, const struct items *items, size_t first, size_t end, struct err *e)
{
	int rc = 0;
	p->n_train = p->n_valid = 0;
	buf_clear(&p->train);
	buf_clear(&p->valid);
	for (size_t i = first; i < end && rc == 0; i++) {
		const struct item *it = &items->p[i];
		size_t n_train = 0;
		for (size_t q = 0; q < it->n_questions && rc == 0; q++) {
			if (!it->questions[q] || q == it->reserved)
				continue;
			rc = row_add(&p->train, it, i, it->questions[q], false, e);
			n_train++;
		}
		p->n_train += n_train;
		if (rc == 0 && it->reserved != SIZE_MAX && it->questions[it->reserved] && n_train) {
			rc = row_add(&p->valid, it, i, it->questions[it->reserved], true, e);
			p->n_valid++;
		}
	}
	return rc;
}

/* On all threads, parts of the items at a time, which are written in their order. */
static int rows_write(
	const struct items *items, struct dataset_file *train, struct dataset_file *valid, struct data_summary *out, struct err *e)
{
	struct part *part = mem_alloc(PARTS, sizeof *part, e);
	int rc = part ? 0 : ERR_RESOURCE;
	for (size_t first = 0; first < items->n && rc == 0; first += PARTS * ITEMS_A_PART) {
#pragma omp parallel for schedule(dynamic)
		for (size_t k = 0; k < PARTS; k++) {
			size_t from = first + k * ITEMS_A_PART, end = from + ITEMS_A_PART;
			part[k].rc = part_make(&part[k], items, from, end < items->n ? end : items->n, NULL);
		}
		for (size_t k = 0; k < PARTS && rc == 0; k++) {
			rc = part[k].rc ? err_set(e, part[k].rc, "writing rows: memory is short") : 0;
			if (rc == 0)
				rc = dataset_file_put(train, part[k].train.p, part[k].train.len, e);
			if (rc == 0)
				rc = dataset_file_put(valid, part[k].valid.p, part[k].valid.len, e);
			out->n_train += part[k].n_train;
			out->n_valid += part[k].n_valid;
		}
	}
	for (size_t k = 0; part && k < PARTS; k++) {
		buf_release(&part[k].train);
		buf_release(&part[k].valid);
	}
	mem_free(part);
	return rc;
}

/* `i`: its number, or SIZE_MAX when no row asks for it. */
static json_t *fact_json(const struct item *it, size_t i)
{
	return json_pack("{s:o, s:s, s:s?, s:s?, s:s, s:o}", "item", i == SIZE_MAX ? json_null() : json_integer((json_int_t)i),
		"kind", kind_name[it->kind], "subject", it->subject, "value", it->value, "statement", it->answer, "source",
		source_json(it->document, it->section, it->span));
}

static int facts_write(const struct dataset *d, struct dataset_file *b, struct data_summary *out, struct err *e)
{
	const struct items *items = d->items;
	int rc = 0;
	for (size_t i = 0; i < items->n && rc == 0; i++) {
		const struct item *it = &items->p[i];
		if (!item_is_fact(it))
			continue;
		out->n_facts++;
		rc = line_add(b, fact_json(it, i), e);
	}
	for (size_t i = 0; i < d->unasked->n && rc == 0; i++)
		rc = line_add(b, fact_json(&d->unasked->p[i], SIZE_MAX), e);
	out->n_facts += d->unasked->n;
	return rc;
}

/* A section as running text: what it says below its title, without its marks. */
static int section_text(const struct document *d, const struct section *s, struct buf *b, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < s->n_blocks && rc == 0; i++) {
		const struct block *k = &d->blocks[s->block + i];
		if (k->kind == BLOCK_PARAGRAPH || k->kind == BLOCK_ITEM)
			rc = buf_printf(b, e, "%s%s", b->len ? "\n" : "", k->text);
	}
	return rc;
}

/* What is said of a section's quality, into its row. */
static int quality_add(json_t *row, const struct document *d, const struct section *s, struct err *e)
{
	struct quality q;
	json_t *flags = json_array();
	int rc = quality_of(&q, d, s, e);
	for (int i = 0; i < QUALITY_FLAGS; i++)
		if (q.flags & 1u << i)
			json_array_append_new(flags, json_string(quality_flag_name((enum quality_flag)i)));
	json_object_set_new(row, "flags", flags);
	json_object_set_new(row, "specificity", json_real(round(10 * q.specificity) / 10));
	return rc;
}

/*
 * Sections as they are: for retrieval, and those of trained pages to read in training. The title is given and not learnt: a row that
 * teaches how a text begins makes the model expect the product behind the first word of any text.
 */
static int sections_write(
	const struct dataset *all, struct dataset_file *b, struct dataset_file *train, struct data_summary *out, struct err *e)
{
	const struct document *d = all->documents;
	size_t n = all->n_documents;
	struct buf text = {0};
	int rc = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < d[i].n_sections && rc == 0 && !d[i].skipped; k++) {
			const struct section *s = &d[i].sections[k];
			if (!s->n_blocks)
				continue;
			json_t *o = source_json(&d[i], s, s->span);
			buf_clear(&text);
			rc = section_render(&d[i], s, &text, e);
			json_object_set_new(o, "text", json_stringn(text.len ? text.p : "", text.len));
			rc = rc ? rc : quality_add(o, &d[i], s, e);
			int written = line_add(b, o, e);
			rc = rc ? rc : written;
			out->n_sections++;
			if (rc < 0 || d[i].unseen || d[i].kind != DOCUMENT_PAGE || !*s->title)
				continue;
			buf_clear(&text);
			rc = section_text(&d[i], s, &text, e);
			if (rc < 0 || text.len < TEXT_BYTES_MIN || text.len > TEXT_BYTES_MAX ||
				settle_forbids(all->contradictions, all->items, text.p))
				continue;
			rc = line_add(train,
				json_pack("{s:s+, s:s#, s:o, s:s}", "prompt", s->title, "\n", "completion", text.p, text.len,
					"source", source_json(&d[i], s, s->span), "kind", "text"),
				e);
			out->n_train++;
		}
	}
	buf_release(&text);
	return rc;
}

/*
 * General text, so that learning the documents does not cost everything else: on these rows the model is to stay what it was (train's
 * `distill`). One such row for so many others makes a tenth of the tokens; a large data set gets them several times. The first of them
 * are never trained on and tell how much is forgotten.
 */
extern const char data_replay[];
enum { ROWS_A_REPLAY = 20, REPLAY_VALID = 40 };

static int replay_write(struct dataset_file *train, struct dataset_file *valid, struct data_summary *out, struct err *e)
{
	size_t n = out->n_train / ROWS_A_REPLAY;
	const char *p = data_replay, *first = NULL;
	int rc = 0;
	for (size_t i = 0; i < REPLAY_VALID + n && rc == 0; i++) {
		const char *end = strchr(p, '\n') + 1;
		rc = dataset_file_put(i < REPLAY_VALID ? valid : train, p, (size_t)(end - p), e);
		if (i + 1 == REPLAY_VALID)
			first = end;
		p = *end ? end : first;
	}
	out->n_train += n;
	return rc;
}

static int contradictions_write(const struct dataset *d, struct dataset_file *b, struct err *e)
{
	static const char *const settled[] = {NULL, "a", "b", "both"};
	int rc = 0;
	for (size_t i = 0; i < d->contradictions->n && rc == 0; i++) {
		const struct contradiction *k = &d->contradictions->p[i];
		rc = line_add(b,
			json_pack("{s:o, s:o, s:f, s:s?}", "a", fact_json(&d->items->p[k->a], k->a), "b",
				fact_json(&d->items->p[k->b], k->b), "similarity", k->similarity, "settled", settled[k->settled]),
			e);
	}
	return rc;
}

static int preferences_write(const struct dataset *d, struct dataset_file *b, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->preferences->n && rc == 0; i++) {
		const struct preference *k = &d->preferences->p[i];
		rc = line_add(b,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "prompt", k->question, "chosen", k->item->answer, "rejected",
				k->rejected, "term", k->term->preferred, "source",
				source_json(k->item->document, k->item->section, k->item->span), "item",
				(json_int_t)(k->item - d->items->p)),
			e);
	}
	return rc;
}

static int duplicates_write(const struct duplicates *v, struct dataset_file *b, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < v->n && rc == 0; i++) {
		const struct duplicate *k = &v->p[i];
		rc = line_add(b,
			json_pack("{s:o, s:o, s:f, s:b}", "source", source_json(k->document, k->section, k->section->span), "of",
				source_json(k->other_document, k->other, k->other->span), "similarity", k->similarity, "kept",
				k->kept),
			e);
	}
	return rc;
}

/* Rows that were given as training data, as they are; those that are held out measure. */
static int given_write(
	const struct dataset *d, struct dataset_file *train, struct dataset_file *valid, struct data_summary *out, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < d->n_documents && rc == 0; i++) {
		const struct document *k = &d->documents[i];
		if (k->kind != DOCUMENT_ROW || k->skipped)
			continue;
		json_t *row = json_loads(k->row, 0, NULL);
		if (row && !json_object_set_new(row, "source", source_json(k, k->sections, k->sections->span)))
			json_object_set_new(row, "kind", json_string("given"));
		if (row && k->unseen)
			json_object_set_new(row, "stratum", json_string("unseen"));
		rc = line_add(k->unseen ? valid : train, row, e);
		*(k->unseen ? &out->n_valid : &out->n_train) += 1;
	}
	return rc;
}

/* ---- the folder ---------------------------------------------------------------------------------------------------------- */

static int files_open(struct dataset_file *file, const char *dir, struct scrub *scrub, struct err *e)
{
	int rc = dir_make(dir, e);
	for (int i = 0; i < DATASET_FILES && rc == 0; i++) {
		file[i].name = dataset_file_name[i];
		file[i].scrub = i == DATASET_REJECTED ? NULL : scrub;
		rc = path_join(file[i].path, sizeof file[i].path, e, dir, file[i].name);
	}
	return rc;
}

/* What waits, and the lines that were rejected. */
static int files_flush(struct dataset_file *file, struct err *e)
{
	struct dataset_file *rejected = &file[DATASET_REJECTED];
	int rc = 0;
	for (int i = 0; i < DATASET_FILES && rc == 0; i++) {
		rc = dataset_file_flush(&file[i], e);
		if (rc == 0 && file[i].rejected.len)
			rc = dataset_file_put(rejected, file[i].rejected.p, file[i].rejected.len, e);
	}
	return rc < 0 ? rc : dataset_file_flush(rejected, e);
}

int dataset_write(const struct data_options *o, const struct dataset *made, struct data_summary *out, struct err *e)
{
	struct dataset_file *file = mem_alloc(DATASET_FILES, sizeof *file, e);
	struct preferences preferences = {0};
	struct dataset all = *made, *d = &all;
	d->preferences = &preferences;
	settle_drop(d->contradictions, d->items);
	int lock = -1, rc = file ? files_open(file, o->out, d->scrub, e) : ERR_RESOURCE;
	if (rc == 0)
		rc = dir_lock(&lock, o->out, e); /* and without what a killed curation left there */
	if (rc == 0)
		rc = drop_ambiguous(d->items, e);
	if (rc == 0)
		rc = drop_leaked(d->items, e);
	if (rc == 0)
		rc = rows_write(d->items, &file[DATASET_TRAIN], &file[DATASET_VALID], out, e);
	if (rc == 0)
		rc = facts_write(d, &file[DATASET_FACTS], out, e);
	if (rc == 0)
		rc = sections_write(d, &file[DATASET_SECTIONS], &file[DATASET_TRAIN], out, e);
	if (rc == 0)
		rc = given_write(d, &file[DATASET_TRAIN], &file[DATASET_VALID], out, e);
	if (rc == 0)
		rc = replay_write(&file[DATASET_TRAIN], &file[DATASET_VALID], out, e);
	for (size_t i = 0; i < d->n_unseen && rc == 0; i++)
		rc = line_add(
			&file[DATASET_UNSEEN], json_pack("{s:s, s:s}", "text", d->unseen[i].text, "source", d->unseen[i].path), e);
	if (rc == 0)
		rc = duplicates_write(d->duplicates, &file[DATASET_DUPLICATES], e);
	if (rc == 0)
		rc = contradictions_write(d, &file[DATASET_CONTRADICTIONS], e);
	if (rc == 0)
		rc = preferences_make(&preferences, d->items, d->terms, e);
	if (rc == 0)
		rc = preferences_write(d, &file[DATASET_PREFERENCES], e);
	out->n_preferences = preferences.n;
	if (rc == 0)
		rc = curation_report(d, out, &file[DATASET_REPORT].pending, e);
	if (rc == 0)
		rc = files_flush(file, e);
	if (d->scrub)
		out->n_rejected = d->scrub->n_rejected;
	if (rc == 0)
		rc = manifest_write(o, d, file, out, e);
	for (int i = 0; i < DATASET_FILES && file; i++)
		dataset_file_release(&file[i]);
	mem_free(file);
	dir_unlock(lock);
	preferences_release(&preferences);
	return rc;
}
