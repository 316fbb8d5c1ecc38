/* Vocabularies of other tools into terms.yaml, of which nothing is lost. */
#include "data/data.h"
#include "format/format.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/test_folder.h"
#include "data/test_terms.h"

static struct err err;

static void put(const char *name, const char *text)
{
	char dir[PATH_SIZE];
	snprintf(dir, sizeof dir, "%s", at(name));
	*strrchr(dir, '/') = 0;
	assert_int_equal(dir_make(dir, &err), 0);
	assert_int_equal(file_replace(at(name), text, strlen(text), &err), 0);
}

static struct terms_imported import(const char *from)
{
	struct terms_imported n;
	assert_int_equal(dir_make(at("in"), &err), 0);
	if (data_terms_import(at(from), at("in"), &n, &err))
		fail_msg("%s", err.text);
	return n;
}

/* Of every term beside the documents. */
static void assert_terms(const char *expected)
{
	struct terms t;
	if (terms_read(&t, at("in/terms.yaml"), &err))
		fail_msg("%s", err.text);
	assert_terms_are(&t, expected);
}

static void assert_begins(const char *text)
{
	struct buf b = {0};
	assert_int_equal(file_read(at("in/terms.yaml"), 1 << 20, &b, &err), 0);
	if (strncmp(b.p, text, strlen(text)))
		fail_msg("expected at the start:\n%sfound:\n%s", text, b.p);
	buf_release(&b);
}

/* ---- TBX ---- */

#define V2(doctype, body)                                                                                                \
	"<?xml version='1.0' encoding='UTF-8'?>\n" doctype "<martif type='TBX' xml:lang='en'>\n<martifHeader><fileDesc>" \
	"<sourceDesc><p>made for a test</p></sourceDesc></fileDesc></martifHeader><text><body>\n" body "</body></text></martif>\n"
#define V3(body)                                                                                      \
	"<tbx type='TBX-Basic' style='dct' xml:lang='en' xmlns='urn:iso:std:iso:30042:ed-2'"          \
	" xmlns:min='http://www.tbxinfo.net/ns/min' xmlns:basic='http://www.tbxinfo.net/ns/basic'>\n" \
	"<tbxHeader/><text><body>\n" body "</body></text></tbx>\n"

static void test_version_2(void **state)
{
	(void)state;
	put("a.tbx",
		V2("<!DOCTYPE martif SYSTEM 'TBXcoreStructV02.dtd'>\n",
			"<termEntry id='1'><descripGrp><descrip type='definition'>A place\n  for "
			"<hi>events</hi>.</descrip></descripGrp>"
			"<langSet xml:lang='de'><tig><term>Lager</term></tig></langSet>"
			"<langSet xml:lang='en-US'>"
			"<tig><term>store</term><termNote type='administrativeStatus'>deprecatedTerm-admn-sts</termNote></tig>"
			"<tig><term>repository</term><termNote type='administrativeStatus'>admittedTerm-admn-sts</termNote></tig>"
			"<ntig><termGrp><term>vault</term><termNote type='partOfSpeech'>noun</termNote>"
			"<termNote type='administrativeStatus'>preferredTerm-admn-sts</termNote></termGrp></ntig>"
			"<tig><term>archive</term><termNote type='normativeAuthorization'>supersededTerm</termNote></tig>"
			"</langSet></termEntry>\n"
			"<termEntry><langSet xml:lang='en'><descrip type='definition'>A "
			"right.</descrip><tig><term>seat</term></tig>"
			"<tig><term>place</term></tig></langSet><langSet xml:lang='fr'><descrip type='definition'>Un "
			"droit.</descrip>"
			"</langSet></termEntry>\n"
			"<termEntry><langSet xml:lang='en'><tig><term>tunnel</term>"
			"<termNote type='administrativeStatus'>deprecatedTerm-admn-sts</termNote></tig></langSet></termEntry>\n"
			"<termEntry><langSet xml:lang='fr'><tig><term>pont</term></tig></langSet></termEntry>\n"));
	assert_int_equal(import("a.tbx").n_terms, 3);
	assert_terms("=-tunnel;seat=A right.;vault=A place for events.-store-archive;");
}

