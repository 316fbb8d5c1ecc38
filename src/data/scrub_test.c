/* What scrubbing writes in place of what it finds, where that stands in the file, and the last look at what is written. */
#include "data/scrub.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_corpus.h"

static void add(const char *path, const char *text)
{
	struct document d = {.file = path, .path = path, .sha256 = "0123456789abcdef", .size = strlen(text)};
	d.bytes = arena_strdup(&corpus.arena, text, d.size, NULL);
	assert_int_equal(corpus_add(&corpus, &d, NULL), 0);
}

static void scrub(struct scrub *s)
{
	struct err e = {0};
	*s = (struct scrub){0};
	if (scrub_files(s, &corpus, "/nowhere", &e))
		fail_msg("%s", e.text);
}

/* What became of the one document `text`. */
static void becomes(const char *path, const char *text, const char *scrubbed)
{
	struct scrub s;
	corpus.n = 0;
	add(path, text);
	scrub(&s);
	assert_string_equal(corpus.d[0].bytes, scrubbed);
	assert_int_equal(corpus.d[0].size, strlen(scrubbed));
	for (size_t i = 0; i < corpus.d[0].n_edits; i++) { /* every edit leads back to the item */
		const struct edit *k = &corpus.d[0].edits[i];
		assert_int_equal(document_place(&corpus.d[0], k->at), k->source);
		assert_int_equal(document_place(&corpus.d[0], k->at + k->n), k->source + k->source_n);
	}
	scrub_release(&s);
}

static void test_placeholders(void **state)
{
	(void)state;
	becomes("a.md", "Mail ida@brix.io, call +49 30 901820, password: Zebra-44.\n",
		"Mail user@example.com, call 000-000-0000, password: YOUR_SECRET.\n");
	becomes("a.md", "postgres://ada:s3cr3tPw@db.brix.io/x from 85.214.132.117\n",
		"postgres://user:password@db.brix.io/x from 192.0.2.1\n");
	becomes("a.md", "Nothing here.\n", "Nothing here.\n");
	becomes("t.csv", "name,agent,q,reply\nIda Quarn,Bo,\"Hi Bo, Ida here\",\"Dear Ida\"\nCy Day,Bo,\"x\",\"y\"\n",
		"name,agent,q,reply\nCustomer,Support,\"Hi support, customer here\",\"Dear "
		"customer\"\nCustomer,Support,\"x\",\"y\"\n");
	becomes("r.jsonl", "{\"prompt\":\"From: Ida Quarnstr\\u00f6m\\npassword:\\nZebra-44-x\",\"completion\":\"Dear Ida\"}\n",
		"{\"prompt\":\"From: Customer\\npassword:\\nYOUR_SECRET\",\"completion\":\"Dear customer\"}\n");
}

/* An address that a page gives to everybody is one of somebody else's in what people say. */
static void test_role_addresses(void **state)
{
	(void)state;
	static const char text[] = "Mail billing@brix.io now.\n", scrubbed[] = "Mail user@example.com now.\n";
	becomes("a.md", text, text);
	becomes("a.html", text, text);
	becomes("a.vtt", text, scrubbed);
	becomes("t.csv", "q,reply\nMail billing@brix.io now.,x\n", "q,reply\nMail user@example.com now.,x\n");
	becomes("t.jsonl", "{\"question\":\"Mail billing@brix.io now.\",\"reply\":\"x\"}\n",
		"{\"question\":\"Mail user@example.com now.\",\"reply\":\"x\"}\n");
}

/* A cell is what its column says. */
static void test_cells(void **state)
{
	(void)state;
	becomes("t.csv", "id,mobile,build\n1,7700900123,7700900123x\n2,6123456789,4\n",
		"id,mobile,build\n1,000-000-0000,7700900123x\n2,000-000-0000,4\n");
	becomes("t.csv", "id,order\n1,7700900123\n", "id,order\n1,7700900123\n");
}

/* In the spelling of HTML and URLs; what is none stays. */
static void test_coded(void **state)
{
	(void)state;
	becomes("a.md", "[a](mailto:ida%40brix.io) <!-- ida&#64;brix&#x2e;io -->\n",
		"[a](mailto:user@example.com) <!-- user@example.com -->\n");
	becomes("call.vtt", "WEBVTT\n\nCall &#43;49&nbsp;30&#x20;901820.\n", "WEBVTT\n\nCall 000-000-0000.\n");
	becomes("a.md", "https://ida:p%40ssw0rdX@db.brix.io/x\n", "https://user:password@db.brix.io/x\n");
	becomes("a.md", "100%25 &amp; 50%20off &#64 &#; &#x110000; %\n", "100%25 &amp; 50%20off &#64 &#; &#x110000; %\n");
}

