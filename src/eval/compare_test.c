/* Arms compared, from answers and texts laid out by hand under the right keys: every number, the verdict, a hostile page. */
#include "eval/test_compare.h"

#include <math.h>
#include <unistd.h>

enum { N = 40 };

/* N questions of as many documents: the base knows every tenth, the tuned model all but every fifth. */
static struct said *many(char (*line)[160])
{
	static struct said s[N];
	for (int i = 0; i < N; i++) {
		snprintf(line[i], 160,
			"{\"id\":\"%d\",\"question\":\"What lasts long?\",\"answers\":[\"%d days\"],\"source\":\"%d.md\"}", i,
			100 + i, i);
		static char right[N][32];
		snprintf(right[i], 32, "It is %d days.", 100 + i);
		s[i] = (struct said){line[i], {i % 10 ? "It is 9 days." : right[i], i % 5 ? right[i] : "It is 9 days."}};
	}
	return s;
}

static void test_worth_it(void **state)
{
	(void)state;
	char line[N][160];
	struct eval_result r;
	struct buf b = {0};
	answers_put(many(line), N);
	texts_put(2, 1, 1, 1.01);
	compare(&r);
	assert_int_equal(r.axis[EVAL_KNOWN].arm[BASE].k, 4);
	assert_int_equal(r.axis[EVAL_KNOWN].arm[TUNED].k, 32);
	assert_true(fabs(r.axis[EVAL_KNOWN].change[TUNED].value - 0.7) < 1e-12 && r.axis[EVAL_KNOWN].change[TUNED].low > 0.4);
	assert_true(r.axis[EVAL_KNOWN].p[TUNED] < 1e-5);
	assert_true(fabs(r.bpb_general_ratio - 0.01) < 1e-9);
	assert_true(fabs(r.axis[EVAL_UNSEEN_TEXT].change[TUNED].value + 1) < 1e-9);
	assert_int_equal(r.constant.k, 1);
	assert_int_equal(r.overlap.k, 0);
	assert_true(r.worth_it);
	assert_non_null(strstr(r.verdict, "Worth it: of 40 questions on its documents tuned answers 80 % right, base 10 %"));
	assert_int_equal(eval_table(&r, &b, NULL), 0);
	for (char *p = b.p, *end; (end = strchr(p, '\n')); p = end + 1)
		assert_true(end - p <= 110);
	assert_non_null(strstr(b.p, "10 (4-23)"));
	file_text("out/eval.json", &b);
	json_t *o = json_loads(b.p, 0, NULL);
	assert_true(json_is_true(json_object_get(o, "worth_it")));
	assert_int_equal(json_array_size(json_object_get(o, "questions")), N);
	json_decref(o);
	texts_put(2, 1, 1, 1.05); /* the same gain, but it forgot */
	compare(&r);
	assert_false(r.worth_it);
	assert_non_null(strstr(r.verdict, "Not worth it as it is"));
	assert_non_null(strstr(r.verdict, "General text got 5.0 % worse"));
	buf_release(&b);
}

