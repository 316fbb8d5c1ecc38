/* The DOCX reader: structure, what is left out, tables, notes; hostile files, each with its sentence. */
#include "data/docx.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "data/test_arena.h"

#define W "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\""
#define BODY(text) "<w:document " W "><w:body>" text "</w:body></w:document>"
#define P(text) "<w:p><w:r><w:t>" text "</w:t></w:r></w:p>"
#define STYLED(style, text) \
	"<w:p><w:pPr><w:pStyle w:val=\"" style "\"/></w:pPr><w:r><w:t xml:space=\"preserve\">" text "</w:t></w:r></w:p>"
#define ITEM(num, level, text)                                                                                            \
	"<w:p><w:pPr><w:numPr><w:ilvl w:val=\"" level "\"/><w:numId w:val=\"" num "\"/></w:numPr></w:pPr><w:r><w:t>" text \
	"</w:t></w:r></w:p>"
#define CELL(text) "<w:tc>" P(text) "</w:tc>"

static const char styles[] =
	"<w:styles " W "><w:style w:styleId=\"T\"><w:name w:val=\"Title\"/></w:style>"
	"<w:style w:styleId=\"berschrift1\"><w:name w:val=\"heading 1\"/><w:pPr><w:outlineLvl w:val=\"0\"/></w:pPr></w:style>"
	"<w:style w:styleId=\"Own\"><w:name w:val=\"Chapter\"/><w:basedOn w:val=\"H2\"/></w:style>"
	"<w:style w:styleId=\"H2\"><w:name w:val=\"heading 2\"/></w:style>"
	"<w:style w:styleId=\"TOC1\"><w:name w:val=\"toc 1\"/></w:style>"
	"<w:style w:styleId=\"LB\"><w:name w:val=\"List Bullet\"/></w:style>"
	"<w:style w:styleId=\"Src\"><w:name w:val=\"Source Code\"/></w:style>"
	"<w:style w:styleId=\"VC\"><w:name w:val=\"Verbatim Char\"/></w:style>"
	"<w:style w:styleId=\"Secret\"><w:name w:val=\"Secret\"/><w:rPr><w:vanish/></w:rPr></w:style></w:styles>";
static const char numbering[] =
	"<w:numbering " W "><w:abstractNum w:abstractNumId=\"4\"><w:lvl w:ilvl=\"0\"><w:numFmt w:val=\"decimal\"/></w:lvl>"
	"<w:lvl w:ilvl=\"1\"><w:numFmt w:val=\"bullet\"/></w:lvl></w:abstractNum><w:num w:numId=\"2\"><w:abstractNumId "
	"w:val=\"4\"/></w:num>"
	"</w:numbering>";
static const char footnotes[] = "<w:footnotes " W "><w:footnote w:type=\"separator\" w:id=\"0\"><w:p/></w:footnote>"
				"<w:footnote w:id=\"3\">" P("It is") P("a note.") "</w:footnote></w:footnotes>";

static char *file;
static size_t file_size;

struct member {
	const char *name, *text;
	size_t n; /* 0: strlen */
};

/* A ZIP file in `file`; `options` as archive_write_set_options knows them. */
static void zip_write(const struct member *m, size_t n, const char *options)
{
	enum { ROOM = 4 << 20 };
	struct err e;
	struct archive *a = archive_write_new();
	assert_int_equal(archive_write_set_format_zip(a), ARCHIVE_OK);
	if (options) {
		assert_int_equal(archive_write_set_options(a, options), ARCHIVE_OK);
		assert_int_equal(archive_write_set_passphrase(a, "secret"), ARCHIVE_OK);
	}
	file = arena_alloc(&arena, ROOM, 1, &e);
	assert_int_equal(archive_write_open_memory(a, file, ROOM, &file_size), ARCHIVE_OK);
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *entry = archive_entry_new();
		size_t size = m[i].n ? m[i].n : strlen(m[i].text);
		archive_entry_set_pathname(entry, m[i].name);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, (la_int64_t)size);
		assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
		assert_int_equal(archive_write_data(a, m[i].text, size), (la_ssize_t)size);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static struct document read_bytes(const char *p, size_t n)
{
	struct document d = {.path = "t.docx", .bytes = p, .size = n};
	struct err e = {0};
	if (docx_read(&d, &arena, &e))
		fail_msg("%s", e.text);
	return d;
}