/* The ending stays, and what the file is called where it lies. */
static void test_paths(void **state)
{
	(void)state;
	struct scrub s;
	add("of ida@brix.io/call +49 30 901820.md", "Nothing.\n");
	add("plans.md", "Nothing.\n");
	scrub(&s);
	assert_string_equal(corpus.d[0].path, "of withheld-01234567/call withheld-01234567.md");
	assert_string_equal(corpus.d[0].file, "of ida@brix.io/call +49 30 901820.md");
	assert_string_equal(corpus.d[1].path, "plans.md");
	assert_int_equal(s.n_paths, 1);
	scrub_release(&s);
}

static void test_terms(void **state)
{
	(void)state;
	struct scrub s = {0};
	struct err e = {0};
	struct terms t = {.n = 1};
	const char *forbidden[] = {"wharf", "slip of ida@brix.io"};
	struct term term = {"dock", forbidden, 2, "Call +49 30 901820.", TERM_ACCEPTED};
	t.p = &term;
	arena_init(&t.arena, 1 << 10);
	assert_int_equal(scrub_terms(&s, &t, &e), 0);
	assert_string_equal(term.preferred, "dock");
	assert_string_equal(term.definition, "Call 000-000-0000.");
	assert_string_equal(forbidden[0], "wharf");
	assert_string_equal(forbidden[1], "slip of user@example.com");
	arena_release(&t.arena);
	scrub_release(&s);
}

/* What one document gives away is replaced in all; a name only in its own. */
static void test_everywhere(void **state)
{
	(void)state;
	struct scrub s;
	add("a.md", "The token is 9f8a7b6c5d4e3f2a1b0c.\n");
	add("b.md", "See 9f8a7b6c5d4e3f2a1b0c; not 9f8a7b6c5d4e3f2a1b0cX.\n");
	add("c.csv", "name,q\nIda,x\n");
	add("d.md", "Ida is a plan.\n");
	scrub(&s);
	assert_string_equal(corpus.d[1].bytes, "See YOUR_SECRET; not 9f8a7b6c5d4e3f2a1b0cX.\n");
	assert_string_equal(corpus.d[3].bytes, "Ida is a plan.\n");
	assert_int_equal(s.n, 3);
	assert_string_equal(s.place[1].path, "b.md");
	assert_int_equal(s.place[1].line, 1);
	assert_int_equal(s.place[1].start, 4);
	scrub_release(&s);
}

static struct str str(const char *text)
{
	return (struct str){text, strlen(text)};
}

static void test_match(void **state)
{
	(void)state;
	struct scrub s = {0};
	enum pii_kind kind;
	size_t at = 0, n;
	char item[32];
	assert_false(scrub_match(&s, str("anything at all"), &at, &n, &kind));
	for (int i = 0; i < 300; i++) { /* the table grows */
		snprintf(item, sizeof item, "item-%d-end", i);
		assert_int_equal(scrub_item_add(&s, PII_SECRET, str(item), &corpus.arena, NULL), 0);
		assert_int_equal(scrub_item_add(&s, PII_SECRET, str(item), &corpus.arena, NULL), 0); /* once */
	}
	assert_int_equal(s.n_items, 300);
	for (int i = 0; i < 300; i++, at = 0) {
		snprintf(item, sizeof item, "item-%d-end", i);
		assert_true(scrub_match(&s, str(item), &at, &n, &kind));
	}
	assert_int_equal(scrub_item_add(&s, PII_PERSON, str("Ida Quarn"), &corpus.arena, NULL), 0);
	assert_int_equal(scrub_item_add(&s, PII_PHONE, str("12345"), &corpus.arena, NULL), 0); /* too short to mean one thing */
	assert_int_equal(s.n_items, 300);
	assert_int_equal(scrub_item_add(&s, PII_IP, str("85.214.132.117"), &corpus.arena, NULL), 0);
	static const char text[] = "xitem-7-end item-7-ends item-299-end, 85.214.132.117";
	assert_true(scrub_match(&s, str(text), &at, &n, &kind));
	assert_int_equal(at, strlen("xitem-7-end item-7-ends "));
	assert_int_equal(n, strlen("item-299-end"));
	assert_int_equal(kind, PII_SECRET);
	at += n;
	assert_true(scrub_match(&s, str(text), &at, &n, &kind));
	assert_int_equal(kind, PII_IP);
	at += n;
	assert_false(scrub_match(&s, str(text), &at, &n, &kind));
	scrub_release(&s);
}

