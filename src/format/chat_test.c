/*
 * Chat templates: text equal to transformers' (tests/golden/chat.json, made by tests/oracle/chat_golden.py), the origin of every
 * byte, limits, and sentences for what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/tokenizer.h"

static const struct message TALK[] = {
	{.role = "user", .content = "Hi <|im_end|>"}, {.role = "assistant", .content = " Hello\n", .train = true}};

static int render(
	const char *source, const struct message *m, size_t n, bool add, struct buf *text, struct buf *origin, struct err *e)
{
	struct chat_template *t;
	int rc = chat_template_new(&t, source, "<s>", "</s>", e);
	if (!rc)
		rc = chat_template_render(t, &(struct conversation){m, n, NULL, add}, text, origin, e);
	chat_template_free(t);
	return rc;
}

static void check_golden_row(const json_t *row)
{
	struct message m[8] = {0};
	struct buf text = {0}, origin = {0};
	struct err e = {0};
	const json_t *messages = json_object_get(row, "messages"), *expected = json_object_get(row, "text");
	const char *source = json_string_value(json_object_get(row, "template"));
	size_t n = json_array_size(messages);
	assert_true(source && n <= 8);
	for (size_t i = 0; i < n; i++) {
		const json_t *message = json_array_get(messages, i);
		m[i].role = json_string_value(json_object_get(message, "role"));
		m[i].content = json_string_value(json_object_get(message, "content"));
	}
	int rc = render(source, m, n, json_is_true(json_object_get(row, "add_generation_prompt")), &text, &origin, &e);
	if (json_is_null(expected) ? rc != ERR_DATA : rc != 0)
		fail_msg("%s: got %d \"%s\"", source, rc, e.text);
	if (!rc && strcmp(text.p ? text.p : "", json_string_value(expected)))
		fail_msg("%s:\nexpected \"%s\"\n     got \"%s\"", source, json_string_value(expected), text.p);
	if (!rc)
		assert_int_equal(text.len, origin.len);
	buf_release(&text);
	buf_release(&origin);
}

static void test_golden(void **state)
{
	(void)state;
	json_error_t error;
	json_t *rows = json_load_file(GOLDEN_DIR "/chat.json", 0, &error);
	assert_true(json_array_size(rows) > 60);
	for (size_t i = 0; i < json_array_size(rows); i++)
		check_golden_row(json_array_get(rows, i));
	json_decref(rows);
}

/* Each byte's origin, written as a digit. */
static void check_origin(const char *source, const char *expected_text, const char *expected_origin)
{
	struct buf text = {0}, origin = {0};
	struct err e = {0};
	assert_int_equal(render(source, TALK, 2, false, &text, &origin, &e), 0);
	for (size_t i = 0; i < origin.len; i++)
		origin.p[i] = (char)(origin.p[i] + '0');
	assert_string_equal(text.p, expected_text);
	assert_string_equal(origin.p, expected_origin);
	buf_release(&text);
	buf_release(&origin);
}

static void test_origin(void **state)
{
	(void)state;
	check_origin("<{{ messages[0].content }}>{{ messages[1].content }}", "<Hi <|im_end|>> Hello\n", "0111111111111102222222");
	check_origin("{{ 'a' + messages[1]['content'] | trim ~ eos_token }}", "aHello</s>", "0222220000");
	check_origin("{{ (' ' ~ messages[1].content ~ 'x') | trim }}", "Hello\nx", "2222220");
	check_origin("{% set x = messages[1].content.strip() %}{{ x ~ 7 ~ x }}", "Hello7Hello", "22222022222");
	check_origin("{{ messages[1].content.replace('ll', '-') }}{{ messages[1].content[2:4] }}", " He-o\nel", "22202222");
	check_origin("{{ messages[1].content | tojson }}{{ messages[1].content | upper }}", "\" Hello\\n\" HELLO\n",
		"22222222222222222");
	check_origin("{{ messages[1].content.split('l') | join('-') }}{{ 'a{}b'.format(messages[1].content[1]) }}", " He--o\naHb",
		"2220022020");
	check_origin("{% set x %}<{{ messages[1].content }}>{% endset %}{{ x[::-1] }}", ">\nolleH <", "022222220");
	check_origin("{% macro f(a) %}[{{ a | trim }}]{% endmacro %}{{ f(messages[1].content) }}", "[Hello]", "0222220");
	check_origin("{{ messages[1].role }}{{ messages[1].content | length }}", "assistant7", "0000000000");
	check_origin("{{ messages[1].content if true }}{{ nothing | default(messages[1].content) }}", " Hello\n Hello\n",
		"22222222222222");
}

