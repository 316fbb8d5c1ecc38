/*
 * Errors as OpenAI's clients know them. Reference: problem.h.
 */
#include "serve/problem.h"

#include <stdio.h>
#include <string.h>

#include "format/format.h"

int problem_set(struct problem *p, int status, const char *code, const char *param, const char *fmt, ...)
{
	va_list args;
	*p = (struct problem){.status = status, .code = code};
	snprintf(p->param, sizeof p->param, "%s", param ? param : "");
	va_start(args, fmt);
	vsnprintf(p->message, sizeof p->message, fmt, args);
	va_end(args);
	return ERR_DATA;
}

int problem_from(struct problem *p, const char *param, const struct err *e)
{
	int status = e->code == ERR_DATA || e->code == ERR_USAGE ? 400 : e->code == ERR_RESOURCE ? 503 : 500;
	problem_set(p, status, NULL, param, "%s", e->text);
	return e->code;
}

static const char *type_of(int status)
{
	switch (status) {
	case 401:
		return "authentication_error";
	case 403:
		return "permission_error";
	case 404:
		return "not_found_error";
	case 429:
		return "rate_limit_error";
	case 503:
		return "unavailable_error";
	default:
		return status < 500 ? "invalid_request_error" : "server_error";
	}
}

json_t *problem_json(const struct problem *p)
{
	struct buf message = {0};
	struct err e;
	json_t *out = NULL;
	if (!utf8_append(&message, p->message, strlen(p->message), &e))
		out = json_pack("{s:{s:s%, s:s, s:s?, s:s?}}", "error", "message", message.len ? message.p : "", message.len,
			"type", type_of(p->status), "param", *p->param ? p->param : NULL, "code", p->code);
	buf_release(&message);
	return out;
}
