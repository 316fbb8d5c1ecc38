/*
 * The configuration keys of training: one table with type, default, range and help of each. Command line, environment,
 * workspace file, help text and the record of a run all go through it. Names are those that trainers already share.
 */
#include "train/train.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum key_type {
	KEY_INT,     /* int in [min, max] */
	KEY_SEED,    /* uint64_t */
	KEY_REAL,    /* double in [min, max] */
	KEY_BOOL,    /* bool: true or false */
	KEY_CHOICE,  /* int: the index of one of `words` */
	KEY_TARGETS, /* unsigned: "all" or names of linear layers, comma between */
};

enum { WORDS = 4 };

struct key {
	const char *name;
	enum key_type type;
	size_t offset; /* into struct train_config */
	const char *fallback;
	double min, max;
	const char *words[WORDS]; /* KEY_CHOICE, in the order of its enum; NULL after the last */
	const char *help;
};

#define AT(field) #field, .offset = offsetof(struct train_config, field)

static const struct key keys[] = {
	{AT(finetuning_type), .type = KEY_CHOICE, .fallback = "lora", .words = {"lora"}, .help = "what is trained: adapters"},
	{AT(lora_r), .type = KEY_INT, .fallback = "64", .min = 1, .max = 1024, .help = "rank of the adapters"},
	{AT(lora_alpha), .type = KEY_REAL, .fallback = "64", .min = 0.001, .max = 65536,
		.help = "adapters are scaled by lora_alpha / lora_r"},
	{AT(lora_targets), .type = KEY_TARGETS, .fallback = "all", .help = "linear layers that get an adapter"},
	{AT(use_rslora), .type = KEY_BOOL, .fallback = "false", .help = "scale by lora_alpha / sqrt(lora_r) instead"},
	{AT(learning_rate), .type = KEY_REAL, .fallback = "0.0005", .min = 0, .max = 1, .help = "peak learning rate of AdamW"},
	{AT(loraplus_lr_ratio), .type = KEY_REAL, .fallback = "12", .min = 0.001, .max = 1000,
		.help = "adapters' B learns so many times faster than A"},
	{AT(lr_scheduler), .type = KEY_CHOICE, .fallback = "cosine", .words = {"cosine", "linear", "constant"},
		.help = "how the learning rate falls after the warm-up"},
	{AT(warmup_ratio), .type = KEY_REAL, .fallback = "0.05", .min = 0, .max = 1,
		.help = "share of the steps in which the learning rate rises"},
	{AT(weight_decay), .type = KEY_REAL, .fallback = "0", .min = 0, .max = 1, .help = "decoupled weight decay"},
	{AT(max_grad_norm), .type = KEY_REAL, .fallback = "1", .min = 0, .max = 1e6,
		.help = "gradients longer than this are shortened to it; 0: never"},
	{AT(max_forgetting), .type = KEY_REAL, .fallback = "0.012", .min = 0, .max = 1000,
		.help = "the adapter is weakened until general text costs at most this share more"},
	{AT(micro_batch_size), .type = KEY_INT, .fallback = "1", .min = 1, .max = 65536,
		.help = "sequences computed at once; memory grows with it"},
	{AT(gradient_accumulation_steps), .type = KEY_INT, .fallback = "1", .min = 1, .max = 65536,
		.help = "micro batches in a step"},
	{AT(sequence_len), .type = KEY_INT, .fallback = "512", .min = 8, .max = 1048576,
		.help = "most tokens in a row; a packed micro batch holds micro_batch_size times as many"},
	{AT(sample_packing), .type = KEY_BOOL, .fallback = "true",
		.help = "fill a micro batch with rows up to its tokens; false: micro_batch_size rows"},
	{AT(num_epochs), .type = KEY_INT, .fallback = "1", .min = 1, .max = 100000, .help = "times that every row is seen"},
	{AT(max_steps), .type = KEY_INT, .fallback = "0", .min = 0, .max = 1e9,
		.help = "stop after so many steps; 0: after num_epochs"},
	{AT(shuffle), .type = KEY_BOOL, .fallback = "true", .help = "a new order of the rows in every epoch"},
	{AT(seed), .type = KEY_SEED, .fallback = "42", .help = "start of all random numbers"},
	{AT(eval_steps), .type = KEY_INT, .fallback = "0", .min = 0, .max = 1e9,
		.help = "steps between validations; 0: once an epoch"},
	{AT(early_stopping_patience), .type = KEY_INT, .fallback = "3", .min = 0, .max = 1e9,
		.help = "stop when so many validations in a row were no better than the best; 0: never"},
	{AT(save_steps), .type = KEY_INT, .fallback = "0", .min = 0, .max = 1e9,
		.help = "steps between checkpoints; 0: every 50 steps and once an epoch"},
	{AT(train_on_inputs), .type = KEY_BOOL, .fallback = "false", .help = "score the prompts too, not the answers alone"},
	{AT(excess_length_strategy), .type = KEY_CHOICE, .fallback = "drop", .words = {"drop", "truncate", "raise"},
		.help = "what happens to rows longer than sequence_len"},
	{AT(scrub_pii), .type = KEY_BOOL, .fallback = "true",
		.help = "personal data and secrets are replaced before anything is made of the documents"},
};

enum { N_KEYS = sizeof keys / sizeof *keys };

static const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* ---- text to value --------------------------------------------------------------------------------------------------------- */

static bool parse_number(const struct key *k, const char *value, double *out)
{
	char *end;
	*out = strtod(value, &end);
	return end != value && !*end && *out >= k->min && *out <= k->max; /* NaN fails both */
}

static bool parse_seed(const char *value, uint64_t *out)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(value, &end, 10);
	*out = v;
	return value[0] >= '0' && value[0] <= '9' && !*end && !errno;
}

