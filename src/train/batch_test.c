/* Epochs and packing: every row once, no target across rows, the order a function of seed and epoch alone. */
#include "train/batch.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "train/test_rows.h"

static void config_make(struct train_config *c, int micro_batch_size, int sequence_len, bool packing)
{
	train_config_default(c);
	c->micro_batch_size = micro_batch_size;
	c->sequence_len = sequence_len;
	c->sample_packing = packing;
}

/* epochs x rows visits, each row once an epoch, whatever the packing. */
static void test_every_row_is_seen(void **state)
{
	(void)state;
	enum { ROWS = 101, EPOCHS = 3 };
	struct dataset d;
	synthetic_dataset(&d, 1, ROWS, 60);
	for (int packing = 0; packing < 2; packing++) {
		struct train_config c;
		struct plan p;
		size_t visits[ROWS] = {0};
		config_make(&c, 3, 60, packing);
		assert_int_equal(plan_init(&p, &d, NULL), 0);
		for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
			plan_epoch(&p, &d, &c, epoch);
			assert_int_equal(p.first[0], 0);
			assert_int_equal(p.first[p.n_batches], ROWS);
			for (size_t b = 0; b < p.n_batches; b++)
				for (size_t i = p.first[b]; i < p.first[b + 1]; i++)
					visits[p.order[i]]++;
			for (size_t i = 0; i < ROWS; i++)
				assert_int_equal(visits[i], epoch + 1);
		}
		plan_release(&p);
	}
	dataset_release(&d);
}

static void test_limits(void **state)
{
	(void)state;
	struct dataset d;
	struct train_config c;
	struct plan p;
	synthetic_dataset(&d, 2, 200, 64);
	assert_int_equal(plan_init(&p, &d, NULL), 0);
	config_make(&c, 2, 64, true);
	plan_epoch(&p, &d, &c, 0);
	size_t filled = 0, most = 0;
	for (size_t b = 0; b < p.n_batches; b++) {
		size_t n = 0;
		for (size_t i = p.first[b]; i < p.first[b + 1]; i++)
			n += d.samples[p.order[i]].n;
		assert_in_range(n, 1, 128);
		filled += n;
		most = n > most ? n : most;
	}
	assert_int_equal(most, p.max_tokens);
	assert_int_equal(filled, d.n_tokens);
	assert_true(filled * 10 > p.n_batches * 128 * 7); /* next-fit leaves less than 30 % open */
	config_make(&c, 7, 64, false);
	plan_epoch(&p, &d, &c, 0);
	assert_int_equal(p.n_batches, (200 + 6) / 7);
	assert_int_equal(p.first[p.n_batches] - p.first[p.n_batches - 1], 200 % 7); /* the last rows are not lost */
	plan_release(&p);
	dataset_release(&d);
}

static void test_order_depends_on_seed_and_epoch(void **state)
{
	(void)state;
	enum { ROWS = 50 };
	struct dataset d;
	struct train_config c;
	struct plan p;
	uint32_t first[ROWS];
	synthetic_dataset(&d, 3, ROWS, 20);
	config_make(&c, 4, 20, true);
	assert_int_equal(plan_init(&p, &d, NULL), 0);
	plan_epoch(&p, &d, &c, 1);
	memcpy(first, p.order, sizeof first);
	plan_epoch(&p, &d, &c, 2);
	assert_memory_not_equal(first, p.order, sizeof first);
	plan_epoch(&p, &d, &c, 1); /* after others, and again: the same */
	assert_memory_equal(first, p.order, sizeof first);
	c.seed++;
	plan_epoch(&p, &d, &c, 1);
	assert_memory_not_equal(first, p.order, sizeof first);
	c.shuffle = false;
	plan_epoch(&p, &d, &c, 1);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_int_equal(p.order[i], i);
	c.shuffle = true;
	plan_in_order(&p, &d, &c);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_int_equal(p.order[i], i);
	plan_release(&p);
	dataset_release(&d);
}

/* Rows end to end; each target is the next token of its own row; the last row of a sequence predicts nothing. */
static void test_targets_stay_in_their_row(void **state)
{
	(void)state;
	struct dataset d;
	struct train_config c;
	struct plan p;
	struct packer m;
	synthetic_dataset(&d, 4, 40, 30);
	config_make(&c, 4, 30, true);
	assert_int_equal(plan_init(&p, &d, NULL), 0);
	plan_epoch(&p, &d, &c, 0);
	assert_int_equal(packer_init(&m, p.max_tokens, p.max_tokens, NULL), 0);
	size_t n_scored = 0;
	for (size_t b = 0; b < p.n_batches; b++) {
		plan_fill(&m, &d, &p, b);
		struct batch v = m.batch;
		assert_int_equal(v.n_seqs, p.first[b + 1] - p.first[b]);
		assert_int_equal(v.start[0], 0);
		assert_int_equal(v.start[v.n_seqs], v.n_tokens);
		size_t j = 0;
		for (size_t q = 0; q < v.n_seqs; q++) {
			const struct sample *s = &d.samples[p.order[p.first[b] + q]];
			assert_int_equal(v.start[q + 1] - v.start[q], s->n);
			assert_memory_equal(v.tokens + v.start[q], s->ids, s->n * sizeof *s->ids);
			for (size_t k = 1; k < s->n; k++) {
				if (!s->scored[k])
					continue;
				assert_int_equal(v.scored_row[j], v.start[q] + k - 1);
				assert_int_equal(v.target[j++], s->ids[k]);
			}
		}
		assert_int_equal(j, v.n_scored);
		n_scored += j;
	}
	assert_int_equal(n_scored, d.n_scored);
	packer_release(&m);
	plan_release(&p);
	dataset_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_seen),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_order_depends_on_seed_and_epoch),
		cmocka_unit_test(test_targets_stay_in_their_row),
	};
	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
