/*
 * Bits per byte: the length of the shortest code that the model gives a text, over the text's own length. Unlike perplexity it
 * does not depend on the tokenizer. Reference: eval.h, eval_arm_run; Gao et al., "The Pile", 2020, section 3.1.
 */
#include "eval/texts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_TOKENS = 1024, GROUP_TOKENS = 2048, ARENA_BLOCK = 64 << 10 };

void texts_release(struct texts *t)
{
	mem_free(t->p);
	arena_release(&t->arena);
	memset(t, 0, sizeof *t);
}

static int text_add(struct texts *t, const struct text *one, struct err *e)
{
	if (mem_reserve(&t->p, t->n, &t->cap, sizeof *t->p, e))
		return ERR_RESOURCE;
	t->p[t->n++] = *one;
	return 0;
}

/* ---- what is scored --------------------------------------------------------------------------------------------------------- */

static int general_read(struct texts *t, struct err *e)
{
	char number[32];
	int rc = 0, n = 0;
	for (const char *p = eval_general_text; *p && rc == 0;) {
		size_t line = strcspn(p, "\n");
		snprintf(number, sizeof number, "paragraph %d", ++n);
		struct text one = {
			.general = true, .p = p, .n = line, .source = arena_strdup(&t->arena, number, strlen(number), e)};
		if (!one.source)
			return ERR_RESOURCE;
		if (line)
			rc = text_add(t, &one, e);
		p += line + (p[line] == '\n');
	}
	return rc;
}

static int unseen_line(void *texts, const json_t *o, struct err *e)
{
	struct texts *t = texts;
	const json_t *text = json_object_get(o, "text"), *source = json_object_get(o, "source");
	if (!json_is_string(text) || !json_is_string(source))
		return err_set(e, ERR_DATA, "expected {\"text\", \"source\"}; curate the documents again");
	struct text one = {.n = json_string_length(text)};
	one.p = arena_strdup(&t->arena, json_string_value(text), one.n, e);
	one.source = arena_strdup(&t->arena, json_string_value(source), json_string_length(source), e);
	return one.p && one.source ? text_add(t, &one, e) : ERR_RESOURCE;
}

/* Leaves out texts so that every part of the file is kept in the same proportion. */
static void unseen_thin(struct texts *t)
{
	size_t all = 0, seen = 0, kept = 0, n = 0;
	for (size_t i = 0; i < t->n; i++)
		all += t->p[i].n;
	for (size_t i = 0; i < t->n; i++) {
		struct text *one = &t->p[i];
		if ((double)kept * (double)all <= (double)seen * TEXTS_UNSEEN_BYTES && kept < TEXTS_UNSEEN_BYTES) {
			seen += one->n;
			if (one->n > TEXTS_UNSEEN_BYTES - kept)
				one->n = TEXTS_UNSEEN_BYTES - kept;
			kept += one->n;
			t->p[n++] = *one;
		} else {
			seen += one->n;
		}
	}
	t->n = n;
}

static int unseen_read(struct texts *t, const char *data, struct err *e)
{
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, data, "unseen.jsonl");
	if (rc == 0 && file_exists(path))
		rc = jsonl_each(path, unseen_line, t, e);
	unseen_thin(t);
	return rc;
}

int texts_hash(char hex[65], const char *data, struct err *e)
{
	char path[PATH_SIZE], unseen[65] = "";
	struct sha256 *sum = NULL;
	int rc = path_join(path, sizeof path, e, data, "unseen.jsonl");
	if (rc == 0 && file_exists(path))
		rc = sha256_file(path, unseen, e);
	if (rc == 0)
		rc = sha256_new(&sum, e);
	if (rc == 0) {
		sha256_add(sum, unseen, strlen(unseen));
		sha256_add(sum, eval_general_text, strlen(eval_general_text));
		sha256_hex(sum, hex);
	}
	sha256_free(sum);
	return rc;
}

/* ---- scoring ---------------------------------------------------------------------------------------------------------------- */

/* Pieces that are computed together. */
struct scorer {
	const struct texts_job *job;
	struct texts *texts;
	struct packer packer;
	struct work *work;
	size_t owner[GROUP_TOKENS]; /* of scored token i: its text */
	float loss[GROUP_TOKENS];
	int32_t ids[PIECE_TOKENS];
	uint8_t scored[PIECE_TOKENS];
	size_t piece; /* tokens of a piece */
};

static int group_compute(struct scorer *s, struct err *e)
{
	size_t n;
	const struct batch *b = &s->packer.batch;
	const struct tokenizer *t = model_encoder(s->job->model)->tokenizer;
	if (!b->n_scored)
		return 0;
	if (s->job->stop && *s->job->stop)
		return err_set(e, ERR_STOPPED, "stopped while scoring texts; run the same command again to go on");
	int rc = model_loss(s->job->model, s->job->lora, s->work, b, s->loss, e);
	for (size_t i = 0; i < b->n_scored && rc == 0; i++) {
		struct text *one = &s->texts->p[s->owner[i]];
		tokenizer_bytes(t, b->target[i], &n);
		one->bits += (double)s->loss[i] / M_LN2;
		one->bytes += n;
	}
	packer_clear(&s->packer);
	return rc;
}

