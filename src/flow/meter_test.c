/* The meter: what is dealt to whom, the line and its scatter against numbers made elsewhere, and what is said of effects that are put in. */
#include "flow/meter.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[32];
static struct meter m;

static const char *at(const char *name)
{
	static char path[8][PATH_SIZE];
	static int next;
	next = (next + 1) % 8;
	snprintf(path[next], PATH_SIZE, "%s/%s", root, name);
	return path[next];
}

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	strcpy(root, "meter_test_XXXXXX");
	m = (struct meter){0};
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < m.n_trainings; i++)
		mem_free(m.training[i].nats);
	mem_free(m.tokens);
	meter_data_release(&m.data);
	return dir_remove(root, NULL);
}

/* n documents of a folder, or sections of one file where the name has a dot: `facts` of each, asked in `rows` ways; the first also in valid.jsonl. */
static void documents(struct buf *train, struct buf *valid, const char *name, size_t n, size_t facts, size_t rows)
{
	static long long item;
	struct err e = {0};
	if (!train->len)
		item = 0;
	for (size_t d = 0; d < n; d++)
		for (size_t f = 0; f < facts; f++, item++)
			for (size_t r = 0; r <= rows; r++) {
				char path[64];
				bool file = strchr(name, '.') != NULL, known = r == rows;
				if (known && f)
					continue;
				snprintf(path, sizeof path, file ? "%s" : "%s/%zu.md", name, d);
				assert_int_equal(buf_printf(known ? valid : train, &e,
							 "{\"messages\":[{\"role\":\"user\",\"content\":\"%zu of %lld in "
							 "%s?\"},{\"role\":\"assistant\",\"content\":\"%lld.\"}],"
							 "\"source\":{\"path\":\"%s\",\"heading\":\"part "
							 "%zu\"},\"kind\":\"value\",\"item\":%lld%s}\n",
							 r, item, name, item, path, d, item, known ? ",\"stratum\":\"known\"" : ""),
					0);
			}
}

static void folder(struct buf *train, struct buf *valid)
{
	struct err e = {0};
	static const char more[] =
		"{\"text\":\"general\",\"source\":null,\"kind\":\"replay\"}\n"
		"{\"messages\":[],\"source\":{\"path\":\"docs/0.md\",\"heading\":\"\"},\"kind\":\"grounded\",\"item\":0}\n";
	static const char manifest[] = "{\"key\":\"k\",\"files\":{}}", report[] = "</main></body></html>\n";
	assert_int_equal(buf_puts(train, more, &e), 0);
	assert_int_equal(file_replace(at("train.jsonl"), train->p, train->len, &e), 0);
	assert_int_equal(file_replace(at("valid.jsonl"), valid->p ? valid->p : "", valid->len, &e), 0);
	assert_int_equal(file_replace(at("manifest.json"), manifest, strlen(manifest), &e), 0);
	assert_int_equal(file_replace(at("report.html"), report, strlen(report), &e), 0);
	buf_release(train);
	buf_release(valid);
}

static void read_folder(uint64_t seed)
{
	struct err e = {0};
	if (meter_data_read(&m.data, root, seed, &e))
		fail_msg("%s", e.text);
}

/* docs: 40 documents; tickets.csv: 20 sections. */
static void usual_folder(void)
{
	struct buf train = {0}, valid = {0};
	documents(&train, &valid, "docs", 40, 5, 3);
	documents(&train, &valid, "tickets.csv", 20, 2, 3);
	folder(&train, &valid);
	read_folder(42);
}

/* ---- dealing ------------------------------------------------------------------------------------------------------------------------- */

static void test_dealt(void **state)
{
	(void)state;
	usual_folder();
	const struct meter_data *d = &m.data;
	assert_int_equal(d->n_kinds, 2);
	assert_string_equal(d->kind[0].name, "docs");
	assert_string_equal(d->kind[1].name, "*.csv");
	assert_int_equal(d->kind[0].n_units, 40); /* documents */
	assert_int_equal(d->kind[0].n_held, 8);
	assert_int_equal(d->kind[1].n_units, 20); /* sections of the one */
	assert_int_equal(d->kind[1].n_documents, 1);
	assert_int_equal(d->kind[1].n_facts, 40);
	assert_int_equal(d->n_train, 720);
}

