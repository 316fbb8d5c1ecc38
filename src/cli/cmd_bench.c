/* attune bench: how fast this machine trains and answers, without anything to compare it with. */
#include "cli/verbs.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

/* Without a word all is measured. */
static int parts_read(struct flow_bench_options *o, const struct cli *c, struct err *e)
{
	struct {
		const char *name;
		bool *wanted;
	} part[] = {{"training", &o->training}, {"prefill", &o->prefill}, {"decode", &o->decode}};
	enum { PARTS = sizeof part / sizeof *part };
	for (int i = 0; i < PARTS; i++)
		*part[i].wanted = !c->n_operands;
	for (int k = 0, i; k < c->n_operands; k++) {
		for (i = 0; i < PARTS && strcmp(c->operand[k], part[i].name); i++)
			;
		if (i == PARTS)
			return err_set(e, ERR_USAGE, "bench: expected training, prefill or decode, found '%s'", c->operand[k]);
		*part[i].wanted = true;
	}
	return 0;
}

static int speed_json(const struct flow_speed *s, const char *model, struct err *e)
{
	bool product = !strcmp(s->what, "product");
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:f, s:f, s:f, s:I}", "what", s->what, "path", s->path, "threads",
		omp_get_max_threads(), "unit", product ? "GFLOPS" : "tokens/s", "rate", s->rate, "low", s->low, "high", s->high,
		"peak_bytes", (json_int_t)s->peak_bytes);
	if (o && !product)
		json_object_update_new(o,
			json_pack("{s:s, s:I, s:I, s:o}", "model", model, "tokens", (json_int_t)s->n_tokens, "streams",
				(json_int_t)s->n_streams, "share", isfinite(s->share) ? json_real(s->share) : json_null()));
	int rc = o ? print_json(o, e) : err_set(e, ERR_RESOURCE, "out of memory while writing JSON");
	json_decref(o);
	return rc;
}

/* What was measured, in words. */
static void name_speed(char *out, size_t size, const struct flow_speed *s)
{
	if (!strcmp(s->what, "product"))
		snprintf(out, size, "products on %s", s->path);
	else if (!strcmp(s->what, "training"))
		snprintf(out, size, "training, %zu x %zu tokens", s->n_streams, s->n_tokens);
	else if (!strcmp(s->what, "prefill"))
		snprintf(out, size, "prompt of %zu tokens", s->n_tokens);
	else
		snprintf(out, size, "%zu answer%s at a time", s->n_streams, s->n_streams == 1 ? "" : "s");
}

static int speed_line(const struct flow_speed *s, struct err *e)
{
	char name[64], share[48] = "", line[256];
	name_speed(name, sizeof name, s);
	if (isfinite(s->share))
		snprintf(share, sizeof share, ", %.0f %% of the products'", 100 * s->share);
	if (!strcmp(s->what, "product"))
		snprintf(line, sizeof line, "%-28s %6.0f GFLOPS (%.0f-%.0f)", name, s->rate, s->low, s->high);
	else
		snprintf(line, sizeof line, "%-28s %6.0f tokens/s (%.0f-%.0f)%s; %.0f MB", name, s->rate, s->low, s->high, share,
			(double)s->peak_bytes / 1e6);
	return print_line(line, e);
}

static int run(const struct cli *c, struct err *e)
{
	struct session session = {0};
	struct flow_bench_options o = {.stop = &interrupted};
	struct flow_bench b;
	int rc = parts_read(&o, c, e);
	if (!rc)
		rc = session_load(&session, c, cli_flag(c, "model"), NULL, e);
	if (rc)
		return rc;
	interrupt_catch();
	o.model = session.model;
	rc = flow_bench(&o, &b, e);
	for (size_t i = 0; i < b.n && !rc; i++)
		rc = cli_flag(c, "json") ? speed_json(&b.speed[i], session.path, e) : speed_line(&b.speed[i], e);
	session_close(&session);
	return rc;
}

const struct command command_bench = {
	.name = "bench",
	.operands = "[training] [prefill] [decode]",
	.n_operands_max = 3,
	.summary =
		"Measure how fast this machine trains, reads prompts and answers, and what share of its products' speed that is.",
	.examples = {"attune bench", "attune bench decode --model tuned.gguf --threads 1",
		"ATTUNE_CPU=avx2 attune bench training --json"},
	.flags = (const struct flag[]){FLAG_MODEL, FLAG_JSON, {0}},
	.run = run,
};
