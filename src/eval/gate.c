/*
 * Gates on an evaluation, so that a build can fail on them. Reference: eval.h, eval_gates_check.
 */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gate {
	const char *text; /* [n] as it was written */
	size_t n;
	size_t arm;
	int axis; /* of enum eval_axis; EVAL_AXES: retention */
	bool at_least;
	double bound;
};

static size_t find_arm(const char *name, size_t n, const struct eval_arm *arms, size_t n_arms)
{
	size_t i = 0;
	while (i < n_arms &&
		(n ? strlen(arms[i].name) != n || memcmp(arms[i].name, name, n)
		   : !arm_is_trained(&arms[i]) || arms[i].context != EVAL_ALONE))
		i++;
	return i;
}

static int find_axis(const char *name, size_t n)
{
	int a = 0;
	if (n == strlen("retention") && !memcmp(name, "retention", n))
		return EVAL_AXES;
	while (a < EVAL_AXES && (strlen(axes[a].key) != n || memcmp(axes[a].key, name, n)))
		a++;
	return a < EVAL_AXES ? a : -1;
}

/* Reads the gate at *at and goes on behind its comma. */
static int gate_next(struct gate *g, const char **at, const struct eval_arm *arms, size_t n_arms, struct err *e)
{
	const char *p = *at;
	char *end;
	*g = (struct gate){.text = p, .n = strcspn(p, ",")};
	size_t name = strcspn(p, "<>=,"), arm = name; /* = alone ends a name, too, lest its number be one */
	while (arm && p[arm - 1] != '.')
		arm--;
	g->arm = arm == 1 ? n_arms : find_arm(p, arm ? arm - 1 : 0, arms, n_arms); /* 1: a point alone */
	g->axis = find_axis(p + arm, name - arm);
	g->at_least = p[name] == '>';
	if (g->arm == n_arms)
		return err_set(e, ERR_USAGE, "gate \"%.*s\": no arm has this name", (int)g->n, p);
	if (g->axis < 0)
		return err_set(e, ERR_USAGE,
			"gate \"%.*s\": expected known, unseen, false_premise, over_refusal, terms, style, unsupported, ter, chrf, "
			"consistency, sampled_style, unseen_text, "
			"general_text or retention in front of >= or <=",
			(int)g->n, p);
	if (g->axis == EVAL_AXES && g->arm != find_arm(p, 0, arms, n_arms))
		return err_set(e, ERR_USAGE,
			"gate \"%.*s\": retention is of the adapter alone; expected no other arm in front of it", (int)g->n, p);
	if (name + 2 > g->n || p[name] == '=' || p[name + 1] != '=')
		return err_set(e, ERR_USAGE, "gate \"%.*s\": expected >= or <=", (int)g->n, p);
	g->bound = strtod(p + name + 2, &end);
	if (end == p + name + 2 || end != p + g->n || !isfinite(g->bound))
		return err_set(e, ERR_USAGE, "gate \"%.*s\": expected a number behind it", (int)g->n, p);
	*at = p + g->n + (p[g->n] == ',');
	if (p[g->n] && !**at)
		return err_set(e, ERR_USAGE, "gates \"%s\": expected another one behind the last comma", p);
	return 0;
}

int eval_gates_check(const char *gates, const struct eval_arm *arms, size_t n_arms, struct err *e)
{
	struct gate g;
	int rc = 0;
	do
		rc = gate_next(&g, &gates, arms, n_arms, e);
	while (rc == 0 && *gates);
	return rc;
}

int eval_gates_hold(const char *gates, const struct eval_arm *arms, const struct eval_result *r, struct err *e)
{
	struct gate g;
	struct buf failed = {0};
	int rc = 0;
	while (*gates && rc == 0) {
		rc = gate_next(&g, &gates, arms, r->n_arms, e);
		const struct eval_estimate *s = g.axis < EVAL_AXES ? &r->axis[g.axis].arm[g.arm] : NULL;
		double value = !s ? r->bpb_general_ratio : s->n ? s->value : NAN;
		bool holds = g.at_least ? value >= g.bound : value <= g.bound; /* never of NAN */
		if (rc == 0 && !holds)
			rc = buf_printf(&failed, e, isnan(value) ? "%s%.*s was not measured" : "%s%.*s does not hold: %.4g",
				failed.len ? "; " : "", (int)g.n, g.text, value);
	}
	if (rc == 0 && failed.len)
		rc = err_set(e, ERR_GATE, "%s", failed.p);
	buf_release(&failed);
	return rc;
}
