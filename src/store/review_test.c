/* The log of reviews: nothing is lost, doubled or changed; what holds and what comes next. */
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static char dir[32], path[64];
static struct reviews *log_;
static struct err e;

static void ok(int rc)
{
	if (rc)
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "review_test_XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/reviews.db", dir);
	return reviews_open(&log_, path, &e);
}

static int teardown(void **state)
{
	(void)state;
	reviews_close(log_);
	return dir_remove(dir, NULL);
}

static void add(const char *id, double urgency)
{
	const struct review_draft d = {id, "faq", "How long?", "Nine days.", "base", "[]", "[]", urgency};
	ok(reviews_add(log_, &d, &e));
}

static void decide(const char *id, enum review_action action, const char *text, const char *reasons)
{
	const struct review_verdict v = {action, text, reasons, 2.5, false};
	ok(reviews_decide(log_, id, &v, &e));
}

/* "id:action:text:reasons:earlier " one behind the other. */
static int note(void *context, const struct review *v, struct err *unused)
{
	char *to = context;
	size_t n = strlen(to);
	(void)unused;
	snprintf(to + n, 4096 - n, "%s:%s:%s:%s:%s ", v->draft.id, review_action_name(v->verdict.action), v->verdict.text,
		v->verdict.reasons, review_action_name(v->earlier));
	return 0;
}

static void holds(const char *expected)
{
	char text[4096] = "";
	ok(reviews_each(log_, note, text, &e));
	assert_string_equal(text, expected);
}

static int note_id(void *context, const struct review *v, struct err *unused)
{
	(void)unused;
	snprintf(context, 64, "%s", v->draft.id);
	return 0;
}

static void next(const char *expected)
{
	char id[64] = "";
	ok(reviews_next(log_, note_id, id, &e));
	assert_string_equal(id, expected);
}

static void test_holds(void **state)
{
	(void)state;
	add("a", 0);
	add("b", 0);
	add("a", 5); /* once */
	assert_int_equal(reviews_added(log_), 2);
	holds("a:::: b:::: ");
	decide("a", REVIEW_ACCEPT, "", "");
	decide("b", REVIEW_EDIT, "Ten days.", "fact,tone");
	holds("a:accept::: b:edit:Ten days.:fact,tone: ");
	decide("b", REVIEW_UNDO, "", "");
	decide("b", REVIEW_UNDO, "", ""); /* there is nothing more to take back */
	holds("a:accept::: b:::: ");
	decide("a", REVIEW_REJECT, "", "pii");
	holds("a:reject::pii:accept b:::: ");
	decide("a", REVIEW_UNDO, "", "");
	decide("a", REVIEW_SKIP, "", "");
	holds("a:accept::: b:::: ");
	reviews_close(log_);
	ok(reviews_open(&log_, path, &e));
	holds("a:accept::: b:::: ");
	const struct review_verdict v = {REVIEW_ACCEPT, "", "", 1, false};
	assert_int_equal(reviews_decide(log_, "c", &v, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "there is no draft \"c\""));
}

static void test_order(void **state)
{
	(void)state;
	next("");
	add("calm", 0);
	add("urgent", 2);
	add("later", 2);
	next("urgent");
	decide("urgent", REVIEW_SKIP, "", "");
	next("later");
	decide("later", REVIEW_ACCEPT, "", "");
	next("calm");
	decide("calm", REVIEW_REJECT, "", "fact");
	next("urgent");
	decide("urgent", REVIEW_ACCEPT, "", "");
	next("");
	decide("urgent", REVIEW_UNDO, "", "");
	next("urgent");
}

static int count_again(void *context, const struct review *v, struct err *unused)
{
	(void)unused;
	*(int *)context += v->again;
	return 0;
}

/* About a twentieth is shown twice, after all else, and not a third time. */
static void test_again(void **state)
{
	char id[64];
	int again = 0;
	(void)state;
	for (int i = 0; i < 400; i++) {
		snprintf(id, sizeof id, "draft-%d", i);
		add(id, 0);
		decide(id, REVIEW_ACCEPT, "", "");
	}
	ok(reviews_each(log_, count_again, &again, &e));
	assert_in_range(again, 8, 40);
	for (int i = 0; i < again; i++) {
		*id = 0;
		ok(reviews_next(log_, note_id, id, &e));
		assert_true(*id);
		decide(id, REVIEW_REJECT, "", "tone");
	}
	next("");
}

/* The file itself refuses changes, also of other programs. */
static void test_append_only(void **state)
{
	static const char *const changes[] = {
		"UPDATE draft SET text = 'x'", "DELETE FROM draft", "UPDATE verdict SET action = 'accept'", "DELETE FROM verdict"};
	sqlite3 *db;
	(void)state;
	add("a", 0);
	decide("a", REVIEW_REJECT, "", "");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		assert_int_equal(sqlite3_exec(db, changes[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
	sqlite3_close(db);
	holds("a:reject::: ");
}

static int note_simulated(void *context, const struct review *v, struct err *unused)
{
	(void)unused;
	strcat(context, v->verdict.simulated ? "s" : v->verdict.action ? "p" : "-");
	return 0;
}

/* What a program decided stays told from what people did, also in a log of version 1, which did not know of any. */
static void test_simulated(void **state)
{
	char who[8] = "";
	sqlite3 *db;
	(void)state;
	add("a", 0);
	add("b", 0);
	add("c", 0);
	decide("a", REVIEW_ACCEPT, "", "");
	reviews_close(log_);
	log_ = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "ALTER TABLE verdict DROP COLUMN simulated; PRAGMA user_version = 1", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	ok(reviews_open(&log_, path, &e));
	const struct review_verdict v = {REVIEW_ACCEPT, "", "", 0, true};
	ok(reviews_decide(log_, "b", &v, &e));
	ok(reviews_each(log_, note_simulated, who, &e));
	assert_string_equal(who, "ps-");
	decide("b", REVIEW_UNDO, "", "");
	decide("b", REVIEW_REJECT, "", "");
	*who = 0;
	ok(reviews_each(log_, note_simulated, who, &e));
	assert_string_equal(who, "pp-");
}

/* Two at a time, and files that are none. */
static void test_files(void **state)
{
	struct reviews *other;
	char large[100000];
	(void)state;
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = 0;
	add("a", 0);
	ok(reviews_open(&other, path, &e));
	decide("a", REVIEW_EDIT, large, "");
	const struct review_verdict v = {REVIEW_ACCEPT, "", "", 1, false};
	ok(reviews_decide(other, "a", &v, &e));
	reviews_close(other);
	holds("a:accept:::edit ");
	reviews_close(log_);
	log_ = NULL;
	assert_int_equal(reviews_open(&other, dir, &e), ERR_FAILED);
	ok(file_replace(path,
		"no database, but longer than a header of one hundred bytes would be, so that it is looked at as it is", 100, &e));
	assert_int_equal(reviews_open(&other, path, &e), ERR_DATA);
	struct store *s;
	char index[80];
	snprintf(index, sizeof index, "%s/index.db", dir);
	ok(store_open(&s, index, &e));
	store_close(s);
	assert_int_equal(reviews_open(&other, index, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "expected a log of reviews"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_append_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_simulated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
	};
	return cmocka_run_group_tests_name("review", tests, NULL, NULL);
}