static void test_nested(void **state)
{
	(void)state;
	usual_folder();
	const struct meter_data *d = &m.data;
	size_t n_quarter = 0, n_half = 0, n_all = 0;
	for (size_t i = 0; i < d->n_units; i++) {
		const struct meter_unit *u = &d->unit[i];
		bool sees[METER_WITHOUT + 1];
		for (int p = METER_BASE; p <= METER_WITHOUT; p++) {
			struct meter_training t = {.part = (enum meter_part)p, .kind = 1};
			sees[p] = meter_sees(d, &t, u);
		}
		n_quarter += sees[METER_QUARTER];
		n_half += sees[METER_HALF];
		n_all += sees[METER_ALL];
		assert_false(sees[METER_BASE]);
		assert_true(sees[METER_QUARTER] <= sees[METER_HALF] && sees[METER_HALF] <= sees[METER_ALL]);
		assert_int_equal(sees[METER_HALF] + sees[METER_OTHER_HALF], sees[METER_ALL]);
		assert_int_equal(sees[METER_ALL], !meter_held(d, u));
		assert_int_equal(sees[METER_WITHOUT], sees[METER_ALL] && u->kind == 0);
		assert_int_equal(sees[METER_HALF_OF], u->kind == 0 ? sees[METER_ALL] : sees[METER_HALF]);
	}
	assert_int_equal(n_all, 48);
	assert_int_equal(n_half, 24);
	assert_int_equal(n_quarter, 12);
}

/* No question that is asked is trained on; none on a held document is; of each fact one way is trained. */
static void test_kept_apart(void **state)
{
	(void)state;
	usual_folder();
	const struct meter_data *d = &m.data;
	size_t n_trained = 0, n_known = 0;
	for (size_t i = 0; i < d->n_rows; i++) {
		const struct meter_row *r = &d->row[i];
		bool held = meter_held(d, &d->unit[r->unit]);
		assert_false(r->use == METER_TRAINED && (held || r->valid));
		assert_int_equal(r->text != NULL, r->use != METER_LEFT);
		n_known += r->use == METER_ASKED_ROW && r->valid;
		n_trained += r->use == METER_TRAINED;
		for (size_t k = 0; k < i; k++)
			assert_false(d->row[k].item == r->item && d->row[k].use == r->use && r->use != METER_LEFT);
	}
	assert_int_equal(n_trained, 32 * 5 + 16 * 2);
	assert_int_equal(d->n_unseen, 8 * 5 + 4 * 2);
	assert_int_equal(d->n_asked - d->n_unseen, 32 * METER_ASKED_UNIT + 16 * 2); /* a question is left of every fact */
	assert_true(n_known > 40); /* reserved phrasings are asked where there are any */
}

/* More rows than a training sees: documents are left out, of each kind the same share. */
static void test_large(void **state)
{
	(void)state;
	struct buf train = {0}, valid = {0};
	documents(&train, &valid, "docs", 250, 8, 2);
	documents(&train, &valid, "posts", 50, 8, 2);
	folder(&train, &valid);
	read_folder(1);
	size_t n = 0;
	for (size_t i = 0; i < m.data.n_rows; i++)
		n += m.data.row[i].use == METER_TRAINED;
	assert_int_equal(m.data.kind[0].n_used, 62); /* 200 of 1920 rows' documents x 600 */
	assert_int_equal(m.data.kind[1].n_used, 12);
	assert_int_equal(n, (62 + 12) * 8);
	assert_int_equal(m.data.n_unseen, METER_ASKED);
}

/* ---- numbers -------------------------------------------------------------------------------------------------------------------------- */

/* statistics.linear_regression of Python on log2 of 130, 255, 270, 600 and their losses, and the root of half its residuals' squares; the rest is not used. */
static void test_line(void **state)
{
	(void)state;
	const double rows[] = {1, 130, 255, 270, 600, 7}, loss[] = {9, 2.5, 2.31, 2.36, 2.02, 9};
	const bool used[] = {false, true, true, true, true, false};
	double x[6], weight[6], less = 0, sum = 0;
	for (int i = 0; i < 6; i++)
		x[i] = log2(rows[i]);
	meter_slope(x, used, 6, weight);
	for (int i = 0; i < 6; i++) {
		less += weight[i] * loss[i];
		sum += weight[i];
	}
	assert_true(fabs(sum) < 1e-12);
	assert_true(fabs(less - 0.218438150655865) < 1e-12);
	assert_true(fabs(meter_scatter(x, used, 6, loss) - 0.0518516615999083) < 1e-12);
}

