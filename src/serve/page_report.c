/*
 * Reports: the verdict of the last evaluation, and the self-contained pages that evaluation and curation wrote. Reference: page.h; Content
 * Security Policy Level 3, section 2.3.1 (hashes).
 *
 * A report has one style in its head and no script. The policy names that style by its hash, so nothing that may have got into the file
 * otherwise is applied or run.
 */
#include "serve/page.h"
#include "serve/reply.h"

#include <stdio.h>
#include <string.h>

#include "format/format.h"

enum { REPORT_BYTES_MAX = 64 << 20 };

/* The reports by their names below /report/. */
static const struct {
	const char *name, *file;
} reports[] = {{"eval", "eval/report.html"}, {"data", "report.html"}};
enum { REPORT_EVAL, REPORT_DATA, REPORTS };

/* The data folder need not be the results'. */
static bool report_path(const struct serve_options *o, size_t i, char path[PATH_SIZE])
{
	struct err e;
	const char *folder = i == REPORT_DATA ? o->data : o->results;
	return folder && !path_join(path, PATH_SIZE, &e, folder, reports[i].file) && file_exists(path);
}

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* 'sha256-...' of the first style, or 'none'. */
static int style_source(const struct buf *html, char out[64], struct err *e)
{
	static const char open[] = "<style>";
	const char *from = html->len ? strstr(html->p, open) : NULL, *end = from ? strstr(from, "</style>") : NULL;
	struct sha256 *sum;
	struct buf base64 = {0};
	unsigned char bytes[32];
	char hex[65];
	snprintf(out, 64, "'none'");
	if (!end)
		return 0;
	from += sizeof open - 1;
	int rc = sha256_new(&sum, e);
	if (rc)
		return rc;
	sha256_add(sum, from, (size_t)(end - from));
	sha256_hex(sum, hex);
	sha256_free(sum);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
	rc = base64_append(&base64, bytes, sizeof bytes, e);
	if (!rc)
		snprintf(out, 64, "'sha256-%s'", base64.p);
	buf_release(&base64);
	return rc;
}

void report_page(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	struct buf html = {0};
	struct err e = {0};
	char path[PATH_SIZE], style[64], policy[256];
	size_t i = 0;
	while (i < REPORTS && strcmp(rest, reports[i].name))
		i++;
	if (i == REPORTS || !report_path(s->o, i, path))
		problem_set(&p, 404, NULL, NULL, "there is no report \"%.100s\"", rest);
	else if (file_read(path, REPORT_BYTES_MAX, &html, &e) || style_source(&html, style, &e))
		problem_from(&p, NULL, &e);
	if (p.status) {
		http_reply_problem(r, &p);
	} else {
		snprintf(policy, sizeof policy,
			"default-src 'none'; style-src %s; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action "
			"'none'",
			style);
		http_add_header(r, "Content-Security-Policy", policy);
		http_reply(r, 200, "text/html; charset=utf-8", html.len ? html.p : "", html.len);
	}
	buf_release(&html);
}

void report_summary(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	char path[PATH_SIZE];
	(void)rest;
	json_t *eval = page_object(s->o->results, "eval/eval.json", &p), *manifest = page_object(s->o->data, "manifest.json", &p);
	json_object_del(eval, "questions"); /* they are in the report */
	page_reply(r, &p,
		json_pack("{s:o, s:O, s:O, s:b, s:b}", "eval", eval, "counts",
			json_is_object(manifest) ? json_object_get(manifest, "counts") : json_null(), "documents",
			json_is_object(manifest) ? json_object_get(manifest, "documents") : json_null(), "has_eval",
			report_path(s->o, REPORT_EVAL, path), "has_data", report_path(s->o, REPORT_DATA, path)));
	json_decref(manifest);
}
