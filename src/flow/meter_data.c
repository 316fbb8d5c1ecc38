/*
 * The rows of a data folder, dealt: what every training sees, what only some see, what none sees, and which question of a fact is kept for measuring.
 * Reference: meter.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/meter.h"

enum { ARENA_BLOCK = 1 << 16, HELD_OF = 5 /* one unit of so many */ };

struct reading {
	struct meter_data *d;
	json_t *documents, *sections; /* numbers by name */
	size_t *rows_of;              /* [documents] */
	struct origin {
		const char *path;
		size_t document, kind;
		uint32_t key;
	} * section;                             /* [sections] */
	size_t cap_rows, cap_sections, line, at; /* at: the row that row_keep looks at */
	uint64_t seed;
	bool valid;
};

static uint32_t draw(uint64_t seed, uint64_t what, uint32_t use)
{
	struct rng r;
	rng_init(&r, seed ^ what, RNG_DATA, use, 0);
	return rng_u32(&r);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------- */

/* Rows with passages hold what other documents say, pages are no questions, general rows are of no document. */
static bool asks(const json_t *row, bool valid)
{
	const char *kind = json_string_value(json_object_get(row, "kind")),
		   *stratum = json_string_value(json_object_get(row, "stratum"));
	return kind && strcmp(kind, "grounded") && json_is_array(json_object_get(row, "messages")) &&
		json_is_integer(json_object_get(row, "item")) && (!valid || (stratum && !strcmp(stratum, "known")));
}

static int section_find(struct reading *r, const char *path, const char *heading, size_t *out, struct err *e)
{
	struct buf name = {0};
	struct origin o = {0};
	int rc = json_number_of(r->documents, path, &o.document, e);
	if (!rc)
		rc = buf_printf(&name, e, "%s\n%s", path, heading);
	size_t before = json_object_size(r->sections);
	if (!rc)
		rc = json_number_of(r->sections, name.p, out, e);
	if (!rc && *out == before && !(rc = mem_reserve(&r->section, before, &r->cap_sections, sizeof *r->section, e))) {
		o.key = draw(r->seed, hash_bytes(name.p, name.len), 0);
		o.path = arena_strdup(&r->d->arena, path, strlen(path), e);
		r->section[before] = o;
		rc = o.path ? 0 : ERR_RESOURCE;
	}
	buf_release(&name);
	return rc;
}

static int row_note(void *context, const json_t *row, struct err *e)
{
	struct reading *r = context;
	struct meter_data *d = r->d;
	struct meter_row new = {.line = r->line++, .valid = r->valid};
	const char *path, *heading = "";
	if (!asks(row, r->valid) || json_unpack((json_t *)row, "{s:{s:s, s?s}}", "source", "path", &path, "heading", &heading))
		return 0;
	new.item = json_integer_value(json_object_get(row, "item"));
	new.key = draw(r->seed, new.line, 1 + r->valid);
	int rc = section_find(r, path, heading, &new.unit, e); /* the section, for now */
	if (!rc && !(rc = mem_reserve(&d->row, d->n_rows, &r->cap_rows, sizeof *d->row, e)))
		d->row[d->n_rows++] = new;
	return rc;
}

static int row_keep(void *context, const json_t *row, struct err *e)
{
	struct reading *r = context;
	struct meter_data *d = r->d;
	size_t line = r->line++;
	while (r->at < d->n_rows &&
		(d->row[r->at].valid < r->valid || (d->row[r->at].valid == r->valid && d->row[r->at].line < line)))
		r->at++;
	struct meter_row *at = &d->row[r->at];
	if (r->at == d->n_rows || at->line != line || at->valid != r->valid || at->use == METER_LEFT)
		return 0;
	struct buf b = {0};
	int rc = json_line(&b, row, e);
	if (!rc && !(at->text = arena_strdup(&d->arena, b.p, b.len, e)))
		rc = ERR_RESOURCE;
	buf_release(&b);
	return rc;
}

static int files_read(
	struct reading *r, const char *folder, int (*use)(void *context, const json_t *row, struct err *e), struct err *e)
{
	static const char *const file[] = {"train.jsonl", "valid.jsonl"};
	char path[PATH_SIZE];
	int rc = 0;
	for (int i = 0; i < 2 && !rc; i++) {
		r->valid = i;
		r->line = 0;
		rc = path_join(path, sizeof path, e, folder, file[i]);
		if (!rc && file_exists(path))
			rc = jsonl_each(path, use, r, e);
	}
	return rc;
}

/* ---- kinds and units ----------------------------------------------------------------------------------------------------------------- */

/* "docs" of docs/setup/install.md; "*.csv" of tickets.csv. */
static const char *kind_name(const char *path, struct arena *a, struct err *e)
{
	char name[64];
	const char *slash = strchr(path, '/'), *dot = strrchr(path, '.');
	if (slash)
		return arena_strdup(a, path, (size_t)(slash - path), e);
	snprintf(name, sizeof name, "*%s", dot ? dot : "");
	return arena_strdup(a, name, strlen(name), e);
}

struct named {
	const char *name;
	size_t n_rows, number;
};

static int by_rows(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	return x->n_rows != y->n_rows ? (x->n_rows < y->n_rows) - (x->n_rows > y->n_rows) : strcmp(x->name, y->name);
}

/* Of each document its kind: those with most rows have their own name. */
static int kinds_find(struct reading *r, struct err *e)
{
	struct meter_data *d = r->d;
	size_t n = json_object_size(r->sections), *kind_of = mem_alloc(n, sizeof *kind_of, e), n_all;
	struct named *all = mem_alloc(n, sizeof *all, e);
	json_t *names = json_object();
	int rc = kind_of && all ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < n && !rc; i++) {
		const char *name = kind_name(r->section[i].path, &d->arena, e);
		if (!(rc = name ? json_number_of(names, name, &r->section[i].kind, e) : ERR_RESOURCE))
			all[r->section[i].kind] = (struct named){name, 0, r->section[i].kind};
	}
	for (size_t i = 0; i < d->n_rows && !rc; i++)
		all[r->section[d->row[i].unit].kind].n_rows++;
	n_all = json_object_size(names);
	if (!rc)
		qsort(all, n_all, sizeof *all, by_rows);
	for (size_t i = 0; i < n_all && !rc; i++) {
		kind_of[all[i].number] = i < METER_KINDS ? i : METER_KINDS;
		if (i <= METER_KINDS)
			d->kind[i].name = i < METER_KINDS || n_all == METER_KINDS + 1 ? all[i].name : "other";
	}
	d->n_kinds = n_all <= METER_KINDS ? n_all : METER_KINDS + 1;
	for (size_t i = 0; i < n && !rc; i++)
		r->section[i].kind = kind_of[r->section[i].kind];
	mem_free(kind_of);
	mem_free(all);
	json_decref(names);
	return rc;
}