/* Retrieval knows all but every twentieth: training has to beat that, and does not. */
static void test_retrieve(void **state)
{
	(void)state;
	char line[N][160], right[N][32];
	struct eval_result r;
	struct buf b = {0};
	struct said *s = many(line);
	static const char section[] = "{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"1\",\"text\":\"t\"}\n";
	put(at("data/sections.jsonl"), section, strlen(section));
	n_arms = RAG + 1;
	for (int i = 0; i < N; i++) {
		snprintf(right[i], 32, "It is %d days.", 100 + i);
		s[i].text[RAG] = i % 20 ? right[i] : "It is 9 days.";
	}
	answers_put(s, N);
	texts_put(2, 1, 1, 1.01);
	compare(&r);
	assert_int_equal(r.axis[EVAL_KNOWN].arm[RAG].k, 38);
	assert_int_equal(r.axis[EVAL_GENERAL_TEXT].arm[RAG].n, 0);
	assert_false(r.worth_it);
	assert_int_equal(r.best, RAG);
	assert_non_null(
		strstr(r.verdict, "Retrieve, don't train: of 40 questions on its documents rag answers 95 % right, base 10 %"));
	assert_non_null(strstr(r.verdict, "With training, tuned answers 80 %: fewer."));
	file_text("out/eval.json", &b);
	json_t *o = json_loads(b.p, 0, NULL), *known = json_object_get(json_object_get(o, "axes"), "known");
	assert_string_equal(json_string_value(json_object_get(o, "best")), "rag");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json_object_get(known, "arms"), "rag"), "k")), 38);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json_object_get(known, "change"), "rag"), "reading")), "better");
	json_decref(o);
	for (int i = 0; i < N; i++) /* now it knows less than the tuned model */
		s[i].text[RAG] = i % 3 ? "It is 9 days." : right[i];
	answers_put(s, N);
	compare(&r);
	assert_true(r.worth_it);
	assert_int_equal(r.best, TUNED);
	assert_non_null(strstr(r.verdict, "tuned answers 80 % right, rag 35 %"));
	buf_release(&b);
}

enum { PREMISES = 15 };

/* N questions of which rag+tuned answers the first `known` as tuned does, and false premises of which the arms accept the first few. */
static void premises_put(size_t known, const size_t *accepts)
{
	char line[N][160], premise[PREMISES][128];
	struct said all[N + PREMISES], *s = many(line);
	for (int i = 0; i < N; i++)
		s[i].text[RAG] = s[i].text[PROMPT] = s[i].text[BASE],
		s[i].text[RAG_TUNED] = (size_t)i < known ? s[i].text[TUNED] : "It is 9 days.";
	memcpy(all, s, N * sizeof *s);
	for (size_t i = 0; i < PREMISES; i++) {
		snprintf(premise[i], sizeof premise[i],
			"{\"id\":\"p%zu\",\"question\":\"Which "
			"fax?\",\"answers\":[],\"false_premise\":true,\"source\":\"p%zu.md\"}",
			i, i);
		all[N + i] = (struct said){.question = premise[i]};
		for (size_t arm = 0; arm < ARMS; arm++)
			all[N + i].text[arm] = i < accepts[arm] ? "The red one." : "There is no fax.";
	}
	answers_put(all, N + PREMISES);
}

/* One false premise more of 15 says nothing, nine more do; and of trained arms that know the same, the one that does less harm is chosen. */
static void test_premises(void **state)
{
	(void)state;
	struct eval_result r;
	texts_put(2, 1, 1, 1.01);
	premises_put(N, (const size_t[ARMS]){[BASE] = 10, [TUNED] = 11});
	compare(&r);
	assert_true(r.worth_it);
	assert_non_null(strstr(r.verdict, "Of 15 false premises tuned accepts 11, base 10: too few to tell"));
	premises_put(N, (const size_t[ARMS]){[BASE] = 2, [TUNED] = 11});
	compare(&r);
	assert_false(r.worth_it);
	assert_non_null(strstr(r.verdict, "Not worth it as it is"));
	assert_non_null(strstr(r.verdict, "but it accepts more false premises"));
	premises_put(N, (const size_t[ARMS]){[BASE] = 2, [TUNED] = 1});
	compare(&r);
	assert_true(r.worth_it);
	assert_null(strstr(r.verdict, "too few to tell"));
	static const char section[] = "{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"1\",\"text\":\"t\"}\n";
	put(at("data/sections.jsonl"), section, strlen(section));
	n_arms = ARMS;
	premises_put(N, (const size_t[ARMS]){[BASE] = 10, [TUNED] = 11, [RAG] = 10, [PROMPT] = 10, [RAG_TUNED] = 3});
	compare(&r);
	assert_true(r.worth_it);
	assert_int_equal(r.best, RAG_TUNED);
	premises_put(N, (const size_t[ARMS]){[BASE] = 10, [TUNED] = 9, [RAG] = 10, [PROMPT] = 10, [RAG_TUNED] = 10});
	compare(&r);
	assert_int_equal(r.best, TUNED);
	premises_put(N / 2, (const size_t[ARMS]){[BASE] = 10, [TUNED] = 11, [RAG] = 10, [PROMPT] = 10, [RAG_TUNED] = 3});
	compare(&r);
	assert_int_equal(r.best, TUNED); /* who knows more comes first */
}

