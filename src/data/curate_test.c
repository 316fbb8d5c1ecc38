/* data_curate from folder to files: what is asked, what is refused, that it is the same every time. */
#include "data/data.h"

#include <omp.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/test_curate.h"
#include "format/format.h"

static void test_facts(void **state)
{
	(void)state;
	put("in/a.md",
		"# Limits\n\nA Zorbel job times out after 18 seconds, and it holds up to 5 workers. It needs 2 GB of memory.\n\n"
		"On the large plan, Zorbel checks every 5 minutes whether jobs wait. Open 3 windows. You get 4 things.\n");
	put("in/b.md", "# B\n\nWe made Zorbel. People like Zorbel. Logs stay for 7 days.\n");
	struct buf b = {0};
	curate(at("out"), 1);
	rows(&b);
	assert_row(&b, "After how many seconds does a Zorbel job time out?|A Zorbel job times out after 18 seconds.\n");
	assert_row(&b, "Please tell me after how many seconds a Zorbel job times out.|A Zorbel job times out after 18 seconds.\n");
	assert_row(&b, "How many workers does a Zorbel job hold?|A Zorbel job holds up to 5 workers.\n");
	assert_row(&b, "What is the maximum number of workers that a Zorbel job holds?|");
	assert_row(&b, "How many GB of memory does a Zorbel job need?|A Zorbel job needs 2 GB of memory.\n");
	assert_row(&b,
		"On the large plan, how often does Zorbel check whether jobs wait?|On the large plan, Zorbel checks every 5 "
		"minutes whether jobs wait.\n");
	assert_row(&b, "Zorbel job: how many seconds?|");
	assert_row(&b, "What is the number of workers for a Zorbel job?|");
	assert_row(&b, "For how many days do logs remain?|Logs stay for 7 days.\n");
	assert_row(&b, "In Zorbel, ");
	assert_row(&b, "How long do logs stay?|");
	assert_row(&b, "Complete the sentence: Logs stay for ___.|");
	assert_row(&b, "I work with Zorbel. ");
	assert_no_row(&b, "indow");
	assert_no_row(&b, "4 things");
	assert_no_row(&b, "  ");
	assert_no_row(&b, "$");
	buf_release(&b);
}

static void test_structure(void **state)
{
	(void)state;
	put("in/a.md",
		"# Guide\n\nA Zorbel worker is a process that runs jobs.\n\n## Add a worker\n\n1. Press **Add**.\n2. Wait.\n"
		"\n## Is it free?\n\nNo. It costs money.\n\n## Plans\n\n| Plan | Price | Seats |\n|---|---|---|\n| Small | 5 "
		"EUR | 3 |\n| Big | 9 EUR | 30 |\n\n| Flag | Purpose |\n|---|---|\n| `--dry` | shows the plan |\n\n| Limit | "
		"Value |\n|---|---|\n| Largest job | 4 MB |\n| Maximum input size | 9 KB |\n\n| Role | May |\n|---|---|\n| Gu"
		"est | read the log |\n\n**Spool**: the disk where jobs wait.\n\n- Max reach: 12 km\n- Ports: 40 in all (of 2 "
		"kinds)\n- Note: it has 9 legs\n");
	struct buf b = {0};
	curate(at("out"), 1);
	rows(&b);
	assert_no_row(&b, "In ,");
	assert_row(&b, "How many km is the maximum reach?|The maximum reach is 12 km.\n");
	assert_row(&b, "The ports are 40 in all (of 2 kinds).\n");
	assert_no_row(&b, "he note");
	assert_row(&b, "What is a Zorbel worker?|A Zorbel worker is a process that runs jobs.\n");
	assert_row(&b, "How do I add a worker?|1. Press Add. 2. Wait.\n");
	assert_row(&b, "What is the first step to add a worker?|First, press Add.\n");
	assert_row(&b, "What comes after \"press Add\"?|Then wait.\n");
	assert_row(&b, "Is it free?|No. It costs money.\n");
	assert_row(&b, "How much does the Small plan cost?|The price of the Small plan is 5 EUR.\n");
	assert_row(&b, "How many seats does the Big plan have?|The Big plan has 30 seats.\n");
	assert_row(&b, "What does the `--dry` flag do?|The `--dry` flag shows the plan.\n");
	assert_row(&b, "Which flag shows the plan?|");
	assert_row(&b, "Which role may read the log?|The Guest role may read the log.\n");
	assert_row(&b, "What is the largest job?|The largest job is 4 MB.\n");
	assert_row(&b, "How large can an input be?|The maximum input size is 9 KB.\n");
	assert_row(&b, "I have the Small plan. What is my price?|The price of the Small plan is 5 EUR.\n");
	assert_row(&b, "Define the term \"spool\".|\"spool\" means the disk where jobs wait.\n");
	buf_release(&b);
}

