/* Requests: what is understood, what is let through, what is refused and by which name. The edge's rules for heads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "serve/guard.h"
#include "serve/reply.h"
#include "serve/request.h"

static struct problem read_fails(bool chat, const char *body)
{
	struct completion_request q;
	struct problem p = {0};
	if (!completion_request_read(&q, chat, body, strlen(body), &p))
		fail_msg("accepted: %s", body);
	completion_request_release(&q);
	return p;
}

static void read_well(struct completion_request *q, bool chat, const char *body)
{
	struct problem p = {0};
	if (completion_request_read(q, chat, body, strlen(body), &p))
		fail_msg("%s: %s", body, p.message);
}

static void test_chat(void **state)
{
	struct completion_request q;
	(void)state;
	read_well(&q, true,
		"{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"user\",\"content\":[{"
		"\"type\":\"text\","
		"\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}],\"name\":null}],\"stop\":[\"x\",\"yz\"],\"n\":2,\"seed\":-1,"
		"\"temperature\":1,\"top_p\":0,\"max_completion_tokens\":7,\"stream\":true,\"stream_options\":{\"include_usage\":"
		"true},"
		"\"logprobs\":true,\"top_logprobs\":3,\"tools\":[],\"user\":\"u\"}");
	assert_int_equal(q.n_messages, 2);
	assert_string_equal(q.messages[0].role, "system");
	assert_string_equal(q.messages[1].content, "bc");
	assert_int_equal(q.n_stop, 2);
	assert_string_equal(q.stop[1], "yz");
	assert_true(q.n == 2 && q.max_tokens == 7 && q.stream && q.include_usage && q.logprobs && q.n_top == 3);
	assert_true(q.sampling.seed == UINT64_MAX && q.sampling.temperature == 1.0f && q.sampling.top_p > 0);
	completion_request_release(&q);
	read_well(&q, true, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"n\":null,\"whatever\":null}");
	assert_true(q.n == 1 && q.max_tokens == SIZE_MAX && !q.stream && !q.logprobs && !q.n_stop);
	completion_request_release(&q);
}

static void test_text(void **state)
{
	struct completion_request q;
	(void)state;
	read_well(&q, false, "{\"model\":\"m\",\"prompt\":[[1,2]],\"echo\":true,\"max_tokens\":0,\"logprobs\":5,\"best_of\":1}");
	assert_true(q.echo && !q.max_tokens && q.logprobs && q.n_top == 5);
	completion_request_release(&q);
	read_well(&q, false, "{\"model\":\"m\",\"prompt\":\"\"}");
	assert_true(q.max_tokens == 16); /* OpenAI's */
	completion_request_release(&q);
	assert_string_equal(read_fails(false, "{\"model\":\"m\",\"prompt\":\"a\",\"max_tokens\":0}").param, "max_tokens");
	assert_string_equal(read_fails(false, "{\"model\":\"m\",\"prompt\":[]}").param, "prompt");
	assert_string_equal(read_fails(false, "{\"model\":\"m\",\"prompt\":\"a\",\"messages\":[]}").code, "unknown_parameter");
	assert_string_equal(read_fails(false, "{\"model\":\"m\",\"prompt\":\"a\",\"best_of\":2}").code, "unsupported_parameter");
	assert_string_equal(read_fails(false, "{\"model\":\"m\",\"prompt\":\"a\",\"logprobs\":6}").param, "logprobs");
}

