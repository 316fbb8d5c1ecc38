/*
 * The whole model against PyTorch on tiny Llamas and their relatives: log-probabilities and every adapter gradient, from Hugging Face
 * folders and GGUF, on every kernel path.
 */
#include "model/test_golden.h"

/*
 * Largest and mean difference of log-probabilities. The f32 paths differ from PyTorch's f32 by rounding alone. For bf16 the bound is what
 * PyTorch's own autocast does to these very rows (score.py --autocast against f32: max 0.147, mean 0.025).
 */
struct tolerance {
	double max, mean;
};

static struct tolerance tolerance(void)
{
	return !strstr(kern->name, "bf16") ? (struct tolerance){2e-4, 2e-5} : (struct tolerance){0.147, 0.025};
}

static void each_path(void (*test)(void))
{
	struct err e = {0};
	for (size_t i = 0; kern_available()[i]; i++) {
		check(kern_init(kern_available()[i]->name, &e), &e);
		test();
	}
	check(kern_init(NULL, &e), &e);
}

/* Largest difference between the log-probabilities of all rows and `file`, rows together in one batch. */
static void compare_rows(const char *model, const char *adapter, const char *file)
{
	struct err e = {0};
	struct model *m = golden_model(model);
	struct lora *l = adapter ? golden_adapter(m, adapter) : NULL;
	struct sample s[GOLDEN_ROWS] = {{0}};
	struct safetensors *golden;
	struct packer p;
	struct work *w;
	char path[PATH_SIZE];
	size_t n = 0, at = 0;
	double sum = 0;
	golden_samples(m, s);
	for (size_t i = 0; i < GOLDEN_ROWS; i++)
		n += s[i].n;
	check(packer_init(&p, n, GOLDEN_ROWS, &e), &e);
	for (size_t i = 0; i < GOLDEN_ROWS; i++)
		packer_add(&p, &s[i]);
	check(work_new(&w, m, l, n, false, &e), &e);
	float *loss = mem_alloc(n, sizeof(*loss), &e);
	check(model_loss(m, l, w, &p.batch, loss, &e), &e);

	snprintf(path, sizeof(path), GOLDEN_DIR "/%s", file);
	check(safetensors_open(&golden, path, &e), &e);
	for (size_t i = 0; i < GOLDEN_ROWS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "row%02zu", i);
		const struct tensor *t = safetensors_find(golden, name);
		assert_non_null(t);
		assert_int_equal(t->dims[0], s[i].n_scored);
		for (size_t j = 0; j < s[i].n_scored; j++) {
			double expected = (double)((const float *)t->data)[j];
			sum += fabs(expected + (double)loss[at + j]);
			if (!(fabs(expected + (double)loss[at + j]) <= tolerance().max))
				fail_msg("%s %s %s token %zu: %g, PyTorch %g", kern->name, file, name, j, -(double)loss[at + j],
					expected);
		}
		at += s[i].n_scored;
	}
	if (!(sum / (double)at <= tolerance().mean))
		fail_msg("%s %s: mean difference %g", kern->name, file, sum / (double)at);
	safetensors_close(golden);
	mem_free(loss);
	work_free(w);
	packer_release(&p);
	samples_release(s);
	lora_free(l);
	model_free(m);
}

static void logprobs(void)
{
	compare_rows("tied", NULL, "tied.golden/base.safetensors");
	compare_rows("untied", NULL, "untied.golden/base.safetensors");
	compare_rows("untied.gguf", NULL, "untied.golden/gguf.safetensors");
	compare_rows("tied", "tied", "tied.golden/adapted.safetensors");
	compare_rows("untied", "untied", "untied.golden/adapted.safetensors");
}

static void test_logprobs(void **state)
{
	(void)state;
	each_path(logprobs);
}

/* Folder and GGUF hold the same numbers, so that they share what PyTorch made of them. */
static const char *const families[] = {
	"families/llama3", "families/mistral", "families/qwen2", "families/qwen3", "families/gemma3"};
enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

static void family_logprobs(void)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		char gguf[64], base[64], adapted[64];
		snprintf(gguf, sizeof(gguf), "%s.gguf", families[i]);
		snprintf(base, sizeof(base), "%s.golden/base.safetensors", families[i]);
		snprintf(adapted, sizeof(adapted), "%s.golden/adapted.safetensors", families[i]);
		compare_rows(families[i], NULL, base);
		compare_rows(gguf, NULL, base);
		compare_rows(families[i], families[i], adapted);
		compare_rows(gguf, families[i], adapted);
	}
}

