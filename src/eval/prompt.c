/*
 * The prompt arm: what somebody who does not train could put in front of every question. A system message holds terms and style, turns show
 * answers of the documents (few-shot: Brown et al. 2020). How much of each is chosen as settings are: by the loss of the base on the answers of
 * valid.jsonl behind it. What is asked there is shown in no turn.
 */
#include "eval/prompt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/data.h"

/* Grows whenever the same inputs give another prompt than before. */
enum { PROMPT_VERSION = 1 };
enum {
	TERMS_BYTES = 2400,
	STYLE_BYTES = 1600,
	TURN_BYTES = 240, /* of a question, and of an answer */
	TURNS_MAX = 8,
	MESSAGES_MAX = 2 * TURNS_MAX + 3, /* in front: the system message, or a turn instead; behind: question and answer */
	ASKED = 32,
	PLANS_MAX = 8,
	FILE_BYTES_MAX = 1 << 20,
	ARENA_BLOCK = 64 << 10
};

static const char instruction[] =
	"You write and answer for the company whose words these are. Answer in one or two sentences. Say so when "
	"something is not the case or is not documented.";

struct turn {
	const char *question, *answer, *kind;
	json_int_t item; /* what is asked; -1: unknown */
};
struct turns {
	struct turn *p; /* [n], strings in material.arena */
	size_t n, cap;
};

struct material {
	struct arena arena;
	struct buf terms, style;
	struct turns asked, shown; /* rows of valid.jsonl, thinned to ASKED; of train.jsonl, all that may be shown */
};

/* What a prompt consists of. */
struct plan {
	bool terms, style;
	size_t n_turns, draw; /* draw: of the shuffles of `shown` */
	size_t tokens;        /* in front of a question; 0: not tried */
	double loss;          /* nats a token of the answers; INFINITY: does not fit */
};

/* ---- what the data folder offers --------------------------------------------------------------------------------------------- */

static int terms_text(struct material *m, const char *data, struct err *e)
{
	char path[PATH_SIZE];
	struct terms terms;
	int rc = path_join(path, sizeof path, e, data, "terms.yaml");
	if (rc < 0 || !file_exists(path) || (rc = terms_read(&terms, path, e)) < 0)
		return rc;
	for (size_t i = 0; i < terms.n && rc == 0 && m->terms.len < TERMS_BYTES; i++) {
		const struct term *t = &terms.p[i];
		if (!t->n_forbidden && !*t->definition)
			continue;
		rc = buf_printf(&m->terms, e, "\n- %s%s%s", t->preferred, *t->definition ? ": " : "", t->definition);
		for (size_t k = 0; k < t->n_forbidden && rc == 0; k++)
			rc = buf_printf(&m->terms, e, "%s%s", k ? ", " : *t->preferred ? "; never: " : "never: ", t->forbidden[k]);
	}
	terms_release(&terms);
	return rc;
}

/* Every line of a file of the folder, which may be absent. */
static int lines_each(struct material *m, const char *data, const char *name,
	int (*use)(void *material, const json_t *o, struct err *e), struct err *e)
{
	char path[PATH_SIZE];
	int rc = path_join(path, sizeof path, e, data, name);
	return rc < 0 || !file_exists(path) ? rc : jsonl_each(path, use, m, e);
}

static int style_add(void *material, const json_t *o, struct err *e)
{
	struct material *m = material;
	const char *heading = json_string_value(json_object_get(o, "heading")),
		   *text = json_string_value(json_object_get(o, "text"));
	bool fits = heading && text && data_heading_is_style(heading) && m->style.len + strlen(text) < STYLE_BYTES;
	return fits ? buf_printf(&m->style, e, "\n%s", text) : 0;
}

