/*
 * One line on stderr: what is done, of how much, how fast, how long still, how much memory. Reference: base.h; NO_COLOR is
 * https://no-color.org, and here also means: no redrawing.
 */
#include "base/base.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_S 0.1 /* on a terminal */
#define LINE_S 5.0   /* elsewhere */

double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void resident(size_t *all, size_t *of_files)
{
	unsigned long long pages = 0, shared = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f && fscanf(f, "%*s %llu %llu", &pages, &shared) != 2)
		pages = shared = 0;
	if (f)
		fclose(f);
	*all = (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
	*of_files = (size_t)shared * (size_t)sysconf(_SC_PAGESIZE);
}

size_t rss_bytes(void)
{
	size_t all, of_files;
	resident(&all, &of_files);
	return all;
}

size_t rss_anonymous_bytes(void)
{
	size_t all, of_files;
	resident(&all, &of_files);
	return all - of_files;
}

size_t rss_peak_bytes(void)
{
	struct rusage u;
	return getrusage(RUSAGE_SELF, &u) ? 0 : (size_t)u.ru_maxrss * 1024;
}

/* 59 s, 12 min 3 s, 2 h 5 min */
static void format_time(char *dst, size_t size, double seconds)
{
	long s = seconds < 1e9 ? (long)(seconds + 0.5) : 999999999L;
	if (s < 60)
		snprintf(dst, size, "%ld s", s);
	else if (s < 3600)
		snprintf(dst, size, "%ld min %ld s", s / 60, s % 60);
	else
		snprintf(dst, size, "%ld h %ld min", s / 3600, s / 60 % 60);
}

void progress_begin(struct progress *p, const char *label, const char *unit, double total)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	*p = (struct progress){.label = label, .unit = unit, .total = total, .t_start = now_s()};
	p->t_shown = p->t_start;
	p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") && !(no_color && *no_color);
}

static int terminal_width(void)
{
	struct winsize w;
	return !ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col > 1 ? w.ws_col : 80;
}

static void progress_draw(struct progress *p, const char *detail, double now, bool last)
{
	double elapsed = now - p->t_start, rate = elapsed > 0 ? p->done / elapsed : 0;
	char head[256], tail[64] = "", left[32], line[512];
	if (p->total > 0)
		snprintf(head, sizeof head, "%s %.0f/%.0f %s (%.0f %%)", p->label, p->done, p->total, p->unit,
			100 * p->done / p->total);
	else
		snprintf(head, sizeof head, "%s %.0f %s", p->label, p->done, p->unit);
	if (last) {
		format_time(left, sizeof left, elapsed);
		snprintf(tail, sizeof tail, ", took %s", left);
	} else if (p->total > p->done && rate > 0) {
		format_time(left, sizeof left, (p->total - p->done) / rate);
		snprintf(tail, sizeof tail, ", %s left", left);
	}
	/* What matters most comes first: a narrow terminal cuts the end off. */
	snprintf(line, sizeof line, "%s%s%s%s, %.*f %s/s, %zu MB", head, tail, detail ? ", " : "", detail ? detail : "",
		rate < 10 ? 2 : 0, rate, p->unit, rss_bytes() >> 20);
	if (p->terminal) /* back to the first column, what fits in one row, erase what a longer line left behind */
		fprintf(stderr, "\r%.*s\033[K", terminal_width() - 1, line);
	else
		fprintf(stderr, "%s\n", line);
	log_line_open(p->terminal);
	p->t_shown = now;
	p->shown = true;
}

void progress_update(struct progress *p, double done, const char *detail)
{
	double now = now_s();
	p->done = done;
	if (now - p->t_shown >= (p->terminal ? REDRAW_S : LINE_S) && log_enabled(LOG_INFO))
		progress_draw(p, detail, now, false);
}

void progress_end(struct progress *p)
{
	/* Work too short to have shown anything leaves no line behind. */
	if (p->shown) {
		progress_draw(p, NULL, now_s(), true);
		if (p->terminal)
			fputc('\n', stderr);
		log_line_open(false);
	}
}
