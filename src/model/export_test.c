/* What exports are made from: merged rows against x W' + scale (x A') B', and adapters through every format and back. */
#include "model/test_golden.h"

/* y of one linear layer, from the merged rows and from the two products, in double. */
static void merged_equals_products(const char *name, enum lora_target target)
{
	struct err e = {0};
	struct model *m = golden_model("untied.gguf");
	struct lora *l = golden_adapter(m, "untied");
	const struct tensor *t = gguf_tensor(model_gguf(m), name);
	size_t rows = t->dims[0], cols = t->dims[1];
	const struct matrix w = {t->dtype, rows, cols, t->data};
	float *merged = mem_alloc(rows * cols, sizeof *merged, &e), plain[512];
	assert_true(lora_changes(m, l, t) && cols <= 512);
	lora_merge(merged, m, l, t, 0, 3);
	lora_merge(merged + 3 * cols, m, l, t, 3, rows - 3);
	const struct lora_slot *s = &l->slot[target];
	for (size_t row = 0; row < rows; row++) {
		double y = 0, wanted = 0, through = 0;
		matrix_row(plain, &w, row, 0, cols);
		for (size_t k = 0; k < cols; k++) {
			double x = sin((double)k + 1);
			y += x * (double)merged[row * cols + k];
			wanted += x * (double)plain[k];
		}
		for (size_t j = 0; j < l->config.r; j++) {
			double h = 0;
			for (size_t k = 0; k < cols; k++)
				h += sin((double)k + 1) * (double)l->params[s->a + j * cols + k];
			through += h * (double)l->params[s->bt + j * rows + row];
		}
		wanted += (double)l->scale * through;
		assert_true(fabs(through) > 1e-9);
		assert_true(fabs(y - wanted) < 1e-5 * (1 + fabs(wanted)));
	}
	mem_free(merged);
	lora_free(l);
	model_free(m);
}

static void test_merge(void **state)
{
	(void)state;
	merged_equals_products("blk.0.attn_q.weight", LORA_Q);
	merged_equals_products("blk.0.ffn_down.weight", LORA_DOWN);
}

static void test_merge_without(void **state)
{
	struct model *m = golden_model("untied.gguf");
	const struct tensor *t = gguf_tensor(model_gguf(m), "blk.0.ffn_up.weight");
	float row[512], wanted[512];
	const struct matrix w = {t->dtype, t->dims[0], t->dims[1], t->data};
	(void)state;
	lora_merge(row, m, NULL, t, 5, 1);
	matrix_row(wanted, &w, 5, 0, t->dims[1]);
	assert_memory_equal(row, wanted, t->dims[1] * sizeof(float));
	assert_false(lora_changes(m, NULL, t));
	model_free(m);
}

typedef int save(const struct lora *l, const struct model *m, const char *path, struct err *e);

/* Every parameter and the scale come back, from either base, with and without rsLoRA. */
static void round_trip(const char *base, save *how, bool rslora)
{
	struct err e = {0};
	struct model *m = golden_model(base);
	struct lora *l = golden_adapter(m, "untied"), *again;
	char dir[] = "export_XXXXXX", path[PATH_SIZE];
	assert_non_null(mkdtemp(dir));
	check(path_join(path, sizeof path, &e, dir, "adapter"), &e);
	if (rslora) {
		l->config.use_rslora = true;
		l->scale = l->config.alpha / sqrtf((float)l->config.r);
	}
	check(how(l, m, path, &e), &e);
	check(lora_open(&again, m, path, &e), &e);
	assert_int_equal(again->n_params, l->n_params);
	assert_memory_equal(again->params, l->params, l->n_params * sizeof(float));
	assert_true(fabsf(again->scale - l->scale) < 1e-6f * l->scale);
	lora_free(again);
	check(dir_remove(dir, &e), &e);
	lora_free(l);
	model_free(m);
}

static void test_round_trips(void **state)
{
	static save *const ways[] = {lora_save, lora_save_gguf, lora_save_mlx};
	(void)state;
	for (int way = 0; way < 3; way++)
		for (int i = 0; i < 4; i++)
			round_trip(i % 2 ? "untied" : "untied.gguf", ways[way], i / 2);
}

/* Folder and GGUF of the same model give the same LoRA GGUF: rows of q and k stand in GGUF's order in it, whatever the base's. */
static void gguf_is_same(const char *name)
{
	struct err e = {0};
	struct buf file[2] = {{0}};
	char gguf[64];
	snprintf(gguf, sizeof gguf, "%s.gguf", name);
	for (int i = 0; i < 2; i++) {
		struct model *m = golden_model(i ? name : gguf);
		struct lora *l = golden_adapter(m, name);
		check(lora_save_gguf(l, m, "export_rows.gguf", &e), &e);
		check(file_read("export_rows.gguf", 1 << 24, &file[i], &e), &e);
		lora_free(l);
		model_free(m);
	}
	assert_int_equal(file[0].len, file[1].len);
	assert_memory_equal(file[0].p, file[1].p, file[0].len);
	remove("export_rows.gguf");
	buf_release(&file[0]);
	buf_release(&file[1]);
}

static void test_gguf_rows(void **state)
{
	static const char *const names[] = {"untied", "families/llama3", "families/qwen2", "families/qwen3", "families/gemma3"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		gguf_is_same(names[i]);
}

/* Only Llama's rows are interleaved: of Qwen 3 and Gemma 3 B stands in the LoRA GGUF as in PEFT's folder. */
static void test_gguf_plain_rows(void **state)
{
	static const char *const names[] = {"families/qwen3", "families/gemma3"};
	struct err e = {0};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct gguf *g;
		const char *arch;
		struct model *m = golden_model(names[i]);
		struct lora *l = golden_adapter(m, names[i]);
		check(lora_save_gguf(l, m, "export_plain.gguf", &e), &e);
		check(gguf_open(&g, "export_plain.gguf", &e), &e);
		check(gguf_str(g, "general.architecture", &arch, &e), &e);
		assert_string_equal(arch, i ? "gemma3" : "qwen3");
		const struct lora_slot *s = &l->slot[LORA_Q];
		const float *b = gguf_tensor(g, "blk.0.attn_q.weight.lora_b")->data;
		for (size_t row = 0; row < s->n_out; row++)
			for (size_t j = 0; j < l->config.r; j++)
				assert_true(b[row * l->config.r + j] == l->params[s->bt + j * s->n_out + row]);
		gguf_close(g);
		remove("export_plain.gguf");
		lora_free(l);
		model_free(m);
	}
}

int main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_merge), cmocka_unit_test(test_merge_without),
		cmocka_unit_test(test_round_trips), cmocka_unit_test(test_gguf_rows), cmocka_unit_test(test_gguf_plain_rows)};
	check(kern_init(NULL, &e), &e);
	return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