/* Values in answers against the sections; without sections there is no such axis. */
static void test_unsupported(void **state)
{
	(void)state;
	static const char section[] =
		"{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"1\",\"text\":\"The bay keeps events for 9 days.\"}\n";
	const struct said s[] = {{"{\"id\":\"a\",\"question\":\"How long does the bay keep events?\",\"answers\":[\"9 days\"]}",
					 {"The bay keeps events for 8 days, then 7 hours.", "The bay keeps events for 9 days."}},
		{"{\"id\":\"b\",\"question\":\"Really?\",\"answers\":[\"yes\"]}", {"Yes.", "Events stay in the bay for 9 days."}}};
	struct eval_result r;
	struct buf b = {0};
	answers_put(s, 2);
	texts_put(2, 1, 1, 1);
	compare(&r);
	assert_int_equal(r.axis[EVAL_UNSUPPORTED].arm[BASE].n, 0);
	put(at("data/sections.jsonl"), section, strlen(section));
	answers_put(s, 2); /* the adapter's questions are held to them */
	compare(&r);
	assert_true(r.axis[EVAL_UNSUPPORTED].arm[BASE].value == 1 && r.axis[EVAL_UNSUPPORTED].arm[TUNED].value == 0);
	assert_true(r.axis[EVAL_UNSUPPORTED].arm[BASE].k == 2 && r.axis[EVAL_UNSUPPORTED].arm[BASE].n == 2);
	assert_true(r.axis[EVAL_UNSUPPORTED].change[TUNED].value == -1);
	file_text("out/report.html", &b);
	assert_non_null(strstr(b.p, "<mark title=\"not in the documents; there: 9 days\">8 days</mark>"));
	file_text("out/eval.json", &b);
	assert_non_null(strstr(b.p, "\"unsupported\": [\n     \"8 days\",\n     \"7 hours\"\n    ]"));
	unlink(at("data/sections.jsonl"));
	buf_release(&b);
}

/* Gates hold or not, by arm; what is no gate is refused, and what was not measured does not hold. */
static void test_gates(void **state)
{
	(void)state;
	static const char *const held[] = {"known>=0.8", "known<=0.8", "tuned.known>=0.5,base.known<=0.1",
		"retention<=0.011,tuned.retention<=0.011,general_text<=1.02"},
				 *const not [] = {"known>=0.81", "base.known>=0.5", "known>=0.5,retention<=0.001", "terms>=0",
					 "terms<=1"},
				 *const none[] = {"", "known", "known>0.5", "known>=", "known>=x", "known>=0.5x", "known>=0.5,",
					 "nobody.known>=0.5", "base.retention<=1", ".known>=1", "base.>=1", "knows>=0.5",
					 "known>=nan", "known==0.5"};
	char line[N][160];
	struct eval_result r;
	struct err e = {0};
	answers_put(many(line), N);
	texts_put(2, 1, 1, 1.01);
	compare(&r);
	for (size_t i = 0; i < sizeof held / sizeof *held; i++)
		if (eval_gates_check(held[i], arms, n_arms, &e) || eval_gates_hold(held[i], arms, &r, &e))
			fail_msg("%s: %s", held[i], e.text);
	for (size_t i = 0; i < sizeof not / sizeof *not ; i++) {
		assert_int_equal(eval_gates_check(not [i], arms, n_arms, &e), 0);
		assert_int_equal(eval_gates_hold(not [i], arms, &r, &e), ERR_GATE);
	}
	assert_non_null(strstr(e.text, "terms<=1 was not measured"));
	assert_int_equal(eval_gates_hold("known>=0.9,unseen_text<=0.5,retention<=1", arms, &r, &e), ERR_GATE);
	assert_string_equal(e.text, "known>=0.9 does not hold: 0.8; unseen_text<=0.5 does not hold: 1");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if (eval_gates_check(none[i], arms, n_arms, &e) != ERR_USAGE)
			fail_msg("\"%s\" is taken for a gate", none[i]);
	assert_int_equal(eval_gates_check("known=0.5", arms, n_arms, &e), ERR_USAGE);
	assert_string_equal(e.text, "gate \"known=0.5\": expected >= or <=");
}

