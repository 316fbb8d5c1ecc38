/*
 * The page: its files, who is looking at it, and what the screens share. Reference: page.h; RFC 9110, section 8.8.3 (ETag) and 13.1.2.
 */
#include "serve/page.h"

#include <stdio.h>
#include <string.h>

#include "format/format.h"
#include "serve/request.h"

enum { KEY_BYTES_MAX = 256, JSON_BYTES_MAX = 64 << 20 };

/* Nothing but the program's own files is loaded, and nothing may frame it. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
			     "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/* ---- files -------------------------------------------------------------------------------------------------------------------------- */

extern const char ui_index_html[], ui_app_css[], ui_icon_svg[], ui_app_js[], ui_dom_js[], ui_server_js[], ui_arena_js[],
	ui_report_js[], ui_xray_js[], ui_train_js[], ui_training_js[], ui_chart_js[], ui_review_js[], ui_diff_js[], ui_data_js[];

static const struct {
	const char *path, *type, *text;
} files[] = {
	{"/", "text/html; charset=utf-8", ui_index_html},
	{"/ui/app.css", "text/css; charset=utf-8", ui_app_css},
	{"/ui/icon.svg", "image/svg+xml", ui_icon_svg},
	{"/ui/app.js", "text/javascript; charset=utf-8", ui_app_js},
	{"/ui/dom.js", "text/javascript; charset=utf-8", ui_dom_js},
	{"/ui/server.js", "text/javascript; charset=utf-8", ui_server_js},
	{"/ui/arena.js", "text/javascript; charset=utf-8", ui_arena_js},
	{"/ui/report.js", "text/javascript; charset=utf-8", ui_report_js},
	{"/ui/xray.js", "text/javascript; charset=utf-8", ui_xray_js},
	{"/ui/train.js", "text/javascript; charset=utf-8", ui_train_js},
	{"/ui/training.js", "text/javascript; charset=utf-8", ui_training_js},
	{"/ui/chart.js", "text/javascript; charset=utf-8", ui_chart_js},
	{"/ui/review.js", "text/javascript; charset=utf-8", ui_review_js},
	{"/ui/diff.js", "text/javascript; charset=utf-8", ui_diff_js},
	{"/ui/data.js", "text/javascript; charset=utf-8", ui_data_js},
};

/* A browser asks each time whether its copy is still right: a new program has new files under the old names. */
static void file_reply(struct http_request *r, const char *type, const char *text)
{
	const char *have = http_header(r, "If-None-Match");
	struct sha256 *sum = NULL;
	char hex[65] = "", tag[sizeof hex + 2];
	struct err e;
	if (!sha256_new(&sum, &e)) {
		sha256_add(sum, text, strlen(text));
		sha256_hex(sum, hex);
		sha256_free(sum);
	}
	snprintf(tag, sizeof tag, "\"%s\"", hex);
	http_add_header(r, "ETag", tag);
	http_add_header(r, "Cache-Control", "no-cache");
	http_add_header(r, "Content-Security-Policy", policy);
	http_add_header(r, "Cross-Origin-Opener-Policy", "same-origin");
	bool same = have && *hex && strstr(have, tag);
	http_reply(r, same ? 304 : 200, type, same ? "" : text, same ? 0 : strlen(text));
}

void ui_get(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p;
	(void)s, (void)rest;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		if (!strcmp(http_path(r), files[i].path)) {
			file_reply(r, files[i].type, files[i].text);
			return;
		}
	}
	problem_set(&p, 404, NULL, NULL, "there is nothing at %.100s", http_path(r));
	http_reply_problem(r, &p);
}

/* ---- what screens share ---------------------------------------------------------------------------------------------------------------- */

json_t *page_body(const struct http_request *r, struct problem *p)
{
	json_t *body = NULL;
	size_t n;
	const char *text = http_body(r, &n);
	return body_read(&body, text, n, p) ? NULL : body;
}

const char *page_text(const json_t *body, const char *key, size_t most, struct problem *p)
{
	const json_t *value = json_object_get(body, key);
	size_t n = json_string_length(value);
	if (n && n <= most)
		return json_string_value(value);
	problem_set(p, 400, NULL, key, "%s: expected a text of 1 to %zu bytes", key, most);
	return NULL;
}

json_t *page_object(const char *folder, const char *name, struct problem *p)
{
	char path[PATH_SIZE];
	json_t *object = NULL;
	struct err e = {0};
	if (!folder || path_join(path, sizeof path, &e, folder, name) || !file_exists(path))
		return json_null();
	if (json_file(&object, path, JSON_BYTES_MAX, &e)) {
		problem_from(p, NULL, &e);
		return json_null();
	}
	return object;
}

json_t *page_path(const char *path)
{
	return path ? json_text(path, strlen(path)) : json_null();
}

void page_reply(struct http_request *r, const struct problem *p, json_t *answer)
{
	if (!p->status) {
		http_reply_json(r, 200, answer);
		return;
	}
	json_decref(answer);
	http_reply_problem(r, p);
}

/* ---- who is there ---------------------------------------------------------------------------------------------------------------------- */

static json_t *adapters_json(const struct serve_options *o)
{
	json_t *list = json_array();
	for (size_t i = 0; i < o->n_adapters; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:o}", "name", o->adapter[i].name, "path", page_path(o->adapter[i].path)));
	return list;
}

/* Who has not shown the key is told nothing but that there is one. */
void page_state(struct server *s, struct http_request *r, const char *rest)
{
	struct err e;
	const struct serve_options *o = s->o;
	(void)rest;
	if (!http_is_known(r)) {
		http_reply_json(r, 200, json_pack("{s:b, s:b}", "key", true, "known", false));
		return;
	}
	http_reply_json(r, 200,
		json_pack("{s:b, s:b, s:s, s:b, s:s, s:o, s:o, s:o, s:o}", "key", http_has_key(r), "known", true, "csrf",
			http_csrf(r), "loaded", engine_state(s->engine, &e) == ENGINE_READY, "model", o->model_name, "model_given",
			page_path(o->model_given), "adapters", adapters_json(o), "data", page_path(o->data), "results",
			page_path(o->results)));
}

void page_sign_in(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	json_t *body = page_body(r, &p);
	const char *key = body ? page_text(body, "key", KEY_BYTES_MAX, &p) : NULL;
	(void)s, (void)rest;
	if (key && !http_key_is(r, key))
		problem_set(&p, 401, "invalid_api_key", "key", "this is not the server's key");
	if (!p.status)
		http_set_cookie(r, true);
	page_reply(r, &p, json_pack("{s:b}", "known", true));
	json_decref(body);
}

void page_sign_out(struct server *s, struct http_request *r, const char *rest)
{
	(void)s, (void)rest;
	http_set_cookie(r, false);
	http_reply_json(r, 200, json_pack("{s:b}", "known", false));
}

int page_open(struct page **out, const struct serve_options *o, struct err *e)
{
	struct page *p = mem_alloc(1, sizeof *p, e);
	*out = p;
	if (!p)
		return ERR_RESOURCE;
	*p = (struct page){.o = o};
	int rc = arena_open(&p->arena, o->results, e);
	if (!rc)
		rc = review_open(&p->review, o->results, e);
	return rc ? rc : training_open(&p->training, o->results, e);
}

void page_close(struct page *p)
{
	if (p) {
		arena_close(p->arena);
		xray_close(p->xray);
		review_close(p->review);
		training_close(p->training);
	}
	mem_free(p);
}