static int piece_add(struct scorer *s, size_t text, const int32_t *ids, size_t n, struct err *e)
{
	int32_t bos = tokenizer_bos(model_encoder(s->job->model)->tokenizer);
	size_t first = bos >= 0 ? 1 : 0;
	struct sample sample = {.ids = s->ids, .scored = s->scored, .n = first + n, .n_scored = first + n - 1};
	int rc = 0;
	if (!sample.n_scored)
		return 0;
	if (s->packer.batch.n_tokens + sample.n > GROUP_TOKENS)
		rc = group_compute(s, e);
	if (rc < 0)
		return rc;
	if (first)
		s->ids[0] = bos;
	memcpy(s->ids + first, ids, n * sizeof *ids);
	for (size_t i = 0; i < sample.n_scored; i++)
		s->owner[s->packer.batch.n_scored + i] = text;
	packer_add(&s->packer, &sample);
	return 0;
}

static int text_encode(struct scorer *s, size_t i, struct err *e)
{
	const struct tokenizer *t = model_encoder(s->job->model)->tokenizer;
	struct ids ids = {0};
	int rc = tokenizer_encode(t, s->texts->p[i].p, s->texts->p[i].n, &ids, e);
	for (size_t at = 0; at < ids.n && rc == 0; at += s->piece)
		rc = piece_add(s, i, ids.p + at, ids.n - at < s->piece ? ids.n - at : s->piece, e);
	ids_release(&ids);
	return rc;
}

static int texts_score(const struct texts_job *j, struct texts *t, struct err *e)
{
	struct scorer *s = mem_alloc(1, sizeof *s, e);
	struct progress p;
	size_t context = model_config(j->model)->context;
	if (!s)
		return ERR_RESOURCE;
	s->job = j;
	s->texts = t;
	s->piece = (context < PIECE_TOKENS ? context : PIECE_TOKENS) - 1; /* room for BOS */
	memset(s->scored + 1, 1, PIECE_TOKENS - 1);
	int rc = packer_init(&s->packer, GROUP_TOKENS, GROUP_TOKENS, e);
	if (rc == 0)
		rc = work_new(&s->work, j->model, j->lora, GROUP_TOKENS, false, e);
	progress_begin(&p, j->label, "texts", (double)t->n);
	for (size_t i = 0; i < t->n && rc == 0; i++) {
		rc = text_encode(s, i, e);
		progress_update(&p, (double)(i + 1), NULL);
	}
	if (rc == 0)
		rc = group_compute(s, e);
	progress_end(&p);
	work_free(s->work);
	packer_release(&s->packer);
	mem_free(s);
	return rc;
}

/* ---- the file --------------------------------------------------------------------------------------------------------------- */

static int texts_write(const struct texts *t, const char *path, const char *key, struct err *e)
{
	struct buf b = {0};
	int rc = 0;
	for (size_t i = 0; i < t->n && rc == 0; i++) {
		const struct text *one = &t->p[i];
		json_t *o = json_pack("{s:s, s:s, s:I, s:f, s:s}", "set", one->general ? "general" : "unseen", "source",
			one->source, "bytes", (json_int_t)one->bytes, "bits", one->bits, "key", key);
		rc = json_line(&b, o, e);
		json_decref(o);
	}
	if (rc == 0)
		rc = file_replace(path, b.p ? b.p : "", b.len, e);
	buf_release(&b);
	return rc;
}

/* 1 when the line is one of ours, else 0. */
static int line_read(struct texts *t, const json_t *o, const char *key, struct err *e)
{
	const char *of = json_string_value(json_object_get(o, "key")), *source = json_string_value(json_object_get(o, "source"));
	const char *set = json_string_value(json_object_get(o, "set"));
	const json_t *bytes = json_object_get(o, "bytes"), *bits = json_object_get(o, "bits");
	if (!of || strcmp(of, key) || !source || !set || !json_is_integer(bytes) || !json_is_number(bits))
		return 0;
	struct text one = {
		.general = !strcmp(set, "general"), .bytes = (size_t)json_integer_value(bytes), .bits = json_number_value(bits)};
	one.source = arena_strdup(&t->arena, source, strlen(source), e);
	int rc = one.source ? text_add(t, &one, e) : ERR_RESOURCE;
	return rc < 0 ? rc : 1;
}

int texts_load(struct texts *out, const char *path, const char *key, struct err *e)
{
	struct jsonl *j;
	json_t *o;
	size_t line;
	struct err ignored; /* a damaged file is one that was not made */
	*out = (struct texts){0};
	arena_init(&out->arena, ARENA_BLOCK);
	if (!file_exists(path))
		return 0;
	int rc = jsonl_open(&j, path, e), got = 0;
	if (rc < 0)
		return rc;
	while (rc >= 0 && (got = jsonl_next(j, &o, &line, &ignored)) == 1) {
		rc = line_read(out, o, key, e);
		json_decref(o);
		if (rc == 0)
			break;
	}
	jsonl_close(j);
	if (rc >= 0 && got)
		out->n = 0;
	return rc < 0 ? rc : 0;
}

int texts_make(const struct texts_job *j, struct err *e)
{
	struct texts t;
	int rc = texts_load(&t, j->path, j->key, e);
	if (rc < 0 || t.n)
		goto done;
	rc = unseen_read(&t, j->data, e);
	if (rc == 0)
		rc = general_read(&t, e);
	if (rc == 0)
		rc = texts_score(j, &t, e);
	if (rc == 0)
		rc = texts_write(&t, j->path, j->key, e);
done:
	texts_release(&t);
	return rc;
}
