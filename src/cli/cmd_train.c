/* attune train: a data folder and a model to an adapter. */
#include "cli/verbs.h"
#include "hub/hub.h"

#include <math.h>

static int report(const struct cli *c, const struct train_result *r, const char *adapter, struct err *e)
{
	if (r->finished_before)
		log_line(LOG_INFO, "%s: this run was finished before; nothing to do", cli_flag(c, "out"));
	else if (isfinite(r->eval_loss_last))
		log_line(LOG_INFO, "%zu steps, %zu tokens in %.0f s; validation loss %.3f before, %.3f after", r->n_steps,
			r->n_tokens, r->seconds, r->eval_loss_first, r->best_eval_loss);
	else
		log_line(LOG_INFO, "%zu steps, %zu tokens in %.0f s; loss %.3f", r->n_steps, r->n_tokens, r->seconds, r->loss);
	if (!cli_flag(c, "json"))
		return print_line(adapter, e);
	json_t *line = json_pack("{s:s, s:I, s:I, s:f, s:o, s:o, s:o, s:I, s:o, s:b}", "adapter", adapter, "steps",
		(json_int_t)r->n_steps, "tokens", (json_int_t)r->n_tokens, "seconds", r->seconds, "loss", json_measure(r->loss),
		"eval_loss_first", json_measure(r->eval_loss_first), "eval_loss_last", json_measure(r->eval_loss_last), "best_step",
		(json_int_t)r->best_step, "best_eval_loss", json_measure(r->best_eval_loss), "stopped_early", r->stopped_early);
	int rc = line ? print_json(line, e) : err_set(e, ERR_DATA, "%s: the path is not UTF-8", adapter);
	json_decref(line);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct settings s;
	struct train_result result;
	struct model *model = NULL;
	char path[PATH_SIZE], adapter[PATH_SIZE];
	struct train_options o = {.config = &s.config,
		.data = cli_flag(c, "data"),
		.out = cli_flag(c, "out"),
		.adapter_init = cli_flag(c, "adapter-init"),
		.stop = &interrupted};
	int rc = settings_read(&s, c, ".", e);
	if (!rc)
		rc = cli_size(c, "memory", &o.memory_bytes, e);
	if (!rc)
		rc = path_join(adapter, sizeof adapter, e, o.out, "adapter");
	if (!rc)
		rc = kern_start(c, e);
	if (!rc)
		rc = hub_resolve(path, cli_flag(c, "model"), e);
	if (!rc)
		rc = model_open(&model, path, e);
	if (rc)
		goto done;
	o.model = model;
	interrupt_catch();
	rc = train_run(&o, &result, e);
	if (!rc)
		rc = report(c, &result, adapter, e);
	if (!rc)
		log_line(LOG_INFO, "next: attune chat --model %s --adapter %s", cli_flag(c, "model"), adapter);
done:
	model_free(model);
	settings_release(&s);
	return rc;
}

const struct command command_train = {
	.name = "train",
	.operands = "",
	.summary = "Train a LoRA adapter on a data folder.",
	.examples = {"attune train --data data --out run", "attune train --data data --out run --set lora_r=8 --set num_epochs=5",
		"attune train --model hf:HuggingFaceTB/SmolLM2-360M-Instruct --data data --out run"},
	.flags = (const struct flag[]){FLAG_MODEL,
		{.name = "data",
			.argument = "DIR",
			.help = "folder with train.jsonl and, if wanted, valid.jsonl",
			.required = true},
		{.name = "out", .argument = "RUN", .help = "run folder to write, or to go on with", .required = true},
		{.name = "adapter-init", .argument = "DIR", .help = "adapter to start from"}, FLAG_SET, FLAG_MEMORY, FLAG_WORKSPACE,
		FLAG_JSON, {0}},
	.run = run,
};
