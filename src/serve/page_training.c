/*
 * Training from the page: one at a time, into the results folder, on the data folder and the model that are served. A request names no path and no
 * model, only a run of the list and a few settings. Reference: page.h; docs/formats.md, "The page".
 *
 * RESULTS/trainings.jsonl is a log: a line is a training as it stands, when it begins and when it has ended, and of a run the last line counts. So a run is gone
 * on with in the settings that it was begun in, also by another server, and a reload tells how the last one ended. RESULTS/training.log is what the last one says.
 */
#include "serve/page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format/format.h"
#include "serve/training.h"
#include "train/train.h"

enum { RUNS_MAX = 10000, NAME_MAX_BYTES = 255, VALUE_MAX_BYTES = 32, ARGUMENTS_MAX = 32 };

/* Those that somebody may want to try from a page; all others as the server's attune.yaml and environment have them. */
static const char *const offered[] = {"num_epochs", "max_steps", "lora_r", "learning_rate"};

enum { N_OFFERED = sizeof offered / sizeof *offered };

struct training_desk {
	json_t *records; /* run -> its record */
	json_t *last;    /* the newest of them; NULL: none yet */
	struct training child;
	char file[PATH_SIZE], log[PATH_SIZE];
};

/* ---- what is kept ----------------------------------------------------------------------------------------------------------------------- */

static int record_add(struct training_desk *d, json_t *record, struct err *e)
{
	const char *run = json_string_value(json_object_get(record, "run"));
	json_decref(d->last);
	d->last = json_incref(record);
	return json_object_set(d->records, run, record) ? err_set(e, ERR_RESOURCE, "out of memory for the trainings") : 0;
}

static int record_read(void *context, const json_t *object, struct err *e)
{
	if (!json_is_string(json_object_get(object, "run")) || !json_is_object(json_object_get(object, "settings")) ||
		!json_is_string(json_object_get(object, "state")))
		return err_set(e, ERR_DATA, "expected a training: {\"run\", \"settings\", \"state\", \"sentence\", ...}");
	json_t *record = json_deep_copy(object);
	int rc = record ? record_add(context, record, e) : err_set(e, ERR_RESOURCE, "out of memory for the trainings");
	json_decref(record);
	return rc;
}

static int record_keep(const struct training_desk *d, struct err *e)
{
	struct buf line = {0};
	int rc = json_line(&line, d->last, e);
	if (!rc)
		rc = file_append(d->file, line.p, line.len, e);
	buf_release(&line);
	return rc;
}

static void record_end(const struct training_desk *d, const char *state, int code, const char *sentence)
{
	json_object_set_new(d->last, "state", json_string(state));
	json_object_set_new(d->last, "code", json_integer(code));
	json_object_set_new(d->last, "sentence", json_text(sentence, strlen(sentence)));
	json_object_set_new(d->last, "ended", json_integer((json_int_t)time(NULL)));
}

int training_open(struct training_desk **out, const char *results, struct err *e)
{
	struct training_desk *d = mem_alloc(1, sizeof *d, e);
	*out = d;
	if (!d || !(d->records = json_object()))
		return err_set(e, ERR_RESOURCE, "out of memory while starting the server");
	if (!results)
		return 0;
	int rc = path_join(d->file, sizeof d->file, e, results, "trainings.jsonl");
	if (!rc)
		rc = path_join(d->log, sizeof d->log, e, results, "training.log");
	if (!rc && file_exists(d->file))
		rc = jsonl_each(d->file, record_read, d, e);
	if (!rc && d->last && !strcmp(json_string_value(json_object_get(d->last, "state")), "running"))
		record_end(d, "stopped", 0, "stopped, since the server ended; it can go on from its last checkpoint");
	return rc;
}

/* ---- its end ---------------------------------------------------------------------------------------------------------------------------- */

/* A refused start leaves an empty folder, which a run that has written anything does not. */
static void folder_tidy(const struct training_desk *d)
{
	const char *folder = json_string_value(json_object_get(d->last, "folder"));
	if (folder)
		rmdir(folder);
}

