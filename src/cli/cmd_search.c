/* attune search: the passages of a data folder that retrieval would put in front of a question. */
#include "cli/verbs.h"
#include "search/search.h"

#include <string.h>

enum { TOP_MAX = 100 };

static json_t *hit_json(const struct search_hit *h)
{
	json_t *source = json_text(h->source, strlen(h->source)), *heading = json_text(h->heading, strlen(h->heading));
	return json_pack("{s:o, s:I, s:o, s:f, s:o}", "source", source, "start", (json_int_t)h->start, "heading", heading, "score",
		h->score, "text", json_text(h->text, strlen(h->text)));
}

static int print_hit(const struct search_hit *h, bool json, struct err *e)
{
	struct buf text = {0};
	json_t *object = json ? hit_json(h) : NULL;
	int rc = json ? (object ? print_json(object, e) : err_set(e, ERR_RESOURCE, "out of memory while printing"))
		      : buf_printf(&text, e, "%s: %s (%.2f)\n%s\n\n", h->source, h->heading, h->score, h->text);
	if (!rc && !json)
		rc = print_text(&text, e);
	json_decref(object);
	buf_release(&text);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct search *s = NULL;
	struct search_hits h = {0};
	long long top;
	int rc = cli_int(c, "top", 1, TOP_MAX, &top, e);
	if (!rc)
		rc = search_open(&s, cli_flag(c, "data"), e);
	if (!rc)
		rc = search_find(s, c->operand[0], (size_t)top, &h, e);
	for (size_t i = 0; i < h.n && !rc; i++)
		rc = print_hit(&h.p[i], cli_flag(c, "json"), e);
	if (!rc && !h.n)
		log_line(LOG_INFO, "nothing in %s has a word of this question", cli_flag(c, "data"));
	search_hits_release(&h);
	search_close(s);
	return rc;
}

const struct command command_search = {
	.name = "search",
	.operands = "QUESTION",
	.n_operands_min = 1,
	.n_operands_max = 1,
	.summary = "Show the passages of the documents that retrieval finds for a question.",
	.examples = {"attune search \"How long are events kept?\" --data sample/.attune/data",
		"attune search \"spending cap\" --data data --top 10", "attune search \"spending cap\" --data data --json"},
	.flags =
		(const struct flag[]){
			{.name = "data", .argument = "DIR", .help = "the data folder that curate wrote", .required = true},
			{.name = "top", .argument = "N", .fallback = "3", .help = "how many passages"}, FLAG_JSON, {0}},
	.run = run,
};