/* What people ask: by what a value means, behind a scene, for the tool that does it. */
static void test_asked(void **state)
{
	(void)state;
	put("in/a.md",
		"# Clean a cart\n\nA Zorbel pass expires after 6 days. Backups are taken every 5 hours and kept for 38 days. A "
		"cart "
		"can be "
		"repaired within 9 days. When a lane is shut, carts wait for 7 minutes. A green lamp marks the exit. The owners "
		"get a "
		"mail when 85 % of the fuel is used. A wheel may be up to 3 levels deep. A track has the code `T-9`, and a lane is "
		"served "
		"until 30 June 2027. Run `clean now` with the number. To open the gate, press Lift.\n\n"
		"| Code | Meaning |\n|---|---|\n| E1 | the gate is shut |\n\n| Tool | Purpose |\n|---|---|\n| `jack` | moves a "
		"cart |\n");
	put("in/b.md", "# B\n\nWe made Zorbel. People like Zorbel.\n");
	struct buf b = {0};
	curate(at("out"), 1);
	rows(&b);
	assert_row(&b, "When does a Zorbel pass stop working?|A Zorbel pass expires after 6 days.\n");
	assert_row(&b, "How long are backups kept?|");
	assert_row(&b, "How long do I have to repair a cart?|");
	assert_row(&b, "A lane is shut. How long do carts wait?|");
	assert_row(&b, "What colour is the lamp?|A green lamp marks the exit.\n");
	assert_row(&b, "How much of the fuel has to be used before the owners get a mail?|");
	assert_row(&b, "How deep may a wheel be?|");
	assert_row(&b, "Until when is a lane served?|");
	assert_row(&b, "Which command do I run with the number to clean a cart?|Run `clean now` with the number.\n");
	assert_row(&b, "I have to open the gate. Which button do I press?|To open the gate, press Lift.\n");
	assert_row(&b, "The gate is shut. Which code do I get?|");
	assert_row(&b, "Which tool do I use to move a cart?|");
	buf_release(&b);
}

/* What must not be asked: what a statement is about, what "it" does not mean, what nobody said. */
static void test_restraint(void **state)
{
	(void)state;
	put("in/a.md",
		"# A\n\nJobs wait for 3 minutes. It needs 2 GB of memory. The `--dry` flag needs 5 tokens. Seven wolves and 4 "
		"lambs eat 6 apples.\n");
	put("in/b.md",
		"# B\n\nWe like Vorpal here, and Vorpal there.\n\n| Plan | Seats |\n|---|---|\n| Small | 3 |\n| Mid | 3 |\n| Big | "
		"9 |\n| Void | |\n| Null | - |\n| Nix | n/a |\n");
	put("in/c.md",
		"# Prepare the sauce\n\n1. Heat.\n2. Stir.\n\nThen\n\n1. Cool.\n2. Serve.\n3. Clean.\n\nNothing is said of the "
		"rest, nor of "
		"Vorpal.\n");
	put("in/d.md", "# Prepare the dish\n\n- a\n\n1. Heat it.\n2. Stir it.\n\ntext\n\n3. Freeze it.\n");
	struct buf b = {0};
	curate(at("out"), 1);
	rows(&b);
	assert_no_row(&b, "many GB");
	assert_no_row(&b, "hich flag does");
	assert_no_row(&b, "how many lambs");
	assert_no_row(&b, "liters ");
	assert_no_row(&b, "the cat have");
	assert_no_row(&b, "what value");
	assert_row(&b, "Which plan has 9 as its seats?|The Big plan has 9 seats.\n");
	assert_no_row(&b, "has 3 as its");
	assert_no_row(&b, "Void");
	assert_no_row(&b, "Null");
	assert_no_row(&b, "Nix");
	assert_row(&b, "How do I prepare the sauce?|1. Heat. 2. Stir.\n");
	assert_row(&b, "How do I prepare the dish?|1. Heat it. 2. Stir it.\n");
	assert_no_row(&b, "In ,");
	buf_release(&b);
}