static int by_key(const void *a, const void *b)
{
	const struct meter_unit *const *x = a, *const *y = b;
	if ((*x)->kind != (*y)->kind)
		return (*x)->kind < (*y)->kind ? -1 : 1;
	return (*x)->key != (*y)->key ? ((*x)->key < (*y)->key ? -1 : 1) : (*x < *y ? -1 : *x > *y);
}

/* Places in the order of dealing, and how many of each kind are held. */
static int units_deal(struct meter_data *d, struct err *e)
{
	struct meter_unit **order = mem_alloc(d->n_units, sizeof *order, e);
	if (!order)
		return ERR_RESOURCE;
	for (size_t i = 0; i < d->n_units; i++)
		order[i] = &d->unit[i];
	qsort(order, d->n_units, sizeof *order, by_key);
	for (size_t i = 0; i < d->n_units; i++)
		order[i]->place = d->kind[order[i]->kind].n_units++;
	for (size_t k = 0; k < d->n_kinds; k++) {
		struct meter_kind *kind = &d->kind[k];
		kind->n_held = kind->n_units >= HELD_OF ? kind->n_units / HELD_OF : kind->n_units >= 3;
		kind->n_used = kind->n_units - kind->n_held;
	}
	mem_free(order);
	return 0;
}

/* A unit for each document, or for each section where a kind has few documents; rows then point to units. */
static int units_make(struct reading *r, struct err *e)
{
	struct meter_data *d = r->d;
	size_t n = json_object_size(r->sections), *first = mem_alloc(json_object_size(r->documents), sizeof *first, e);
	size_t *unit_of = mem_alloc(n, sizeof *unit_of, e);
	d->unit = mem_alloc(n, sizeof *d->unit, e);
	int rc = first && unit_of && d->unit ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < n && !rc; i++) /* first[document]: 1 + its unit */
		if (!first[r->section[i].document]) {
			first[r->section[i].document] = 1;
			d->kind[r->section[i].kind].n_documents++;
		}
	memset(first, 0, rc ? 0 : json_object_size(r->documents) * sizeof *first);
	for (size_t i = 0; i < n && !rc; i++) {
		const struct origin *o = &r->section[i];
		bool whole = d->kind[o->kind].n_documents >= METER_UNITS_FEW;
		if (!whole || !first[o->document]) {
			d->unit[d->n_units] =
				(struct meter_unit){.path = o->path, .kind = o->kind, .document = o->document, .key = o->key};
			first[o->document] = ++d->n_units;
		}
		unit_of[i] = first[o->document] - 1;
	}
	for (size_t i = 0; i < d->n_rows && !rc; i++)
		d->row[i].unit = unit_of[d->row[i].unit];
	d->n_documents = json_object_size(r->documents);
	mem_free(first);
	mem_free(unit_of);
	return rc ? rc : units_deal(d, e);
}

