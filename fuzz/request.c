/* Any bytes as a request to the server, as http.c hands it on: lines of headers, an empty line, the body. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "serve/guard.h"
#include "serve/request.h"

enum { HEADERS_MAX = 64 };

/* What is refused has a status and a sentence that JSON can hold. */
static void problem_check(int rc, const struct problem *p)
{
	if (!rc)
		return;
	json_t *said = problem_json(p);
	if (p->status < 400 || p->status > 599 || !*p->message || strpbrk(p->message, "\r\n") || !said)
		abort();
	json_decref(said);
}

/* Cuts the headers off `text`, and asks the guard about them. Returns the body. */
static char *head_check(char *text)
{
	struct evkeyval pair[HEADERS_MAX];
	struct evkeyvalq headers;
	struct guard guard;
	TAILQ_INIT(&headers);
	for (size_t i = 0; i < HEADERS_MAX && *text && *text != '\n'; i++) {
		char *line = text, *end = line + strcspn(line, "\n"), *colon;
		text = *end ? end + 1 : end;
		*end = 0;
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = 0;
		pair[i].key = line;
		pair[i].value = colon + 1 + strspn(colon + 1, " \t");
		TAILQ_INSERT_TAIL(&headers, &pair[i], next);
	}
	for (int key = 0; key < 2; key++) {
		struct problem get = {0}, post = {0};
		bool known;
		if (guard_init(&guard, "served.example", key ? "secret" : NULL, NULL))
			abort();
		guard_name_cookie(&guard, 8080);
		problem_check(guard_check(&guard, HTTP_GET, "/v1/models", &headers, &known, &get), &get);
		problem_check(guard_check(&guard, HTTP_POST, "/page/arena/ask", &headers, &known, &post), &post);
	}
	return text + (*text == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1);
	if (!text)
		abort();
	memcpy(text, p, n);
	text[n] = 0;
	const char *body = head_check(text);
	size_t size = (size_t)(text + n - body);
	for (int chat = 0; chat < 2; chat++) {
		struct completion_request q;
		struct problem problem = {0};
		problem_check(completion_request_read(&q, chat, body, size, &problem), &problem);
		completion_request_release(&q);
	}
	free(text);
	return 0;
}
