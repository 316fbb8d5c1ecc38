/*
 * Leveled lines on stderr. Reference: base.h.
 */
#include "base/base.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 2048 };

static enum log_level log_level_now = LOG_INFO;
static _Atomic bool line_open;

void log_set_level(enum log_level level)
{
	log_level_now = level;
}

bool log_enabled(enum log_level level)
{
	return level <= log_level_now;
}

void log_line_open(bool open)
{
	line_open = open;
}

void log_blank(char *text, const char *kept)
{
	for (char *at = text; *at; at++)
		if (((unsigned char)*at < ' ' && !strchr(kept, *at)) || *at == 0x7f)
			*at = ' ';
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
	char line[LINE_MAX_BYTES];
	if (!log_enabled(level))
		return;
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	log_blank(line, "\n\t");
	/* One call, so that lines of two threads do not mix. */
	fprintf(stderr, "%s%s%s\n", line_open ? "\r\033[K" : "", names[level], line);
}