static void end_tell(const struct training_desk *d)
{
	static const char *const names[] = {[TRAINING_DONE] = "done",
		[TRAINING_STOPPED] = "stopped",
		[TRAINING_FAILED] = "failed",
		[TRAINING_KILLED] = "killed"};
	const struct training *t = &d->child;
	const char *run = json_string_value(json_object_get(d->last, "run"));
	struct err e;
	folder_tidy(d);
	record_end(d, names[t->state], t->code, t->sentence.text);
	log_line(LOG_INFO, "training %s: %s", run, t->sentence.text);
	if (record_keep(d, &e))
		log_line(LOG_WARNING, "%s", e.text);
}

bool training_tick(struct server *s, bool stop)
{
	struct training_desk *d = s->page->training;
	if (stop)
		training_stop(&d->child);
	if (training_look(&d->child))
		end_tell(d);
	return d->child.state == TRAINING_RUNS;
}

void training_close(struct training_desk *d)
{
	if (!d)
		return;
	if (d->child.state == TRAINING_RUNS) {
		training_kill(&d->child);
		end_tell(d);
	}
	json_decref(d->last);
	json_decref(d->records);
	mem_free(d);
}

/* ---- what is shown ---------------------------------------------------------------------------------------------------------------------- */

/* Why there is no training from this page; NULL: there is. */
static const char *reason(const struct serve_options *o)
{
	if (!o->results)
		return "Training can be begun here when the server has a results folder: attune serve --results DIR.";
	return o->data ? NULL
		       : "Training can be begun here when the server has a data folder: attune serve --results DIR --data DIR.";
}

static json_t *settings_json(void)
{
	json_t *list = json_array();
	struct train_key key;
	for (size_t i = 0; i < N_OFFERED; i++)
		for (size_t k = 0; train_key_at(k, &key); k++)
			if (!strcmp(key.name, offered[i]))
				json_array_append_new(list,
					json_pack("{s:s, s:s, s:s, s:s}", "name", key.name, "help", key.help, "fallback",
						key.fallback, "range", key.range));
	return list;
}

static json_t *state_json(const struct server *s)
{
	const struct training_desk *d = s->page->training;
	json_t *last = d->last ? json_copy(d->last) : json_null();
	if (d->last)
		json_object_set_new(last, "stopping", json_boolean(d->child.state == TRAINING_RUNS && d->child.stopping));
	return json_pack("{s:o, s:s?, s:o, s:o}", "runs", train_list(s->o), "cannot", reason(s->o), "training", last, "settings",
		settings_json());
}

void train_get(struct server *s, struct http_request *r, const char *rest)
{
	(void)rest;
	training_tick(s, false);
	http_reply_json(r, 200, state_json(s));
}

/* ---- start and stop --------------------------------------------------------------------------------------------------------------------- */

/* An unfinished run of the results that has this name. */
static bool run_is_open(const struct serve_options *o, const char *name)
{
	json_t *list = train_list(o), *one;
	size_t i;
	bool found = false;
	json_array_foreach (list, i, one)
		found = found ||
			(json_is_true(json_object_get(one, "open")) &&
				!strcmp(json_string_value(json_object_get(one, "name")), name));
	json_decref(list);
	return found;
}

/* The first of run-1, run-2, ... that is not there. */
static int run_name(const struct serve_options *o, char name[NAME_MAX_BYTES + 1], struct err *e)
{
	char path[PATH_SIZE];
	for (int i = 1; i <= RUNS_MAX; i++) {
		snprintf(name, NAME_MAX_BYTES + 1, "run-%d", i);
		if (path_join(path, sizeof path, e, o->results, name))
			return ERR_FAILED;
		if (access(path, F_OK) && errno == ENOENT)
			return 0;
	}
	return err_set(e, ERR_RESOURCE, "%s: holds %d runs; remove some", o->results, RUNS_MAX);
}

/* Appends "--set KEY=VALUE" of each; 400 where one is not offered or its value is none. */
static void settings_add(json_t *arguments, json_t *settings, struct problem *p)
{
	struct train_config scratch;
	struct err e;
	const char *name;
	json_t *value;
	train_config_default(&scratch);
	json_object_foreach (settings, name, value) {
		size_t i = 0, n = json_string_length(value);
		while (i < N_OFFERED && strcmp(offered[i], name))
			i++;
		if (i == N_OFFERED || !n || n > VALUE_MAX_BYTES) {
			problem_set(p, 400, NULL, "settings",
				"settings: expected texts for num_epochs, max_steps, lora_r, learning_rate, found \"%.64s\"", name);
			return;
		}
		if (train_config_set(&scratch, name, json_string_value(value), &e)) {
			problem_from(p, "settings", &e);
			return;
		}
		json_array_append_new(arguments, json_string("--set"));
		json_array_append_new(arguments, json_sprintf("%s=%s", name, json_string_value(value)));
	}
}

