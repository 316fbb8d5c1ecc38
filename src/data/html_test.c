/* The HTML reader: structure, plain text, byte spans, page frames, tables, hostile markup, two real pages. */
#include "data/html.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_arena.h"

static struct document read_n(const char *text, size_t n)
{
	struct document d = {.path = "t.html", .bytes = text, .size = n};
	struct err e = {0};
	if (html_read(&d, &arena, &e))
		fail_msg("%s", e.text);
	return d;
}

static struct document read_text(const char *text)
{
	return read_n(text, strlen(text));
}

static void assert_span(const struct document *d, struct span s, const char *expected)
{
	assert_int_equal(s.end - s.start, strlen(expected));
	assert_memory_equal(d->bytes + s.start, expected, s.end - s.start);
}

static void test_structure(void **state)
{
	(void)state;
	struct document d =
		read_text("<title>T</title><h1>A <code>b</code></h1><p>One <i>two</i>\nthree.<p>Four&nbsp;&amp; <tt> x `y </tt>."
			  "<h2>1.2. C:</h2><ol><li>first<li>second<ul><li>inner</ul><li><p>third<p>more</ol>"
			  "<h2></h2><pre>\n  a\n b\n</pre>bare<br>line<br><br>next");
	assert_null(d.skipped);
	assert_int_equal(d.n_sections, 3);
	assert_string_equal(d.sections[1].title, "A b");
	assert_string_equal(d.sections[2].heading, "A b > C");
	assert_span(
		&d, d.sections[1].span, "<h1>A <code>b</code></h1><p>One <i>two</i>\nthree.<p>Four&nbsp;&amp; <tt> x `y </tt>.");
	assert_string_equal(d.blocks[0].text, "One two three.");
	assert_span(&d, d.blocks[0].span, "One <i>two</i>\nthree.");
	assert_string_equal(d.blocks[1].text, "Four & `x 'y`.");
	const struct block *b = &d.blocks[2];
	const size_t ordinal[] = {1, 2, 0, 3};
	const char *const text[] = {"first", "second", "inner", "third"};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(b[i].kind, BLOCK_ITEM);
		assert_int_equal(b[i].ordinal, ordinal[i]);
		assert_string_equal(b[i].text, text[i]);
	}
	assert_int_equal(b[0].list, b[3].list);
	assert_int_not_equal(b[0].list, b[2].list);
	assert_int_equal(b[4].kind, BLOCK_PARAGRAPH);
	assert_int_equal(b[5].kind, BLOCK_CODE);
	assert_string_equal(b[5].text, "  a\n b");
	assert_string_equal(b[6].text, "bare line");
	assert_string_equal(b[7].text, "next");
	assert_int_equal(d.n_blocks, 10);
}

static void test_titles(void **state)
{
	(void)state;
	struct document d = read_text("<title>Limits</title><h2>One</h2>text");
	assert_string_equal(d.sections[1].heading, "Limits > One");
	d = read_text("<title>Limits</title><h1><span>1. </span>Scope</h1>text<h1>2. Use</h1><h2>2.1. First</h2>text");
	assert_string_equal(d.sections[1].heading, "Limits > Scope");
	assert_string_equal(d.sections[3].heading, "Limits > Use > First");
	d = read_text("<title>Site: Limits</title><h1>Limits</h1>text");
	assert_string_equal(d.sections[1].heading, "Limits");
	d = read_text("<h2>A</h2><ul><li><p><b>Largest job</b><p>It is big.</ul>");
	assert_string_equal(d.sections[2].heading, "A > Largest job");
	assert_string_equal(d.blocks[0].text, "It is big.");
}