static void test_family_logprobs(void **state)
{
	(void)state;
	each_path(family_logprobs);
}

static double cosine(const float *a, const float *b, size_t n)
{
	double ab = 0, aa = 0, bb = 0;
	for (size_t i = 0; i < n; i++) {
		ab += (double)a[i] * (double)b[i];
		aa += (double)a[i] * (double)a[i];
		bb += (double)b[i] * (double)b[i];
	}
	return ab / sqrt(aa * bb);
}

/* Every gradient as a PEFT tensor against PyTorch's of the same name. */
static void compare_gradients(const char *model, size_t every, double least)
{
	struct err e = {0};
	struct model *m = golden_model(model);
	struct lora *l = golden_adapter(m, model);
	struct sample s[GOLDEN_ROWS] = {{0}};
	struct safetensors *golden, *ours;
	struct packer p;
	struct work *w;
	char path[PATH_SIZE], out[] = "gradients_XXXXXX";
	golden_samples(m, s);
	check(packer_init(&p, 4096, 8, &e), &e);
	for (size_t i = 0; i < GOLDEN_ROWS; i += every) /* golden.json: grads.rows */
		packer_add(&p, &s[i]);
	check(work_new(&w, m, l, p.batch.n_tokens, true, &e), &e);
	float *loss = mem_alloc(p.batch.n_scored, sizeof(*loss), &e), *grad = mem_alloc(l->n_params, sizeof(*grad), &e);
	check(model_loss_and_grad(m, l, w, &p.batch, 1 / (float)p.batch.n_scored, loss, grad, &e), &e);
	int fd = mkstemp(out);
	assert_true(fd >= 0);
	close(fd);
	check(lora_write_tensors(l, m, grad, out, &e), &e);
	check(safetensors_open(&ours, out, &e), &e);
	snprintf(path, sizeof(path), GOLDEN_DIR "/%s.golden/grads.safetensors", model);
	check(safetensors_open(&golden, path, &e), &e);
	assert_int_equal(safetensors_n(golden), safetensors_n(ours));
	for (size_t i = 0; i < safetensors_n(golden); i++) {
		const struct tensor *g = safetensors_at(golden, i), *o = safetensors_find(ours, g->name);
		assert_non_null(o);
		assert_int_equal(g->size_bytes, o->size_bytes);
		double c = cosine(g->data, o->data, g->size_bytes / 4);
		if (!(c >= least))
			fail_msg("%s %s %s: cosine %.6f, expected at least %g", kern->name, model, g->name, c, least);
		double ratio = sqrt(kern->sum_squares(o->data, o->size_bytes / 4) / kern->sum_squares(g->data, g->size_bytes / 4));
		assert_true(fabs(ratio - 1) < 0.03);
	}
	safetensors_close(golden);
	safetensors_close(ours);
	unlink(out);
	mem_free(grad);
	mem_free(loss);
	work_free(w);
	packer_release(&p);
	samples_release(s);
	lora_free(l);
	model_free(m);
}

static void gradients(void)
{
	bool bf16 = strstr(kern->name, "bf16");
	double least = bf16 ? 0.999 : 0.99999;
	compare_gradients("tied", 3, least);
	compare_gradients("untied", 6, least);
	for (size_t i = 0; i < FAMILIES; i++) /* Gemma 3's keys, before their norm, have 0.99888 in bf16 */
		compare_gradients(families[i], 6, bf16 && strstr(families[i], "gemma3") ? 0.998 : least);
}

static void test_gradients(void **state)
{
	(void)state;
	each_path(gradients);
}

/* The gradient of some rows, one of which shares a beginning, with so many layers recomputed, twice in the same work. The caller frees. */
static float *gradient_recomputed(const struct model *m, const struct lora *l, const struct batch *b, size_t n_recomputed)
{
	struct err e = {0};
	struct work *w;
	check(work_new_recomputing(&w, m, l, b->n_tokens, n_recomputed, &e), &e);
	float *loss = mem_alloc(b->n_scored, sizeof(*loss), &e), *grad = mem_alloc(l->n_params, sizeof(*grad), &e);
	for (int i = 0; i < 2; i++) /* what the first leaves behind is not taken for the second's */
		check(model_loss_and_grad(m, l, w, b, 1 / (float)b->n_scored, loss, grad, &e), &e);
	mem_free(loss);
	work_free(w);
	return grad;
}