static struct document read_body(const char *body)
{
	const struct member m[] = {{"[Content_Types].xml", "<Types/>", 0}, {"word/styles.xml", styles, 0},
		{"word/document.xml", body, 0}, {"word/numbering.xml", numbering, 0}, {"word/footnotes.xml", footnotes, 0}};
	zip_write(m, sizeof m / sizeof *m, NULL);
	struct document d = read_bytes(file, file_size);
	for (size_t i = 0; i < d.n_blocks; i++) { /* every span is the block's own text */
		const struct block *b = &d.blocks[i];
		if (b->text &&
			(b->span.end - b->span.start != strlen(b->text) ||
				memcmp(d.bytes + b->span.start, b->text, strlen(b->text))))
			fail_msg("block %zu: \"%s\"", i, b->text);
	}
	return d;
}

static void test_structure(void **state)
{
	(void)state;
	struct document d = read_body(BODY(P("Before.") STYLED("T", "The Guide") STYLED("TOC1", "Limits 3") STYLED("berschrift1",
		"Limits") "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>Job</w:t></w:r><w:r><w:t xml:space=\"preserve\">: it &amp; "
			  "its\xc2\xa0parts </w:t></w:r>"
			  "<w:hyperlink><w:r><w:rPr><w:rStyle w:val=\"VC\"/></w:rPr><w:t>x "
			  "`y</w:t></w:r></w:hyperlink><w:r><w:t>.</w:t></w:r></w:p>" STYLED("Own", "More") ITEM(
				  "2", "0", "one") ITEM("2", "1", "inner") ITEM("2", "0", "two") P("") STYLED("LB",
				  "dot") STYLED("Src", "a  = 1") STYLED("Src",
				  "  b") "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>Largest job</w:t></w:r></w:p>" P("It is big.")));
	assert_null(d.skipped);
	assert_int_equal(d.n_sections, 5);
	assert_string_equal(d.sections[1].heading, "The Guide");
	assert_string_equal(d.sections[2].heading, "The Guide > Limits");
	assert_string_equal(d.sections[3].heading, "The Guide > Limits > More");
	assert_string_equal(d.sections[4].heading, "The Guide > Limits > More > Largest job");
	assert_memory_equal(d.bytes + d.sections[3].span.start, "More\n\n1. one\n", 13);
	assert_int_equal(d.sections[3].span.end, d.sections[4].span.start);
	const char *const text[] = {
		"Before.", "Job: it & its parts `x 'y`.", "one", "inner", "two", "dot", "a  = 1\n  b", "It is big."};
	assert_int_equal(d.n_blocks, 8);
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(d.blocks[i].text, text[i]);
	const struct block *b = d.blocks;
	assert_int_equal(b[1].bold, 3);
	assert_int_equal(b[2].kind, BLOCK_ITEM);
	assert_int_equal(b[2].ordinal, 1);
	assert_int_equal(b[3].ordinal, 0);
	assert_int_equal(b[4].ordinal, 2);
	assert_int_equal(b[4].list, b[2].list);
	assert_int_not_equal(b[3].list, b[2].list);
	assert_int_equal(b[5].kind, BLOCK_ITEM);
	assert_int_not_equal(b[5].list, b[3].list);
	assert_int_equal(b[6].kind, BLOCK_CODE);
}

static void test_left_out(void **state)
{
	(void)state;
	struct document d = read_body(BODY(
		"<w:p><w:del><w:r><w:t>gone</w:t><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins>"
		"<w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
		"<w:r><w:rPr><w:vanish "
		"w:val=\"0\"/></w:rPr><w:tab/><w:t>shown</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>"
		"<w:r><w:noBreakHyphen/><w:t>on</w:t><w:br/><w:softHyphen/><w:t>end</w:t></w:r></w:p>" STYLED(
			"Secret", "secret") "<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr><w:r><w:t>kept</w:t></"
					    "w:r><w:r><w:rPr><w:rStyle w:val=\"Secret\"/></w:rPr>"
					    "<w:t>no</w:t></w:r></w:p>"));
	assert_int_equal(d.n_blocks, 2);
	assert_string_equal(d.blocks[0].text, "new shown-on end");
	assert_string_equal(d.blocks[1].text, "kept");
}

