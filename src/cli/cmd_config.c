/* attune config show: every setting of training, and where its value comes from. */
#include "cli/verbs.h"

#include <string.h>

/* One setting to `text`, or as JSON to stdout. */
static int show(const struct cli *c, const struct settings *s, const struct train_key *k, const char *origin, struct buf *text,
	struct err *e)
{
	struct buf value = {0};
	json_t *line = NULL;
	int rc = train_config_get(&s->config, k->name, &value, e);
	if (rc)
		goto done;
	if (cli_flag(c, "json")) {
		line = json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", k->name, "value", value.p, "origin", origin, "range", k->range,
			"help", k->help);
		rc = line ? print_json(line, e) : err_set(e, ERR_DATA, "%s: its origin is not UTF-8", k->name);
	} else if (cli_flag(c, "origin")) {
		rc = buf_printf(text, e, "%-30s%-12s %s\n", k->name, value.p, origin);
	} else {
		rc = buf_printf(text, e, "%s: %s\n", k->name, value.p);
	}
done:
	json_decref(line);
	buf_release(&value);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct settings s;
	struct train_key k;
	struct buf text = {0};
	if (strcmp(c->operand[0], "show"))
		return err_set(e, ERR_USAGE, "config: expected 'show', found '%s'", c->operand[0]);
	int rc = settings_read(&s, c, ".", e);
	for (size_t i = 0; !rc && train_key_at(i, &k); i++)
		rc = show(c, &s, &k, s.origin[i], &text, e);
	if (!rc && text.len)
		rc = print_text(&text, e);
	if (!rc)
		log_line(LOG_INFO, "next: put lines like these into attune.yaml, then attune train --data DIR --out RUN");
	settings_release(&s);
	buf_release(&text);
	return rc;
}

const struct command command_config = {
	.name = "config",
	.operands = "show",
	.n_operands_min = 1,
	.n_operands_max = 1,
	.summary = "Show the settings of training and where each comes from.",
	.examples = {"attune config show > attune.yaml", "attune config show --origin",
		"attune config show --set lora_r=8 --origin"},
	.flags = (const struct flag[]){{.name = "origin", .help = "also say where each value comes from"}, FLAG_SET, FLAG_WORKSPACE,
		FLAG_JSON, {0}},
	.run = run,
};