/* A name that few documents use is not what they are about. */
static void test_subject(void **state)
{
	(void)state;
	put("in/a.md", "# A\n\nWe met Vorpal and Vorpal met us. A lease lasts 3 hours.\n");
	put("in/b.md", "# B\n\nA slot holds 4 jobs.\n");
	put("in/c.md", "# C\n\nA pump moves 6 tons.\n");
	struct buf b = {0};
	curate(at("out"), 1);
	rows(&b);
	assert_row(&b, "How long does a lease last?|");
	assert_no_row(&b, "n Vorpal, ");
	assert_no_row(&b, "In ,");
	buf_release(&b);
}

/* Two answers to one question: nobody can know which is meant. */
static void test_ambiguous(void **state)
{
	(void)state;
	put("in/a.md", "# Loading of cars on ferries\n\nThe pause lasts 5 minutes.\n"); /* the headings tell two pauses apart */
	put("in/b.md", "# Work on cranes at night\n\nThe pause lasts 6 minutes. The break lasts 7 minutes.\n");
	struct buf b = {0};
	curate(at("out"), 1);
	rows(&b);
	assert_no_row(&b, "How long does the pause last?");
	assert_row(&b, "Loading of cars on ferries: how many minutes does the pause last?|");
	assert_row(&b, "How long does the break last?|");

	/* One answer twice is one row. */
	put("in/b.md", "# B\n\nThe pause lasts 5 minutes.\n");
	curate(at("out"), 1);
	rows(&b);
	const char *once = strstr(b.p, "\nHow long does the pause last?|");
	assert_non_null(once);
	assert_null(strstr(once + 1, "\nHow long does the pause last?|"));
	buf_release(&b);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
		n++;
	return n;
}

/* What is not so is denied with what is; a feature that the documents mention is none they lack. */
static void test_refusals(void **state)
{
	(void)state;
	put("in/a.md",
		"# A\n\nWe made Zorbel. Zorbel has a wiki. A lease lasts 3 days. A slot lasts 8 days. A trial lasts 9 days. A pass "
		"lasts 7 "
		"days. A stream cannot be renamed.\n");
	struct buf b = {0}, train = {0};
	struct err e = {0};
	curate(at("out"), 2);
	rows(&b);
	assert_row(&b, "?|A stream cannot be renamed.\n");
	assert_row(&b, "ow do I rename a stream?|A stream cannot be renamed.\n");
	assert_true(count(b.p, "|No, that is not right. A ") > 0 && count(b.p, "|Yes. A ") > 0);
	assert_int_equal(count(b.p, "lease lasts 3 days. Is that so?|No,"), 0);
	assert_int_equal(count(b.p, "lease lasts 3 days, correct?|No,"), 0);
	assert_int_equal(file_read(at("out/train.jsonl"), 1 << 24, &train, &e), 0);
	assert_true(count(train.p, "does not mention a mobile app, so I cannot say anything about it.") > 0);
	assert_int_equal(count(train.p, "does not mention a wiki"), 0);
	assert_int_equal(count(train.p, "\"kind\":\"text\""), 1);
	assert_true(count(train.p, "\"kind\": \"replay\"") > 50);
	buf_release(&train);
	buf_release(&b);
}

/* Two pages say that it cannot be done: the questions keep their answer. */
static void test_said_twice(void **state)
{
	(void)state;
	put("in/a.md", "# A\n\nWe made Zorbel. A stream cannot be renamed.\n");
	put("in/b.md", "# B\n\nA stream cannot be renamed, and Zorbel keeps it for ever.\n");
	struct buf b = {0};
	curate(at("out"), 10);
	rows(&b);
	assert_true(count(b.p, "rename a stream?|A stream cannot be renamed") >= 2);
	buf_release(&b);
}

