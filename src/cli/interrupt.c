/*
 * Ctrl-C: the first asks, the second ends. SIGTERM only asks, since programs send it, and some send it twice (training.c).
 * Reference: signal-safety(7).
 */
#include "cli/cli.h"

#include <unistd.h>

enum { ASKED_BY_PERSON = 1, ASKED_BY_PROGRAM = 2 }; /* two bits: of two signals at once the threads take either first */

volatile sig_atomic_t interrupted;
static volatile sig_atomic_t ended; /* a program has asked, which is never forgotten */

static void on_signal(int number)
{
	int asked = number == SIGINT ? ASKED_BY_PERSON : ASKED_BY_PROGRAM;
	if (interrupted & asked & ASKED_BY_PERSON)
		_exit(-ERR_INTERRUPTED);
	if (asked == ASKED_BY_PROGRAM)
		ended = 1;
	interrupted |= asked;
}

void interrupt_forget(void)
{
	interrupted = 0;
	if (ended) /* looked at afterwards, since the signal may come in between */
		interrupted = ASKED_BY_PROGRAM;
}

void interrupt_catch(void)
{
	struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: a read from the terminal returns */
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}