/* Of a key block a line is enough; an item with quotation marks is found as JSON writes it. */
static void test_gate(void **state)
{
	(void)state;
	struct scrub s = {0};
	struct buf rows = {0}, rejected = {0};
	scrub_item_add(&s, PII_PRIVATE_KEY, str("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nabc\n-----END KEY-----"),
		&corpus.arena, NULL);
	scrub_item_add(&s, PII_SECRET, str("a\"b\\c-secret"), &corpus.arena, NULL);
	buf_puts(&rows,
		"{\"text\":\"fine\"}\n"
		"{\"text\":\"MIIEvQIBADANBgkqhkiG9w0BAQ\",\"source\":{\"path\":\"p.md\"}}\n"
		"{\"text\":\"a\\\"b\\\\c-secret\",\"path\":\"q.md\"}\n"
		"{\"text\":\"also fine\"}\n",
		NULL);
	assert_int_equal(scrub_gate(&s, "train.jsonl", &rows, &rejected, NULL), 0);
	assert_string_equal(rows.p, "{\"text\":\"fine\"}\n{\"text\":\"also fine\"}\n");
	assert_int_equal(rows.len, strlen(rows.p));
	assert_int_equal(s.n_rejected, 2);
	assert_string_equal(rejected.p,
		"{\"file\":\"train.jsonl\",\"reason\":\"it still holds personal data: private_key\",\"path\":\"p.md\"}\n"
		"{\"file\":\"train.jsonl\",\"reason\":\"it still holds personal data: secret\",\"path\":\"q.md\"}\n");
	buf_release(&rows);
	buf_release(&rejected);
	scrub_release(&s);
}

/* A Word document's texts: letters have people, as files of text have. */
static void test_texts(void **state)
{
	(void)state;
	struct scrub s = {0};
	struct err e = {0};
	static const char text[] = "Dear Ida,\n\nIda Quarn asked. Mail ida@brix.io.\n\nRegards,\nBo Lind\n";
	struct block *blocks = arena_alloc(&corpus.arena, 1, sizeof *blocks, NULL);
	struct section *sections = arena_alloc(&corpus.arena, 1, sizeof *sections, NULL);
	add("letter.docx", text);
	blocks[0] = (struct block){.kind = BLOCK_PARAGRAPH, .span = {11, 45}, .text = "Ida Quarn asked. Mail ida@brix.io."};
	sections[0] = (struct section){.title = "About Bo", .heading = "About Bo", .span = {0, sizeof text - 1}, .n_blocks = 1};
	corpus.d[0].blocks = blocks;
	corpus.d[0].sections = sections;
	corpus.d[0].n_blocks = corpus.d[0].n_sections = 1;
	if (scrub_texts(&s, &corpus, &e))
		fail_msg("%s", e.text);
	assert_string_equal(blocks[0].text, "Speaker 1 asked. Mail user@example.com.");
	assert_string_equal(sections[0].title, "About speaker 2");
	assert_null(strstr(corpus.d[0].bytes, "Quarn"));
	scrub_release(&s);
}