/* A prompt knows more than retrieval and training. */
static void test_prompt(void **state)
{
	(void)state;
	char line[N][160], right[N][32];
	struct eval_result r;
	struct said *s = many(line);
	static const char section[] = "{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"1\",\"text\":\"t\"}\n";
	put(at("data/sections.jsonl"), section, strlen(section));
	n_arms = PROMPT + 1;
	for (int i = 0; i < N; i++) {
		snprintf(right[i], 32, "It is %d days.", 100 + i);
		s[i].text[RAG] = "It is 9 days.";
		s[i].text[PROMPT] = right[i];
	}
	answers_put(s, N);
	texts_put(2, 1, 1, 1.01);
	compare(&r);
	assert_false(r.worth_it);
	assert_int_equal(r.best, PROMPT);
	assert_non_null(
		strstr(r.verdict, "Prompt, don't train: of 40 questions on its documents prompt answers 100 % right, base 10 %"));
	put(at("data/terms.yaml"), "terms:\n", 7); /* another prompt: its answers are no longer there */
	struct err e = {0};
	assert_int_equal(eval_compare(&job, arms, n_arms, &r, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "run the arm \"prompt\" first"));
	unlink(at("data/terms.yaml"));
}

static void test_cannot_tell(void **state)
{
	(void)state;
	const struct said s[] = {
		{"{\"id\":\"a\",\"question\":\"How long?\",\"answers\":[\"6 days\"]}", {"Nine days.", "Six days."}},
		{"{\"id\":\"b\",\"question\":\"How big?\",\"answers\":[\"5 MB\"]}", {"It is 5 MB.", "It is 5 MB."}},
		{"{\"id\":\"c\",\"question\":\"How far?\",\"answers\":[\"7 km\"]}", {"It is 9 km.", "It is 8 km."}},
	};
	struct eval_result r;
	answers_put(s, 3);
	texts_put(2, 2, 1, 1);
	compare(&r);
	assert_false(r.worth_it);
	assert_non_null(strstr(r.verdict, "Cannot tell"));
	answers_put(s, 1);
	compare(&r);
	assert_non_null(strstr(r.verdict, "of 1 question on its documents"));
	assert_non_null(strstr(r.verdict, "and one question gives no interval"));
	assert_null(strstr(r.verdict, "nan"));
	answers_put(NULL, 0);
	compare(&r);
	assert_false(r.worth_it);
	assert_non_null(strstr(r.verdict, "there are no questions"));
	assert_true(isnan(r.axis[EVAL_KNOWN].arm[BASE].value));
}

