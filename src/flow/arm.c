/*
 * Who writes drafts: the arm that the verdict of an evaluation recommends, or one by its name. Reference: flow.h; docs/formats.md, "An evaluation".
 */
#include <stdio.h>
#include <string.h>

#include "flow/flow.h"

enum { EVAL_BYTES_MAX = 256 << 20 };

static const struct {
	const char *name;
	bool prompt, passages, tuned;
} arms[] = {{"base", false, false, false}, {"prompt", true, false, false}, {"rag", false, true, false},
	{"tuned", false, false, true}, {"rag+tuned", false, true, true}};

/* What eval.json says, empty where there is none. */
struct verdict {
	char best[32], text[1024];
	char adapter[65]; /* the adapter's key */
};

static int verdict_read(struct verdict *v, struct flow_arm *out, const char *results, struct err *e)
{
	char path[PATH_SIZE];
	json_t *all = NULL;
	int rc = path_join(path, sizeof path, e, results, "eval/eval.json");
	*v = (struct verdict){0};
	if (rc || !file_exists(path))
		return rc;
	if ((rc = json_file(&all, path, EVAL_BYTES_MAX, e)))
		return rc;
	const char *best = NULL, *text = NULL, *adapter = NULL, *model = NULL;
	if (json_unpack(
		    all, "{s:s, s:s, s:{s:s, s:s}}", "best", &best, "verdict", &text, "model", "name", &model, "adapter", &adapter))
		rc = err_set(e, ERR_DATA, "%s: expected an evaluation with best, verdict and model", path);
	else {
		snprintf(v->best, sizeof v->best, "%s", best);
		snprintf(v->text, sizeof v->text, "%s", text);
		snprintf(v->adapter, sizeof v->adapter, "%s", adapter);
		snprintf(out->model, sizeof out->model, "%s", model);
	}
	json_decref(all);
	return rc;
}

/* The adapter that the verdict was measured with: `attune run` names its folder by the beginning of the key. */
static int adapter_find(struct flow_arm *out, const char *results, const struct verdict *v, struct err *e)
{
	char name[64];
	snprintf(name, sizeof name, "run-%.*s/adapter", FLOW_KEY_SHOWN, v->adapter);
	int rc = *v->adapter ? path_join(out->adapter, sizeof out->adapter, e, results, name) : 0;
	if (!rc && !dir_exists(out->adapter))
		rc = err_set(e, ERR_USAGE, "the arm %s needs --adapter DIR: there is none that a verdict in %s was measured with",
			out->name, results);
	return rc;
}

int flow_arm(struct flow_arm *out, const struct flow_arm_choice *c, struct err *e)
{
	char data[PATH_SIZE];
	struct verdict v;
	size_t i = 0, n = sizeof arms / sizeof *arms;
	*out = (struct flow_arm){0};
	int rc = verdict_read(&v, out, c->results, e);
	if (!rc)
		rc = path_join(data, sizeof data, e, c->results, "data");
	if (rc)
		return rc;
	const char *wanted = c->name ? c->name : *v.best ? v.best : dir_exists(data) ? "rag" : "base";
	while (i < n && strcmp(arms[i].name, wanted))
		i++;
	if (i == n)
		return err_set(e, ERR_USAGE, "%s \"%.100s\": expected --arm base, prompt, rag, tuned or rag+tuned",
			c->name ? "--arm" : "the verdict recommends", wanted);
	out->name = arms[i].name;
	out->passages = arms[i].passages;
	if (c->adapter && !arms[i].tuned)
		return err_set(e, ERR_USAGE, "--adapter: the arm %s has none; expected --arm tuned or --arm rag+tuned beside it",
			out->name);
	if (arms[i].prompt)
		rc = path_join(out->prompt, sizeof out->prompt, e, c->results, "eval/" EVAL_PROMPT_FILE);
	if (!rc && c->adapter)
		rc = path_join(out->adapter, sizeof out->adapter, e, "", c->adapter);
	else if (!rc && arms[i].tuned)
		rc = adapter_find(out, c->results, &v, e);
	if (c->name)
		snprintf(out->why, sizeof out->why, "as --arm says");
	else if (*v.best)
		snprintf(out->why, sizeof out->why, "which the verdict recommends: %s", v.text);
	else
		snprintf(out->why, sizeof out->why, "for want of a verdict in %s/eval", c->results);
	return rc;
}