static void test_version_3(void **state)
{
	(void)state;
	put("a.tbx",
		V3("<conceptEntry id='c1'><min:subjectField>x</min:subjectField><langSec xml:lang='en'>"
		   "<basic:definition>A program.</basic:definition>"
		   "<termSec><term>bridge</term><min:administrativeStatus>preferredTerm-admn-sts</min:administrativeStatus></"
		   "termSec>"
		   "<termSec><term>agent</term><min:administrativeStatus>deprecatedTerm-admn-sts</min:administrativeStatus></"
		   "termSec>"
		   "</langSec></conceptEntry>\n"
		   "<conceptEntry id='c2'><langSec xml:lang='en'><termSec><term>spool</term><descripGrp>"
		   "<descrip type='definition'>A &lt;file&gt;.</descrip></descripGrp></termSec></langSec></conceptEntry>\n"));
	import("a.tbx");
	assert_terms("bridge=A program.-agent;spool=A <file>.;");
}

/* What is said of a term that is left out is not said of the one before. */
static void test_left_out(void **state)
{
	(void)state;
	put("a.tbx",
		V3("<conceptEntry id='c'><langSec xml:lang='en'><termSec><term>spool</term></termSec>"
		   "<termSec><term> </term><min:administrativeStatus>deprecatedTerm-admn-sts</min:administrativeStatus></termSec>"
		   "</langSec></conceptEntry>"));
	assert_int_equal(import("a.tbx").n_unread, 1);
	assert_terms("spool=;");
}

static void test_utf16(void **state)
{
	(void)state;
	static const char text[] = V3("<conceptEntry id='c'><langSec xml:lang='en'><termSec><term>spool</term></termSec></langSec>"
				      "</conceptEntry>");
	char wide[2 * sizeof text] = "\xff\xfe";
	size_t n = 2;
	for (const char *p = text; *p; p++, n += 2)
		wide[n] = *p;
	put("a.tbx", "");
	assert_int_equal(file_replace(at("a.tbx"), wide, n, &err), 0);
	import("a.tbx");
	assert_terms("spool=;");
}

static void assert_refused(const char *name, const char *text, const char *sentence)
{
	struct terms_imported n;
	put(name, text);
	assert_int_equal(dir_make(at("in"), &err), 0);
	assert_int_equal(data_terms_import(at(name), at("in"), &n, &err), ERR_DATA);
	if (!strstr(err.text, sentence))
		fail_msg("expected \"%s\" in: %s", sentence, err.text);
	assert_false(file_exists(at("in/terms.yaml")));
}

static void test_hostile(void **state)
{
	(void)state;
	struct buf many = {0};
	assert_refused("a.tbx", "<martif>\n<text>\n</martif>", "a.tbx: line 3: ");
	assert_refused("a.tbx", "", "a.tbx: line 1: ");
	assert_refused("a.tbx", "<html/>", "a.tbx:1: expected the element martif or tbx of TBX, found html");
	assert_refused("a.tbx", V2("<!DOCTYPE martif [<!ENTITY a 'b'>]>", ""), "a.tbx: it has a document type");
	assert_refused("a.tbx", V3("<conceptEntry>&other;</conceptEntry>"), "Entity 'other' not defined");
	assert_refused("a.tbx", "\xff\xfe<", "expected UTF-8 or UTF-16");
	for (int i = 0; i < 300; i++)
		buf_puts(&many, i ? "<a>" : "<tbx>", &err);
	assert_refused("a.tbx", many.p, "a.tbx: line 1: ");
	buf_release(&many);
	assert_refused("rule.yml", "a: &b c\n", "rule.yml:1: anchors");
}