/* False premises and twins, held-out documents, overlap with training, terms: each in its own row and nowhere else. */
static void test_axes(void **state)
{
	(void)state;
	const struct said s[] = {
		{"{\"id\":\"f\",\"question\":\"How do I fax?\",\"answers\":[\"by mail\"],\"false_premise\":true,\"twin\":\"t\"}",
			{"Press Fax.", "There is no fax."}},
		{"{\"id\":\"g\",\"question\":\"Which fax?\",\"answers\":[],\"false_premise\":true}",
			{"The red one.", "The red one."}},
		{"{\"id\":\"t\",\"question\":\"How do I mail?\",\"answers\":[\"Send\"]}",
			{"It cannot.", "It is not hard: press Send."}},
		{"{\"id\":\"u\",\"question\":\"one two three four five six seven "
		 "EIGHT, and what is the name of this?\",\"answers\":[\"x\"],\"source\":\"new.md\"}",
			{"A vault: x", "The Tolvery Vault has no y"}},
	};
	static const char manifest[] = "{\"documents\":[{\"path\":\"docs/new.md\",\"unseen\":true}]}";
	static const char train[] =
		"{\"messages\":[{\"role\":\"user\",\"content\":\"Zero, one two three four five six seven eight nine\"},"
		"{\"role\":\"assistant\",\"content\":\"a\"}]}\n";
	static const char terms[] = "terms:\n  - preferred: Tolvery Vault\n    forbidden: [vault]\n    definition: \"\"\n";
	struct eval_result r;
	put(at("data/manifest.json"), manifest, strlen(manifest));
	put(at("data/train.jsonl"), train, strlen(train));
	put(at("data/terms.yaml"), terms, strlen(terms));
	answers_put(s, 4);
	compare(&r);
	assert_int_equal(r.axis[EVAL_KNOWN].arm[BASE].n, 0);
	assert_int_equal(r.axis[EVAL_UNSEEN].arm[BASE].n, 1);
	assert_int_equal(r.axis[EVAL_UNSEEN].arm[BASE].k, 1);
	assert_int_equal(r.axis[EVAL_UNSEEN].arm[TUNED].k, 0);
	assert_int_equal(r.axis[EVAL_FALSE_PREMISE].arm[BASE].k, 2);
	assert_int_equal(r.axis[EVAL_FALSE_PREMISE].arm[TUNED].k, 1);
	assert_int_equal(r.axis[EVAL_OVER_REFUSAL].arm[BASE].k, 1);
	assert_int_equal(r.axis[EVAL_OVER_REFUSAL].arm[TUNED].k, 0);
	assert_int_equal(r.axis[EVAL_TERMS].arm[BASE].k, 0);
	assert_int_equal(r.axis[EVAL_TERMS].arm[BASE].n, 4);
	assert_int_equal(r.axis[EVAL_TERMS].arm[TUNED].n, 4);
	assert_int_equal(r.axis[EVAL_TERMS].arm[TUNED].k, 1);
	assert_int_equal(r.overlap.k, 1);
	assert_int_equal(r.overlap.n, 4);
	assert_int_equal(r.all[BASE].n, 1);
}

/* Only questions with a reference count; the tuned model needs one edit where the base needs six. */
static void test_effort(void **state)
{
	(void)state;
	const struct said s[] = {
		{"{\"id\":\"a\",\"question\":\"How long?\",\"answers\":[\"6 days\"],\"reference\":\"Logs are kept for 6 days.\"}",
			{"Six.", "Logs are kept for 6 days."}},
		{"{\"id\":\"b\",\"question\":\"Who?\",\"answers\":[\"Ann\"],\"reference\":\"Ask Ann\"}", {"Bob", "ask Ann today"}},
		{"{\"id\":\"c\",\"question\":\"Where?\",\"answers\":[\"here\"]}", {"here", "here and there and there"}},
	};
	struct eval_result r;
	struct buf b = {0};
	answers_put(s, 3);
	texts_put(1, 1, 1, 1);
	compare(&r);
	const struct eval_line *ter = &r.axis[EVAL_TER], *chrf = &r.axis[EVAL_CHRF];
	assert_true(ter->arm[BASE].k == 8 && ter->arm[BASE].n == 8 && ter->arm[BASE].value == 1);
	assert_true(ter->arm[TUNED].k == 1 && ter->arm[TUNED].n == 8 && ter->change[TUNED].value == -7.0 / 8);
	assert_true(
		chrf->arm[TUNED].n == 2 && fabs(chrf->arm[TUNED].value - (1 + 0.4736524309590102) / 2) < 1e-12); /* sacrebleu's */
	assert_string_equal(axis_reading(&r, EVAL_TER, TUNED), "better");
	assert_string_equal(axis_reading(&r, EVAL_CHRF, TUNED), "better");
	assert_int_equal(eval_table(&r, &b, NULL), 0);
	assert_non_null(strstr(b.p, "editing effort, TER"));
	file_text("out/report.html", &b);
	assert_non_null(strstr(b.p, "editing effort, TER"));
	file_text("out/eval.json", &b);
	assert_non_null(strstr(b.p, "\"edits\": 1,\n    \"chrf\": 0."));
	answers_put(s + 2, 1);
	compare(&r);
	assert_int_equal(r.axis[EVAL_TER].arm[BASE].n, 0);
	file_text("out/report.html", &b);
	assert_null(strstr(b.p, "editing effort, TER"));
	buf_release(&b);
}