/* What the child is called with, after its name; NULL and a problem. */
static json_t *arguments_make(const struct serve_options *o, const char *folder, json_t *settings, struct problem *p)
{
	json_t *list = json_pack("[s, s, s, s, s, s, s]", "train", "--model", o->model, "--data", o->data, "--out", folder);
	if (!list) {
		problem_set(p, 400, NULL, NULL, "the paths of model, data and results: expected UTF-8");
		return NULL;
	}
	settings_add(list, settings, p);
	return list;
}

static void begin(struct training_desk *d, json_t *record, struct problem *p)
{
	const json_t *list = json_object_get(record, "arguments"), *one;
	const char *arguments[ARGUMENTS_MAX] = {"attune"};
	struct err e = {0}, ignored;
	size_t i;
	json_array_foreach (list, i, one)
		if (i + 2 < ARGUMENTS_MAX)
			arguments[i + 1] = json_string_value(one);
	int rc = record_add(d, record, &e);
	if (!rc)
		rc = record_keep(d, &e); /* a disk that is full is told now */
	if (!rc)
		rc = training_start(&d->child, arguments, d->log, &e);
	if (!rc) {
		log_line(LOG_INFO, "training %s begins", json_string_value(json_object_get(record, "run")));
		return;
	}
	record_end(d, "failed", 0, e.text);
	record_keep(d, &ignored);
	problem_from(p, NULL, &e);
}

/* Into a new run, or into `name` with the settings that it was begun in. */
static void start(const struct server *s, const char *name, json_t *settings, struct problem *p)
{
	struct training_desk *d = s->page->training;
	char made[NAME_MAX_BYTES + 1], folder[PATH_SIZE];
	struct err e;
	json_t *before = name ? json_object_get(json_object_get(d->records, name), "settings") : settings;
	json_t *used = before ? json_incref(before) : json_object();
	if ((!name && run_name(s->o, made, &e)) || path_join(folder, sizeof folder, &e, s->o->results, name ? name : made)) {
		problem_from(p, NULL, &e);
		json_decref(used);
		return;
	}
	json_t *arguments = arguments_make(s->o, folder, used, p);
	json_t *record = p->status
		? NULL
		: json_pack("{s:s, s:s, s:O, s:O, s:s, s:I}", "run", name ? name : made, "folder", folder, "settings", used,
			  "arguments", arguments, "state", "running", "started", (json_int_t)time(NULL));
	if (record)
		begin(d, record, p);
	else if (!p->status)
		problem_set(p, 503, NULL, NULL, "out of memory");
	json_decref(record);
	json_decref(arguments);
	json_decref(used);
}

void train_start(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	json_t *body = page_body(r, &p), *settings = json_object_get(body, "settings");
	const char *name = json_object_get(body, "run") ? page_text(body, "run", NAME_MAX_BYTES, &p) : NULL;
	(void)rest;
	if (p.status)
		;
	else if (reason(s->o))
		problem_set(&p, 400, NULL, NULL, "%s", reason(s->o));
	else if (training_tick(s, false))
		problem_set(&p, 409, NULL, NULL, "a training is under way: %s; stop it first",
			json_string_value(json_object_get(s->page->training->last, "run")));
	else if (name && !run_is_open(s->o, name))
		problem_set(&p, 404, NULL, "run", "there is no unfinished run \"%.100s\" in the results folder", name);
	else if (settings && (name || !json_is_object(settings)))
		problem_set(&p, 400, NULL, "settings", "settings: expected an object, and only for a new run");
	else
		start(s, name, settings, &p);
	page_reply(r, &p, p.status ? NULL : state_json(s));
	json_decref(body);
}

void train_stop(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	(void)rest;
	if (!training_tick(s, true))
		problem_set(&p, 409, NULL, NULL, "no training is under way");
	page_reply(r, &p, p.status ? NULL : state_json(s));
}
