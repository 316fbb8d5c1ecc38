/*
 * For bench/search.py: builds the index of a data folder and looks up each line of stdin by words; prints the processor's seconds of each,
 * which a busy machine does not stretch.
 * usage: search_tool DATA < QUESTIONS
 */
#include "search/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double used_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

int main(int argc, char **argv)
{
	struct search *s;
	struct err e = {0};
	char *line = NULL;
	size_t size = 0;
	double start = used_s();
	int rc = argc == 2 ? search_open(&s, argv[1], NULL, &e) : err_set(&e, ERR_USAGE, "usage: search_tool DATA < QUESTIONS");
	if (!rc)
		printf("%g\n", used_s() - start);
	while (!rc && getline(&line, &size, stdin) > 0) {
		struct search_hits hits;
		line[strcspn(line, "\n")] = 0;
		start = used_s();
		rc = search_find(s, line, PASSAGES_SHOWN, &hits, &e);
		if (!rc)
			printf("%g\n", used_s() - start);
		search_hits_release(&hits);
	}
	if (rc)
		fprintf(stderr, "search_tool: %s\n", e.text);
	else
		search_close(s);
	free(line);
	return rc != 0;
}
