/*
 * Made worlds, of which the right verdict is known: (a) facts that only retrieval can know, (b) a strict tone and vocabulary, (c) a domain that the
 * base knows already. With 160 questions the verdict is retrieval, training, neither; with 15 of them nobody can tell.
 */
#include "eval/test_compare.h"

#include <math.h>

enum { QUESTIONS = 160, FEW = 15, SEEDS = 5 };

/* What each arm gets right, says in preferred terms and says in style, of all answers; how much chance the arms share. */
struct world {
	const char *name;
	double right[ARMS], terms[ARMS], style[ARMS], shared;
	size_t best;
	const char *verdict;
};

static const struct world worlds[] = {
	{"only retrieval can know", {[BASE] = 0.3, [PROMPT] = 0.3, [RAG] = 0.5, [TUNED] = 0.32, [RAG_TUNED] = 0.5},
		{[BASE] = 0.5, [PROMPT] = 0.5, [RAG] = 0.5, [TUNED] = 0.5, [RAG_TUNED] = 0.5},
		{[BASE] = 0.6, [PROMPT] = 0.6, [RAG] = 0.6, [TUNED] = 0.6, [RAG_TUNED] = 0.6}, 0.2, RAG, "Retrieve, don't train"},
	{"strict tone and vocabulary", {[BASE] = 0.5, [PROMPT] = 0.5, [RAG] = 0.5, [TUNED] = 0.5, [RAG_TUNED] = 0.5},
		{[BASE] = 0.1, [PROMPT] = 0.35, [RAG] = 0.15, [TUNED] = 0.8, [RAG_TUNED] = 0.75},
		{[BASE] = 0.3, [PROMPT] = 0.5, [RAG] = 0.3, [TUNED] = 0.97, [RAG_TUNED] = 0.97}, 0.9, TUNED,
		"Worth it for its language"},
	{"known already", {[BASE] = 0.92, [PROMPT] = 0.92, [RAG] = 0.92, [TUNED] = 0.92, [RAG_TUNED] = 0.92},
		{[BASE] = 0.9, [PROMPT] = 0.9, [RAG] = 0.9, [TUNED] = 0.9, [RAG_TUNED] = 0.9},
		{[BASE] = 0.99, [PROMPT] = 0.99, [RAG] = 0.99, [TUNED] = 0.99, [RAG_TUNED] = 0.99}, 0.9, BASE, "Not worth it"},
};

/* A chance that is the same for all arms, or each arm's own. */
static bool falls(struct rng *r, double p, double together, double shared)
{
	double own = rng_uniform(r);
	return (rng_uniform(r) < shared ? together : own) < p;
}

static void world_put(const struct world *w, uint32_t seed, size_t n)
{
	static char line[QUESTIONS][192], text[QUESTIONS][ARMS][96];
	static struct said s[QUESTIONS];
	for (uint32_t i = 0; i < n; i++) {
		struct rng r;
		rng_init(&r, seed, RNG_DATA, i, 0);
		double right = rng_uniform(&r), terms = rng_uniform(&r), style = rng_uniform(&r);
		snprintf(line[i], sizeof line[i],
			"{\"id\":\"%u\",\"question\":\"How long is it kept?\",\"answers\":[\"%u "
			"days\"],\"source\":\"%u.md\",\"reference\":\"The "
			"Tolvery Vault keeps it for %u days.\"}",
			i, 100 + i, i, 100 + i);
		s[i].question = line[i];
		for (int arm = 0; arm < ARMS; arm++) {
			snprintf(text[i][arm], sizeof text[i][arm], "The %s keeps it for %u days%s",
				falls(&r, w->terms[arm], terms, w->shared) ? "Tolvery Vault" : "vault",
				falls(&r, w->right[arm], right, w->shared) ? 100 + i : 9,
				falls(&r, w->style[arm], style, w->shared) ? "." : "!");
			s[i].text[arm] = text[i][arm];
		}
	}
	answers_put(s, n);
}