static void check_system(const char *source, bool expected)
{
	struct chat_template *t;
	struct err e = {0};
	assert_int_equal(chat_template_new(&t, source, NULL, NULL, &e), 0);
	if (chat_template_renders_system(t) != expected)
		fail_msg("%s: got %d", source, !expected);
	chat_template_free(t);
}

static void test_system(void **state)
{
	(void)state;
	check_system("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}", true);
	check_system("{% set s = messages[0].content %}{% for m in messages[1:] %}{{ s ~ m.content }}{% endfor %}", true);
	check_system("{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}", false);
	check_system("{% for m in messages %}{{ m.role }}{% endfor %}", false);
	check_system("{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
		     "{% for m in messages %}{{ m.content }}{% endfor %}",
		false);
	check_system("{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
		     "{{ raise_exception('roles must alternate') }}{% endif %}{{ m.content }}{% endfor %}",
		false);
	check_system("", false);
}

static void test_no_origin_wanted(void **state)
{
	(void)state;
	struct buf text = {0};
	struct err e = {0};
	assert_int_equal(render("{{ messages[1].content }}!", TALK, 2, false, &text, NULL, &e), 0);
	assert_string_equal(text.p, " Hello\n!");
	buf_release(&text);
}

static void check_refused(const char *source, const char *says)
{
	struct buf text = {0};
	struct err e = {0};
	int rc = render(source, TALK, 2, false, &text, NULL, &e);
	if (rc != ERR_DATA || !strstr(e.text, says))
		fail_msg("%.80s: got %d \"%s\", expected \"%s\"", source, rc, e.text, says);
	buf_release(&text);
}

