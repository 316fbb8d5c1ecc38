/*
 * A command line against the table of its verb. Reference: getopt_long(3).
 */
#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAGS_MAX = 32 };

const struct flag common_flags[] = {
	{.name = "threads", .argument = "N", .help = "compute with N threads (default: one a core)"},
	{.name = "quiet", .help = "only data and errors"},
	{.name = "verbose", .help = "say more"},
	{.name = "help", .help = "show this"},
	{0},
};

const struct flag *command_flag(const struct command *command, int i)
{
	for (const struct flag *f = command->flags; f && f->name; f++)
		if (!i--)
			return f;
	for (const struct flag *f = common_flags; f->name; f++)
		if (!i--)
			return f;
	return NULL;
}

static const struct flag *flag_find(const struct command *command, const char *name)
{
	const struct flag *f;
	for (int i = 0; (f = command_flag(command, i)) && strcmp(f->name, name); i++)
		;
	return f;
}

static int unknown_flag(const struct command *command, const char *word, struct err *e)
{
	char name[64];
	const struct flag *f;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
	struct guess guess = {.word = name + strspn(name, "-")};
	if (flag_find(command, guess.word))
		return err_set(e, ERR_USAGE, "%s: %s takes no value", command->name, name);
	for (int i = 0; (f = command_flag(command, i)); i++)
		guess_try(&guess, f->name);
	if (guess.best)
		return err_set(e, ERR_USAGE, "%s: unknown flag %s; did you mean --%s?", command->name, name, guess.best);
	return err_set(e, ERR_USAGE, "%s: unknown flag %s; 'attune %s --help' lists the flags", command->name, name, command->name);
}

static int check(const struct cli *c, struct err *e)
{
	const struct command *command = c->command;
	const struct flag *f;
	if (cli_flag(c, "help")) /* which answers instead */
		return 0;
	if (c->n_operands > command->n_operands_max)
		return err_set(e, ERR_USAGE, "%s: unexpected '%s'; 'attune %s --help' shows the usage", command->name,
			c->operand[command->n_operands_max], command->name);
	if (c->n_operands < command->n_operands_min)
		return err_set(e, ERR_USAGE, "%s: expected %s; 'attune %s --help' shows the usage", command->name,
			command->operands, command->name);
	for (int i = 0; (f = command_flag(command, i)); i++)
		if (f->required && !cli_flag(c, f->name))
			return err_set(e, ERR_USAGE, "%s: --%s %s is needed; 'attune %s --help' shows the usage", command->name,
				f->name, f->argument, command->name);
	return 0;
}

int cli_parse(struct cli *out, const struct command *command, int argc, char **argv, struct err *e)
{
	struct option options[FLAGS_MAX] = {0};
	const struct flag *f;
	int n = 0, at;
	*out = (struct cli){.command = command};
	for (; (f = command_flag(command, n)); n++) {
		assert(n + 1 < FLAGS_MAX);
		options[n] = (struct option){f->name, f->argument ? required_argument : no_argument, NULL, 0};
	}
	opterr = 0;
	optind = 0; /* start anew: a test may parse twice */
	for (;;) {
		int got = getopt_long(argc, argv, ":hqv", options, &at);
		const char letter[] = {'-', (char)optopt, 0};
		if (got < 0)
			break;
		if (got == ':')
			return err_set(e, ERR_USAGE, "%s: %s needs a value", command->name, argv[optind - 1]);
		if (got == '?')
			return unknown_flag(command, optopt ? letter : argv[optind - 1], e);
		f = got == 0 ? command_flag(command, at)
			     : flag_find(command,
				       got == 'h'           ? "help"
					       : got == 'q' ? "quiet"
							    : "verbose");
		if (out->n_given == GIVEN_MAX)
			return err_set(e, ERR_USAGE, "%s: more than %d flags", command->name, GIVEN_MAX);
		out->given[out->n_given].flag = f;
		out->given[out->n_given++].value = optarg && f->argument ? optarg : "";
	}
	out->operand = argv + optind;
	out->n_operands = argc - optind;
	return check(out, e);
}

const char *cli_next(const struct cli *c, const char *name, int *i)
{
	const struct flag *f = flag_find(c->command, name);
	assert(f);
	while (*i < c->n_given)
		if (c->given[(*i)++].flag == f)
			return c->given[*i - 1].value;
	return NULL;
}

const char *cli_flag(const struct cli *c, const char *name)
{
	const char *value = flag_find(c->command, name)->fallback, *given;
	for (int i = 0; (given = cli_next(c, name, &i));)
		value = given;
	return value;
}

int cli_int(const struct cli *c, const char *name, long long min, long long max, long long *out, struct err *e)
{
	const char *text = cli_flag(c, name);
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	*out = 0;
	if (end == text || *end || errno || v < min || v > max)
		return err_set(e, ERR_USAGE, "%s: --%s: expected a whole number from %lld to %lld, found '%s'", c->command->name,
			name, min, max, text);
	*out = v;
	return 0;
}

int cli_real(const struct cli *c, const char *name, double min, double max, double *out, struct err *e)
{
	const char *text = cli_flag(c, name);
	char *end;
	double v = strtod(text, &end);
	*out = 0;
	if (end == text || *end || !(v >= min && v <= max))
		return err_set(e, ERR_USAGE, "%s: --%s: expected a number from %g to %g, found '%s'", c->command->name, name, min,
			max, text);
	*out = v;
	return 0;
}

int cli_size(const struct cli *c, const char *name, size_t *out, struct err *e)
{
	const char *text = cli_flag(c, name);
	char *unit = NULL;
	double v = text ? strtod(text, &unit) : 0;
	*out = 0;
	if (!text)
		return 0;
	bool gb = !strcmp(unit, "GB"), mb = !strcmp(unit, "MB");
	v *= gb ? 1 << 30 : 1 << 20;
	if (unit == text || (!gb && !mb) || !(v >= 1 << 20 && v <= 1e18))
		return err_set(
			e, ERR_USAGE, "%s: --%s: expected a size such as 600MB or 1.5GB, found '%s'", c->command->name, name, text);
	*out = (size_t)v;
	return 0;
}
