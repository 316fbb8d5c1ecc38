/* attune help: all verbs, one verb, or the manual page and completion that `make install` puts in place. */
#include "cli/verbs.h"

static int run(const struct cli *c, struct err *e)
{
	struct buf text = {0};
	int rc;
	if (c->n_operands) {
		const struct command *command = command_find(c->operand[0]);
		rc = command ? help_command(&text, command, e) : command_unknown(c->operand[0], e);
	} else if (cli_flag(c, "man")) {
		rc = help_manual(&text, e);
	} else if (cli_flag(c, "completion")) {
		rc = help_completion(&text, e);
	} else {
		rc = help_overview(&text, e);
	}
	if (!rc)
		rc = print_text(&text, e);
	buf_release(&text);
	return rc;
}

const struct command command_help = {
	.name = "help",
	.operands = "[VERB]",
	.n_operands_max = 1,
	.summary = "Show what attune can do.",
	.examples = {"attune help", "attune help train", "attune help --man | man -l -"},
	.flags = (const struct flag[]){{.name = "man", .help = "the manual page, as roff"},
		{.name = "completion", .help = "the completion for bash"}, {0}},
	.run = run,
};