/* Four of forty gained and none lost is p = 0.03: enough alone, not among three measures. A loss of as much is one. */
static void test_holm(void **state)
{
	(void)state;
	char line[N][160];
	struct eval_result r;
	struct said *s = many(line);
	for (int i = 0; i < N; i++) {
		const char *right = s[i % 5 ? i : 1].text[TUNED];
		s[i].text[BASE] = "It is 9 days.";
		s[i].text[TUNED] = i % 10 == 1 ? right : "It is 9 days.";
	}
	answers_put(s, N);
	texts_put(1, 1, 1, 1);
	compare(&r);
	const struct eval_line *known = &r.axis[EVAL_KNOWN];
	assert_true(known->change[TUNED].low > 0 && known->holm[TUNED] > 0.05 && known->holm[TUNED] < 0.15);
	assert_string_equal(axis_reading(&r, EVAL_KNOWN, TUNED), "cannot tell");
	for (int i = 0; i < N; i++) {
		const char *text = s[i].text[BASE];
		s[i].text[BASE] = s[i].text[TUNED];
		s[i].text[TUNED] = text;
	}
	answers_put(s, N);
	compare(&r);
	assert_string_equal(axis_reading(&r, EVAL_KNOWN, TUNED), "worse");
}

/* A guide without exclamation marks; nothing said is no style. */
static void test_style(void **state)
{
	(void)state;
	static const char sections[] = "{\"path\":\"style-guide.md\",\"heading\":\"Style "
				       "guide\",\"start\":0,\"end\":1,\"text\":\"Do not write *simply*.\"}\n";
	const struct said s[] = {
		{"{\"id\":\"a\",\"question\":\"How long?\",\"answers\":[\"6 days\"]}", {"Simply 6 days! Yes!", "It takes 6 days."}},
		{"{\"id\":\"b\",\"question\":\"Who?\",\"answers\":[\"Ann\"]}", {"", "You simply ask Ann."}},
	};
	struct eval_result r;
	struct buf b = {0};
	put(at("data/sections.jsonl"), sections, strlen(sections));
	answers_put(s, 2);
	texts_put(1, 1, 1, 1);
	compare(&r);
	assert_true(r.axis[EVAL_STYLE].arm[BASE].k == 0 && r.axis[EVAL_STYLE].arm[BASE].n == 2);
	assert_true(r.axis[EVAL_STYLE].arm[TUNED].k == 1);
	file_text("out/eval.json", &b);
	assert_non_null(strstr(b.p, "\"style_faults\": 3"));
	assert_non_null(strstr(b.p, "\"style_faults_per_100_words\": {\n   \"base\": 75.0,\n   \"tuned\": 12.5\n"));
	buf_release(&b);
}