/* A question and its answer about the documents, short enough to be shown; false when the row is another. */
static bool turn_read(struct turn *t, const json_t *line)
{
	const json_t *messages = json_object_get(line, "messages"), *item = json_object_get(line, "item");
	const json_t *user = json_array_get(messages, 0), *assistant = json_array_get(messages, 1);
	const char *kind = json_string_value(json_object_get(line, "kind")),
		   *first = json_string_value(json_object_get(user, "role")),
		   *second = json_string_value(json_object_get(assistant, "role"));
	*t = (struct turn){.question = json_string_value(json_object_get(user, "content")),
		.answer = json_string_value(json_object_get(assistant, "content")),
		.kind = kind ? kind : "",
		.item = item ? json_integer_value(item) : -1};
	return json_array_size(messages) == 2 && first && !strcmp(first, "user") && second && !strcmp(second, "assistant") &&
		t->question && t->answer && strlen(t->question) <= TURN_BYTES && strlen(t->answer) <= TURN_BYTES &&
		!json_is_true(json_object_get(line, "distill"));
}

static int turn_add(struct material *m, struct turns *to, const struct turn *t, struct err *e)
{
	struct turn mine = {.question = arena_strdup(&m->arena, t->question, strlen(t->question), e),
		.answer = arena_strdup(&m->arena, t->answer, strlen(t->answer), e),
		.kind = arena_strdup(&m->arena, t->kind, strlen(t->kind), e),
		.item = t->item};
	if (!mine.question || !mine.answer || !mine.kind || mem_reserve(&to->p, to->n, &to->cap, sizeof *to->p, e))
		return ERR_RESOURCE;
	to->p[to->n++] = mine;
	return 0;
}

static int asked_add(void *material, const json_t *o, struct err *e)
{
	struct material *m = material;
	struct turn t;
	return turn_read(&t, o) ? turn_add(m, &m->asked, &t, e) : 0;
}

static int shown_add(void *material, const json_t *o, struct err *e)
{
	struct material *m = material;
	struct turn t;
	bool good = turn_read(&t, o) && *t.question && t.question[strlen(t.question) - 1] == '?'; /* and no keywords */
	for (size_t i = 0; i < m->asked.n && good; i++)
		good = t.item != m->asked.p[i].item;
	return good ? turn_add(m, &m->shown, &t, e) : 0;
}

static int material_read(struct material *m, const char *data, struct err *e)
{
	arena_init(&m->arena, ARENA_BLOCK);
	int rc = terms_text(m, data, e);
	if (rc == 0)
		rc = lines_each(m, data, "sections.jsonl", style_add, e);
	if (rc == 0)
		rc = lines_each(m, data, "valid.jsonl", asked_add, e);
	size_t n = m->asked.n < ASKED ? m->asked.n : ASKED;
	for (size_t i = 0; i < n; i++) /* evenly spread */
		m->asked.p[i] = m->asked.p[i * m->asked.n / n];
	m->asked.n = n;
	return rc < 0 ? rc : lines_each(m, data, "train.jsonl", shown_add, e);
}

static void material_release(struct material *m)
{
	buf_release(&m->terms);
	buf_release(&m->style);
	mem_free(m->asked.p);
	mem_free(m->shown.p);
	arena_release(&m->arena);
}

/* ---- a plan's messages ------------------------------------------------------------------------------------------------------- */

/* Turns of many kinds, in the order of the draw: each kind once before any comes twice. */
static int turns_draw(const struct material *m, const struct plan *p, const struct turn **out, size_t *n, struct err *e)
{
	uint32_t *order = mem_alloc(m->shown.n, sizeof *order, e);
	struct rng r;
	*n = 0;
	if (!order)
		return ERR_RESOURCE;
	for (size_t i = 0; i < m->shown.n; i++)
		order[i] = (uint32_t)i;
	rng_init(&r, p->draw, RNG_DATA, 0, 0);
	rng_shuffle(&r, order, m->shown.n);
	for (size_t round = 1; round <= p->n_turns; round++)
		for (size_t i = 0; i < m->shown.n && *n < p->n_turns; i++) {
			const struct turn *t = &m->shown.p[order[i]];
			size_t alike = 0;
			bool again = false;
			for (size_t k = 0; k < *n; k++) {
				alike += !strcmp(out[k]->kind, t->kind);
				again |= out[k]->item == t->item;
			}
			if (alike < round && !again)
				out[(*n)++] = t;
		}
	mem_free(order);
	return 0;
}

