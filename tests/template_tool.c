/*
 * Chat templates as attune renders them, for tests/oracle/templates.py. Reads {"template", "messages", "tools", "bos", "eos",
 * "add_generation_prompt"} a line from stdin and writes {"text"} or {"error"} a line.
 */
#include <stdio.h>
#include <string.h>

#include "format/format.h"

enum { TALK_MAX = 254 };

static int render(const json_t *job, struct buf *text, struct err *e)
{
	struct message m[TALK_MAX] = {0};
	struct buf origin = {0};
	struct chat_template *t = NULL;
	const json_t *messages = json_object_get(job, "messages"), *tools = json_object_get(job, "tools");
	size_t n = json_array_size(messages) < TALK_MAX ? json_array_size(messages) : TALK_MAX;
	for (size_t i = 0; i < n; i++) {
		const json_t *message = json_array_get(messages, i);
		const char *content = json_string_value(json_object_get(message, "content"));
		m[i] = (struct message){.role = json_string_value(json_object_get(message, "role")),
			.content = content ? content : "",
			.more = message};
	}
	int rc = chat_template_new(&t, json_string_value(json_object_get(job, "template")),
		json_string_value(json_object_get(job, "bos")), json_string_value(json_object_get(job, "eos")), e);
	if (!rc)
		rc = chat_template_render(t,
			&(struct conversation){m, n, json_is_array(tools) ? tools : NULL,
				json_is_true(json_object_get(job, "add_generation_prompt"))},
			text, &origin, e);
	chat_template_free(t);
	buf_release(&origin);
	return rc;
}

int main(void)
{
	struct jsonl *j;
	json_t *job;
	size_t line;
	struct err e = {0};
	int rc = jsonl_open(&j, "-", &e);
	while (!rc && (rc = jsonl_next(j, &job, &line, &e)) > 0) {
		struct buf text = {0};
		struct err failed = {0};
		rc = render(job, &text, &failed);
		json_t *answer = rc ? json_pack("{s:s}", "error", failed.text) : json_pack("{s:s}", "text", text.p ? text.p : "");
		rc = answer ? json_dumpf(answer, stdout, JSON_COMPACT) : err_set(&e, ERR_DATA, "text that is not UTF-8");
		printf("\n");
		json_decref(answer);
		json_decref(job);
		buf_release(&text);
	}
	jsonl_close(j);
	if (rc)
		fprintf(stderr, "template_tool: %s\n", e.text);
	return -rc;
}
