/* JSON lines: what is read, what is refused, and that every refusal names file and line. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/format.h"

static char path[] = "attune_test_XXXXXX";

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 || close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static struct jsonl *open_bytes(const void *p, size_t n)
{
	struct jsonl *j;
	struct err e = {0};
	assert_int_equal(file_replace(path, p, n, &e), 0);
	if (jsonl_open(&j, path, &e))
		fail_msg("%s", e.text);
	return j;
}

/* Reads to the end; the value of "n" in each object, with its line. */
static void check_lines(const char *text, const char *expected)
{
	char got[256] = "";
	json_t *object;
	size_t line;
	struct err e = {0};
	struct jsonl *j = open_bytes(text, strlen(text));
	while (jsonl_next(j, &object, &line, &e) == 1) {
		size_t at = strlen(got);
		snprintf(got + at, sizeof got - at, "%zu:%lld ", line, json_integer_value(json_object_get(object, "n")));
		json_decref(object);
	}
	assert_int_equal(e.code, 0);
	assert_int_equal(jsonl_next(j, &object, &line, &e), 0); /* stays at the end */
	assert_null(object);
	assert_string_equal(got, expected);
	jsonl_close(j);
}

static void test_lines(void **state)
{
	(void)state;
	check_lines("", "");
	check_lines("\n \n\t\r\n", "");
	check_lines("{\"n\":1}\n{\"n\":2}\n", "1:1 2:2 ");
	check_lines("{\"n\":1}\r\n\r\n  {\"n\":3} \n{\"n\":4}", "1:1 3:3 4:4 ");
	check_lines("{\"n\":1,\"s\":\"\\\"[[{\\u0041\\\\\"}", "1:1 ");
}

static void check_refused(const void *bytes, size_t n, const char *says)
{
	char place[64];
	json_t *object;
	size_t line;
	struct err e = {0};
	struct jsonl *j = NULL;
	assert_int_equal(file_replace(path, bytes, n, &e), 0);
	int rc = jsonl_open(&j, path, &e);
	if (!rc && (rc = jsonl_next(j, &object, &line, &e)) == 1) { /* the first line is good, the second is not */
		json_decref(object);
		rc = jsonl_next(j, &object, &line, &e);
		snprintf(place, sizeof place, "%s: line 2: ", path);
	} else {
		snprintf(place, sizeof place, "%s: line 1: ", path);
	}
	if (rc != ERR_DATA || strncmp(e.text, place, strlen(place)) || !strstr(e.text, says))
		fail_msg("expected \"%s\": got %d \"%s\"", says, rc, e.text);
	jsonl_close(j);
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says;
		size_t n; /* 0: strlen */
	} cases[] = {
		{"{\"a\":\"\xff\"}", "0xff", 0},
		{"{\"a\":\"\xed\xa0\x80\"}", "0xed", 0},
		{"{\"a\":\"\xc0\xaf\"}", "0xc0", 0},
		{"{\"a\":\"\\ud800\"}", "\\uD800", 0},
		{"{\"a\":\"\\u0000\"}", "\\u0000", 0},
		{"{\"a\":\"\0\"}", "control character", 9},
		{"{\"a\":1}\0", "line 2: column", 8},
		{"{\"a\":1e999}", "overflow", 0},
		{"{\"a\":99999999999999999999}", "too big", 0},
		{"{\"a\":1,\"a\":2}", "duplicate", 0},
		{"{\"a\":{\"b\":1,\"b\":2}}", "duplicate", 0},
		{"{\"a\":NaN}", "invalid token", 0},
		{"{\"a\":1} x", "end of file expected", 0},
		{"{\"a\":1}{\"a\":1}", "end of file expected", 0},
		{"[1]", "expected a JSON object, found a list", 0},
		{"{\"a\":\"b", "may be cut", 0},
		{"{\"a\":1,", "may be cut", 0},
		{"\xef\xbb\xbf{\"a\":1}", "line 2", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char file[128] = "{\"good\": true}\r\n";
		size_t start = strlen(file), n = cases[i].n ? cases[i].n : strlen(cases[i].line);
		memcpy(file + start, cases[i].line, n);
		check_refused(file, start + n, cases[i].says);
	}
	check_refused("\xef\xbb\xbf{}", 5, "byte order mark");
	check_refused("7", 1, "column");                     /* a bare value is no JSON text to jansson */
	check_refused("{\"a\":1\n}", 8, "line 1: column 6"); /* not at the end: not called cut */
}

