/*
 * Ctrl-C: the first asks, the second ends. Reference: signal-safety(7).
 */
#include "cli/cli.h"

#include <unistd.h>

volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	if (interrupted)
		_exit(-ERR_INTERRUPTED);
	interrupted = 1;
}

void interrupt_catch(void)
{
	struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: a read from the terminal returns */
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}
