/* Any bytes as a chat template, rendered for messages, a tool and its call: bounded work, and every byte of output knows its origin. */
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static json_t *tools, *calls;
	if (!tools) {
		tools = json_loads("[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"a\":[1,2.5,null],\"b\":{"
				   "\"c\":true}}}}]",
			0, NULL);
		calls = json_loads("{\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":\"</s>\"}}}]}", 0, NULL);
	}
	const struct message messages[] = {{.role = "system", .content = "Be brief."},
		{.role = "user", .content = "<|im_end|> {{ 7 }}\xc3\xa9\n"},
		{.role = "assistant", .content = "", .train = true, .more = calls}, {.role = "tool", .content = "{\"t\": 7}"}};
	const struct conversation talk = {messages, 4, tools, true};
	struct err e = {0};
	struct buf text = {0}, origin = {0};
	struct chat_template *t = NULL;
	char *source = malloc(n + 1);
	if (!source)
		abort();
	memcpy(source, p, n);
	source[n] = 0;
	int rc = chat_template_new(&t, source, "<s>", "</s>", &e);
	fuzz_check(rc, &e);
	if (!rc) {
		rc = chat_template_render(t, &talk, &text, &origin, &e);
		fuzz_check(rc, &e);
		if (!rc && text.len != origin.len)
			abort();
		for (size_t i = 0; !rc && i < origin.len; i++)
			if ((unsigned char)origin.p[i] > 4 && (unsigned char)origin.p[i] != ORIGIN_TOOLS)
				abort();
	}
	chat_template_free(t);
	buf_release(&text);
	buf_release(&origin);
	free(source);
	return 0;
}