/* A name longer than what holds it, and values that are none. */
static void test_refused(void **state)
{
	char body[300], name[200];
	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = 0;
	snprintf(body, sizeof body, "{\"model\":\"m\",\"%s\":1}", name);
	assert_int_equal(strlen(read_fails(true, body).param), 63);
	struct problem quoted;
	problem_set(&quoted, 400, NULL, "\xe4\xb8", "a\rb\n\xe4\xb8");
	assert_string_equal(quoted.message, "a b \xe4\xb8");
	json_t *said = problem_json(&quoted);
	assert_non_null(said); /* bytes that are no text too */
	json_decref(said);
	assert_int_equal(read_fails(true, "").status, 400);
	assert_int_equal(read_fails(true, "null").status, 400);
	assert_int_equal(read_fails(true, "{}").status, 400);
	assert_string_equal(read_fails(true, "{\"model\":\"m\"}").param, "messages");
	assert_string_equal(read_fails(true, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}").param, "model");
	assert_string_equal(read_fails(true, "{\"seed\":1.5}").param, "seed");
	assert_string_equal(read_fails(true, "{\"temperature\":2.1}").param, "temperature");
	assert_string_equal(read_fails(true, "{\"n\":9223372036854775807}").param, "n");
	assert_string_equal(read_fails(true, "{\"max_tokens\":3,\"max_completion_tokens\":4}").param, "max_completion_tokens");
}

/* ---- heads -------------------------------------------------------------------------------------------------------------------------- */

static int head(const char *key, enum http_method method, const char *const (*pairs)[2], size_t n)
{
	struct evkeyval kv[8];
	struct evkeyvalq headers;
	struct guard g;
	struct problem p = {0};
	struct err e = {0};
	bool known;
	assert_int_equal(guard_init(&g, "served.example", key, &e), 0);
	TAILQ_INIT(&headers);
	for (size_t i = 0; i < n; i++) {
		kv[i].key = (char *)(uintptr_t)pairs[i][0];
		kv[i].value = (char *)(uintptr_t)pairs[i][1];
		TAILQ_INSERT_TAIL(&headers, &kv[i], next);
	}
	return guard_check(&g, method, "/v1/models", &headers, &known, &p) ? p.status : 200;
}

#define HEAD(key, method, ...)                                   \
	head(key, method, (const char *const[][2]){__VA_ARGS__}, \
		sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(const char *const[2]))

static void test_hosts(void **state)
{
	static const struct {
		const char *host;
		int status;
	} table[] = {{"localhost", 200}, {"LOCALHOST:8080", 200}, {"127.0.0.1", 200}, {"10.0.0.7:1", 200}, {"[::1]", 200},
		{"[fe80::1]:80", 200}, {"served.example", 200}, {"served.example:9", 200}, {"evil.example", 403},
		{"localhost.evil.example", 403}, {"127.0.0.1.evil.example", 403}, {"", 403}, {":80", 403}, {"localhost:", 403},
		{"localhost:8a", 403}, {"[::1", 403}, {"[::1]x", 403}, {"[evil]", 403}, {"a@localhost", 403},
		{"localhost, evil.example", 403}};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (HEAD(NULL, HTTP_GET, {"Host", table[i].host}) != table[i].status)
			fail_msg("Host: %s", table[i].host);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"X", "y"}), 400);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"Host", "localhost"}, {"host", "localhost"}), 400);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"Host", "localhost:1"}, {"Origin", "http://localhost:1"}), 200);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"Host", "localhost:1"}, {"Origin", "https://localhost:1"}), 200);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"Host", "localhost:1"}, {"Origin", "http://localhost:2"}), 403);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"Host", "localhost:1"}, {"Origin", "null"}), 403);
	assert_int_equal(
		HEAD(NULL, HTTP_GET, {"Host", "localhost"}, {"Origin", "http://localhost"}, {"Origin", "http://localhost"}), 403);
}

static void test_key_and_type(void **state)
{
	(void)state;
	assert_int_equal(HEAD("secret", HTTP_GET, {"Host", "localhost"}), 401);
	assert_int_equal(HEAD("secret", HTTP_GET, {"Host", "localhost"}, {"Authorization", "Bearer secret"}), 200);
	assert_int_equal(HEAD("secret", HTTP_GET, {"Host", "localhost"}, {"Authorization", "bearer  secret"}), 200);
	assert_int_equal(HEAD("secret", HTTP_GET, {"Host", "localhost"}, {"Authorization", "Bearer secre"}), 401);
	assert_int_equal(HEAD("secret", HTTP_GET, {"Host", "localhost"}, {"Authorization", "Bearer secretx"}), 401);
	assert_int_equal(HEAD("secret", HTTP_GET, {"Host", "localhost"}, {"Authorization", "Bearer "}), 401);
	assert_int_equal(HEAD("secret", HTTP_GET, {"Host", "localhost"}, {"Authorization", "Basic secret"}), 401);
	assert_int_equal(HEAD("secret", HTTP_OPTIONS, {"Host", "localhost"}), 200);
	assert_int_equal(HEAD(NULL, HTTP_POST, {"Host", "localhost"}), 415);
	assert_int_equal(HEAD(NULL, HTTP_POST, {"Host", "localhost"}, {"Content-Type", "Application/JSON; charset=utf-8"}), 200);
	assert_int_equal(HEAD(NULL, HTTP_POST, {"Host", "localhost"}, {"Content-Type", "application/json5"}), 415);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"Host", "localhost"}, {"Content-Length", "5"}, {"Content-Length", "5"}), 400);
	assert_int_equal(
		HEAD(NULL, HTTP_GET, {"Host", "localhost"}, {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}), 400);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"Host", "localhost"}, {"Content-Length", "0x5"}), 400);
	assert_int_equal(HEAD(NULL, HTTP_GET, {"Host", "localhost"}, {"Transfer-Encoding", "gzip, chunked"}), 400);
}

/* The vectors of RFC 4648, and bytes with their highest bit set. */
static void test_base64(void **state)
{
	static const struct {
		const char *from, *to;
	} table[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfb", "//77"}};
	(void)state;
	struct buf b = {0};
	assert_int_equal(buf_puts(&b, "=", NULL), 0);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		size_t before = b.len;
		assert_int_equal(base64_append(&b, table[i].from, strlen(table[i].from), NULL), 0);
		assert_string_equal(b.p + before, table[i].to);
	}
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chat),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_key_and_type),
		cmocka_unit_test(test_base64),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