/* ---- merging ---- */

static void test_people_decide(void **state)
{
	(void)state;
	static const char theirs[] = "# ours\nterms: # all of them\n- preferred: Vault   # the product\n  forbidden: [archive]\n"
				     "- preferred: seat\n  status: rejected\n- preferred: spool\n\n# the end\n";
	put("in/terms.yaml", theirs);
	put("styles/config/vocabularies/Base/accept.txt", "vault\narchive\nbridge\nBridge\n");
	put("styles/config/vocabularies/Base/reject.txt", "leverage\nLeverage\narchive\nbridge\n");
	put("styles/Acme/Words.yml",
		"extends: substitution\nswap:\n  licen[sc]e: seat\n  tunnel: bridge\n  vault: bridge\n  spool: bridge\n");
	put("styles/Acme/Other.yml", "a: &b c\n");
	put("styles/Acme/meta.json", "{}");
	struct terms_imported n = import("styles");
	assert_int_equal(n.n_terms, 2);
	assert_int_equal(n.n_unread, 1);
	assert_terms("Vault=-archive;seat=;spool=;=-leverage;bridge=-tunnel;");
	assert_begins(theirs);
	assert_int_equal(import("styles").n_terms, 0);
}

static void test_lists(void **state)
{
	(void)state;
	put("accept.txt", "spool\n");
	put("in/terms.yaml", "# none yet\nterms: []\n");
	import("accept.txt");
	assert_begins("# none yet\nterms: \n  - preferred: \"spool\"\n");
	assert_terms("spool=;");
	put("in/terms.yaml", "terms:\n    - forbidden: [a]");
	import("accept.txt");
	assert_begins("terms:\n    - forbidden: [a]\n    - preferred: \"spool\"\n");
	assert_terms("=-a;spool=;");
	put("in/terms.yaml", "terms:\n- preferred: a\n  forbidden: []\n");
	import("accept.txt");
	assert_begins("terms:\n- preferred: a\n  forbidden: []\n- preferred: \"spool\"\n");
	struct terms_imported n;
	put("in/terms.yaml", "terms: [{preferred: a}]\n");
	assert_int_equal(data_terms_import(at("accept.txt"), at("in"), &n, &err), ERR_DATA);
	assert_non_null(strstr(err.text, "need a list of lines that begin with '- '"));
	assert_terms("a=;");
	put("empty/x.md", "x");
	assert_int_equal(data_terms_import(at("empty"), at("in"), &n, &err), ERR_DATA);
	assert_non_null(strstr(err.text, "no vocabulary in this folder"));
	assert_int_equal(data_terms_import(at("accept.txt"), at("accept.txt"), &n, &err), ERR_USAGE);
}

static void test_every_allocation_fails(void **state)
{
	(void)state;
	struct terms_imported n;
	put("v/a.tbx",
		V3("<conceptEntry id='c'><langSec xml:lang='en'><termSec><term>spool</term></termSec></langSec></conceptEntry>"));
	put("v/accept.txt", "a|b\n");
	put("v/r.yml", "extends: substitution\nswap:\n  c: d\n");
	for (uint64_t nth = 1;; nth++) {
		put("in/terms.yaml", "terms:\n  - preferred: x\n");
		fault_set(FAULT_MEM, nth, false);
		int rc = data_terms_import(at("v"), at("in"), &n, &err);
		bool reached = fault_count(FAULT_MEM) >= nth;
		fault_set(FAULT_MEM, 0, false);
		if (!reached)
			break;
		assert_int_equal(rc, ERR_RESOURCE);
		assert_terms("x=;");
	}
	assert_terms("x=;a=;b=;d=-c;spool=;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_version_2, setup, teardown),
		cmocka_unit_test_setup_teardown(test_version_3, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_utf16, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_people_decide, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_allocation_fails, setup, teardown),
	};
	return cmocka_run_group_tests_name("terms_import", tests, NULL, NULL);
}