bool meter_held(const struct meter_data *d, const struct meter_unit *u)
{
	return u->place >= d->kind[u->kind].n_units - d->kind[u->kind].n_held;
}

bool meter_sees(const struct meter_data *d, const struct meter_training *t, const struct meter_unit *u)
{
	size_t n = d->kind[u->kind].n_used, half = (n + 1) / 2;
	if (u->place >= n || t->part == METER_BASE)
		return false;
	switch (t->part) {
	case METER_QUARTER:
		return u->place < (n + 3) / 4;
	case METER_HALF:
		return u->place < half;
	case METER_OTHER_HALF:
		return u->place >= half;
	case METER_HALF_OF:
		return u->kind != t->kind || u->place < half;
	case METER_WITHOUT:
		return u->kind != t->kind;
	default:
		return true;
	}
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------------------- */

static int by_item(const void *a, const void *b)
{
	const struct meter_row *x = a, *y = b;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	if (x->valid != y->valid)
		return x->valid ? -1 : 1; /* reserved phrasings first */
	return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->line > y->line) - (x->line < y->line);
}

static int by_chance(const void *a, const void *b)
{
	const struct meter_row *const *x = a, *const *y = b;
	return (*x)->key != (*y)->key ? ((*x)->key < (*y)->key ? -1 : 1) : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static int by_place(const void *a, const void *b)
{
	const struct meter_row *x = a, *y = b;
	return x->valid != y->valid ? (x->valid ? 1 : -1) : (x->line > y->line) - (x->line < y->line);
}

/* Of each fact the first row may be asked, so many of the others are trained on. A fact of one row is trained on, or, where none is, asked. */
static void rows_share(struct meter_data *d)
{
	qsort(d->row, d->n_rows, sizeof *d->row, by_item);
	for (size_t i = 0, end; i < d->n_rows; i = end) {
		size_t trained = 0;
		for (end = i; end < d->n_rows && d->row[end].item == d->row[i].item; end++)
			;
		bool held = meter_held(d, &d->unit[d->row[i].unit]);
		d->unit[d->row[i].unit].n_facts++;
		d->kind[d->unit[d->row[i].unit].kind].n_facts++;
		if (held || end - i > 1)
			d->row[i].use = METER_ASKED_ROW;
		for (size_t k = i; k < end; k++) {
			d->n_train += !d->row[k].valid;
			d->kind[d->unit[d->row[k].unit].kind].n_rows += !d->row[k].valid;
			if (!held && !d->row[k].valid && d->row[k].use == METER_LEFT && trained++ < METER_PHRASINGS)
				d->row[k].use = METER_TRAINED;
		}
	}
}

/* Leaves out units, of each kind the same share, until a training has no more rows than it can see. */
static void units_thin(struct meter_data *d)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n_rows; i++)
		n += d->row[i].use == METER_TRAINED;
	for (size_t k = 0; k < d->n_kinds && n > METER_ROWS; k++) {
		size_t kept = d->kind[k].n_used * METER_ROWS / n;
		d->kind[k].n_used = kept || !d->kind[k].n_used ? kept : 1;
	}
	for (size_t i = 0; i < d->n_rows; i++) {
		const struct meter_unit *u = &d->unit[d->row[i].unit];
		if (u->place >= d->kind[u->kind].n_used && !meter_held(d, u))
			d->row[i].use = METER_LEFT;
	}
}