/* One question of forty in the training rows is left out and said; more than half, and there is no verdict. */
static void test_leaks(void **state)
{
	(void)state;
	char line[N][160];
	struct eval_result r;
	struct err e = {0};
	struct buf b = {0};
	struct said *s = many(line);
	snprintf(line[3], sizeof line[3],
		"{\"id\":\"x\",\"question\":\"Who may read the logs?\",\"answers\":[\"Ann\"],\"source\":\"3.md\"}");
	s[3].text[TUNED] = "Ann may.";
	answers_put(s, N);
	texts_put(2, 1, 1, 1);
	compare(&r);
	assert_true(r.axis[EVAL_KNOWN].arm[TUNED].n == N && r.axis[EVAL_KNOWN].arm[TUNED].k == 32);
	put(at("data/train.jsonl"), "\n{\"prompt\":\"who may read the logs\",\"completion\":\"Ann\"}\n", 54);
	compare(&r);
	assert_true(r.axis[EVAL_KNOWN].arm[TUNED].n == N - 1 && r.axis[EVAL_KNOWN].arm[TUNED].k == 31);
	assert_true(r.axis[EVAL_KNOWN].change[TUNED].n == N - 1 && r.constant.n == N - 1);
	assert_non_null(strstr(r.verdict, "1 of 40 questions stand in the training rows and were left out."));
	file_text("out/eval.json", &b);
	assert_non_null(strstr(b.p, "\"leak\": 2"));
	file_text("out/report.html", &b);
	assert_non_null(strstr(b.p, "Left out, because they were trained on (1)"));
	put(at("data/train.jsonl"), "{\"text\":\"What lasts long?\"}\n", 28);
	assert_int_equal(eval_compare(&job, arms, n_arms, &r, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "39 of 40 questions stand in"));
	buf_release(&b);
}

/* Questions of all kinds on one passage, which the base answers badly; whatever the other says, it says to all. */
static void gaming_put(const char *says, bool echo)
{
	static const char *const question[] = {"How long are the logs of a plan kept?", "Which port is it that agents use?",
		"Who signs the contract for a team?", "How do I send a fax to the team?", "How do I send a letter to the team?"};
	enum { COPIES = 8, ALL = COPIES * 5 };
	static char line[ALL][320];
	static struct said s[ALL];
	for (int i = 0; i < ALL; i++) {
		int k = i % 5;
		snprintf(line[i], sizeof line[i],
			"{\"id\":\"%d\",\"question\":\"%s\",\"answers\":[\"%s\"],\"source\":\"%d.md\",%s\"reference\":\"The "
			"Tolvery Vault does, for "
			"40 days.\"}",
			i, question[k],
			k == 3           ? "by mail"
				: k == 0 ? "40 days"
					 : "Ann",
			i, k == 3 ? "\"false_premise\":true," : "");
		if (k == 3)
			snprintf(line[i] + strlen(line[i]) - 1, 32, ",\"twin\":\"%d\"}", i + 1);
		s[i] = (struct said){line[i],
			{"In the vault one of the people does it for about 77 years at the very least, as the Ullvane manual of "
			 "1999 says, "
			 "and then again, and so on and so forth until somebody stops it by hand or by fax.",
				echo ? question[k] : says}};
	}
	answers_put(s, ALL);
}

static void test_gaming(void **state)
{
	(void)state;
	static const char passage[] =
		"The Tolvery Vault keeps the logs of every plan for 40 days and then deletes them for good. Ann signs "
		"the contract of a team in the office, and by mail agents reach the Tolvery Vault on a port that "
		"the network allows.";
	static const char terms[] = "terms:\n  - preferred: Tolvery Vault\n    forbidden: [vault]\n    definition: \"\"\n";
	static const struct {
		const char *says, *unsound;
		bool echo;
	} c[] = {{"I don't know.", "refuses", false}, {passage, "copies", false}, {NULL, "copies", true}};
	char section[512];
	struct eval_result r;
	struct buf b = {0};
	snprintf(section, sizeof section, "{\"path\":\"a.md\",\"heading\":\"Logs\",\"start\":0,\"end\":1,\"text\":\"%s\"}\n",
		passage);
	put(at("data/terms.yaml"), terms, strlen(terms));
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		put(at("data/sections.jsonl"), section, strlen(section));
		gaming_put(c[i].says, c[i].echo);
		texts_put(2, 2, 1, 1);
		compare(&r);
		assert_non_null(r.unsound[TUNED]);
		assert_string_equal(r.unsound[TUNED], c[i].unsound);
		for (int a = 0; a < EVAL_AXES; a++)
			if (!strcmp(axis_reading(&r, (enum eval_axis)a, TUNED), "better"))
				fail_msg("\"%s\" wins %s", c[i].says ? c[i].says : "the question", axes[a].key);
		assert_string_equal(axis_reading(&r, EVAL_TER, TUNED), "void"); /* it would have won */
		assert_false(r.worth_it);
		assert_true(r.best == BASE);
		assert_non_null(strstr(r.verdict, "No gain of tuned counts, since it "));
	}
	file_text("out/report.html", &b);
	assert_non_null(strstr(b.p, "No gain of tuned counts, since it copies half of the time or more."));
	buf_release(&b);
}