/* Fills messages [MESSAGES_MAX], strings in `arena` or the material. A template without a system role gets a turn instead. */
static int plan_messages(const struct material *m, const struct plan *p, const struct encoder *encoder, struct arena *arena,
	struct message *messages, size_t *n, struct err *e)
{
	const struct turn *turn[TURNS_MAX];
	struct buf b = {0};
	char *system = NULL;
	size_t n_turns;
	int rc = turns_draw(m, p, turn, &n_turns, e);
	if (rc == 0)
		rc = buf_puts(&b, instruction, e);
	if (rc == 0 && p->terms)
		rc = buf_printf(&b, e, "\n\nOur words:%s", m->terms.p);
	if (rc == 0 && p->style)
		rc = buf_printf(&b, e, "\n\nOur style:%s", m->style.p);
	if (rc == 0 && !(system = arena_strdup(arena, b.p, b.len, e)))
		rc = ERR_RESOURCE;
	buf_release(&b);
	if (rc < 0)
		return rc;
	*n = 0;
	messages[(*n)++] = (struct message){.role = encoder->system ? "system" : "user", .content = system};
	if (!encoder->system)
		messages[(*n)++] = (struct message){.role = "assistant", .content = "I will."};
	for (size_t i = 0; i < n_turns; i++) {
		messages[(*n)++] = (struct message){.role = "user", .content = turn[i]->question};
		messages[(*n)++] = (struct message){.role = "assistant", .content = turn[i]->answer};
	}
	return 0;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------------------- */

static int packed_loss(const struct model *m, const struct sample *s, size_t n, size_t n_tokens, double *loss, struct err *e)
{
	struct packer packer;
	struct work *work = NULL;
	float *each = NULL;
	int rc = packer_init(&packer, n_tokens, n, e);
	if (rc < 0)
		return rc;
	packer.forward_only = true;
	for (size_t i = 0; i < n; i++)
		packer_add(&packer, &s[i]);
	const struct batch *b = &packer.batch;
	if (!(each = mem_alloc(b->n_scored, sizeof *each, e)))
		rc = ERR_RESOURCE;
	if (rc == 0)
		rc = work_new(&work, m, NULL, b->n_tokens, false, e);
	if (rc == 0)
		rc = model_loss(m, NULL, work, b, each, e);
	*loss = 0;
	for (size_t i = 0; i < b->n_scored && rc == 0; i++)
		*loss += (double)each[i] / (double)b->n_scored;
	work_free(work);
	mem_free(each);
	packer_release(&packer);
	return rc;
}

/* Sets the plan's tokens and its loss on what is asked; a prompt of more than half the context leaves too little to speak in. */
static int plan_try(struct plan *p, const struct material *m, const struct model *model, struct err *e)
{
	const struct encoder *encoder = model_encoder(model);
	struct message messages[MESSAGES_MAX];
	struct sample sample[ASKED] = {{0}};
	struct arena arena;
	struct ids ids = {0};
	size_t n, n_tokens = 0, context = model_config(model)->context;
	arena_init(&arena, ARENA_BLOCK);
	int rc = plan_messages(m, p, encoder, &arena, messages, &n, e);
	struct row row = {.kind = ROW_MESSAGES, .messages = messages, .n_messages = n + 1};
	messages[n] = (struct message){.role = "user", .content = "?"};
	if (rc == 0)
		rc = row_prompt(&ids, &row, encoder, e);
	p->tokens = ids.n;
	bool fits = ids.n <= context / 2;
	row.n_messages = n + 2;
	for (size_t i = 0; i < m->asked.n && rc == 0 && fits; i++) {
		messages[n] = (struct message){.role = "user", .content = m->asked.p[i].question};
		messages[n + 1] = (struct message){.role = "assistant", .content = m->asked.p[i].answer, .train = true};
		rc = row_sample(&sample[i], &row, encoder, false, e);
		n_tokens += sample[i].n;
		fits = sample[i].n <= context;
	}
	p->loss = fits ? 0 : INFINITY;
	if (rc == 0 && fits && m->asked.n)
		rc = packed_loss(model, sample, m->asked.n, n_tokens, &p->loss, e);
	for (size_t i = 0; i < m->asked.n; i++)
		sample_release(&sample[i]);
	ids_release(&ids);
	arena_release(&arena);
	return rc;
}

struct plans {
	struct plan p[PLANS_MAX];
	size_t n;
	const struct plan *best; /* one of p; NULL: none fits */
};

static int plan_add(struct plans *s, struct plan p, const struct material *m, const struct eval_job *j, struct progress *progress,
	struct err *e)
{
	if (j->stop && *j->stop)
		return err_set(e, ERR_STOPPED, "stopped while choosing a prompt; run the same command again to go on");
	int rc = plan_try(&p, m, j->model, e);
	if (rc < 0)
		return rc;
	s->p[s->n] = p;
	if (isfinite(p.loss) && (!s->best || p.loss < s->best->loss))
		s->best = &s->p[s->n];
	progress_update(progress, (double)++s->n, NULL);
	return 0;
}

/* First what the system message holds, then how many turns and which. */
static int plans_try(struct plans *s, const struct material *m, const struct eval_job *j, struct err *e)
{
	static const struct plan turns[] = {{.n_turns = 0}, {.n_turns = 8}, {.n_turns = 4, .draw = 1}, {.n_turns = 8, .draw = 1}};
	const size_t n_turns = m->shown.n ? sizeof turns / sizeof *turns : 0;
	struct progress progress;
	struct plan p = {.n_turns = m->shown.n ? 4 : 0};
	progress_begin(&progress, "prompt", "prompts", 1.0 + (m->terms.len > 0) + (m->style.len > 0) + (double)n_turns);
	int rc = plan_add(s, p, m, j, &progress, e);
	p.terms = m->terms.len > 0;
	if (rc == 0 && p.terms)
		rc = plan_add(s, p, m, j, &progress, e);
	p.style = m->style.len > 0;
	if (rc == 0 && p.style)
		rc = plan_add(s, p, m, j, &progress, e);
	struct plan best = s->best ? *s->best : (struct plan){0};
	for (size_t i = 0; i < n_turns && rc == 0; i++) {
		p = turns[i];
		p.terms = best.terms;
		p.style = best.style;
		rc = plan_add(s, p, m, j, &progress, e);
	}
	progress_end(&progress);
	return rc;
}

/* ---- the file ---------------------------------------------------------------------------------------------------------------- */

int prompt_key(char hex[65], const struct eval_job *j, struct err *e)
{
	static const char *const file[] = {"terms.yaml", "sections.jsonl", "train.jsonl", "valid.jsonl"};
	char path[PATH_SIZE], sum[65];
	struct buf b = {0};
	struct sha256 *all = NULL;
	int rc = buf_printf(&b, e, "prompt %d\n%s\n", PROMPT_VERSION, j->model_key);
	for (size_t i = 0; i < sizeof file / sizeof *file && rc == 0; i++) {
		rc = path_join(path, sizeof path, e, j->data, file[i]);
		if (rc == 0 && file_exists(path) && (rc = sha256_file(path, sum, e)) == 0)
			rc = buf_printf(&b, e, "%s %s\n", file[i], sum);
	}
	if (rc == 0)
		rc = sha256_new(&all, e);
	if (rc == 0) {
		sha256_add(all, b.p, b.len);
		sha256_hex(all, hex);
	}
	sha256_free(all);
	buf_release(&b);
	return rc;
}

static json_t *plan_json(const struct plan *p)
{
	return json_pack("{s:b, s:b, s:I, s:I, s:I, s:o}", "terms", p->terms, "style", p->style, "turns", (json_int_t)p->n_turns,
		"draw", (json_int_t)p->draw, "tokens", (json_int_t)p->tokens, "loss", json_measure(p->loss));
}

static int prompt_write(
	const char *path, const char *key, const struct plans *s, const struct message *messages, size_t n, struct err *e)
{
	json_t *said = json_array(), *tried = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(said, json_pack("{s:s, s:s}", "role", messages[i].role, "content", messages[i].content));
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(tried, plan_json(&s->p[i]));
	json_t *all = json_pack("{s:o, s:s, s:o}", "messages", said, "key", key, "tried", tried);
	int rc = all ? json_file_write(path, all, e) : err_set(e, ERR_RESOURCE, "out of memory while writing %s", path);
	json_decref(all);
	return rc;
}

static int choose(const char *path, const char *key, const struct eval_job *j, struct err *e)
{
	struct material *m = mem_alloc(1, sizeof *m, e);
	struct plans s = {0};
	struct message messages[MESSAGES_MAX];
	size_t n = 0;
	if (!m)
		return ERR_RESOURCE;
	int rc = material_read(m, j->data, e);
	if (rc == 0)
		rc = plans_try(&s, m, j, e);
	if (rc == 0 && s.best)
		rc = plan_messages(m, s.best, model_encoder(j->model), &m->arena, messages, &n, e);
	if (rc == 0)
		rc = prompt_write(path, key, &s, messages, n, e);
	material_release(m);
	mem_free(m);
	return rc;
}

/* 1 when the file holds the prompt of this key, 0 when it does not. */
static int prompt_read(struct prompt *out, const char *path, const char *key, struct err *e)
{
	struct err ignored; /* a damaged file is one that was not made */
	json_t *all = NULL, *m;
	size_t i;
	if (!file_exists(path) || json_file(&all, path, FILE_BYTES_MAX, &ignored))
		return 0;
	const char *of = json_string_value(json_object_get(all, "key"));
	const json_t *messages = json_object_get(all, "messages");
	int rc = of && !strcmp(of, key) && json_is_array(messages);
	out->n = 0;
	if (rc && !(out->messages = arena_alloc(&out->arena, json_array_size(messages), sizeof *out->messages, e)))
		rc = ERR_RESOURCE;
	json_array_foreach (messages, i, m) {
		const char *role = json_string_value(json_object_get(m, "role")),
			   *content = json_string_value(json_object_get(m, "content"));
		if (rc <= 0 || (rc = role && content) == 0)
			break;
		struct message *to = &out->messages[out->n++];
		to->role = arena_strdup(&out->arena, role, strlen(role), e);
		to->content = arena_strdup(&out->arena, content, strlen(content), e);
		rc = to->role && to->content ? 1 : ERR_RESOURCE;
	}
	json_decref(all);
	return rc;
}

int prompt_make(struct prompt *out, const struct eval_job *j, struct err *e)
{
	char path[PATH_SIZE], key[65];
	*out = (struct prompt){0};
	arena_init(&out->arena, ARENA_BLOCK);
	int rc = path_join(path, sizeof path, e, j->out, EVAL_PROMPT_FILE);
	if (rc == 0)
		rc = prompt_key(key, j, e);
	if (rc == 0 && (rc = prompt_read(out, path, key, e)) == 0 && (rc = choose(path, key, j, e)) == 0)
		rc = prompt_read(out, path, key, e);
	return rc < 0 ? rc : 0;
}

void prompt_release(struct prompt *p)
{
	arena_release(&p->arena);
	*p = (struct prompt){0};
}