static void test_depth(void **state)
{
	(void)state;
	enum { DEEP = 100000 };
	char *text = malloc(2 * DEEP + 16);
	json_t *object;
	size_t line;
	struct err e = {0};
	if (!text)
		abort();
	strcpy(text, "{\"a\":");
	memset(text + 5, '[', DEEP);
	memset(text + 5 + DEEP, ']', DEEP);
	strcpy(text + 5 + 2 * DEEP, "}");
	check_refused(text, strlen(text), "nested more than 64 deep");
	for (size_t depth = 63; depth <= 64; depth++) { /* and the object around them */
		size_t n = (size_t)sprintf(text, "{\"a\":%.*s%.*s}", (int)depth,
			"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", (int)depth,
			"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
		struct jsonl *j = open_bytes(text, n);
		assert_int_equal(jsonl_next(j, &object, &line, &e), depth == 63 ? 1 : ERR_DATA);
		json_decref(object);
		jsonl_close(j);
	}
	free(text);
}

static void test_long_line(void **state)
{
	(void)state;
	struct err e = {0};
	struct jsonl *j;
	json_t *object;
	size_t line;
	assert_int_equal(file_replace(path, "", 0, &e), 0);
	assert_int_equal(truncate(path, (off_t)1 << 30), 0); /* a line of 1 GB, sparse */
	assert_int_equal(jsonl_open(&j, path, &e), 0);
	clock_t start = clock(); /* processor time, which a busy machine does not stretch */
	assert_int_equal(jsonl_next(j, &object, &line, &e), ERR_DATA);
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
	assert_non_null(strstr(e.text, "line 1: 1073741824 bytes long; the limit is 64 MiB"));
	jsonl_close(j);
}

static void test_absent_file(void **state)
{
	(void)state;
	struct jsonl *j;
	struct err e = {0};
	assert_int_equal(jsonl_open(&j, "attune_no_such_file", &e), ERR_FAILED);
	assert_null(j);
	assert_non_null(strstr(e.text, "attune_no_such_file"));
}

static void test_stdin(void **state)
{
	(void)state;
	static const char text[] = "{\"n\": 5}\nx";
	struct err e = {0};
	struct jsonl *j;
	json_t *object;
	size_t line;
	int saved = dup(STDIN_FILENO);
	assert_int_equal(file_replace(path, text, strlen(text), &e), 0);
	int fd = open(path, O_RDONLY);
	assert_true(saved >= 0 && fd >= 0 && dup2(fd, STDIN_FILENO) >= 0);
	assert_int_equal(jsonl_open(&j, "-", &e), 0);
	assert_int_equal(jsonl_next(j, &object, &line, &e), 1);
	assert_int_equal(json_integer_value(json_object_get(object, "n")), 5);
	json_decref(object);
	assert_int_equal(jsonl_next(j, &object, &line, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "stdin: line 2: "));
	jsonl_close(j);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(saved);
	close(fd);
}

static int below_three(void *sum, const json_t *object, struct err *e)
{
	int n = (int)json_integer_value(json_object_get(object, "n"));
	*(int *)sum += n;
	return n < 3 ? 0 : err_set(e, ERR_DATA, "%d is too much", n);
}

static void test_each(void **state)
{
	(void)state;
	const char *good = "{\"n\":1}\n\n{\"n\":2}\n", *bad = "{\"n\":1}\n\n{\"n\":3}\n{\"n\":2}\n", *broken = "{\"n\":1}\n{\n";
	int sum = 0;
	struct err e = {0};
	assert_int_equal(file_replace(path, good, strlen(good), &e), 0);
	assert_int_equal(jsonl_each(path, below_three, &sum, &e), 0);
	assert_int_equal(sum, 3);
	assert_int_equal(file_replace(path, bad, strlen(bad), &e), 0);
	assert_int_equal(jsonl_each(path, below_three, &sum, &e), ERR_DATA);
	assert_int_equal(sum, 7); /* and nothing after it */
	assert_non_null(strstr(e.text, path));
	assert_non_null(strstr(e.text, ": line 3: 3 is too much"));
	e = (struct err){0};
	assert_int_equal(file_replace(path, broken, strlen(broken), &e), 0);
	assert_int_equal(jsonl_each(path, below_three, &sum, &e), ERR_DATA);
	assert_non_null(strstr(e.text, ": line 2: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_absent_file),
		cmocka_unit_test(test_stdin),
		cmocka_unit_test(test_each),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
