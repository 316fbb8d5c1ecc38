/* attune export: an adapter, or the model with it merged, as other programs load it. */
#include "cli/verbs.h"
#include "flow/flow.h"

static int run(const struct cli *c, struct err *e)
{
	struct flow_export_options o = {.model = cli_flag(c, "model"),
		.adapter = cli_flag(c, "adapter"),
		.to = cli_flag(c, "to"),
		.type = cli_flag(c, "type"),
		.out = cli_flag(c, "out")};
	int rc = kern_start(c, e);
	if (!rc)
		rc = flow_export(&o, e);
	if (!rc)
		log_line(LOG_INFO, "read back and compared with base and adapter: %s", o.passport);
	if (rc || !cli_flag(c, "json"))
		return rc ? rc : print_line(o.out, e);
	json_t *line = json_pack("{s:s, s:s}", "product", o.out, "passport", o.passport);
	rc = line ? print_json(line, e) : err_set(e, ERR_DATA, "%s: the path is not UTF-8", o.out);
	json_decref(line);
	return rc;
}

const struct command command_export = {
	.name = "export",
	.operands = "",
	.summary = "Write an adapter, or the model with it, as transformers, PEFT, llama.cpp and MLX load it.",
	.examples = {"attune export --adapter run/adapter --to gguf --out tuned.gguf --type Q8_0",
		"attune export --adapter run/adapter --to hf --out tuned",
		"attune export --model hf:HuggingFaceTB/SmolLM2-360M-Instruct --adapter run/adapter --to mlx --out mlx"},
	.flags = (const struct flag[]){FLAG_MODEL,
		{.name = "adapter", .argument = "DIR", .help = "adapter to write, or to merge into the model", .required = true},
		{.name = "to", .argument = "WHAT", .help = "peft, gguf-lora, gguf or hf (merged), or mlx", .required = true},
		{.name = "out", .argument = "PATH", .help = "file (gguf, gguf-lora) or folder, not there yet", .required = true},
		{.name = "type",
			.argument = "T",
			.help = "of merged matrices: F32, F16, BF16, and in GGUF Q8_0, Q4_0 or Q4_K; without it the base's, where "
				"that can be written"},
		FLAG_JSON, {0}},
	.run = run,
};