static void test_notes(void **state)
{
	(void)state;
	struct document d =
		read_body(BODY("<w:p><w:r><w:t>Text</w:t><w:footnoteReference w:id=\"3\"/><w:t>.</w:t></w:r></w:p>"
			       "<w:p><w:r><w:t>Outer</w:t></w:r><mc:AlternateContent "
			       "xmlns:mc=\"http://schemas.openxmlformats.org/markup-compatibility/2006\">"
			       "<mc:Choice><w:txbxContent>" P("In a")
				       P("box.") "</w:txbxContent></mc:Choice>"
						 "<mc:Fallback><w:txbxContent>" P("In a")
							 P("box.") "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:p>"));
	const char *const text[] = {"Text.", "It is a note.", "Outer", "In a box."};
	assert_int_equal(d.n_blocks, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(d.blocks[i].text, text[i]);
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
	struct document d = read_body(
		BODY("<w:tbl><w:tblPr><w:tblLook w:val=\"04A0\" w:firstRow=\"1\"/></w:tblPr><w:tr>" CELL("A") CELL("B") CELL(
			"C") "</w:tr>"
			     "<w:tr><w:tc><w:tcPr><w:vMerge w:val=\"restart\"/></w:tcPr>" P("1")
				     P("one") "</w:tc>"
					      "<w:tc><w:tcPr><w:gridSpan w:val=\"2\"/></w:tcPr><w:tbl><w:tr>" CELL("in") CELL(
						      "ner") "</w:tr></w:tbl></w:tc></w:tr>"
							     "<w:tr><w:trPr><w:del/></w:trPr>" CELL("x") CELL(
								     "y") "</w:tr>"
									  "<w:tr><w:tc><w:tcPr><w:vMerge/></"
									  "w:tcPr>" P("") "</w:tc>" CELL(
										  "2") "</w:tr></w:tbl>"
										       "<w:tbl><w:tr>" CELL("a") CELL(
											       "b") "</w:tr><w:tr>" CELL("c")
											       CELL("d") "</w:tr></"
													 "w:tbl>" /* no head */
													 "<w:tbl><w:"
													 "tr>" CELL("one") CELL(
														 "tw"
														 "o") "</w:tr></"
														      "w:tbl>"));
	assert_cells(&d.blocks[0], 3, 3, (const char *const[]){"A", "B", "C", "1 one", "in ner", "in ner", "1 one", "2", ""});
	assert_cells(&d.blocks[1], 3, 2, (const char *const[]){"", "", "a", "b", "c", "d"});
	assert_memory_equal(d.bytes + d.blocks[0].span.start, "A | B | C\n1 one | in ner", 24);
	assert_string_equal(d.blocks[2].text, "one");
	assert_string_equal(d.blocks[3].text, "two");
	assert_int_equal(d.n_blocks, 4);
}

static void assert_skipped(const struct document *d, const char *why)
{
	if (!d->skipped || strcmp(d->skipped, why))
		fail_msg("\"%s\", expected \"%s\"", d->skipped ? d->skipped : "used", why);
}

static void assert_refused(const struct member *m, size_t n, const char *options, const char *why)
{
	zip_write(m, n, options);
	struct document d = read_bytes(file, file_size);
	assert_skipped(&d, why);
}

static char *repeat(const char *piece, size_t n)
{
	struct err e = {0};
	size_t len = strlen(piece);
	char *p = arena_alloc(&arena, n * len + 1, 1, &e);
	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		memcpy(p + i * len, piece, len);
	return p;
}

static void test_hostile_zip(void **state)
{
	(void)state;
	static const char good[] = BODY(P("x"));
	struct document d = read_bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more", 17);
	assert_skipped(&d, "it is encrypted, or a DOC file of Word 97; save it as DOCX without a password");
	d = read_bytes("PKnothing", 9);
	assert_memory_equal(d.skipped, "not a DOCX file: ", 17);
	d = read_bytes("", 0);
	assert_memory_equal(d.skipped, "not a DOCX file: ", 17);
	assert_refused(
		(struct member[]){{"xl/workbook.xml", good, 0}}, 1, NULL, "not a Word document: it has no word/document.xml");
	static const char *const outside[] = {"../x", "a/../x", "/etc/x"};
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
		char why[64];
		snprintf(why, sizeof why, "its member %s points out of the file", outside[i]);
		assert_refused((struct member[]){{outside[i], "y", 0}, {"word/document.xml", good, 0}}, 2, NULL, why);
	}
	assert_refused((struct member[]){{"word/document.xml", good, 0}, {"word/document.xml", good, 0}}, 2, NULL,
		"two of its members are called word/document.xml");
	assert_refused((struct member[]){{"word/document.xml", good, 0}}, 1, "zip:encryption=aes256",
		"its member word/document.xml is encrypted");
	char *bomb = repeat("                                ", 3 << 20);
	assert_refused((struct member[]){{"word/document.xml", bomb, 96 << 20}}, 1, NULL,
		"its member word/document.xml unpacks to more than 64 MiB");
	struct member *many = (struct member *)repeat("                        ", 10001);
	for (size_t i = 0; i < 10001; i++)
		many[i] = (struct member){"a", "b", 0};
	assert_refused(many, 10001, NULL, "it has more than 10,000 members");
	zip_write((struct member[]){{"word/document.xml", good, 0}}, 1, NULL);
	for (size_t n = 0; n < file_size; n++) /* every truncation */
		read_bytes(file, n);
}

