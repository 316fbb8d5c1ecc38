/*
 * Private to serve: `attune train` as a child of the server, so that a training that runs out of memory or dies takes nobody with it.
 * It has a process group of its own (Ctrl-C in the server's terminal is the server's), the lowest priority, and is the first to go where memory
 * is short. Called from one thread, which has to live as long as the child: it is asked to stop when that thread ends.
 */
#ifndef ATTUNE_SERVE_TRAINING_H
#define ATTUNE_SERVE_TRAINING_H

#include <sys/types.h>

#include "base/base.h"

enum training_state { TRAINING_NONE, TRAINING_RUNS, TRAINING_DONE, TRAINING_STOPPED, TRAINING_FAILED, TRAINING_KILLED };

/* A zeroed struct is none. */
struct training {
	enum training_state state;
	pid_t pid;           /* while it runs */
	bool stopping;       /* it was asked to */
	int code;            /* it ended with; 128 + the signal's number where one ended it */
	struct err sentence; /* how it ended */
	char log[PATH_SIZE]; /* what it says, of the last one only */
};

/*
 * Starts this very program with `arguments` (NULL-terminated, the first one its name) and without a shell. It must not run. An error only when it could not be started:
 * what the child refuses is told by training_look.
 */
int training_start(struct training *t, const char *const arguments[], const char *log, struct err *e);
/* As the first Ctrl-C does: it writes a checkpoint and ends. A second call does nothing. */
void training_stop(struct training *t);
/* Whether it has ended since it was last looked at. Does not wait. */
bool training_look(struct training *t);
/* Ends it at once, if it runs. */
void training_kill(struct training *t);

#endif