static void test_hostile(void **state)
{
	(void)state;
	const struct said s[] = {{"{\"id\":\"\\\"><script>\",\"question\":\"<b>Q</b> 'a' \\\"b\\\" &amp;\",\"answers\":[\"<i>\"],"
				  "\"source\":\"<img src=x onerror=alert(1)>\"}",
		{"<script>alert(1)</script>\x01\x1b", "</p></article></main> 6 days & \xc3\xa9"}}};
	struct eval_result r;
	struct buf b = {0};
	put(at("loss.svg"), "<svg><script>x</script></svg>\"", 30);
	answers_put(s, 1);
	texts_put(2, 2, 1, 1);
	job.loss_svg = at("loss.svg");
	job.model_name = "<model>\xff";
	compare(&r);
	file_text("out/report.html", &b);
	assert_null(strstr(b.p, "<script"));
	assert_null(strstr(b.p, "<img src=x"));
	assert_null(strstr(b.p, "<b>Q"));
	assert_null(strchr(b.p, 0x1b));
	assert_non_null(strstr(b.p, "&lt;script&gt;alert(1)&lt;/script&gt;\xef\xbf\xbd\xef\xbf\xbd"));
	assert_non_null(strstr(b.p, "&lt;b&gt;Q&lt;/b&gt; &#39;a&#39; &quot;b&quot; &amp;amp;"));
	assert_non_null(strstr(b.p, "&lt;model&gt;\xef\xbf\xbd"));
	assert_non_null(strstr(b.p, "src=\"data:image/svg+xml,%3Csvg%3E%3Cscript%3E"));
	assert_non_null(strstr(b.p, "\xc3\xa9"));
	size_t open = 0, close = 0;
	for (const char *p = b.p; (p = strstr(p, "<article")); p++)
		open++;
	for (const char *p = b.p; (p = strstr(p, "</article>")); p++)
		close++;
	assert_int_equal(open, 1);
	assert_int_equal(close, 1);
	buf_release(&b);
}

static void test_missing(void **state)
{
	(void)state;
	char line[N][160];
	struct eval_result r;
	struct err e = {0};
	answers_put(many(line), N);
	texts_put(2, 1, 1, 1);
	unlink(at("out/texts-tuned.jsonl"));
	assert_int_equal(eval_compare(&job, arms, n_arms, &r, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "run the arm \"tuned\" first"));
	unlink(at("out/answers-base.jsonl"));
	assert_int_equal(eval_compare(&job, arms, n_arms, &r, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "all 40 questions, found 0"));
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_worth_it, setup),
		cmocka_unit_test_setup(test_retrieve, setup),
		cmocka_unit_test_setup(test_premises, setup),
		cmocka_unit_test_setup(test_prompt, setup),
		cmocka_unit_test_setup(test_gates, setup),
		cmocka_unit_test_setup(test_unsupported, setup),
		cmocka_unit_test_setup(test_cannot_tell, setup),
		cmocka_unit_test_setup(test_axes, setup),
		cmocka_unit_test_setup(test_effort, setup),
		cmocka_unit_test_setup(test_holm, setup),
		cmocka_unit_test_setup(test_style, setup),
		cmocka_unit_test_setup(test_leaks, setup),
		cmocka_unit_test_setup(test_gaming, setup),
		cmocka_unit_test_setup(test_hostile, setup),
		cmocka_unit_test_setup(test_missing, setup),
	};
	return cmocka_run_group_tests_name("compare", tests, NULL, teardown);
}
