/*
 * Help, manual page and completion, all from the table of verbs. Reference: man-pages(7), bash(1) "Programmable Completion".
 */
#include "cli/cli.h"

enum { NAME_WIDTH = 26 };

static bool has_flags(const struct command *c)
{
	return c->flags && c->flags->name;
}

/* "--max-tokens N" */
static int flag_spelling(struct buf *out, const struct flag *f, struct err *e)
{
	return buf_printf(out, e, "--%s%s%s", f->name, f->argument ? " " : "", f->argument ? f->argument : "");
}

/* "help; may be repeated (default: 5)" */
static int flag_words(struct buf *out, const struct flag *f, struct err *e)
{
	int rc = buf_printf(out, e, "%s%s%s", f->help, f->repeated ? "; may be repeated" : "", f->required ? " (required)" : "");
	return rc || !f->fallback ? rc : buf_printf(out, e, " (default: %s)", f->fallback);
}

static int usage(struct buf *out, const struct command *c, struct err *e)
{
	return buf_printf(out, e, "attune %s%s%s%s", c->name, *c->operands ? " " : "", c->operands, has_flags(c) ? " [flags]" : "");
}

int help_command(struct buf *out, const struct command *command, struct err *e)
{
	const struct flag *f;
	int rc = buf_printf(out, e, "%s\n\nExamples:\n", command->summary);
	for (int i = 0; i < 3 && !rc; i++)
		rc = buf_printf(out, e, "  %s\n", command->examples[i]);
	if (!rc)
		rc = buf_puts(out, "\nUsage: ", e);
	if (!rc)
		rc = usage(out, command, e);
	if (!rc)
		rc = buf_puts(out, "\n\n", e);
	for (int i = 0; !rc && (f = command_flag(command, i)); i++) {
		struct buf name = {0};
		rc = flag_spelling(&name, f, e);
		if (!rc)
			rc = buf_printf(out, e, "  %-*s", NAME_WIDTH, name.p);
		if (!rc && name.len >= NAME_WIDTH)
			rc = buf_puts(out, " ", e);
		if (!rc)
			rc = flag_words(out, f, e);
		if (!rc)
			rc = buf_puts(out, "\n", e);
		buf_release(&name);
	}
	return rc;
}

int help_overview(struct buf *out, struct err *e)
{
	int rc = buf_puts(out,
		"attune gives a small language model your own documents' knowledge, on this machine's CPU.\n\nExamples:\n"
		"  attune run sample\n"
		"  attune train --data data --out run\n"
		"  attune chat --adapter run/adapter\n\nVerbs:\n",
		e);
	for (const struct command *const *c = commands; *c && !rc; c++)
		rc = buf_printf(out, e, "  %-10s%s\n", (*c)->name, (*c)->summary);
	if (!rc)
		rc = buf_puts(
			out, "\n'attune VERB --help' shows examples and flags of a verb, 'attune --version' the version.\n", e);
	return rc;
}

/* ---- manual page --------------------------------------------------------------------------------------------------------------- */

/* Text as roff takes it literally. */
static int roff(struct buf *out, const char *text, struct err *e)
{
	int rc = *text == '.' || *text == '\'' ? buf_puts(out, "\\&", e) : 0;
	for (; *text && !rc; text++)
		rc = *text == '-' ? buf_puts(out, "\\-", e) : *text == '\\' ? buf_puts(out, "\\e", e) : buf_append(out, text, 1, e);
	return rc;
}

static int roff_line(struct buf *out, const char *request, const char *text, struct err *e)
{
	int rc = buf_puts(out, request, e);
	if (!rc)
		rc = roff(out, text, e);
	return rc ? rc : buf_puts(out, "\n", e);
}

static int manual_flags(struct buf *out, const struct flag *flags, struct err *e)
{
	int rc = 0;
	struct buf text = {0};
	for (const struct flag *f = flags; f && f->name && !rc; f++) {
		buf_clear(&text);
		rc = flag_spelling(&text, f, e);
		if (!rc)
			rc = roff_line(out, ".TP\n.B ", text.p, e);
		buf_clear(&text);
		if (!rc)
			rc = flag_words(&text, f, e);
		if (!rc)
			rc = roff_line(out, "", text.p, e);
	}
	buf_release(&text);
	return rc;
}

