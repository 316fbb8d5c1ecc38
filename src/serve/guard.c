/*
 * The rules for a request's head. Reference: guard.h, RFC 9112 sections 5.1 (names) and 6.3 (lengths), RFC 6454 (origins).
 *
 * A page from elsewhere can make its visitor's browser ask a server on loopback. It cannot forge Host and Origin, and cannot send
 * application/json without asking first (OPTIONS), which is never granted.
 */
#include "serve/guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

static int token_draw(char out[GUARD_TOKEN_SIZE], struct err *e)
{
	unsigned char random[GUARD_TOKEN_SIZE / 2];
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return err_errno(e, "draw random bytes for", "the page's tokens");
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(out + 2 * i, 3, "%02x", random[i]);
	return 0;
}

int guard_init(struct guard *g, const char *host, const char *key, struct err *e)
{
	*g = (struct guard){.key = key};
	snprintf(g->host, sizeof g->host, "%s", host);
	if (gethostname(g->own, sizeof g->own - 1))
		g->own[0] = 0;
	int rc = token_draw(g->session, e);
	return rc ? rc : token_draw(g->csrf, e);
}

void guard_name_cookie(struct guard *g, unsigned port)
{
	snprintf(g->cookie, sizeof g->cookie, "attune_%u", port);
}

/* The value of a header that stands there once; NULL otherwise. *n: how often it does. */
static const char *header(const struct evkeyvalq *headers, const char *name, size_t *n)
{
	const struct evkeyval *h;
	const char *value = NULL;
	*n = 0;
	TAILQ_FOREACH(h, headers, next)
	{
		if (strcasecmp(h->key, name))
			continue;
		value = h->value;
		++*n;
	}
	return *n == 1 ? value : NULL;
}

/* Splits "name", "name:port" and "[v6]:port"; the name without brackets. */
static bool host_name(const char *authority, char *name, size_t size)
{
	bool v6 = *authority == '[';
	const char *from = authority + v6, *end = v6 ? strchr(from, ']') : from + strcspn(from, ":");
	if (!end || end == from || (size_t)(end - from) >= size)
		return false;
	snprintf(name, size, "%.*s", (int)(end - from), from);
	end += v6;
	return !*end || (*end == ':' && end[1] && !end[1 + strspn(end + 1, "0123456789")]);
}

/* A number is no name that somebody could point elsewhere. */
static bool host_allowed(const struct guard *g, const char *authority)
{
	char name[256];
	unsigned char address[16];
	if (!host_name(authority, name, sizeof name))
		return false;
	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1 ||
		!strcasecmp(name, "localhost") || !strcasecmp(name, g->host) || (*g->own && !strcasecmp(name, g->own));
}

static bool origin_is(const char *origin, const char *authority)
{
	const char *rest = !strncmp(origin, "http://", 7) ? origin + 7 : !strncmp(origin, "https://", 8) ? origin + 8 : NULL;
	return rest && !strcasecmp(rest, authority);
}

/* In a time that does not depend on where they differ. */
static bool equal(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned char difference = n != m;
	for (size_t i = 0; i < m; i++)
		difference |= (unsigned char)(a[i < n ? i : 0] ^ b[i]);
	return !difference;
}

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = sizeof json - 1;
	return type && !strncasecmp(type, json, n) && (!type[n] || strchr("; \t", type[n]));
}

/* A token of RFC 9110, section 5.6.2: "Content-Length : 5" is a length for some programs, and none for evhttp. */
static int check_names(const struct evkeyvalq *headers, struct problem *p)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const struct evkeyval *h;
	TAILQ_FOREACH(h, headers, next)
	if (!*h->key || h->key[strspn(h->key, token)])
		return problem_set(p, 400, NULL, NULL, "a header's name: expected letters, digits and marks in front of the colon");
	return 0;
}