/* An adapter of some of the linear layers that read the same input learns like one of all where the others are zero. */
static void some_targets(void)
{
	struct err e = {0};
	struct model *m = golden_model("tied");
	struct lora *all = golden_adapter(m, "tied"), *some;
	struct lora_config c = all->config;
	struct sample s[GOLDEN_ROWS] = {{0}};
	struct packer p;
	c.targets = 1u << LORA_K | 1u << LORA_V | 1u << LORA_GATE;
	check(lora_new(&some, m, &c, 1, &e), &e);
	for (size_t i = 0; i < all->n_layers * LORA_TARGETS; i++) {
		const struct lora_slot *from = &all->slot[i], *to = &some->slot[i];
		size_t a = c.r * from->n_in * sizeof(float), bt = c.r * from->n_out * sizeof(float);
		if (to->present) {
			memcpy(some->params + to->a, all->params + from->a, a);
			memcpy(some->params + to->bt, all->params + from->bt, bt);
		} else {
			memset(all->params + from->a, 0, a);
			memset(all->params + from->bt, 0, bt);
		}
	}
	golden_samples(m, s);
	check(packer_init(&p, 4096, 8, &e), &e);
	for (size_t i = 0; i < GOLDEN_ROWS; i += 3)
		packer_add(&p, &s[i]);
	float *expected = gradient_recomputed(m, all, &p.batch, 0), *found = gradient_recomputed(m, some, &p.batch, 0);
	for (size_t i = 0; i < all->n_layers * LORA_TARGETS; i++) {
		const struct lora_slot *from = &all->slot[i], *to = &some->slot[i];
		if (!to->present)
			continue;
		assert_true(cosine(expected + from->a, found + to->a, c.r * to->n_in) > 0.99999);
		assert_true(cosine(expected + from->bt, found + to->bt, c.r * to->n_out) > 0.99999);
	}
	mem_free(expected);
	mem_free(found);
	packer_release(&p);
	samples_release(s);
	lora_free(all);
	lora_free(some);
	model_free(m);
}

static void test_some_targets(void **state)
{
	(void)state;
	each_path(some_targets);
}

/* Fewer bytes, the same bits. */
static void compare_recomputed(const char *model)
{
	struct err e = {0};
	struct model *m = golden_model(model);
	struct lora *l = golden_adapter(m, model);
	struct sample s[GOLDEN_ROWS] = {{0}};
	struct packer p;
	struct work_size all, fewer;
	golden_samples(m, s);
	check(packer_init(&p, 4096, 8, &e), &e);
	for (size_t i = 0; i < GOLDEN_ROWS; i += 6)
		packer_add(&p, &s[i]);
	packer_add(&p, &s[0]);
	assert_true(p.batch.shared[p.batch.n_seqs - 1] > 0);
	float *kept = gradient_recomputed(m, l, &p.batch, 0);
	work_measure(&all, m, &l->config, p.batch.n_tokens, 0);
	for (size_t n = 1; n < model_config(m)->n_layers; n++) {
		float *again = gradient_recomputed(m, l, &p.batch, n);
		assert_memory_equal(kept, again, l->n_params * sizeof(*kept));
		work_measure(&fewer, m, &l->config, p.batch.n_tokens, n);
		assert_true(fewer.layers < all.layers && fewer.passing == all.passing && fewer.head == all.head);
		all = fewer;
		mem_free(again);
	}
	mem_free(kept);
	packer_release(&p);
	samples_release(s);
	lora_free(l);
	model_free(m);
}

static void recomputed(void)
{
	compare_recomputed("tied");
	for (size_t i = 0; i < FAMILIES; i++)
		compare_recomputed(families[i]);
}

static void test_recomputed(void **state)
{
	(void)state;
	each_path(recomputed);
}