static void test_frame(void **state)
{
	(void)state;
	struct document d =
		read_text("<header>h</header><nav>n</nav><div class='menu top'>m</div><div style='x:y; display:none'>d</div>"
			  "<p hidden>h<aside>a</aside><form>f<input></form><script>s<p></script><svg><text>v</text></svg>"
			  "<button>b</button><main><article><header><h1>T</h1></header><p>kept<sup><a>1</a></sup> 2<sup>8</sup>"
			  "<a class=headerlink>#</a></p></article></main><footer>f</footer>");
	assert_int_equal(d.n_blocks, 1);
	assert_string_equal(d.sections[1].title, "T");
	assert_string_equal(d.blocks[0].text, "kept 2^8");
}

static void test_terms(void **state)
{
	(void)state;
	struct document d =
		read_text("<dl><dt><b>Vault</b><dt>Store<dd><p>where events <b>stay</b>.<p>Second.<dt>Empty</dl><p>after"
			  "<p><strong>Note</strong>: x<p>no <b>bold</b> first");
	assert_string_equal(d.blocks[0].text, "Vault, Store: where events stay.");
	assert_int_equal(d.blocks[0].bold, strlen("Vault, Store"));
	assert_string_equal(d.blocks[1].text, "Second.");
	assert_string_equal(d.blocks[2].text, "after");
	assert_int_equal(d.blocks[3].bold, 4);
	assert_int_equal(d.blocks[4].bold, 0);
}

static void assert_cells(const struct block *b, size_t rows, size_t cols, const char *const *cells)
{
	assert_int_equal(b->kind, BLOCK_TABLE);
	assert_int_equal(b->n_rows, rows);
	assert_int_equal(b->n_cols, cols);
	for (size_t i = 0; i < rows * cols; i++)
		assert_string_equal(b->cells[i], cells[i]);
}

static void test_tables(void **state)
{
	(void)state;
	struct document d =
		read_text("<table><thead><tr><th>A<th><code>B</code></thead><tr><td rowspan=2>1<td><p>2<tr></tr><tr><td>3</table>");
	assert_cells(&d.blocks[0], 3, 2, (const char *const[]){"A", "`B`", "1", "2", "1", "3"});
	assert_span(&d, d.blocks[0].span, "A<th><code>B</code></thead><tr><td rowspan=2>1<td><p>2<tr></tr><tr><td>3");
	d = read_text("<table><tr><th rowspan=2>S<th colspan=2>T<tr><th>x<th>y<tr><td>1<td>2<td>3</table>");
	assert_cells(&d.blocks[0], 2, 3, (const char *const[]){"S", "x", "y", "1", "2", "3"});
	d = read_text("<table><tr><td>a<td><img><td>b<tr><td>c<td><td>d</table>"); /* no head, a column of pictures */
	assert_cells(&d.blocks[0], 3, 2, (const char *const[]){"", "", "a", "b", "c", "d"});
	d = read_text("<table><tr><td>menu<td><h2>H</h2><p>one<p>two<tr><td>x<td>y</table>"); /* layout */
	assert_int_equal(d.n_blocks, 5);
	assert_string_equal(d.sections[1].title, "H");
	d = read_text("<table><tr><td>one<tr><td>two</table>");
	assert_int_equal(d.n_blocks, 2);
	assert_int_equal(d.blocks[0].kind, BLOCK_PARAGRAPH);
}

static char *repeat(const char *piece, size_t n, size_t *size)
{
	struct err e = {0};
	size_t len = strlen(piece);
	char *p = arena_alloc(&arena, n, len, &e);
	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		memcpy(p + i * len, piece, len);
	*size = n * len;
	return p;
}