static int check_lengths(const struct evkeyvalq *headers, struct problem *p)
{
	size_t n_length, n_coding;
	const char *length = header(headers, "Content-Length", &n_length),
		   *coding = header(headers, "Transfer-Encoding", &n_coding);
	if (n_length + n_coding > 1)
		return problem_set(p, 400, NULL, NULL, "the request says its length more than once");
	if (n_length && !(*length && !length[strspn(length, "0123456789")]))
		return problem_set(p, 400, NULL, NULL, "Content-Length: expected digits");
	if (n_coding && strcasecmp(coding, "chunked"))
		return problem_set(p, 400, NULL, NULL, "Transfer-Encoding: expected \"chunked\"");
	return 0;
}

bool guard_key_is(const struct guard *g, const char *shown)
{
	return g->key && equal(shown, g->key);
}

static bool shows_key(const struct guard *g, const struct evkeyvalq *headers)
{
	size_t n;
	const char *shown = header(headers, "Authorization", &n);
	return shown && !strncasecmp(shown, "Bearer ", 7) && equal(shown + 7 + strspn(shown + 7, " "), g->key);
}

/* RFC 6265, section 4.2.1: "name=value; name=value". */
static bool shows_cookie(const struct guard *g, const struct evkeyvalq *headers)
{
	char value[GUARD_TOKEN_SIZE];
	size_t n, name = strlen(g->cookie);
	const char *at = header(headers, "Cookie", &n);
	while (at && *at) {
		size_t pair = strcspn(at, ";");
		if (pair == name + sizeof value && !strncmp(at, g->cookie, name) && at[name] == '=') {
			snprintf(value, sizeof value, "%s", at + name + 1);
			if (equal(value, g->session))
				return true;
		}
		at += pair;
		at += strspn(at, "; ");
	}
	return false;
}

/* What holds no secret, and what a visitor needs to come in. */
static bool is_open(const char *path)
{
	return !strcmp(path, "/health") || !strcmp(path, "/") || !strncmp(path, "/ui/", 4) || !strcmp(path, "/page/state") ||
		!strcmp(path, "/page/sign-in");
}

/* Who may come in, and by what the visitor is known. */
static int check_visitor(const struct guard *g, enum http_method method, const char *path, const struct evkeyvalq *headers,
	bool *known, struct problem *p)
{
	size_t n;
	const char *token = header(headers, "X-CSRF-Token", &n);
	bool by_key = g->key && shows_key(g, headers), by_cookie = g->key && !by_key && shows_cookie(g, headers);
	bool page = !strncmp(path, "/page/", 6);
	*known = !g->key || by_key || by_cookie;
	if (!*known && !is_open(path))
		return problem_set(p, 401, "invalid_api_key", NULL,
			"expected the header \"Authorization: Bearer KEY\" with this server's key");
	if (method == HTTP_POST && !by_key && (by_cookie || (page && !is_open(path))) && !(token && equal(token, g->csrf)))
		return problem_set(
			p, 403, "csrf", NULL, "expected the header X-CSRF-Token as GET /page/state tells it; reload the page");
	return 0;
}

int guard_check(const struct guard *g, enum http_method method, const char *path, const struct evkeyvalq *headers, bool *known,
	struct problem *p)
{
	size_t n;
	int rc = check_names(headers, p);
	const char *host = header(headers, "Host", &n);
	if (!rc)
		rc = check_lengths(headers, p);
	if (rc)
		return rc;
	if (!host)
		return problem_set(p, 400, NULL, NULL, "expected one Host header, found %zu", n);
	if (!host_allowed(g, host))
		return problem_set(p, 403, NULL, NULL,
			"Host: \"%.100s\" is no name of this server; use its address, localhost, or the name it was started with",
			host);
	const char *origin = header(headers, "Origin", &n);
	if (n && !(origin && origin_is(origin, host)))
		return problem_set(p, 403, NULL, NULL, "Origin: pages from elsewhere may not use this server");
	if (method == HTTP_OPTIONS)
		return 0;
	if ((rc = check_visitor(g, method, path, headers, known, p)))
		return rc;
	if (method == HTTP_POST && !is_json(header(headers, "Content-Type", &n)))
		return problem_set(p, 415, NULL, NULL, "expected the header \"Content-Type: application/json\"");
	return 0;
}