static void folder_put(void)
{
	static const char terms[] = "terms:\n  - preferred: Tolvery Vault\n    forbidden: [vault]\n    definition: \"\"\n";
	static const char section[] =
		"{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"1\",\"text\":\"The Tolvery Vault.\"}\n";
	put(at("data/terms.yaml"), terms, strlen(terms));
	put(at("data/sections.jsonl"), section, strlen(section));
	n_arms = ARMS;
	job.train_seconds = 1800;
	job.costs = (struct eval_costs)EVAL_COSTS_DEFAULT;
}

static void test_worlds(void **state)
{
	(void)state;
	folder_put();
	for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
		const struct world *w = &worlds[i];
		size_t found = 0, unclear = 0;
		for (uint32_t seed = 1; seed <= SEEDS; seed++) {
			struct eval_result r;
			bool training = w->best == TUNED;
			world_put(w, seed, QUESTIONS);
			texts_put(2, 2, 1, 1);
			compare(&r);
			bool best = training ? r.best == TUNED || r.best == RAG_TUNED : r.best == w->best;
			found += best && r.worth_it == training && !strncmp(r.verdict, w->verdict, strlen(w->verdict));
			if (!training)
				assert_false(r.worth_it);
			world_put(w, seed, FEW);
			texts_put(2, 2, 1, 1);
			compare(&r);
			assert_false(r.worth_it);
			unclear += r.best == BASE && !strncmp(r.verdict, "Cannot tell", 11);
		}
		print_message("# %s: %zu of %d verdicts right, %zu of %d left open with %d questions\n", w->name, found, SEEDS,
			unclear, SEEDS, FEW);
		assert_true(found >= SEEDS - 1 && unclear >= SEEDS - 1);
	}
}

static const char *holds(const json_t *result, size_t point)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(result, "recommendation"), point), "holds"));
}

/* The points and the break-even of a world. */
static void test_advice(void **state)
{
	(void)state;
	static const char *const expected[][7] = {
		{"cannot tell", "cannot tell", "no", "cannot tell", "no", "cannot tell", "no"},
		{"yes", "yes", "yes", "cannot tell", "no", "no", "no"},
		{"no", "no", "no", "cannot tell", "no", "yes", "no"},
	};
	struct eval_result r;
	struct buf b = {0};
	folder_put();
	job.costs.answers_a_month = 10000;
	for (size_t i = 0; i < 3; i++) {
		world_put(&worlds[i], 1, QUESTIONS);
		texts_put(2, 2, 1, 1);
		compare(&r);
		file_text("out/eval.json", &b);
		json_t *o = json_loads(b.p, 0, NULL);
		for (size_t k = 0; k < 7; k++)
			if (strcmp(holds(o, k), expected[i][k]))
				fail_msg("%s, point %zu: %s", worlds[i].name, k, holds(o, k));
		json_decref(o);
		assert_true(isinf(r.months) == (i != 1));
	}
	world_put(&worlds[1], 1, QUESTIONS);
	job.costs.answers_a_month = 10;
	compare(&r);
	assert_true(isinf(r.months) && strstr(r.break_even, "Break-even: never at 10 answers a month"));
	file_text("out/eval.json", &b);
	json_t *o = json_loads(b.p, 0, NULL);
	assert_string_equal(holds(o, 0), "no");
	assert_string_equal(holds(o, 4), "yes");
	json_decref(o);
	job.costs.answers_a_month = 1000;
	job.costs.upkeep_hours = 0;
	compare(&r);
	assert_true(fabs(r.months - 16 / (r.minutes_saved * 1000 / 60)) < 1e-9);
	file_text("out/report.html", &b);
	assert_non_null(strstr(b.p, "the domain&#39;s terms are ones that general models misuse"));
	buf_release(&b);
}