/* A training's loss on every token is what the law says, and a chance that its number gives; 5 tokens an answer. */
static void losses(double base, double a_doubling, double own, double chance)
{
	struct err e = {0};
	for (size_t t = 0; t < 9; t++) {
		struct meter_training *x = &m.training[m.n_trainings++];
		*x = (struct meter_training){.part = t < METER_HALF_OF ? (enum meter_part)t
				: t % 2                                ? METER_HALF_OF
								       : METER_WITHOUT,
			.kind = t < METER_HALF_OF ? SIZE_MAX : (t - METER_HALF_OF) / 2,
			.nats = mem_alloc(m.data.n_asked, sizeof *x->nats, &e)};
		for (size_t i = 0; i < m.data.n_rows; i++)
			x->n_rows += m.data.row[i].use == METER_TRAINED && meter_sees(&m.data, x, &m.data.unit[m.data.row[i].unit]);
		for (size_t i = 0, k = 0; i < m.data.n_rows; i++)
			if (m.data.row[i].use == METER_ASKED_ROW) {
				double doublings = x->n_rows ? log2((double)x->n_rows) : 0;
				double loss = base - a_doubling * doublings + (t % 3 ? chance : -chance);
				loss -= meter_sees(&m.data, x, &m.data.unit[m.data.row[i].unit]) ? own : 0;
				loss += 0.1 *
					(double)(m.data.row[i].unit % 7); /* documents differ, and none of it is in a difference */
				x->nats[k++] = 5 * loss;
			}
	}
	m.tokens = mem_alloc(m.data.n_asked, sizeof *m.tokens, &e);
	for (size_t k = 0; k < m.data.n_asked; k++)
		m.tokens[k] = 5;
}

static void near(double a, double b)
{
	if (!(fabs(a - b) < 1e-9))
		fail_msg("%.12g is not %.12g", a, b);
}

/* What is put in comes out: each doubling takes off 0.2 whoever it is of, being there 0.5. */
static void test_effects(void **state)
{
	(void)state;
	struct meter_result r = {0};
	struct err e = {0};
	usual_folder();
	losses(4, 0.2, 0.5, 0);
	assert_int_equal(meter_weigh(&m, &r, &e), 0);
	near(r.twice.less.value, 0.2);
	near(r.twice.less.low, 0.2);
	near(r.twice.luck, 0);
	assert_true(r.twice.told);
	near(r.own.less.value, 0.5);
	assert_true(r.own.told);
	/* docs: 160 of 192 rows, halved 80 less: log2(192 / 112) doublings of all for one of its own */
	near(r.twice_of[0].less.value, 0.2 * log2(192. / 112));
	near(r.without[0].less.value, 0.2 * log2(192. / 32));
	near(r.without[1].less.value, 0.2 * log2(192. / 160));
	assert_int_equal(r.rank[0], 0);
	assert_int_equal(r.n_documents, 33);    /* 32 and the file of tickets */
	near(r.document[0].nats, 40 * 5 * 0.5); /* the file with its 40 facts */
	assert_string_equal(r.document[0].path, "tickets.csv");
	mem_free(r.document);
}

/* Chance of the size of an effect: nothing is told of it, though every question agrees. */
static void test_chance(void **state)
{
	(void)state;
	struct meter_result r = {0};
	struct buf page = {0};
	struct err e = {0};
	const struct flow_meter_options o = {.model = "tiny"};
	m.o = &o;
	usual_folder();
	losses(4, 0.05, 0, 0.2);
	assert_int_equal(meter_weigh(&m, &r, &e), 0);
	assert_true(r.twice.less.low > 0 || r.twice.less.high < 0);
	assert_true(r.twice.luck > fabs(r.twice.less.value) / 2);
	assert_false(r.twice.told);
	for (size_t i = 0; i < r.n_documents; i++)
		near(r.document[i].less.value, 0); /* though one half came out worse than the other */
	assert_int_equal(meter_page(&m, &r, &page, &e), 0);
	assert_non_null(strstr(page.p, "Would twice as many documents help with questions on new ones? Cannot tell:"));
	buf_release(&page);
	mem_free(r.document);
}

/* ---- too little ----------------------------------------------------------------------------------------------------------------------- */

static void too_little(size_t n, size_t facts, const char *why)
{
	struct buf train = {0}, valid = {0}, page = {0};
	struct err e = {0};
	struct train_config c;
	train_config_default(&c);
	const struct flow_meter_options o = {.data = root, .model = "/nowhere", .config = &c};
	json_t *json, *metered;
	documents(&train, &valid, "docs", n, facts, 3);
	folder(&train, &valid);
	if (flow_meter(&o, &page, &json, &e)) /* the model is not even looked for */
		fail_msg("%s", e.text);
	assert_non_null(strstr(page.p, why));
	assert_int_equal(strncmp(page.p, "Too little to meter: ", 21), 0);
	metered = json_object_get(json, "metered");
	assert_true(json_is_false(metered));
	assert_true(file_exists(at("meter.json")));
	assert_false(dir_exists(at("meter")));
	json_decref(json);
	buf_release(&page);
}

static void test_too_little(void **state)
{
	(void)state;
	too_little(8, 40, "fewer than 8 documents");
	too_little(10, 14, "fewer than 30 questions");
	too_little(0, 0, "fewer than 8 documents");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dealt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nested, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_effects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_little, setup, teardown),
	};
	return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