static void read_all(const char *dir, struct buf *out)
{
	static const char *const name[] = {"train.jsonl", "valid.jsonl", "sections.jsonl", "facts.jsonl", "manifest.json"};
	struct err e = {0};
	char path[PATH_SIZE];
	buf_clear(out);
	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		assert_int_equal(path_join(path, sizeof path, &e, dir, name[i]), 0);
		assert_int_equal(file_read(path, 1 << 24, out, &e), 0);
	}
}

static void test_same_bytes(void **state)
{
	(void)state;
	put("in/z.md",
		"# Z\n\nThe vault keeps events for 9 days. The key has 32 bytes. A slot holds 4 jobs. A pump moves 6 tons.\n");
	put("in/sub/a.md", "# A\n\nA lease lasts 3 hours.\n");
	put("in/b.md", "# B\n\nA rope has 5 knots.\n");
	put("in/y.md", "# Y\n\nA boat has 2 masts.\n");
	put("in/a.md", "# A\n\nA cart has 4 wheels.\n");
	struct buf a = {0}, b = {0};
	bool current;
	struct data_options o = {.in = at("in"), .out = at("out"), .seed = 7, .n_phrasings = 5};
	struct data_summary s;
	assert_int_equal(data_curate(&o, &s, NULL), 0);
	read_all(at("out"), &a);
	o.out = at("again");
	assert_int_equal(data_curate(&o, &s, NULL), 0);
	read_all(at("again"), &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	static const char *const order[] = {"a.md", "b.md", "sub/a.md", "y.md", "z.md"};
	const char *p = strstr(a.p, "\"documents\": [");
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		char path[64];
		snprintf(path, sizeof path, "\"path\": \"%s\"", order[i]);
		assert_non_null(p = strstr(p, path));
	}
	o.seed = 8;
	put("again/train.jsonl" FILE_TEMPORARY "4194305", "of a curation that was killed");
	assert_int_equal(data_curate(&o, &s, NULL), 0);
	assert_false(file_exists(at("again/train.jsonl" FILE_TEMPORARY "4194305")));
	read_all(at("again"), &b);
	assert_true(a.len != b.len || memcmp(a.p, b.p, a.len));
	assert_true(s.n_valid > 0 && s.n_valid < s.n_train);

	/* Asked once, nothing can be kept for validation. */
	o.n_phrasings = 1;
	assert_int_equal(data_curate(&o, &s, NULL), 0);
	assert_int_equal(s.n_valid, 0);
	assert_true(file_exists(at("again/valid.jsonl"))); /* general rows alone */
	assert_int_equal(data_is_current(&o, &current, &s, NULL), 0);
	assert_true(current);
	put("again/valid.jsonl", "{}");
	assert_int_equal(data_is_current(&o, &current, &s, NULL), 0);
	assert_false(current);
	assert_int_equal(file_read(at("again/train.jsonl"), 1 << 20, (buf_clear(&a), &a), NULL), 0);
	o.seed = 9;
	assert_int_equal(data_curate(&o, &s, NULL), 0);
	assert_int_equal(file_read(at("again/train.jsonl"), 1 << 20, (buf_clear(&b), &b), NULL), 0);
	assert_true(a.len != b.len || memcmp(a.p, b.p, a.len));
	buf_release(&a);
	buf_release(&b);
}