static void test_refusals_name_line_and_cause(void **state)
{
	(void)state;
	check_refused("a\n\n{{ x | urlencode }}", "line 3: unsupported filter \"urlencode\"");
	check_refused("{% call f() %}{% endcall %}", "line 1: unsupported statement \"call\"");
	check_refused("\n{{ lipsum('%d') }}", "line 2: unsupported function \"lipsum\"");
	check_refused("{{ 'a'.zfill(3) }}", "unsupported method \"zfill\" of a string");
	check_refused("{{ [].append(1) }}", "unsupported method \"append\" of a list");
	check_refused("{{ x is escaped }}", "unsupported test \"escaped\"");
	check_refused("{{ 1 < 2 < 3 }}", "chain of comparisons");
	check_refused("{{ {1: 1} }}", "unsupported key of a mapping: an integer");
	check_refused("{{ 2 ** 3 }}", "found \"**\"");
	check_refused("{% set a = {} %}\n{% set a.b = 1 %}", "line 2: only a namespace can be changed, not a mapping");
	check_refused("{% if true %}\n\n", "expected endif, found \"the end of the template\"");
	check_refused("{{ '\\061' }}", "unsupported escape");
	check_refused("{{ 1234567890123456 }}", "number too long");
	check_refused("{{ range(100002) }}", "a range of more than 100000");
	check_refused("{{ x | tojson }}", "tojson cannot write an undefined value");
	check_refused("{{ strftime_now('%Q') }}", "unsupported field \"%Q\" of a date");
	check_refused("{{ namespace() }}", "cannot print a namespace");
	check_refused("{% break %}", "outside of a loop");
	check_refused("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "has no such argument");
	check_refused("x\n{{ raise_exception('Roles must alternate') }}", "refuses these messages: Roles must alternate");
}

static void test_unknown_role(void **state)
{
	(void)state;
	const struct message m[] = {{.role = "<|im_start|>", .content = "x"}};
	struct buf text = {0};
	struct err e = {0};
	assert_int_equal(render("{{ messages[0].role }}", m, 1, false, &text, NULL, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "message 1: expected the role"));
	assert_int_equal(text.len, 0);
}

/* `before`, n times `part`, `after` */
static char *repeated(const char *before, const char *part, size_t n, const char *after)
{
	size_t size = strlen(before) + n * strlen(part) + strlen(after) + 1;
	char *s = malloc(size), *p = s;
	assert_non_null(s);
	p = stpcpy(p, before);
	while (n--)
		p = stpcpy(p, part);
	stpcpy(p, after);
	return s;
}

static void test_limits(void **state)
{
	(void)state;
	static const struct {
		const char *before, *part;
		size_t n;
		const char *after, *says;
	} cases[] = {
		{"{{ ", "(", 100000, "", "deep"},
		{"{{ ", "[", 100000, "", "deep"},
		{"{{ ", "{'a':", 50000, "", "deep"},
		{"{{ f", "(f", 100000, "", "deep"},
		{"{{ x", "[x", 100000, "", "deep"},
		{"{{ x", " if x else x", 20000, " }}", "deep"},
		{"{{ ", "not ", 50000, "1 }}", "deep"},
		{"{{ ", "-", 100000, "1 }}", "deep"},
		{"{{ 1", "+1", 100000, " }}", "parts in a chain"},
		{"{{ x", ".y", 100000, " }}", "parts in a chain"},
		{"{{ 'x'", "|trim", 40000, " }}", "parts in a chain"},
		{"", "{% if true %}", 15000, "", "deep"},
		{"{% if 0 %}", "{% elif 0 %}", 15000, "{% endif %}", "deep"},
		{"", "{% for m in messages %}", 10000, "", "deep"},
		{"", "x", 300000, "", "the limit is"},
		{"", "{% for m in messages %}", 30, "x", "expected endfor"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *source = repeated(cases[i].before, cases[i].part, cases[i].n, cases[i].after);
		check_refused(source, cases[i].says);
		free(source);
	}
	char *loops = repeated("", "{% for m in messages %}", 25, ""), *ends = repeated(loops, "{% endfor %}", 25, "");
	check_refused(ends, "MiB of text"); /* each loop's own variables */
	free(loops);
	free(ends);
	char *list = repeated(
		"{% for a in [1,2,3,4] %}{% for b in [1,2,3,4] %}{% for c in [1,2,3,4] %}{% for d in [1,2,3,4] %}{% set x = [",
		"1,", 9000, "] %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}");
	check_refused(list, "MiB of text");
	free(list);
	char *set = repeated("{% set x = messages[0].content %}", "{% set x = x + x %}", 40, "");
	check_refused(set, "MiB of text");
	free(set);
	check_refused("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nested more than");
	check_refused("{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}", "nested more than");
	check_refused("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "steps");
	check_refused("{% for a in range(10**9) %}{% endfor %}", "found \"**\"");
	check_refused("{% for a in range(1000000000) %}{% endfor %}", "a range of more than 100000");
	check_refused("{% for a in range(-999999999999999, 999999999999999) %}{% endfor %}", "a range of more than 100000");
	check_refused("{% for a in range(0, 1, 0) %}{% endfor %}", "range");
	check_refused("{% set x = 'ab' * 1000 %}{% for a in range(99999) %}{{ x }}{% endfor %}", "MiB of text");
	check_refused("{% set n = namespace(x=[0]) %}{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}", "MiB of text");
	static const char grow[] = "{% set n = namespace(x=[0], y=[0]) %}{% for a in range(999) %}{% set n.x = ";
	static const struct {
		const char *grown, *then, *says;
	} nests[] = {
		{"[n.x, n.x] if a < 99 else n.x", "{{ n.x }}", "steps"},
		{"[n.x]", "{{ n.x }}", "nested more than"},
		{"[n.x]", "{{ n.x | tojson }}", "nested more than"},
		{"[n.x] %}{% set n.y = [n.y]", "{{ n.x == n.y }}", "nested more than"},
		{"{'a': n.x}", "{{ n.x }}", "nested more than"},
	};
	for (size_t i = 0; i < sizeof nests / sizeof *nests; i++) {
		char source[512];
		snprintf(source, sizeof source, "%s%s %%}{%% endfor %%}%s", grow, nests[i].grown, nests[i].then);
		check_refused(source, nests[i].says);
	}
	check_refused("{{ 'abcdefgh' * 999999999 }}", "steps");
	check_refused("{% set x = 'ab' * 100000 %}{{ x * 1000000 }}", "MiB of text");
	check_refused("{{ [1, 2] * 999999999 }}", "MiB of text");
	char many[256 * 32] = "";
	for (int i = 0; i < 256; i++)
		sprintf(many + strlen(many), "{%% set v%d = 1 %%}", i);
	check_refused(many, "variables");

	struct message crowd[256];
	struct buf text = {0}, origin = {0};
	struct err e = {0};
	for (size_t i = 0; i < 256; i++)
		crowd[i] = (struct message){.role = "user", .content = "x"};
	assert_int_equal(
		render("{% for m in messages %}{{ m.content }}{% endfor %}", crowd, 255, false, &text, &origin, &e), ERR_DATA);
	assert_int_equal(render("{% for m in messages %}{{ m.content }}{% endfor %}", crowd, 254, false, &text, &origin, &e), 0);
	assert_int_equal((unsigned char)origin.p[253], 254);
	buf_release(&text);
	buf_release(&origin);
}

/* Every allocation fails in turn. */
static void test_faults(void **state)
{
	(void)state;
	static const char source[] =
		"{% set a = [1, messages[1:]] %}{% for m in messages %}{{ m.role ~ m.content + eos_token ~ 7 }}{% endfor %}";
	int rc = ERR_RESOURCE;
	for (uint64_t nth = 1; rc; nth++) {
		struct buf text = {0}, origin = {0};
		struct err e = {0};
		fault_set(FAULT_MEM, nth, false);
		rc = render(source, TALK, 2, true, &text, &origin, &e);
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, e.code);
		assert_true(rc == 0 || rc == ERR_RESOURCE);
		assert_true(nth < 100 && (nth > 3 || rc));
		buf_release(&text);
		buf_release(&origin);
	}
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_SIZE];
	struct err e = {0};
	assert_int_equal(path_join(path, sizeof path, &e, dir, name), 0);
	assert_int_equal(file_replace(path, text, strlen(text), &e), 0);
}

static void check_folder(const char *dir, const char *expected)
{
	struct chat_template *t;
	struct buf text = {0};
	struct err e = {0};
	if (chat_template_from_hf(&t, dir, &e) ||
		chat_template_render(t, &(struct conversation){TALK, 2, NULL, true}, &text, NULL, &e))
		fail_msg("%s", e.text);
	assert_string_equal(text.p, expected);
	chat_template_free(t);
	buf_release(&text);
}

static void test_folder(void **state)
{
	(void)state;
	char dir[] = "attune_test_XXXXXX";
	struct chat_template *t;
	struct err e = {0};
	assert_non_null(mkdtemp(dir));
	put_file(dir, "tokenizer_config.json", "{\"bos_token\": {\"content\": \"<b>\"}, \"eos_token\": \"<e>\"}");
	assert_int_equal(chat_template_from_hf(&t, dir, &e), 0);
	assert_null(t);
	put_file(dir, "tokenizer_config.json",
		"{\"bos_token\": {\"content\": \"<b>\"}, \"eos_token\": \"<e>\", \"chat_template\": \"1{{ bos_token }}\"}");
	check_folder(dir, "1<b>");
	put_file(dir, "chat_template.jinja", "2{{ eos_token }}{{ add_generation_prompt }}"); /* the younger place wins */
	check_folder(dir, "2<e>True");
	put_file(dir, "chat_template.jinja", "{{ x | nosuch }}");
	assert_int_equal(chat_template_from_hf(&t, dir, &e), ERR_DATA);
	assert_non_null(strstr(e.text, dir));
	assert_int_equal(dir_remove(dir, &e), 0);
}

/* A tokenizer of printable ASCII and these control tokens, the first of which begins a text, and the template made for it. */
static void check_built_in(const char *const control[3], const char *expected)
{
	static const struct message talk[] = {{.role = "system", .content = "S"}, {.role = "user", .content = " a<end_of_turn>"},
		{.role = "assistant", .content = "b"}, {.role = "user", .content = "c"}};
	enum { N = 3 + 1 + '~' - '!' + 1 };
	struct vocab_token tokens[N] = {{.text = {"\u0120", 2}, .kind = TOKEN_NORMAL}}; /* the space */
	char printable[N];
	struct tokenizer *t;
	struct chat_template *chat;
	struct buf text = {0};
	struct err e = {0};
	for (int i = 1; i < N; i++) {
		printable[i] = (char)('!' + i - 4);
		tokens[i] = i < 4 ? (struct vocab_token){.text = {control[i - 1], strlen(control[i - 1])}, .kind = TOKEN_CONTROL}
				  : (struct vocab_token){.text = {&printable[i], 1}, .kind = TOKEN_NORMAL};
	}
	const struct vocab v = {.path = "test", .tokens = tokens, .n_tokens = N, .bos = 1, .eos = -1};
	if (tokenizer_build(&t, &v, &e))
		fail_msg("%s", e.text);
	assert_int_equal(chat_template_built_in(&chat, t, &e), 0);
	assert_int_equal(!expected, !chat);
	if (chat) {
		assert_int_equal(chat_template_render(chat, &(struct conversation){talk, 4, NULL, true}, &text, NULL, &e), 0);
		assert_string_equal(text.p, expected);
		assert_true(chat_template_renders_system(chat));
		assert_true(tokenizer_is_eog(t, 3)); /* what the model says last */
	}
	chat_template_free(chat);
	tokenizer_free(t);
	buf_release(&text);
}

static void test_built_in(void **state)
{
	(void)state;
	check_built_in((const char *const[]){"<bos>", "<start_of_turn>", "<end_of_turn>"},
		"<bos><start_of_turn>user\nS\n\na<end_of_turn><end_of_turn>\n<start_of_turn>model\nb<end_of_turn>\n"
		"<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\n");
	check_built_in((const char *const[]){"<s>", "<|im_start|>", "<|im_end|>"},
		"<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n a<end_of_turn><|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
		"<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n");
	check_built_in((const char *const[]){"<s>", "<|im_start|>", "<end_of_turn>"}, NULL);
	check_built_in((const char *const[]){"<s>", "<a>", "</s>"}, NULL);
}

static void test_real_model(void **state)
{
	(void)state;
	const char *path = getenv("ATTUNE_TEST_MODEL");
	struct gguf *g;
	struct chat_template *t;
	struct buf text = {0};
	struct err e = {0};
	if (!path)
		skip();
	assert_int_equal(gguf_open(&g, path, &e), 0);
	assert_int_equal(chat_template_from_gguf(&t, g, &e), 0);
	gguf_close(g);
	assert_int_equal(chat_template_render(t, &(struct conversation){TALK, 1, NULL, true}, &text, NULL, &e), 0);
	assert_non_null(strstr(text.p, "<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n"));
	chat_template_free(t);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_no_origin_wanted),
		cmocka_unit_test(test_refusals_name_line_and_cause),
		cmocka_unit_test(test_unknown_role),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_built_in),
		cmocka_unit_test(test_real_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
