/* Captions: who speaks, what is no speech, turns and paragraphs, spans. */
#include "data/captions.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_arena.h"

static struct document read_text(const char *text)
{
	struct document d = {.path = "talks/first call.vtt", .bytes = text, .size = strlen(text)};
	struct err e = {0};
	assert_int_equal(captions_read(&d, &arena, &e), 0);
	return d;
}

static void assert_turn(const struct document *d, size_t i, const char *who, const char *text)
{
	assert_true(i < d->n_blocks);
	assert_int_equal(d->blocks[i].kind, BLOCK_TURN);
	assert_string_equal(d->blocks[i].speaker, who);
	assert_string_equal(d->blocks[i].text, text);
}

static void test_voices(void **state)
{
	(void)state;
	struct document d =
		read_text("\xef\xbb\xbfWEBVTT Kind: captions\r\n\r\nNOTE\r\nIda: never said\r\n\r\nSTYLE\r\n::cue { color: red "
			  "}\r\n\r\nintro\r\n"
			  "00:01.000 --> 00:04.000 align:start\r\n<v.loud Ida Berg>Hello &amp; <i>welcome</i>,\r\nTom.</v>\r\n\r\n"
			  "00:04.000 --> 00:06.000\r\n<v Ida Berg>How are</v>\r\n\r\n00:06.000 --> 00:07.000\r\n[music]\r\n\r\n"
			  "00:07.000 --> 00:09.000\r\n<v Ida Berg>you?</v><v Tom>Fine &lt;3<00:08.000>\r\n");
	assert_null(d.skipped);
	assert_int_equal(d.kind, DOCUMENT_CALL);
	assert_string_equal(d.sections[0].title, "first call");
	assert_int_equal(d.n_blocks, 2);
	assert_turn(&d, 0, "Ida Berg", "Hello & welcome, Tom. How are you?");
	assert_turn(&d, 1, "Tom", "Fine <3");
	struct span s = d.blocks[0].span;
	assert_memory_equal(d.bytes + s.start, "<v.loud Ida Berg>Hello", 22);
	assert_memory_equal(d.bytes + s.end - 8, "you?</v>", 8);
}

static void test_names(void **state)
{
	(void)state;
	struct document d = read_text("1\n00:00:01,000 --> 00:00:04,000\n{\\an8}Ida: Is it: free?\n- Tom: It "
				      "is.\n\n2\n00:00:05,000 --> 00:00:07,000\nFor ever.\n"
				      "Note: not a name\n\n3\n00:00:08,000 --> 00:00:09,000\n>> Ida: Good.\nTom: Bye.\n");
	assert_int_equal(d.kind, DOCUMENT_CALL);
	assert_int_equal(d.n_blocks, 4);
	assert_turn(&d, 0, "Ida", "Is it: free?");
	assert_turn(&d, 1, "Tom", "It is. For ever. Note: not a name");
	assert_turn(&d, 2, "Ida", "Good.");
	assert_turn(&d, 3, "Tom", "Bye.");
	d = read_text("0:01 --> 0:02\n<v Ida>Hello.\n\n0:02 --> 0:03\nTom: Yes?\n\n0:03 --> 0:04\n<v Ida>Good.\n\n0:04 --> "
		      "0:05\nTom: Bye.\n");
	assert_int_equal(d.n_blocks, 4); /* a voice ends with its cue */
	assert_turn(&d, 1, "Tom", "Yes?");
}

static void test_page(void **state)
{
	(void)state;
	struct document d =
		read_text("1\n00:00:01,000 --> 00:00:04,000\nIt keeps\nall events.\n\n2\n00:00:04,000 --> 00:00:05,000\n"
			  "all events.\nFor 7 days.\n"); /* the second cue scrolls */
	assert_int_equal(d.kind, DOCUMENT_PAGE);
	assert_int_equal(d.n_blocks, 1);
	assert_int_equal(d.blocks[0].kind, BLOCK_PARAGRAPH);
	assert_string_equal(d.blocks[0].text, "It keeps all events. For 7 days.");
	assert_string_equal(d.sections[0].heading, "first call");
	char text[8000] = "WEBVTT\n\n";
	for (int i = 0; i < 100; i++)
		strcat(text, i % 2 ? "0:01 --> 0:02\nIt is one more sentence.\n\n" : "0:01 --> 0:02\nIt is one.\n\n");
	d = read_text(text);
	assert_true(d.n_blocks > 3 && d.n_blocks < 10);
	for (size_t i = 0; i < d.n_blocks; i++)
		assert_int_equal(d.blocks[i].text[strlen(d.blocks[i].text) - 1], '.');
	assert_string_equal(read_text("WEBVTT\n\nIda: hello\n").skipped,
		"no cue in it; expected lines such as 00:00:01.000 --> 00:00:04.000, and words below");
	assert_string_equal(read_text("WEBVTT\n\n0:01 --> 0:02\n<v Ida> \n").skipped, "no text in it");
}

/* Every allocation fails once: an error with a sentence, no crash, no leak. */
static void test_faults(void **state)
{
	(void)state;
	static const char text[] = "0:01 --> 0:02\n<v Ida>A &amp; b</v><v Tom>c\n";
	bool reached = true;
	for (uint64_t n = 1; reached; n++) {
		struct document d = {.path = "t.vtt", .bytes = text, .size = sizeof text - 1};
		struct err e = {0};
		struct arena a;
		arena_init(&a, 64);
		fault_set(FAULT_MEM, n, false);
		int rc = captions_read(&d, &a, &e);
		reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, reached ? ERR_RESOURCE : 0);
		assert_true(!reached || e.text[0]);
		arena_release(&a);
	}
}

/* Tags that are never closed are text, and looked for once: else this takes minutes. */
static void test_open_tags(void **state)
{
	(void)state;
	static const char cue[] = "00:01.000 --> 00:02.000\n";
	enum { N = 4 << 20 };
	char *text = mem_alloc(sizeof cue + N, 1, NULL);
	assert_non_null(text);
	strcpy(text, cue);
	memset(text + strlen(cue), '<', N);
	struct document d = read_text(text);
	assert_int_equal(d.n_blocks, 1);
	assert_int_equal(strlen(d.blocks[0].text), N);
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_voices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
	};
	return cmocka_run_group_tests_name("captions", tests, NULL, NULL);
}