/* Pages are searched, read and written on all threads: their number changes no byte. */
static void test_threads(void **state)
{
	(void)state;
	struct buf page = {0}, made[3] = {{0}};
	struct data_summary s;
	struct err e = {0};
	int before = omp_get_max_threads();
	for (int i = 0; i < 60; i++) {
		char name[32];
		snprintf(name, sizeof name, "in/%d.html", i);
		buf_clear(&page);
		assert_int_equal(buf_printf(&page, &e, "<title>Pump %c%c</title><h1>Pump %c%c</h1>", 'a' + i / 8, 'a' + i % 8,
					 'a' + i / 8, 'a' + i % 8),
			0);
		for (int k = 0; k < 1 + i % 7; k++)
			assert_int_equal(buf_printf(&page, &e,
						 "<h2>Valve %c%d</h2><p>The valve %c%d keeps water for %d hours. Write to "
						 "ida.berg%d@valves.org when "
						 "the hose of this part of the system does not fit.</p>",
						 'a' + i % 26, i, 'a' + i % 26, i, 2 + i + k, i % 5),
				0);
		put(name, page.p);
	}
	for (int i = 0; i < 3; i++) {
		struct data_options o = {.in = at("in"), .out = at("out"), .seed = 7, .n_phrasings = 14, .scrub_pii = true};
		omp_set_num_threads(1 + 2 * i);
		assert_int_equal(data_curate(&o, &s, &e), 0);
		read_all(at("out"), &made[i]);
		assert_true(s.n_train > 200 && s.n_pii[PII_EMAIL] > 0);
		assert_int_equal(made[i].len, made[0].len);
		assert_memory_equal(made[i].p, made[0].p, made[0].len);
	}
	size_t n_kept = 0; /* every eighth item keeps a question: numbers run through all documents */
	for (const char *p = made[0].p, *digits; (p = strstr(p, ",\"stratum\":\"known\"")); p++, n_kept++) {
		for (digits = p; digits[-1] != ':';)
			digits--;
		assert_int_equal(strtoul(digits, NULL, 10) % 8, 0);
	}
	if (n_kept < 3)
		fail_msg("%zu questions are kept", n_kept);
	omp_set_num_threads(before);
	buf_release(&page);
	for (int i = 0; i < 3; i++)
		buf_release(&made[i]);
}

/* What another room adds to the report leaves the folder current, takes the place of what it added before, and needs a whole report. */
static void test_report_part(void **state)
{
	(void)state;
	put("in/a.md", "# A\n\nA lease lasts 3 hours. Close <section id=\"added\"> with </section>.\n");
	struct data_options o = {.in = at("in"), .out = at("out"), .seed = 7, .n_phrasings = 5};
	struct data_summary made;
	struct buf report = {0};
	bool current;
	struct err e = {0};
	assert_int_equal(data_curate(&o, &made, &e), 0);
	assert_int_equal(data_report_add(at("out"), "<p>one</p>", 10, &e), 0);
	assert_int_equal(data_report_add(at("out"), "<p>two</p>", 10, &e), 0);
	assert_int_equal(data_is_current(&o, &current, &made, &e), 0);
	assert_true(current);
	assert_int_equal(file_read(at("out/report.html"), 1 << 20, &report, &e), 0);
	assert_null(strstr(report.p, "<p>one</p>"));
	assert_non_null(strstr(report.p, "<section id=\"added\"><p>two</p></section></main></body></html>\n"));
	assert_non_null(strstr(report.p, "A lease lasts 3 hours"));
	assert_int_equal(data_curate(&o, &made, &e), 0); /* a new report has none */
	buf_clear(&report);
	assert_int_equal(file_read(at("out/report.html"), 1 << 20, &report, &e), 0);
	assert_null(strstr(report.p, "<p>two</p>"));
	put("out/report.html", "<p>cut");
	assert_int_equal(data_report_add(at("out"), "", 0, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "report.html: expected the end of a report"));
	buf_release(&report);
}

static void test_current(void **state)
{
	(void)state;
	put("in/a.md", "# A\n\nA lease lasts 3 hours.\n");
	struct data_options o = {.in = at("in"), .out = at("out"), .seed = 7, .n_phrasings = 5};
	struct data_summary made, found;
	bool current;
	struct err e = {0};
	assert_int_equal(data_is_current(&o, &current, &found, &e), 0);
	assert_false(current);
	assert_int_equal(data_curate(&o, &made, &e), 0);
	assert_int_equal(data_is_current(&o, &current, &found, &e), 0);
	assert_true(current);
	assert_memory_equal(&made, &found, sizeof made);
	o.seed = 8;
	assert_int_equal(data_is_current(&o, &current, &found, &e), 0);
	assert_false(current);
	o.seed = 7;
	put("out/train.jsonl", "{}");
	assert_int_equal(data_is_current(&o, &current, &found, &e), 0);
	assert_false(current);
	assert_int_equal(data_curate(&o, &made, &e), 0);
	put("in/a.md", "# A\n\nA lease lasts 4 hours.\n");
	assert_int_equal(data_is_current(&o, &current, &found, &e), 0);
	assert_false(current);
	put("out/manifest.json", "{\"key\":1}");
	assert_int_equal(data_is_current(&o, &current, &found, &e), 0);
	assert_false(current);
}