static int manual_command(struct buf *out, const struct command *c, struct err *e)
{
	struct buf line = {0};
	int rc = usage(&line, c, e);
	if (!rc)
		rc = roff_line(out, ".SS ", line.p, e);
	if (!rc)
		rc = roff_line(out, "", c->summary, e);
	if (!rc)
		rc = manual_flags(out, c->flags, e);
	if (!rc)
		rc = buf_puts(out, ".PP\n.nf\n", e);
	for (int i = 0; i < 3 && !rc; i++)
		rc = roff_line(out, "", c->examples[i], e);
	if (!rc)
		rc = buf_puts(out, ".fi\n", e);
	buf_release(&line);
	return rc;
}

int help_manual(struct buf *out, struct err *e)
{
	struct train_key key;
	int rc = buf_printf(out, e,
		".TH ATTUNE 1 \"\" \"attune %s\" \"User Commands\"\n.SH NAME\nattune \\- train a small language model on your "
		"documents\n"
		".SH SYNOPSIS\n.B attune\n.I VERB\n[flags]\n.SH VERBS\n",
		ATTUNE_VERSION);
	for (const struct command *const *c = commands; *c && !rc; c++)
		rc = manual_command(out, *c, e);
	if (!rc)
		rc = buf_puts(out, ".SH FLAGS OF EVERY VERB\n", e);
	if (!rc)
		rc = manual_flags(out, common_flags, e);
	if (!rc)
		rc = buf_puts(out,
			".SH CONFIGURATION\nKeys of training: \\-\\-set beats the variable ATTUNE_KEY, which beats attune.yaml, "
			"which "
			"beats the default.\n",
			e);
	for (size_t i = 0; !rc && train_key_at(i, &key); i++) {
		struct buf text = {0};
		rc = buf_printf(&text, e, "%s: %s (default: %s)", key.help, key.range, key.fallback);
		if (!rc)
			rc = roff_line(out, ".TP\n.B ", key.name, e);
		if (!rc)
			rc = roff_line(out, "", text.p, e);
		buf_release(&text);
	}
	if (!rc)
		rc = buf_puts(out,
			".SH EXIT STATUS\n0 done; 1 failed; 2 usage; 3 an evaluation gate failed; 4 data refused; 5 not enough "
			"memory or disk;\n"
			"6 network or offline; 75 stopped, a rerun resumes; 130 interrupted.\n",
			e);
	return rc;
}

/* ---- completion ---------------------------------------------------------------------------------------------------------------- */

int help_completion(struct buf *out, struct err *e)
{
	const struct flag *f;
	int rc = buf_puts(out,
		"# bash completion of attune; made by 'attune help --completion'\n_attune()\n{\n"
		"\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\n\tCOMPREPLY=()\n"
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='",
		e);
	for (const struct command *const *c = commands; *c && !rc; c++)
		rc = buf_printf(out, e, "%s%s", c == commands ? "" : " ", (*c)->name);
	if (!rc)
		rc = buf_puts(out, "'\n\telse\n\t\tcase ${COMP_WORDS[1]} in\n", e);
	for (const struct command *const *c = commands; *c && !rc; c++) {
		rc = buf_printf(out, e, "\t\t%s) words='", (*c)->name);
		for (int i = 0; !rc && (f = command_flag(*c, i)); i++)
			rc = buf_printf(out, e, "%s--%s", i ? " " : "", f->name);
		if (!rc)
			rc = buf_puts(out, "' ;;\n", e);
	}
	if (!rc)
		rc = buf_puts(out,
			"\t\tesac\n\t\tcase $word in -*) ;; *) words= ;; esac\n\tfi\n"
			"\t[ -z \"$words\" ] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
			"complete -o default -F _attune attune\n",
			e);
	return rc;
}