/* "The needed context does not fit": what the point says of the world, with a model and with documents of so many bytes. */
static void assert_context(const struct world *w, size_t bytes, const char *expected, const char *why)
{
	static char section[4096];
	struct eval_result r;
	struct buf b = {0};
	memset(section, 0, sizeof section);
	size_t n = (size_t)snprintf(
		section, sizeof section, "{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"1\",\"text\":\"");
	memset(section + n, 'x', bytes);
	strcat(section, "\"}\n");
	put(at("data/sections.jsonl"), section, strlen(section));
	world_put(w, 1, QUESTIONS);
	texts_put(2, 2, 1, 1);
	compare(&r);
	file_text("out/eval.json", &b);
	json_t *o = json_loads(b.p, 0, NULL), *point = json_array_get(json_object_get(o, "recommendation"), 3);
	assert_string_equal(json_string_value(json_object_get(point, "point")), "the needed context does not fit into a prompt");
	assert_string_equal(holds(o, 3), expected);
	if (!strstr(json_string_value(json_object_get(point, "why")), why))
		fail_msg("%s", json_string_value(json_object_get(point, "why")));
	json_decref(o);
	buf_release(&b);
}

/* The model reads 512 tokens, which counts as 2,048 bytes. What does not fit is no reason to train where retrieval finds the part that is needed. */
static void test_context(void **state)
{
	(void)state;
	struct model *model;
	struct err e = {0};
	const struct world *found = &worlds[0], *not_found = &worlds[2];
	assert_int_equal(kern_init(NULL, &e), 0);
	assert_int_equal(model_open(&model, GOLDEN_DIR "/untied.gguf", &e), 0);
	folder_put();
	assert_context(not_found, 3000, "cannot tell", "the model's context are not known");
	job.model = model;
	assert_context(not_found, 2044, "no", "the documents are about 511 tokens, the context holds 512");
	assert_context(not_found, 2048, "yes", "the documents are about 512 tokens, the context holds 512");
	assert_context(found, 3000, "no",
		"the documents are about 750 tokens, the context holds 512, but what a question needs does: retrieval finds it");
	n_arms = RAG; /* base and tuned alone: nobody knows what retrieval would find */
	assert_context(found, 3000, "yes", "750 tokens");
	model_free(model);
}

/* Both arms are right; the tuned one says n of 40 answers in preferred terms, which saves three edits each, the base none. */
static void language_put(size_t n)
{
	static char line[40][192], text[40][2][64];
	static struct said s[40];
	for (size_t i = 0; i < 40; i++) {
		snprintf(line[i], sizeof line[i],
			"{\"id\":\"%zu\",\"question\":\"How long?\",\"answers\":[\"%zu "
			"days\"],\"source\":\"%zu.md\",\"reference\":\"It keeps it "
			"for %zu days in the Tolvery Vault.\"}",
			i, 100 + i, i, 100 + i);
		snprintf(text[i][BASE], sizeof text[i][BASE], "It keeps it for %zu days in this.", 100 + i);
		snprintf(text[i][TUNED], sizeof text[i][TUNED], "It keeps it for %zu days in %s.", 100 + i,
			i < n ? "the Tolvery Vault" : "this");
		s[i] = (struct said){line[i], {text[i][BASE], text[i][TUNED]}};
	}
	answers_put(s, 40);
	texts_put(2, 2, 1, 1);
}

/* Four of 40 gained is p = 0.03, too much for one of two tests; seven is enough. */
static void test_language(void **state)
{
	(void)state;
	struct eval_result r;
	folder_put();
	n_arms = TUNED + 1;
	language_put(4);
	compare(&r);
	assert_true(r.axis[EVAL_TERMS].change[TUNED].low > 0);
	assert_false(r.worth_it);
	language_put(7);
	compare(&r);
	assert_true(r.worth_it && strstr(r.verdict, "Worth it for its language: of 40 questions"));
	assert_true(fabs(r.minutes_saved - 7.0 / 40 * 3 / 15) < 1e-12);
	texts_put(2, 2, 1, 1.05);
	compare(&r);
	assert_true(!r.worth_it && strstr(r.verdict, "Not worth it as it is"));
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_worlds, setup),
		cmocka_unit_test_setup(test_advice, setup),
		cmocka_unit_test_setup(test_context, setup),
		cmocka_unit_test_setup(test_language, setup),
	};
	return cmocka_run_group_tests_name("worlds", tests, NULL, teardown);
}