static void test_hostile(void **state)
{
	(void)state;
	size_t n;
	assert_non_null(read_text("").skipped);
	assert_non_null(read_text("<p> <br>").skipped);
	assert_non_null(read_text("<script>only</script>").skipped);
	static const char *const refused[] = {
		"<div>", "<b><p>", "<font color=1>x", "<table><tr><td>", "<ul><li>", "<p a ", "<i></i>"};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		char *p = repeat(refused[i], 1 << 18, &n);
		assert_non_null(read_n(p, n).skipped);
	}
	static const char *const fine[] = {"<p>word ", "<li>word ", "words without any tag ", "a < b ", "<!-- <div> -->x", "<td>x"};
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		char *p = repeat(fine[i], 50000, &n);
		assert_null(read_n(p, n).skipped);
	}
	char *line = repeat("five million bytes in one line ", 170000, &n);
	assert_int_equal(read_n(line, n).n_blocks, 1);
}

/* Every allocation fails once: an error with a sentence, no crash, no leak. */
static void test_faults(void **state)
{
	(void)state;
	static const char text[] = "<title>B</title><h2>C</h2><dl><dt>D<dt>E<dd>e</dl><p>a <code>b</code><b>c</b><pre>d</pre>"
				   "<table><tr><td>P<td>Q<tr><td>x<td>1</table><ol><li><p><b>F</b><p>g</ol>";
	bool reached = true;
	for (uint64_t n = 1; reached; n++) {
		struct document d = {.path = "t.html", .bytes = text, .size = sizeof text - 1};
		struct err e = {0};
		struct arena a;
		arena_init(&a, 64);
		fault_set(FAULT_MEM, n, false);
		int rc = html_read(&d, &a, &e);
		reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, reached ? ERR_RESOURCE : 0);
		assert_true(!reached || e.text[0]);
		arena_release(&a);
	}
}

static struct document read_file(const char *name)
{
	struct err e = {0};
	struct buf b = {0};
	char path[PATH_SIZE];
	assert_int_equal(path_join(path, sizeof path, &e, "/usr/share/doc/sqlite3", name), 0);
	if (!file_exists(path))
		skip();
	assert_int_equal(file_read(path, 1 << 20, &b, &e), 0);
	char *text = arena_strdup(&arena, b.p, b.len, &e);
	struct document d = read_n(text, b.len);
	buf_release(&b);
	return d;
}

static void test_real(void **state)
{
	(void)state;
	struct document d = read_file("mmap.html");
	assert_string_equal(d.sections[1].title, "Memory-Mapped I/O");
	assert_ptr_equal(strstr(d.blocks[0].text, "The default mechanism by which SQLite accesses"), d.blocks[0].text);
	d = read_file("dbstat.html");
	assert_string_equal(d.sections[1].heading, "The DBSTAT Virtual Table > Overview");
	bool table = false;
	for (size_t i = 0; i < d.n_blocks; i++) {
		table |= d.blocks[i].kind == BLOCK_TABLE && !strcmp(d.blocks[i].cells[0], "Column");
		assert_false(d.blocks[i].text && strstr(d.blocks[i].text, "Purchase"));
	}
	assert_true(table);
}

/* What retrieval and people read is Markdown, whatever the page's tags. */
static void test_render(void **state)
{
	(void)state;
	struct buf b = {0};
	struct err e = {0};
	struct document d =
		read_text("<title>T</title><h1>A</h1><h2>B &amp; C</h2><p class=x>One <i>two</i>.<ul><li>a<li>b</ul><ol><li>c</ol>"
			  "<pre>d\n  e</pre><table><tr><th>K<th>V<tr><td>1<td>2</table>");
	assert_int_equal(section_render(&d, &d.sections[d.n_sections - 1], &b, &e), 0);
	assert_string_equal(
		b.p, "## B & C\n\nOne two.\n\n- a\n- b\n\n1. c\n\n```\nd\n  e\n```\n\n| K | V |\n|---|---|\n| 1 | 2 |\n");
	buf_clear(&b);
	d.path = "a.md"; /* of other kinds the bytes are for people already */
	assert_int_equal(section_render(&d, &d.sections[d.n_sections - 1], &b, &e), 0);
	assert_non_null(strstr(b.p, "<p class=x>"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_structure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_titles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_render, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_real, setup, teardown),
	};
	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
