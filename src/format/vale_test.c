/* Which entries of Vale's files are words, and what becomes of the others. */
#include "format/format.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "vale_test_XXXXXX";
static struct err err;

static const char *at(const char *name)
{
	static char path[PATH_SIZE];
	assert_int_equal(path_join(path, sizeof path, &err, folder, name), 0);
	return path;
}

/* "preferred<forbidden;" of every rule, and the number of those that were not understood. */
static void expect(const char *name, const char *text, const char *rules, size_t n_unread)
{
	struct term_rules r;
	struct buf b = {0};
	term_rules_init(&r);
	assert_int_equal(file_replace(at(name), text, strlen(text), &err), 0);
	if (vale_read(&r, at(name), &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < r.n; i++)
		assert_int_equal(buf_printf(&b, &err, "%s<%s;", r.p[i].preferred, r.p[i].forbidden), 0);
	assert_string_equal(b.len ? b.p : "", rules);
	assert_int_equal(r.n_unread, n_unread);
	buf_release(&b);
	term_rules_release(&r);
	assert_int_equal(unlink(at(name)), 0);
}

static void test_vocabulary(void **state)
{
	(void)state;
	expect("accept.txt", "\xef\xbb\xbf# ours\n\n(?# a remark)\nAck\r\n  user group \nNode.js\nC\\+\\+",
		"Ack<;user group<;Node.js<;C++<;", 0);
	expect("accept.txt", "(?i)gRPCurl\n[Aa]kka\n[aA]ck\n", "gRPCurl<;akka<;ack<;", 0);
	expect("accept.txt", "colou?r\nfoo|bar baz\n(?:web|mail) hooks?\n(a(b|c))\n\\bcat\\b\n",
		"colour<;color<;foo<;bar baz<;web hooks<;web hook<;mail hooks<;mail hook<;ab<;ac<;cat<;", 0);
	expect("accept.txt", "caf\xc3\xa9?s\n", "caf\xc3\xa9s<;cafs<;", 0);
	expect("reject.txt", "[Ll]everage\n", "<leverage;", 0);
	expect("accept.txt", "", "", 0);
	expect("accept.txt",
		"bowtie_[a-z_]+\n(?=x)y\n\\d+\na*\nv2.?\n[^a]b\n[]\n(\n)\na)\n[a\n\\\n^a\na$\n(?i)\na|\n(?-i)x\n[\xc3\xa4]\n"
		"[abcd][abcd][abcd]\n((((((((((a))))))))))\n\xff\n",
		"", 21);
}

static void test_substitution(void **state)
{
	(void)state;
	expect("Terms.yml", "swap:\n  cell ?phone: mobile phone\n  '(?:kill|terminate)': exit|end\nextends: substitution\n",
		"mobile phone<cell phone;mobile phone<cellphone;exit<kill;exit<terminate;", 0);
	expect("Terms.yml", "extends: substitution\naction:\n  name: replace\n  swap: [x]\nswap:\n- a: b\n- c: d\nlevel: error\n",
		"b<a;d<c;", 0);
	expect("Terms.yml", "extends: substitution\nswap:\n  asap: within [X] days\n  \\d+: n\n  airman: pilot(s)\n  e: ''\n", "",
		4);
	expect("Other.yml", "extends: existence\nswap:\n  a: b\n", "", 0);
	expect("Other.yml", "- a\n- extends\n- substitution\n", "", 0);
	expect("Other.yml", "", "", 0);
}

static void assert_refused(const char *text, const char *part)
{
	struct term_rules r;
	term_rules_init(&r);
	assert_int_equal(file_replace(at("R.yml"), text, strlen(text), &err), 0);
	assert_int_equal(vale_read(&r, at("R.yml"), &err), ERR_DATA);
	assert_non_null(strstr(err.text, part));
	term_rules_release(&r);
	assert_int_equal(unlink(at("R.yml")), 0);
}

static void test_mistakes(void **state)
{
	(void)state;
	assert_refused("extends: substitution\nswap:\n  a: [\n", "R.yml:4: not YAML");
	assert_refused("extends: substitution\nswap:\n  a:\n    b: c\n", "R.yml:4: expected a plain value");
	assert_refused("a: &b c\n", "R.yml:1: anchors");
}

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vocabulary), cmocka_unit_test(test_substitution), cmocka_unit_test(test_mistakes)};
	return cmocka_run_group_tests_name("vale", tests, setup, teardown);
}