/* An adapter read and written over a GGUF keeps every bit: the permutation of q's and k's rows is its own inverse's inverse. */
static void test_adapter_round_trip(void **state)
{
	const char *models[] = {"untied", "untied.gguf"};
	struct err e = {0};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct model *m = golden_model(models[i]);
		struct lora *l = golden_adapter(m, "untied");
		struct safetensors *a, *b;
		char out[] = "adapter_XXXXXX", path[PATH_SIZE];
		assert_non_null(mkdtemp(out));
		check(lora_save(l, m, out, &e), &e);
		check(path_join(path, sizeof(path), &e, out, "adapter_model.safetensors"), &e);
		check(safetensors_open(&a, path, &e), &e);
		check(safetensors_open(&b, GOLDEN_DIR "/untied.golden/adapter/adapter_model.safetensors", &e), &e);
		assert_int_equal(safetensors_n(a), safetensors_n(b));
		for (size_t j = 0; j < safetensors_n(a); j++) {
			const struct tensor *x = safetensors_at(a, j), *y = safetensors_find(b, x->name);
			assert_non_null(y);
			assert_memory_equal(x->data, y->data, x->size_bytes);
		}
		safetensors_close(a);
		safetensors_close(b);
		check(dir_remove(out, &e), &e);
		lora_free(l);
		model_free(m);
	}
}

/* Logits of the last row of a text, with and without the adapter: the change that the adapter makes. */
static void adapter_effect(const char *model, float *effect)
{
	struct err e = {0};
	struct model *m = golden_model(model);
	struct lora *l = golden_adapter(m, "untied");
	struct work *w;
	size_t V = model_config(m)->V, start[2] = {0, 12};
	int32_t tokens[12], last = 11;
	for (int i = 0; i < 12; i++)
		tokens[i] = 260 + 3 * i;
	struct batch b = {.tokens = tokens, .n_tokens = 12, .start = start, .n_seqs = 1};
	float *base = mem_alloc(V, sizeof(*base), &e);
	check(work_new(&w, m, l, 12, false, &e), &e);
	check(model_logits(m, NULL, w, &b, &last, 1, base, &e), &e);
	check(model_logits(m, l, w, &b, &last, 1, effect, &e), &e);
	for (size_t i = 0; i < V; i++)
		effect[i] -= base[i];
	mem_free(base);
	work_free(w);
	lora_free(l);
	model_free(m);
}

/* The same adapter does the same to the folder and to its GGUF, whose q and k rows stand in another order (4-bit weights: not exactly). */
static void test_adapter_over_gguf(void **state)
{
	float folder[2048], gguf[2048];
	struct model *m = golden_model("untied");
	size_t V = model_config(m)->V;
	(void)state;
	model_free(m);
	assert_true(V <= 2048);
	adapter_effect("untied", folder);
	adapter_effect("untied.gguf", gguf);
	double c = cosine(folder, gguf, V);
	if (c < 0.98)
		fail_msg("cosine of the adapter's effect over GGUF and folder: %.4f", c);
}

/* B starts at zero: the fresh adapter's logits equal the base's bit for bit. */
static void fresh_adapter(void)
{
	struct err e = {0};
	struct model *m = golden_model("tied");
	struct lora_config c = {.r = 8, .alpha = 16, .targets = (1u << LORA_TARGETS) - 1};
	struct lora *l;
	struct work *w;
	size_t V = model_config(m)->V, start[2] = {0, 9};
	int32_t tokens[9] = {1, 300, 301, 302, 2, 70, 80, 90, 100}, last = 8;
	struct batch b = {.tokens = tokens, .n_tokens = 9, .start = start, .n_seqs = 1};
	check(lora_new(&l, m, &c, 7, &e), &e);
	check(work_new(&w, m, l, 9, false, &e), &e);
	float *base = mem_alloc(V, sizeof(*base), &e), *adapted = mem_alloc(V, sizeof(*adapted), &e);
	check(model_logits(m, NULL, w, &b, &last, 1, base, &e), &e);
	check(model_logits(m, l, w, &b, &last, 1, adapted, &e), &e);
	assert_memory_equal(base, adapted, V * sizeof(float));
	l->params[l->slot[LORA_O].bt] = 1;
	check(model_logits(m, l, w, &b, &last, 1, adapted, &e), &e);
	assert_memory_not_equal(base, adapted, V * sizeof(float));
	mem_free(base);
	mem_free(adapted);
	work_free(w);
	lora_free(l);
	model_free(m);
}

static void test_fresh_adapter(void **state)
{
	(void)state;
	each_path(fresh_adapter);
}

