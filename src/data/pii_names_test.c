/* Names of persons by the form of a document: columns, messages, chats, calls, captions, JSON; and what only looks like one. */
#include "data/scrub.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "data/json_view.h"
#include "data/test_arena.h"

/* `found`: the names in the order of the text, '|' between two. */
static void check(const char *path, const char *text, const char *found)
{
	struct document d = {.path = path, .bytes = text, .size = strlen(text)}, view = d;
	struct piis names = {0};
	struct buf got = {0};
	struct err e = {0};
	if (strstr(path, ".json"))
		assert_int_equal(json_view(&view, &d, &arena, &e), 0);
	if (pii_names_find(&names, &view, &arena, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < names.n; i++) {
		struct span s = names.p[i].span;
		assert_true(s.start < s.end && s.end <= view.size && (!i || s.start >= names.p[i - 1].span.end));
		assert_non_null(names.p[i].as);
		buf_printf(&got, NULL, "%s%.*s", i ? "|" : "", (int)(s.end - s.start), view.bytes + s.start);
	}
	if (strcmp(got.p ? got.p : "", found))
		print_message("in: %s\n", text);
	assert_string_equal(got.p ? got.p : "", found);
	buf_release(&got);
	piis_release(&names);
}

/* A message of a customer, as a ticket. */
static void message(const char *text, const char *found)
{
	struct buf b = {0};
	assert_int_equal(buf_printf(&b, NULL, "id,question,reply\nA-1,\"%s\",\"It is set in the menu.\"\n", text), 0);
	check("t.csv", b.p, found);
	buf_release(&b);
}

static void test_columns(void **state)
{
	(void)state;
	check("t.csv", "id,requester,question,reply\n1,Ida Quarn,\"x\",\"y\"\n", "Ida Quarn");
	check("t.csv", "customer_name;company;Bearbeiter\nIda Quarn;Lotus Locks;Bo Lind\n", "Ida Quarn|Bo Lind");
	check("t.csv", "contactName,productName\n\"Quarn, Ida\",Smart Lock\n", "Quarn, Ida");
	check("t.csv", "Account manager,Account\nDr. med. Ida van 't Hoff,Big Bank\n", "Ida van 't Hoff");
	check("t.csv", "name,q\nida quarn,\"she is Ida\"\n", "ida quarn|Ida");
	check("t.csv", "name,q\n\"Rosalind \"\"Roz\"\" Thack\",\"Roz called\"\n", "Rosalind \"\"Roz\"\" Thack|Roz");
	check("t.csv", "name,mail\nPETE SAND,PETE.SAND@X.IO\n", "PETE SAND");
	check("t.csv", "customer,agent\nQuarn & Sons,Support Team\n(vacant),unassigned\n", "");
}

static void test_messages(void **state)
{
	(void)state;
	message("Hello Ida,\nit works.\n\nBest regards\nBo Lind", "Ida|Bo Lind");
	message("Sehr geehrter Herr von Berg,\nes geht.\n\nMit freundlichen Grüßen\ni.A. Uta Klein", "von Berg|Uta Klein");
	message("Cher Monsieur d'Aubrac,\nok.\n\nCordialement,\nLoïc Kerb", "d'Aubrac|Loïc Kerb");
	message("Hej Åsa!\n\nTack.\n\n/Sven-Erik", "Åsa|Sven-Erik");
	message("Dzień dobry,\nnie działa. Pozdrawiam\nPaweł Zielin", "Paweł Zielin");
	message("Buenos días, don José:\nvale.\nUn saludo\nJ. I. de la Vega", "José|J. I. de la Vega");
	message("Здравствуйте, Дмитрий!\nда.\nС уважением,\nИрина Лис", "Дмитрий|Ирина Лис");
	message("您好，\n柜子。\n谢谢\n王小明", "王小明");
	message("hi,\nno.\n\nthx, pete", "pete");
	message("My name is Ida Quarn and I run it.\nFrom: Bo Lind <bo@x.io>\nOn Mon, 5 Jan 2026, Cy Day wrote:",
		"Ida Quarn|Bo Lind|Cy Day");
	message("Please ask Frau Quarn. Quarns Brief an Mr Lind, Quarn's key.", "Quarn|Quarns|Lind|Quarn");
	message("Dear team,\nDear Sir or Madam,\nHello everyone, hi there,\nLiebes Support-Team,", "");
	message("Hello Kestrel,\nsee https://docs.kestrel.io/x\n\nRegards,\nCustomer Success", "");
	message("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n\nUplink  45.83.59.239\nWebhook 403", "");
	message("Ask Ida. Our colleague Bo said so.", "");
}

/* The same person all through, in every spelling; another ticket has its own. */
static void test_again(void **state)
{
	(void)state;
	check("t.csv", "name,q\nJürgen Wörn,\"JUERGEN WOERN; Juergen and jürgen; Wörns Tür\"\nBo,\"Jürgen stays\"\n",
		"Jürgen Wörn|JUERGEN WOERN|Juergen|jürgen|Wörns|Bo");
	check("t.csv", "name,q\nTomasz Lis,\"Panie Tomaszu; Tomasza nie ma\"\n", "Tomasz Lis|Tomaszu|Tomasza");
	check("t.csv", "name,q\nMark Hill,\"Mark as read. The hill is high. I am Mark.\"\n", "Mark Hill|Mark");
	check("t.csv", "name,q\n田中 花子,\"田中様、田中さん\"\n", "田中 花子|田中|田中");
}

static void test_calls(void **state)
{
	(void)state;
	check("c.txt",
		"Present: Ida Quarn (Acme), Bo\n\nIda Quarn: Hi Bo, is it on?\nBo: Yes, Ida.\nAgent: Good.\nIda Quarn: Fine, "
		"Bo.\nBo: Bye.\n",
		"Ida Quarn|Bo|Ida Quarn|Bo|Bo|Ida|Ida Quarn|Bo|Bo");
	check("chat.txt", "[12:03] Ida Q.: on it\n12/03/2026, 08:25 - Bo Lind: ok\nCy Day  9:41 AM\nhello\n<mo> hi ida\n",
		"Ida Q.|Bo Lind|Cy Day|mo|ida");
	check("c.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v.loud Ida Quarn>Hello Bo, are you there?\n", "Ida Quarn|Bo");
	check("c.srt",
		"1\n00:00:01,000 --> 00:00:02,000\nIda: Hello.\n\n2\n00:00:02,000 --> 00:00:03,000\nBo: Yes.\n\n3\n00:00:03,000 "
		"--> "
		"00:00:04,000\nIda: Good.\n\n4\n00:00:04,000 --> 00:00:05,000\nBo: Yes, Ida.\n",
		"Ida|Bo|Ida|Bo|Ida");
	check("robots.txt", "User-agent: *\nDisallow: /a\nDisallow: /b\nDisallow: /c\nDisallow: /d\n", "");
	check("notes.txt", "Setup\n\nNote: The lock opens.\n\nNote: It closes.\n", "");
	check("page.md", "Hello Ida,\n\nRegards,\nBo\n", "");
}

static void test_json(void **state)
{
	(void)state;
	check("r.jsonl",
		"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi Bo,\\nI am lost.\\nRegards,\\nIda "
		"Quarnstr\\u00f6m\"},{\"role\":"
		"\"assistant\",\"content\":\"Dear Ida,\\nall is well.\"}]}\n{\"prompt\":\"Ida?\",\"completion\":\"no\"}\n",
		"Bo|Ida Quarnström|Ida");
	check("t.json",
		"[{\"customer\":{\"name\":\"Ida Quarn\"},\"product\":{\"name\":\"Smart Lock\"},\"question\":\"say \\\"Ida\\\"\"}]",
		"Ida Quarn|Ida");
}

/* The view leads back to the file's own bytes. */
static void test_view(void **state)
{
	(void)state;
	static const char text[] = "{\"a\\n\":\"\\u00e9\\ud83d\\ude00 \\\"x\\\" \\q \\u12\"} \\n";
	struct document d = {.path = "x.json", .bytes = text, .size = strlen(text)}, view;
	assert_int_equal(json_view(&view, &d, &arena, NULL), 0);
	assert_string_equal(view.bytes, "{\"a\n\":\"é😀 \"x\" \\q \\u12\"} \\n");
	for (size_t i = 0; i < view.size; i++) {
		size_t at = document_place(&view, i);
		assert_true(view.bytes[i] < 0 || text[at] == (json_view_is_escape(&view, i) ? '\\' : view.bytes[i]));
	}
	assert_int_equal(document_place(&view, view.size), d.size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_columns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_view, setup, teardown)};
	return cmocka_run_group_tests_name("pii_names", tests, NULL, NULL);
}
