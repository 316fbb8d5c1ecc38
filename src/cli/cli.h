/*
 * Private to cli: verbs, their flags, and what verbs share. The room that speaks to a person: the only one that prints to
 * stdout and exits. stdout is data; progress, questions of taste and errors go to stderr.
 */
#ifndef ATTUNE_CLI_H
#define ATTUNE_CLI_H

#include <signal.h>

#include "base/base.h"
#include "flow/flow.h"
#include "model/model.h"
#include "train/train.h"

/* ---- verbs and flags ---------------------------------------------------------------------------------------------------- */

/* One row gives the parser, the help, the manual page and the completion. */
struct flag {
	const char *name;     /* without its dashes */
	const char *argument; /* what help calls its value; NULL: a switch */
	const char *fallback; /* the value when it is not given; NULL: none */
	const char *help;
	bool required, repeated;
};

struct cli;

struct command {
	const char *name, *operands; /* operands as help writes them, "" for none */
	int n_operands_min, n_operands_max;
	const char *summary; /* one sentence */
	const char *examples[3];
	const struct flag *flags; /* ends with name == NULL; may be NULL */
	int (*run)(const struct cli *c, struct err *e);
};

/* Ends with NULL. */
extern const struct command *const commands[];
extern const struct flag common_flags[];

enum { GIVEN_MAX = 64, NUMBER_SIZE = 32 };

/* A command line after parsing. Everything is borrowed from argv and the tables. */
struct cli {
	const struct command *command;
	struct {
		const struct flag *flag;
		const char *value;
	} given[GIVEN_MAX];
	int n_given;
	char **operand;
	int n_operands;
};

/* argv[0] is the verb. ERR_USAGE with a sentence. */
int cli_parse(struct cli *out, const struct command *command, int argc, char **argv, struct err *e);
const struct command *command_find(const char *name); /* NULL when there is none */
int command_unknown(const char *name, struct err *e); /* ERR_USAGE, with a guess */
/* Flag i of a command, its own first, then the common ones; NULL past the end. */
const struct flag *command_flag(const struct command *command, int i);

/* The value of a flag of this command: as given last, else its fallback, else NULL. A switch that is on gives "". */
const char *cli_flag(const struct cli *c, const char *name);
/* Each value of a repeated flag in turn; *i starts at 0. NULL after the last. */
const char *cli_next(const struct cli *c, const char *name, int *i);
/* A number in [min, max]; ERR_USAGE names the flag. Only for flags with a value or a fallback. */
int cli_int(const struct cli *c, const char *name, long long min, long long max, long long *out, struct err *e);
int cli_real(const struct cli *c, const char *name, double min, double max, double *out, struct err *e);

/* Bytes, of "600MB" or "1.5GB" (1024 kB a MB); 0 where the flag is not given. */
int cli_size(const struct cli *c, const char *name, size_t *out, struct err *e);

/* The best guess among candidates at what was meant. */
struct guess {
	const char *word, *best; /* best: NULL as long as nothing is near enough */
	size_t distance;
};
void guess_try(struct guess *g, const char *candidate);

/* ---- help ----------------------------------------------------------------------------------------------------------------- */

/* All append to `out`. */
int help_command(struct buf *out, const struct command *command, struct err *e);
int help_overview(struct buf *out, struct err *e);
int help_manual(struct buf *out, struct err *e);     /* roff, for man(1) */
int help_completion(struct buf *out, struct err *e); /* bash */

/* ---- settings of training -------------------------------------------------------------------------------------------------- */

enum { SETTINGS_MAX = 64 };

struct settings {
	struct train_config config;
	char *origin[SETTINGS_MAX]; /* where each value comes from, in the order of train_key_at */
};
/*
 * Defaults, then attune.yaml of --workspace, or of `folder` if it has one, then ATTUNE_* variables, then --set. The command must
 * have both flags.
 */
int settings_read(struct settings *s, const struct cli *c, const char *folder, struct err *e);
void settings_release(struct settings *s);

/* ---- what verbs share -------------------------------------------------------------------------------------------------------- */

/* A model by --model and, when --adapter is given, an adapter. */
struct session {
	char path[PATH_SIZE];
	struct model *model;
	struct lora *lora; /* NULL: the base alone */
};
int session_open(struct session *s, const struct cli *c, struct err *e);
int session_load(struct session *s, const struct cli *c, const char *model, const char *adapter, struct err *e); /* these instead */
void session_close(struct session *s);
/* Documents, settings and the folder for what is made of them, for run and plan; from then on Ctrl-C stops. Release the settings, in any case. */
int run_read(struct flow_run_options *o, struct settings *s, char out[PATH_SIZE], const struct cli *c, struct err *e);
/* The flags of FLAGS_SAMPLING into max_tokens and sampling. */
int sampling_read(struct generate_options *o, const struct cli *c, struct err *e);
const char *input_name(const struct cli *c);        /* --in, for sentences */
int kern_start(const struct cli *c, struct err *e); /* --threads and the choice of kernels */

/* Lines of JSON to a file, which appears whole or not at all, or to stdout ("-"), line by line. */
struct sink {
	struct file_writer file;
	bool to_stdout;
};
int sink_open(struct sink *s, const char *path, struct err *e);
int sink_put(struct sink *s, const json_t *object, struct err *e);
int sink_commit(struct sink *s, struct err *e);
void sink_abort(struct sink *s);

int print_text(const struct buf *text, struct err *e); /* to stdout, flushed */
/* Appends text without its control characters, but tabs and ends of lines: no file can steer the terminal. */
int text_plain(struct buf *out, const char *p, size_t n, struct err *e);
/* print_text of what is left then. */
int print_foreign(const struct buf *text, struct err *e);
int print_line(const char *text, struct err *e);
int print_json(const json_t *object, struct err *e); /* one line */

/*
 * Ctrl-C. After interrupt_catch the first SIGINT or SIGTERM sets the flag; a second SIGINT ends the process at once with 130.
 */
extern volatile sig_atomic_t interrupted;
void interrupt_catch(void);
void interrupt_forget(void); /* clears the flag where a person has set it; what a program wants stays */

/* From here on a file that is cut while it is mapped ends the process with its name and ERR_DATA, instead of a bus error. */
void sigbus_catch(void);

#endif
