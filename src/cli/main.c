/*
 * attune: the table of verbs, and the way from a command line to an exit code.
 */
#include "cli/cli.h"
#include "cli/verbs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {&command_init, &command_plan, &command_run, &command_pull, &command_curate,
	&command_train, &command_eval, &command_lint, &command_export, &command_search, &command_score, &command_generate,
	&command_chat, &command_write, &command_review, &command_serve, &command_bench, &command_doctor, &command_config,
	&command_help, NULL};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

int command_unknown(const char *name, struct err *e)
{
	struct guess guess = {.word = name};
	for (const struct command *const *c = commands; *c; c++)
		guess_try(&guess, (*c)->name);
	if (guess.best)
		return err_set(e, ERR_USAGE, "unknown verb '%s'; did you mean '%s'?", name, guess.best);
	return err_set(e, ERR_USAGE, "unknown verb '%s'; 'attune help' lists the verbs", name);
}

static int run(int argc, char **argv, struct err *e)
{
	struct cli c;
	struct buf help = {0};
	const char *verb = argc > 1 ? argv[1] : "";
	if (argc < 2)
		return err_set(e, ERR_USAGE, "expected a verb; 'attune help' lists them");
	if (!strcmp(verb, "--version"))
		return print_line("attune " ATTUNE_VERSION, e);
	if (!strcmp(verb, "--help") || !strcmp(verb, "-h"))
		verb = "help";
	const struct command *command = command_find(verb);
	int rc = command ? cli_parse(&c, command, argc - 1, argv + 1, e) : command_unknown(verb, e);
	if (rc)
		return rc;
	log_set_level(cli_flag(&c, "quiet") ? LOG_ERROR : cli_flag(&c, "verbose") ? LOG_DEBUG : LOG_INFO);
	if (!cli_flag(&c, "help"))
		return command->run(&c, e);
	rc = help_command(&help, command, e);
	if (!rc)
		rc = print_text(&help, e);
	buf_release(&help);
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	sigbus_catch();
	signal(SIGXFSZ, SIG_IGN); /* a file that grows beyond `ulimit -f` is an error of write then, not the end without a word */
	int rc = run(argc, argv, &e);
	if (rc)
		fprintf(stderr, "attune: %s\n", e.text);
	return -rc;
}