static void test_hostile_xml(void **state)
{
	(void)state;
	assert_skipped(&(struct document){.skipped = read_body("<!DOCTYPE x [<!ENTITY a \"b\">]>" BODY(P("&a;"))).skipped},
		"word/document.xml: it has a document type, which might define entities");
	assert_skipped(&(struct document){.skipped = read_body(BODY(P("&a;"))).skipped},
		"word/document.xml: line 1: Entity 'a' not defined");
	assert_skipped(&(struct document){.skipped = read_body("<w:document " W ">\n<w:body></w:p>").skipped},
		"word/document.xml: line 2: Opening and ending tag mismatch: body line 2 and p");
	struct document d = read_body(BODY(P("\xff\xfe")));
	assert_memory_equal(d.skipped, "word/document.xml: line 1: Input is not proper UTF-8", 52);
	d = read_body(repeat("<a>", 100000));
	assert_memory_equal(d.skipped, "word/document.xml: line 1: Excessive depth in document: 256", 59);
	char *tag = repeat(" a=\"\"", 100000);
	tag[0] = '<';
	assert_skipped(&(struct document){.skipped = read_body(tag).skipped},
		"word/document.xml: a tag in it has more than 1,000 attributes");
	assert_skipped(&(struct document){.skipped = read_body(BODY("<w:p/>")).skipped}, "no text in it");
	char *table = repeat("<w:tbl><w:tr><w:tc>", 80); /* closed by nothing */
	assert_non_null(read_body(table).skipped);
}

/* Every allocation fails once: an error with a sentence, no crash, no leak. */
static void test_faults(void **state)
{
	(void)state;
	const struct member m[] = {{"word/styles.xml", styles, 0}, {"word/numbering.xml", numbering, 0},
		{"word/footnotes.xml", footnotes, 0},
		{"word/document.xml",
			BODY(STYLED("T", "The Guide") ITEM("2", "0", "one") STYLED("Src", "a") "<w:tbl><w:tr>" CELL("a")
					CELL("b") "</w:tr><w:tr>" CELL("c")
						CELL("d") "</w:tr></w:tbl>"
							  "<w:p><w:r><w:footnoteReference w:id=\"3\"/><w:t>x</w:t></w:r></w:p>"),
			0}};
	zip_write(m, sizeof m / sizeof *m, NULL);
	bool reached = true;
	for (uint64_t n = 1; reached; n++) {
		struct document d = {.path = "t.docx", .bytes = file, .size = file_size};
		struct err e = {0};
		struct arena a;
		arena_init(&a, 64);
		fault_set(FAULT_MEM, n, false);
		int rc = docx_read(&d, &a, &e);
		reached = fault_count(FAULT_MEM) >= n;
		fault_set(FAULT_MEM, 0, false);
		assert_int_equal(rc, reached ? ERR_RESOURCE : 0);
		assert_true(reached ? e.text[0] : d.n_blocks == 5);
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_structure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_zip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_xml, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
	};
	return cmocka_run_group_tests_name("docx", tests, NULL, NULL);
}
