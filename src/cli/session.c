/*
 * What a verb computes with: threads, kernels, model, adapter, the way of drawing tokens.
 */
#include "cli/cli.h"
#include "hub/hub.h"

#include <string.h>

#include <omp.h>

enum { THREADS_MAX = 1024 };

int kern_start(const struct cli *c, struct err *e)
{
	long long n_threads;
	if (cli_flag(c, "threads")) {
		int rc = cli_int(c, "threads", 1, THREADS_MAX, &n_threads, e);
		if (rc)
			return rc;
		omp_set_num_threads((int)n_threads);
	}
	return kern_init(NULL, e);
}

const char *input_name(const struct cli *c)
{
	const char *path = cli_flag(c, "in");
	return strcmp(path, "-") ? path : "stdin";
}

int session_open(struct session *s, const struct cli *c, struct err *e)
{
	return session_load(s, c, cli_flag(c, "model"), cli_flag(c, "adapter"), e);
}

int session_load(struct session *s, const struct cli *c, const char *model, const char *adapter, struct err *e)
{
	*s = (struct session){0};
	int rc = kern_start(c, e);
	if (!rc)
		rc = hub_resolve(s->path, model, e);
	if (!rc)
		rc = model_open(&s->model, s->path, e);
	if (!rc && adapter)
		rc = lora_open(&s->lora, s->model, adapter, e);
	if (rc)
		session_close(s);
	return rc;
}

void session_close(struct session *s)
{
	lora_free(s->lora);
	model_free(s->model);
	*s = (struct session){0};
}

int run_read(struct flow_run_options *o, struct settings *s, char out[PATH_SIZE], const struct cli *c, struct err *e)
{
	const char *in = c->n_operands ? c->operand[0] : ".", *given = cli_flag(c, "out");
	size_t memory = 0;
	*s = (struct settings){0};
	if (!dir_exists(in)) /* before anything is made in it */
		return err_set(e, ERR_USAGE, "%s: %s: no such folder; expected a folder of documents", c->command->name, in);
	int rc = settings_read(s, c, in, e);
	if (!rc)
		rc = given ? path_join(out, PATH_SIZE, e, "", given) : path_join(out, PATH_SIZE, e, in, ".attune");
	if (!rc)
		rc = cli_size(c, "memory", &memory, e);
	if (!rc)
		rc = kern_start(c, e);
	if (!rc)
		interrupt_catch();
	*o = (struct flow_run_options){.in = in,
		.out = out,
		.model = cli_flag(c, "model"),
		.embedder = cli_flag(c, "embedder"),
		.config = &s->config,
		.memory_bytes = memory,
		.stop = &interrupted};
	return rc;
}

int sampling_read(struct generate_options *o, const struct cli *c, struct err *e)
{
	long long max_tokens, seed;
	double temperature, top_p;
	int rc = cli_int(c, "max-tokens", 1, 1000000, &max_tokens, e);
	if (!rc)
		rc = cli_real(c, "temperature", 0, 100, &temperature, e);
	if (!rc)
		rc = cli_real(c, "top-p", 1e-6, 1, &top_p, e);
	if (!rc)
		rc = cli_int(c, "seed", 0, INT64_MAX, &seed, e);
	if (rc)
		return rc;
	o->max_tokens = (size_t)max_tokens;
	o->sampling = (struct sampling){.temperature = (float)temperature, .top_p = (float)top_p, .seed = (uint64_t)seed};
	return 0;
}