static bool parse_bool(const char *value, bool *out)
{
	*out = !strcmp(value, "true");
	return *out || !strcmp(value, "false");
}

static bool parse_choice(const struct key *k, const char *value, int *out)
{
	for (*out = 0; *out < WORDS && k->words[*out]; ++*out)
		if (!strcmp(k->words[*out], value))
			return true;
	return false;
}

static bool parse_targets(const char *value, unsigned *out)
{
	*out = 0;
	if (!strcmp(value, "all"))
		*out = (1u << LORA_TARGETS) - 1;
	else
		for (size_t n; n = strcspn(value, ","), *value; value += n + (value[n] == ',')) {
			unsigned t = 0;
			while (t < LORA_TARGETS && (strlen(lora_target_name(t)) != n || strncmp(lora_target_name(t), value, n)))
				t++;
			if (t == LORA_TARGETS)
				return false;
			*out |= 1u << t;
		}
	return *out != 0;
}

static bool key_parse(const struct key *k, const char *value, struct train_config *c)
{
	void *field = (char *)c + k->offset;
	double number;
	switch (k->type) {
	case KEY_INT:
		if (!parse_number(k, value, &number) || number != floor(number))
			return false;
		*(int *)field = (int)number;
		return true;
	case KEY_REAL:
		if (!parse_number(k, value, &number))
			return false;
		*(double *)field = number;
		return true;
	case KEY_SEED:
		return parse_seed(value, field);
	case KEY_BOOL:
		return parse_bool(value, field);
	case KEY_CHOICE:
		return parse_choice(k, value, field);
	case KEY_TARGETS:
		return parse_targets(value, field);
	}
	return false;
}

/* ---- value to text --------------------------------------------------------------------------------------------------------- */

static void key_range(const struct key *k, char dst[TRAIN_RANGE_SIZE])
{
	size_t size = TRAIN_RANGE_SIZE, at = 0;
	switch (k->type) {
	case KEY_INT:
	case KEY_REAL:
		snprintf(dst, size, "%s%.15g to %.15g", k->type == KEY_INT ? "a whole number from " : "", k->min, k->max);
		break;
	case KEY_SEED:
		snprintf(dst, size, "a whole number below 2^64");
		break;
	case KEY_BOOL:
		snprintf(dst, size, "true or false");
		break;
	case KEY_CHOICE:
		for (int i = 0; i < WORDS && k->words[i] && at < size; i++) {
			const char *between = !i ? "" : i + 1 < WORDS && k->words[i + 1] ? ", " : " or ";
			at += (size_t)snprintf(dst + at, size - at, "%s%s", between, k->words[i]);
		}
		break;
	case KEY_TARGETS:
		snprintf(dst, size, "all, or layers such as q_proj,v_proj");
		break;
	}
}

static int targets_text(unsigned targets, struct buf *out, struct err *e)
{
	int rc = 0;
	if (targets == (1u << LORA_TARGETS) - 1)
		return buf_puts(out, "all", e);
	for (unsigned t = 0, n = 0; !rc && t < LORA_TARGETS; t++)
		if (targets & 1u << t)
			rc = buf_printf(out, e, "%s%s", n++ ? "," : "", lora_target_name(t));
	return rc;
}

/* ---- public ------------------------------------------------------------------------------------------------------------------ */

bool train_key_at(size_t i, struct train_key *out)
{
	*out = (struct train_key){0};
	if (i >= N_KEYS)
		return false;
	*out = (struct train_key){.name = keys[i].name, .help = keys[i].help, .fallback = keys[i].fallback};
	key_range(&keys[i], out->range);
	return true;
}

void train_config_default(struct train_config *c)
{
	*c = (struct train_config){0};
	for (size_t i = 0; i < N_KEYS; i++) {
		bool ok = key_parse(&keys[i], keys[i].fallback, c);
		assert(ok);
		(void)ok;
	}
}

int train_config_set(struct train_config *c, const char *key, const char *value, struct err *e)
{
	struct train_config changed = *c;
	const struct key *k = key_find(key);
	char range[TRAIN_RANGE_SIZE];
	if (!k)
		return err_set(e, ERR_USAGE, "%s: there is no such configuration key; 'attune config show' lists them", key);
	if (!key_parse(k, value, &changed)) {
		key_range(k, range);
		return err_set(e, ERR_USAGE, "%s: expected %s, found '%s'", key, range, value);
	}
	*c = changed;
	return 0;
}

int train_config_get(const struct train_config *c, const char *key, struct buf *out, struct err *e)
{
	const struct key *k = key_find(key);
	if (!k)
		return err_set(e, ERR_USAGE, "%s: there is no such configuration key", key);
	const void *field = (const char *)c + k->offset;
	switch (k->type) {
	case KEY_INT:
		return buf_printf(out, e, "%d", *(const int *)field);
	case KEY_SEED:
		return buf_printf(out, e, "%" PRIu64, *(const uint64_t *)field);
	case KEY_REAL:
		return buf_printf(out, e, "%.15g", *(const double *)field);
	case KEY_BOOL:
		return buf_puts(out, *(const bool *)field ? "true" : "false", e);
	case KEY_CHOICE:
		return buf_puts(out, k->words[*(const int *)field], e);
	case KEY_TARGETS:
		return targets_text(*(const unsigned *)field, out, e);
	}
	return 0;
}

int train_config_text(const struct train_config *c, struct buf *out, struct err *e)
{
	struct train_key key;
	int rc = 0;
	for (size_t i = 0; !rc && train_key_at(i, &key); i++)
		if (!(rc = buf_printf(out, e, "%s ", key.name)) && !(rc = train_config_get(c, key.name, out, e)))
			rc = buf_puts(out, "\n", e);
	return rc;
}