/* Of the rows that may be asked some, by chance: on held units of each kind alike, on the others a few of each. */
static int asked_choose(struct meter_data *d, struct err *e)
{
	struct meter_row **order = mem_alloc(d->n_rows, sizeof *order, e);
	size_t *of_unit = mem_alloc(d->n_units, sizeof *of_unit, e), of_kind[METER_KINDS + 1] = {0}, n = 0, n_seen = 0, n_kinds = 0;
	if (!order || !of_unit) {
		mem_free(order);
		mem_free(of_unit);
		return ERR_RESOURCE;
	}
	for (size_t k = 0; k < d->n_kinds; k++)
		n_kinds += d->kind[k].n_held > 0;
	for (size_t i = 0; i < d->n_rows; i++)
		if (d->row[i].use == METER_ASKED_ROW) {
			order[n++] = &d->row[i];
			d->row[i].use = METER_LEFT;
		}
	qsort(order, n, sizeof *order, by_chance);
	for (int round = 0; round < 2; round++) /* what one kind has too few of, the others fill */
		for (size_t i = 0; i < n; i++) {
			const struct meter_unit *u = &d->unit[order[i]->unit];
			if (order[i]->use != METER_LEFT || !meter_held(d, u) || d->n_unseen == METER_ASKED ||
				(!round && of_kind[u->kind]++ >= METER_ASKED / n_kinds))
				continue;
			order[i]->use = METER_ASKED_ROW;
			d->n_unseen++;
		}
	for (size_t i = 0; i < n; i++) {
		if (meter_held(d, &d->unit[order[i]->unit]) || n_seen == METER_ASKED ||
			of_unit[order[i]->unit]++ >= METER_ASKED_UNIT)
			continue;
		order[i]->use = METER_ASKED_ROW;
		n_seen++;
	}
	d->n_asked = d->n_unseen + n_seen;
	mem_free(order);
	mem_free(of_unit);
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------------ */

int meter_data_read(struct meter_data *d, const char *folder, uint64_t seed, struct err *e)
{
	struct reading r = {.d = d, .documents = json_object(), .sections = json_object(), .seed = seed};
	*d = (struct meter_data){0};
	arena_init(&d->arena, ARENA_BLOCK);
	int rc = files_read(&r, folder, row_note, e);
	if (!rc)
		rc = kinds_find(&r, e);
	if (!rc)
		rc = units_make(&r, e);
	if (!rc && d->n_rows) {
		rows_share(d);
		units_thin(d);
		rc = asked_choose(d, e);
		qsort(d->row, d->n_rows, sizeof *d->row, by_place);
		if (!rc)
			rc = files_read(&r, folder, row_keep, e);
	}
	mem_free(r.section);
	json_decref(r.documents);
	json_decref(r.sections);
	return rc;
}

void meter_data_release(struct meter_data *d)
{
	mem_free(d->unit);
	mem_free(d->row);
	if (d->arena.block_size)
		arena_release(&d->arena);
	*d = (struct meter_data){0};
}