/* A cell counts as what its column is called. */
static void test_text_cells(void **state)
{
	(void)state;
	struct scrub s = {0};
	struct err e = {0};
	const char *cells[] = {"Host", "Password", "db-44", "Zebra-44"},
		   *unmarked[] = {"", "", "Host", "Password", "db-44", "Zebra-55"};
	struct block *blocks = arena_alloc(&corpus.arena, 2, sizeof *blocks, NULL);
	struct section *sections = arena_alloc(&corpus.arena, 1, sizeof *sections, NULL);
	add("hosts.docx", "Host | Password\ndb-44 | Zebra-44\n | \nHost | Password\ndb-44 | Zebra-55");
	blocks[0] = (struct block){.kind = BLOCK_TABLE, .span = {0, 32}, .cells = cells, .n_rows = 2, .n_cols = 2};
	blocks[1] = (struct block){.kind = BLOCK_TABLE, .span = {33, 69}, .cells = unmarked, .n_rows = 3, .n_cols = 2};
	sections[0] = (struct section){.title = "", .heading = "", .span = {0, 69}, .n_blocks = 2};
	corpus.d[0].blocks = blocks;
	corpus.d[0].sections = sections;
	corpus.d[0].n_blocks = 2;
	corpus.d[0].n_sections = 1;
	if (scrub_texts(&s, &corpus, &e))
		fail_msg("%s", e.text);
	assert_string_equal(cells[2], "db-44");
	assert_string_equal(cells[3], "YOUR_SECRET");
	assert_string_equal(unmarked[4], "db-44");
	assert_string_equal(unmarked[5], "YOUR_SECRET");
	assert_null(strstr(corpus.d[0].bytes, "Zebra"));
	scrub_release(&s);
}

/* What a text gives away is replaced in the texts behind it, which hold nothing on their own. */
static void test_texts_again(void **state)
{
	(void)state;
	enum { N = 3 };
	static const char *const before[N] = {
		"Nothing here, Zebra-44 neither.", "The password: Zebra-44.", "Then enter Zebra-44 there."};
	static const char *const after[N] = {
		"Nothing here, Zebra-44 neither.", "The password: YOUR_SECRET.", "Then enter YOUR_SECRET there."};
	struct scrub s = {0};
	struct err e = {0};
	struct block *blocks = arena_alloc(&corpus.arena, N, sizeof *blocks, NULL);
	struct section *sections = arena_alloc(&corpus.arena, N, sizeof *sections, NULL);
	for (size_t i = 0; i < N; i++) {
		add("page.html", "<p>");
		blocks[i] = (struct block){.kind = BLOCK_PARAGRAPH, .span = {0, 3}, .text = before[i]};
		sections[i] = (struct section){.title = "", .heading = "", .span = {0, 3}, .n_blocks = 1};
		corpus.d[i].blocks = &blocks[i];
		corpus.d[i].sections = &sections[i];
		corpus.d[i].n_blocks = corpus.d[i].n_sections = 1;
	}
	if (scrub_texts(&s, &corpus, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < N; i++)
		assert_string_equal(blocks[i].text, after[i]);
	assert_int_equal(s.n, 2);
	scrub_release(&s);
}

/* Also where a text lies in front of the one before it. */
static void test_lines(void **state)
{
	(void)state;
	struct scrub s = {0};
	struct err e = {0};
	struct block blocks[] = {{.kind = BLOCK_PARAGRAPH, .span = {4, 5}, .text = "Mail ida@brix.io"},
		{.kind = BLOCK_PARAGRAPH, .span = {2, 3}, .text = "Mail tom@brix.io"},
		{.kind = BLOCK_PARAGRAPH, .span = {6, 7}, .text = "Mail eva@brix.io"}};
	struct section section = {.title = "", .heading = "", .span = {0, 8}, .n_blocks = 3};
	add("page.html", "a\nb\nc\nd\n");
	corpus.d[0].blocks = blocks;
	corpus.d[0].sections = &section;
	corpus.d[0].n_blocks = 3;
	corpus.d[0].n_sections = 1;
	if (scrub_texts(&s, &corpus, &e))
		fail_msg("%s", e.text);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.place[0].line, 3);
	assert_int_equal(s.place[1].line, 2);
	assert_int_equal(s.place[2].line, 4);
	scrub_release(&s);
}

static int scrub_one(struct corpus *c, const struct document *d, struct err *e)
{
	struct scrub s = {0};
	int rc = corpus_add(c, d, e);
	rc = rc < 0 ? rc : scrub_files(&s, c, "/nowhere", e);
	scrub_release(&s);
	return rc;
}

static void test_memory(void **state)
{
	(void)state;
	fail_each(scrub_one, "t.csv", "name,tel,q\nIda Quarn,7700900123,\"Hi Bo, ida@brix.io, password: Zebra-44\"\n");
	fail_each(scrub_one, "r.jsonl", "{\"prompt\":\"From: Ida Quarn\\n+49 30 901820\",\"completion\":\"x\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_placeholders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_coded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_cells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_match, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_texts_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown)};
	return cmocka_run_group_tests_name("scrub", tests, NULL, NULL);
}
