/* attune pull: a model from a name into the model cache. */
#include "cli/verbs.h"
#include "hub/hub.h"

#include <string.h>

/* What to do with the model now. */
static void say_next(const char *name)
{
	for (const struct hub_short_name *s = hub_short_names; s->name; s++) {
		if (!strcmp(s->name, name)) {
			log_line(LOG_INFO, "next: %s", s->next);
			return;
		}
	}
	log_line(LOG_INFO, "next: attune train --model %s --data DIR --out RUN", name);
}

static int run(const struct cli *c, struct err *e)
{
	char path[PATH_SIZE];
	const char *name = c->operand[0];
	int rc = hub_resolve(path, name, e);
	if (rc)
		return rc;
	if (cli_flag(c, "json")) {
		json_t *line = json_pack("{s:s, s:s}", "model", name, "path", path);
		rc = line ? print_json(line, e) : err_set(e, ERR_DATA, "%s: the name or the path is not UTF-8", name);
		json_decref(line);
	} else {
		rc = print_line(path, e);
	}
	if (!rc)
		say_next(name);
	return rc;
}

const struct command command_pull = {
	.name = "pull",
	.operands = "NAME",
	.n_operands_min = 1,
	.n_operands_max = 1,
	.summary = "Get a model into the model cache and print its path.",
	.examples = {"attune pull smollm2-135m", "attune pull hf:HuggingFaceTB/SmolLM2-135M-Instruct",
		"attune pull hf:ORG/REPO@BRANCH:model-Q4_K_M.gguf"},
	.flags = (const struct flag[]){FLAG_JSON, {0}},
	.run = run,
};
