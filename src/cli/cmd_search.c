/* attune search: the passages of a data folder that retrieval would put in front of a question. */
#include "cli/verbs.h"
#include "flow/flow.h"
#include "search/search.h"

#include <stdio.h>
#include <string.h>

enum { TOP_MAX = 100 };

static json_t *place_json(size_t place)
{
	return place ? json_integer((json_int_t)place) : json_null();
}

static json_t *hit_json(const struct search_hit *h)
{
	json_t *source = json_text(h->source, strlen(h->source)), *heading = json_text(h->heading, strlen(h->heading));
	return json_pack("{s:o, s:I, s:o, s:f, s:o, s:o, s:o}", "source", source, "start", (json_int_t)h->start, "heading", heading,
		"score", h->score, "by_words", place_json(h->by_words), "by_meaning", place_json(h->by_meaning), "text",
		json_text(h->text, strlen(h->text)));
}

static int print_hit(const struct search_hit *h, bool json, struct err *e)
{
	struct buf text = {0};
	char found[64]; /* its places in the two lists */
	json_t *object = json ? hit_json(h) : NULL;
	if (h->by_words && h->by_meaning)
		snprintf(found, sizeof found, "words %zu, meaning %zu", h->by_words, h->by_meaning);
	else
		snprintf(found, sizeof found, "%s %zu", h->by_words ? "words" : "meaning", h->by_words + h->by_meaning);
	int rc = json ? (object ? print_json(object, e) : err_set(e, ERR_RESOURCE, "out of memory while printing"))
		      : buf_printf(&text, e, "%s: %s (%s)\n%s\n\n", h->source, h->heading, found, h->text);
	if (!rc && !json)
		rc = print_foreign(&text, e);
	json_decref(object);
	buf_release(&text);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct search *s = NULL;
	struct embedder *embedder = NULL;
	struct search_hits h = {0};
	long long top;
	int rc = cli_int(c, "top", 1, TOP_MAX, &top, e);
	if (!rc)
		rc = kern_start(c, e);
	if (!rc)
		rc = flow_embedder(&embedder, cli_flag(c, "embedder"), e);
	if (!rc)
		rc = search_open(&s, cli_flag(c, "data"), embedder, e);
	if (!rc)
		rc = search_find(s, c->operand[0], (size_t)top, &h, e);
	if (!rc && embedder)
		log_line(LOG_INFO, "searched by words and by meaning (%s)", cli_flag(c, "embedder"));
	else if (!rc)
		log_line(LOG_INFO, "searched by words alone");
	for (size_t i = 0; i < h.n && !rc; i++)
		rc = print_hit(&h.p[i], cli_flag(c, "json"), e);
	if (!rc && !h.n)
		log_line(LOG_INFO, "nothing in %s has a word of this question", cli_flag(c, "data"));
	search_hits_release(&h);
	search_close(s);
	embedder_free(embedder);
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
			{.name = "top", .argument = "N", .fallback = "3", .help = "how many passages"}, FLAG_EMBEDDER, FLAG_JSON,
			{0}},
	.run = run,
};
