/*
 * Errors as OpenAI's clients know them. Reference: problem.h.
 */
#include "serve/problem.h"

#include <stdio.h>
#include <string.h>

#include "format/format.h"

int problem_set(struct problem *p, int status, const char *code, const char *param, const char *fmt, ...)
{
	struct err said; /* as one line */
	va_list args;
	va_start(args, fmt);
	err_vset(&said, ERR_DATA, fmt, args);
	va_end(args);
	*p = (struct problem){.status = status, .code = code};
	snprintf(p->param, sizeof p->param, "%s", param ? param : "");
	memcpy(p->message, said.text, sizeof p->message);
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
	return json_pack("{s:{s:o, s:s, s:o, s:s?}}", "error", "message", json_text(p->message, strlen(p->message)), "type",
		type_of(p->status), "param", *p->param ? json_text(p->param, strlen(p->param)) : json_null(), "code", p->code);
}