/* A of a seed is the same in every run, uniform on +-1/sqrt(in), and another seed gives another. */
static void test_adapter_init(void **state)
{
	struct err e = {0};
	struct model *m = golden_model("tied");
	struct lora_config c = {.r = 64, .alpha = 16, .targets = 1u << LORA_DOWN};
	struct lora *a, *b, *other;
	(void)state;
	check(lora_new(&a, m, &c, 1, &e), &e);
	check(lora_new(&b, m, &c, 1, &e), &e);
	check(lora_new(&other, m, &c, 2, &e), &e);
	assert_memory_equal(a->params, b->params, a->n_params * sizeof(float));
	assert_memory_not_equal(a->params, other->params, a->n_params * sizeof(float));
	const struct lora_slot *s = &a->slot[LORA_DOWN];
	double bound = 1 / sqrt((double)s->n_in), sum = 0, squares = 0, n = (double)(c.r * s->n_in);
	for (size_t i = 0; i < c.r * s->n_in; i++) {
		double x = (double)a->params[s->a + i];
		assert_true(fabs(x) <= bound);
		sum += x;
		squares += x * x;
	}
	assert_true(fabs(sum / n) < 4 * bound / sqrt(3 * n));            /* mean 0 within four standard errors */
	assert_true(fabs(squares / n / (bound * bound / 3) - 1) < 0.06); /* variance bound^2 / 3 */
	assert_int_equal(b->slot[LORA_Q].present, 0);
	lora_free(a);
	lora_free(b);
	lora_free(other);
	model_free(m);
}

static void test_refusals(void **state)
{
	struct err e = {0};
	struct model *m = golden_model("tied"), *none;
	struct lora *l;
	struct work *w;
	int32_t tokens[2] = {1, 1 << 20};
	size_t start[2] = {0, 2};
	struct batch b = {.tokens = tokens, .n_tokens = 2, .start = start, .n_seqs = 1};
	(void)state;
	assert_int_equal(lora_open(&l, m, GOLDEN_DIR "/untied.golden/adapter", &e), ERR_DATA); /* another base */
	assert_null(l);
	check(work_new(&w, m, NULL, 2, false, &e), &e);
	assert_int_equal(model_loss(m, NULL, w, &b, NULL, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "outside the vocabulary"));
	b.n_tokens = start[1] = 3;
	assert_int_equal(model_loss(m, NULL, w, &b, NULL, &e), ERR_DATA);
	work_free(w);
	assert_int_equal(work_new(&w, m, NULL, SIZE_MAX / 8, true, &e), ERR_RESOURCE);
	assert_int_not_equal(model_open(&none, GOLDEN_DIR "/absent", &e), 0);
	assert_null(none);
	assert_int_not_equal(model_open(&none, GOLDEN_DIR "/rows.jsonl", &e), 0);
	struct lora_config c = {.r = 0, .alpha = 1, .targets = 1};
	assert_int_equal(lora_new(&l, m, &c, 1, &e), ERR_USAGE);
	model_free(m);
}

/* Each allocation fails in turn: an error, never a crash or a leak (the sanitizer build sees those). */
static void test_out_of_memory(void **state)
{
	struct err e = {0};
	int rc = ERR_RESOURCE;
	(void)state;
	for (uint64_t n = 1; rc; n++) {
		struct model *m = NULL;
		struct lora *l = NULL;
		struct work *w = NULL;
		fault_set(FAULT_MEM, n, false);
		rc = model_open(&m, GOLDEN_DIR "/untied.gguf", &e);
		if (!rc)
			rc = lora_open(&l, m, GOLDEN_DIR "/untied.golden/adapter", &e);
		if (!rc)
			rc = work_new(&w, m, l, 16, true, &e);
		fault_set(FAULT_MEM, 0, false);
		if (rc)
			assert_int_equal(rc, ERR_RESOURCE);
		work_free(w);
		lora_free(l);
		model_free(m);
		assert_true(n < 5000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logprobs),
		cmocka_unit_test(test_family_logprobs),
		cmocka_unit_test(test_gradients),
		cmocka_unit_test(test_some_targets),
		cmocka_unit_test(test_recomputed),
		cmocka_unit_test(test_adapter_round_trip),
		cmocka_unit_test(test_adapter_over_gguf),
		cmocka_unit_test(test_fresh_adapter),
		cmocka_unit_test(test_adapter_init),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_out_of_memory),
	};
	kern_init(NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