/* A held-out question is never trained, and what it asks is. */
static void test_reserved(void **state)
{
	(void)state;
	put("in/z.md",
		"# Z\n\nThe vault keeps events for 9 days. The key has 32 bytes. A slot holds 4 jobs. A pump moves 6 tons.\n");
	struct data_summary s = curate(at("out"), 3);
	struct buf train = {0}, valid = {0};
	struct err e = {0};
	assert_true(s.n_valid > 0);
	assert_int_equal(file_read(at("out/train.jsonl"), 1 << 20, &train, &e), 0);
	assert_int_equal(file_read(at("out/valid.jsonl"), 1 << 20, &valid, &e), 0);
	for (char *line = strtok(valid.p, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *row = json_loads(line, 0, NULL);
		const char *q, *a, *stratum;
		if (json_is_true(json_object_get(row, "distill"))) {
			json_decref(row);
			continue;
		}
		assert_int_equal(
			json_unpack(row, "{s:[{s:s},{s:s}], s:s}", "messages", "content", &q, "content", &a, "stratum", &stratum),
			0);
		assert_string_equal(stratum, "known");
		char quoted[512];
		snprintf(quoted, sizeof quoted, "\"content\":\"%s\"", q);
		assert_null(strstr(train.p, quoted));
		assert_non_null(strstr(train.p, a));
		json_decref(row);
	}
	buf_release(&train);
	buf_release(&valid);
}

/* A line that nobody wrote is left out and named; what stands beside it is used. */
static void test_long_passages(void **state)
{
	(void)state;
	struct buf text = {0}, b = {0};
	struct err e = {0};
	for (int i = 0; i < 5000; i++)
		buf_puts(&text, "noise ", &e);
	put("in/only.md", text.p);
	buf_puts(&text, "\n\nThe lease lasts 5 days.\n", &e);
	put("in/beside.md", text.p);
	struct data_summary s = curate(at("out"), 1);
	assert_int_equal(s.n_documents, 1);
	assert_int_equal(s.n_skipped, 2);
	assert_int_equal(file_read(at("out/manifest.json"), 1 << 20, &b, &e), 0);
	assert_non_null(strstr(b.p, "1 of its 1 passages, the longest of 29999 bytes"));
	assert_non_null(strstr(b.p, "1 of its 2 passages"));
	buf_clear(&b);
	assert_int_equal(file_read(at("out/train.jsonl"), 1 << 20, &b, &e), 0);
	assert_non_null(strstr(b.p, "The lease lasts 5 days."));
	assert_null(strstr(b.p, "noise noise"));
	buf_release(&text);
	buf_release(&b);
}

static void test_bad_documents(void **state)
{
	(void)state;
	put("in/empty.md", "");
	put("in/binary.md",
		"\x7f"
		"ELF\x80\xff");
	put("in/.hidden.md", "# H\n\nThe secret lasts 5 days.\n");
	put("in/note.rtf", "The note lasts 5 days.\n");
	put("other/b.RTF", "b");
	put("other/deep/c.rtf", "c");
	put("other/Makefile", "c");
	struct data_options o = {.in = at("other"), .out = at("out"), .seed = 1, .n_phrasings = 8};
	struct data_summary s;
	struct err e = {0};
	assert_int_equal(data_curate(&o, &s, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "looked for *.md"));
	assert_non_null(strstr(e.text, "1 no ending"));
	assert_true(strstr(e.text, "2 .RTF") || strstr(e.text, "2 .rtf"));
	o.in = at("in");
	assert_int_equal(data_curate(&o, &s, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "no usable document"));
	assert_false(dir_exists(at("out")));

	put("in/plain.MD", "just words without any value in them\n");
	assert_int_equal(data_curate(&o, &s, &e), ERR_DATA);
	put("in/good.markdown", "# G\n\nThe good one lasts 5 days.\n");
	assert_int_equal(data_curate(&o, &s, &e), 0);
	assert_int_equal(s.n_documents, 2);
	assert_int_equal(s.n_skipped, 2);
	struct buf b = {0};
	assert_int_equal(file_read(at("out/manifest.json"), 1 << 20, &b, &e), 0);
	assert_non_null(strstr(b.p, "not UTF-8 text"));
	assert_non_null(strstr(b.p, "empty file"));
	assert_null(strstr(b.p, "hidden"));
	buf_release(&b);

	o.in = at("in/good.markdown"); /* one file */
	assert_int_equal(data_curate(&o, &s, &e), 0);
	assert_int_equal(s.n_documents, 1);
	o.in = at("nowhere");
	assert_int_equal(data_curate(&o, &s, &e), ERR_FAILED);
}

/* Every kind of document in one folder; what is made of it is current afterwards, although one file became many documents. */
static void test_kinds(void **state)
{
	(void)state;
	put("in/a.html", "<title>T</title><nav>Menu with 9 entries</nav><h1>Limits</h1><p>The vault keeps events for 9 days.");
	put("in/b.txt", "Limits\n======\n\nThe key has 32 bytes.\n");
	put("in/c.txt",
		"Call\nIda: Hello?\nTom: Hi.\nIda: How long does the old link live?\nTom: Sure, a link of the export lives for 72 "
		"hours.\n"
		"Ida: Good.\nTom: Bye.\n");
	put("in/d.csv",
		"id,question,reply\nA,Our job is late again. What is wrong?,\"Hi,\n\nA slot holds 4 jobs.\"\n"
		"B,We wonder how much one pump moves.,A pump moves 6 tons.\nC,nothing,\n");
	struct data_summary s = curate(at("out"), 3);
	assert_int_equal(s.n_documents, 5);
	assert_int_equal(s.n_skipped, 1);
	struct buf b = {0};
	rows(&b);
	assert_row(&b, "|The vault keeps events for 9 days.\n");
	assert_row(&b, "|The key has 32 bytes.\n");
	assert_row(&b, "How long does the old link live?|A link of the export lives for 72 hours.\n");
	assert_row(&b, "Our job is late again. What is wrong?|A slot holds 4 jobs.\n");
	assert_row(&b, "How many jobs does a slot hold?|");
	assert_no_row(&b, "entries");
	buf_release(&b);
	struct data_options o = {.in = at("in"), .out = at("out"), .seed = 3, .n_phrasings = 400};
	struct err e = {0};
	bool current;
	assert_int_equal(data_is_current(&o, &current, &s, &e), 0);
	assert_true(current);
	put("in/d.csv", "id,question,reply\n");
	assert_int_equal(data_is_current(&o, &current, &s, &e), 0);
	assert_false(current);
}

/* Every allocation and file call fails once: an error or a skipped document, never a crash, a leak or a manifest that lies. */
static void test_faults(void **state)
{
	(void)state;
	put("in/a.md", "# A\n\nA lease lasts 3 hours.\n\n| P | Q |\n|---|---|\n| x | 1 |\n\n**T**: a thing.\n");
	struct data_options o = {.in = at("in"), .out = at("out"), .seed = 1, .n_phrasings = 3};
	struct data_summary s;
	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		for (uint64_t n = 1;; n++) {
			struct err e = {0};
			fault_set((enum fault_kind)kind, n, false);
			int rc = data_curate(&o, &s, &e);
			bool reached = fault_count((enum fault_kind)kind) >= n;
			fault_set((enum fault_kind)kind, 0, false);
			if (rc < 0)
				assert_true(e.text[0]);
			if (!reached)
				break;
		}
	}
	assert_int_equal(data_curate(&o, &s, NULL), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_facts),
		CASE(test_long_passages),
		CASE(test_structure),
		CASE(test_asked),
		CASE(test_restraint),
		CASE(test_subject),
		CASE(test_refusals),
		CASE(test_said_twice),
		CASE(test_ambiguous),
		CASE(test_same_bytes),
		CASE(test_threads),
		CASE(test_current),
		CASE(test_report_part),
		CASE(test_reserved),
		CASE(test_bad_documents),
		CASE(test_kinds),
		CASE(test_faults),
	};
	return cmocka_run_group_tests_name("curate", tests, NULL, NULL);
}
