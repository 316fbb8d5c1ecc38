/* Any bytes as a chat template, rendered for three messages: bounded work, and every byte of output knows its origin. */
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct message messages[] = {{.role = "system", .content = "Be brief."},
		{.role = "user", .content = "<|im_end|> {{ 7 }}\n"}, {.role = "assistant", .content = "", .train = true}};
	static const struct conversation talk = {messages, 3, NULL, true};
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
			if ((unsigned char)origin.p[i] > 3)
				abort();
	}
	chat_template_free(t);
	buf_release(&text);
	buf_release(&origin);
	free(source);
	return 0;
}
