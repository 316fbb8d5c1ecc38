/*
 * Renders a template's tree. Every byte that a message says keeps its origin through whatever is done with it; so what a message
 * says can be told from what the template says in the result. Steps, nesting, variables and bytes are limited: a template is
 * foreign. Reference: nodes and runtime of Jinja 3.1; chat_template_utils.py of transformers.
 */
#include "format/jinja_value.h"

#include <string.h>

static int run(struct render *r, const struct node *first);

/* Sets a variable of the innermost scope. */
int jinja_assign(struct render *r, struct str name, struct value value)
{
	size_t i = r->scope;
	while (i < r->n_variables && !str_equal(r->variables[i].name, name))
		i++;
	if (i == JINJA_VARIABLES_MAX)
		return jinja_fail(r, "more than %d variables", JINJA_VARIABLES_MAX);
	r->variables[i] = (struct variable){name, value};
	r->n_variables += i == r->n_variables;
	if (!r->scope)
		r->n_globals = r->n_variables;
	return 0;
}

/* One value to one name, or the items of one to as many. */
static int assign_all(struct render *r, const struct node *names, struct value v)
{
	struct list *l;
	size_t n = 0;
	if (!names->next)
		return jinja_assign(r, names->text, v);
	for (const struct node *i = names; i; i = i->next)
		n++;
	int rc = value_items(r, &v, &l);
	if (!rc && l->n != n)
		rc = jinja_fail(r, "%zu values for %zu names", l->n, n);
	for (size_t i = 0; i < n && !rc; i++, names = names->next)
		rc = jinja_assign(r, names->text, l->p[i]);
	return rc;
}

/* ---- loops -------------------------------------------------------------------------------------------------------------------- */

/* The items for which the loop's own condition holds. */
static int loop_filter(struct render *r, const struct node *n, struct list **list)
{
	struct value kept, yes;
	size_t outer = r->n_variables;
	int rc = list_new(r, VALUE_LIST, &kept);
	for (size_t i = 0; !rc && i < (*list)->n; i++) {
		r->n_variables = outer;
		rc = assign_all(r, n->args, (*list)->p[i]);
		if (!rc)
			rc = jinja_eval(r, n->b, &yes);
		if (!rc && truthy(&yes))
			rc = list_push(r, kept.list, (*list)->p[i]);
	}
	*list = kept.list;
	return rc;
}

static int loop_fields(struct render *r, const struct list *l, size_t i, struct map *m)
{
	const struct value none = {0};
	const struct {
		const char *name;
		struct value value;
	} fields[] = {{"first", value_bool(!i)}, {"last", value_bool(i + 1 == l->n)}, {"index", value_int((int64_t)i + 1)},
		{"index0", value_int((int64_t)i)}, {"revindex", value_int((int64_t)(l->n - i))},
		{"revindex0", value_int((int64_t)(l->n - i) - 1)}, {"length", value_int((int64_t)l->n)},
		{"previtem", i ? l->p[i - 1] : none}, {"nextitem", i + 1 < l->n ? l->p[i + 1] : none}};
	int rc = 0;
	for (size_t k = 0; k < sizeof fields / sizeof *fields && !rc; k++)
		rc = map_set(r, m, str_of(fields[k].name), fields[k].value);
	return rc;
}

/* What is set inside of a loop is gone with the round. */
static int run_for(struct render *r, const struct node *n)
{
	size_t outer_scope = r->scope, outer_n = r->n_variables;
	struct value v, loop;
	struct list *l = NULL;
	int rc = jinja_eval(r, n->a, &v);
	r->line = n->line;
	if (!rc)
		rc = value_items(r, &v, &l);
	r->scope = outer_n;
	if (!rc && n->b)
		rc = loop_filter(r, n, &l);
	if (!rc)
		rc = map_new(r, VALUE_NAMESPACE, &loop);
	for (size_t i = 0; !rc && i < l->n && r->flow != FLOW_BREAK; i++) {
		r->flow = FLOW_ON;
		r->n_variables = outer_n;
		r->line = n->line;
		rc = jinja_scan(r, 0);
		if (!rc)
			rc = loop_fields(r, l, i, loop.map);
		if (!rc)
			rc = assign_all(r, n->args, l->p[i]);
		if (!rc)
			rc = jinja_assign(r, str_of("loop"), loop);
		if (!rc)
			rc = run(r, n->body);
	}
	r->flow = FLOW_ON;
	if (!rc && !l->n) {
		r->n_variables = outer_n;
		rc = run(r, n->orelse);
	}
	r->scope = outer_scope;
	r->n_variables = outer_n;
	return rc;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------------- */

/* What a body prints, as a value. Its variables are its own. */
static int capture(struct render *r, const struct node *body, struct value *out)
{
	struct builder b = {0}, *outer = r->out;
	size_t scope = r->scope, n = r->n_variables;
	r->out = &b;
	r->scope = n;
	int rc = run(r, body);
	r->out = outer;
	r->scope = scope;
	r->n_variables = n;
	*out = builder_value(&b);
	return rc;
}

/* The arguments of a call to the parameters of a macro, in the macro's scope `at`. The call's values are evaluated outside of it. */
static int bind(struct render *r, const struct node *macro, const struct node *args)
{
	size_t outer_base = r->base, outer_scope = r->scope, at = r->n_variables;
	const struct node *place = macro->args, *parameter;
	struct value v;
	int rc = 0;
	for (parameter = macro->args; parameter && !rc; parameter = parameter->next) {
		r->scope = at; /* one undefined variable each, to be set below */
		rc = jinja_assign(r, parameter->keyword, (struct value){0});
		r->scope = outer_scope;
	}
	size_t end = r->n_variables;
	for (const struct node *a = args; a && !rc; a = a->next) {
		const struct node *to = a->keyword.p ? macro->args : place;
		while (a->keyword.p && to && !str_equal(to->keyword, a->keyword))
			to = to->next;
		if (!to)
			return jinja_fail(r, "the macro \"%.*s\" has no such argument", (int)(macro->text.n & 63), macro->text.p);
		r->n_variables = at;
		rc = jinja_eval(r, a->a, &v);
		r->n_variables = end;
		size_t i = at;
		while (i < end && !str_equal(r->variables[i].name, to->keyword))
			i++;
		r->variables[i] = (struct variable){to->keyword, v};
		place = a->keyword.p ? place : place->next;
	}
	r->base = r->scope = at;
	for (parameter = macro->args; parameter && !rc; parameter = parameter->next) {
		size_t i = at;
		while (i < end && !str_equal(r->variables[i].name, parameter->keyword))
			i++;
		if (r->variables[i].value.kind != VALUE_UNDEFINED || !parameter->a)
			continue;
		rc = jinja_eval(r, parameter->a, &v);
		r->variables[i].value = v;
	}
	r->base = outer_base;
	r->scope = outer_scope;
	return rc;
}

int jinja_macro(struct render *r, const struct node *macro, const struct node *args, struct value *out)
{
	size_t base = r->base, scope = r->scope, n = r->n_variables;
	int rc = bind(r, macro, args);
	struct builder b = {0}, *outer = r->out;
	r->base = r->scope = n;
	r->out = &b;
	if (!rc)
		rc = run(r, macro->body);
	r->out = outer;
	r->base = base;
	r->scope = scope;
	r->n_variables = n;
	*out = builder_value(&b);
	return rc;
}

/* A block whose output goes through filters, into a variable or to where the block stands. */
static int run_captured(struct render *r, const struct node *n)
{
	struct value captured, v, outer = r->captured;
	struct str s;
	int rc = capture(r, n->body, &captured);
	if (rc)
		return rc;
	r->captured = captured;
	rc = jinja_eval(r, n->a, &v);
	r->captured = outer;
	if (!rc && n->kind == NODE_SET_BLOCK)
		return jinja_assign(r, n->args->text, v);
	if (!rc)
		rc = value_print(r, &v, &s);
	return rc ? rc : builder_add(r, r->out, s);
}

static int run_set(struct render *r, const struct node *n)
{
	struct value v, object;
	const struct node *target = n->args;
	int rc = jinja_eval(r, n->a, &v);
	r->line = n->line;
	if (rc || target->kind == NODE_NAME)
		return rc ? rc : assign_all(r, target, v);
	rc = jinja_eval(r, target->a, &object);
	if (!rc && object.kind != VALUE_NAMESPACE)
		rc = jinja_unfit(r, "only a namespace can be changed, not", &object);
	return rc ? rc : map_set(r, object.map, target->text, v);
}

static int run_print(struct render *r, const struct node *n)
{
	struct value v;
	struct str s;
	int rc = jinja_eval(r, n->a, &v);
	r->line = n->line;
	if (!rc)
		rc = value_print(r, &v, &s);
	return rc ? rc : builder_add(r, r->out, s);
}

static int run_statement(struct render *r, const struct node *n)
{
	struct value v;
	int rc;
	switch (n->kind) {
	case NODE_TEXT:
		return builder_add(r, r->out, n->text);
	case NODE_PRINT:
		return run_print(r, n);
	case NODE_IF:
		rc = jinja_eval(r, n->a, &v);
		return rc ? rc : run(r, truthy(&v) ? n->body : n->orelse);
	case NODE_FOR:
		return run_for(r, n);
	case NODE_SET:
		return run_set(r, n);
	case NODE_SET_BLOCK:
	case NODE_FILTER_BLOCK:
		return run_captured(r, n);
	case NODE_MACRO:
		return jinja_assign(r, n->text, (struct value){.kind = VALUE_MACRO, .macro = n});
	case NODE_BREAK:
	case NODE_CONTINUE:
		r->flow = n->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
		return 0;
	default: /* NODE_GENERATION */
		return run(r, n->body);
	}
}

static int run(struct render *r, const struct node *first)
{
	int rc = jinja_enter(r);
	for (const struct node *n = first; n && !rc && r->flow == FLOW_ON; n = n->next) {
		r->line = n->line;
		rc = jinja_scan(r, 0);
		if (!rc)
			rc = run_statement(r, n);
	}
	r->depth--;
	return rc;
}

/* ---- what a template is given ------------------------------------------------------------------------------------------------- */

/* A message as a mapping; its bytes, but for the role's, which the caller has checked, come from it. */
static int message_value(struct render *r, const struct message *m, unsigned char origin, struct value *out)
{
	struct builder b = {0};
	int rc = m->more ? value_from_json(r, m->more, origin, out) : map_new(r, VALUE_MAP, out);
	out->origin = origin;
	if (!rc)
		rc = map_set(r, out->map, str_of("role"), value_string(str_of(m->role)));
	if (!rc)
		rc = builder_fill(r, &b, m->content, strlen(m->content), origin);
	return rc ? rc : map_set(r, out->map, str_of("content"), builder_value(&b));
}

static int give(struct render *r, const struct jinja_input *in)
{
	struct value messages, message, tools = {.kind = VALUE_NONE};
	int rc = list_new(r, VALUE_LIST, &messages);
	for (size_t i = 0; i < in->n_messages && !rc; i++)
		if (!(rc = message_value(r, &in->messages[i], (unsigned char)(i + 1), &message)))
			rc = list_push(r, messages.list, message);
	if (!rc && in->tools)
		rc = value_from_json(r, in->tools, ORIGIN_TOOLS, &tools);
	if (!rc)
		rc = jinja_assign(r, str_of("messages"), messages);
	if (!rc)
		rc = jinja_assign(r, str_of("add_generation_prompt"), value_bool(in->add_generation_prompt));
	if (!rc) /* transformers passes it even when there are none */
		rc = jinja_assign(r, str_of("tools"), tools);
	if (!rc)
		rc = jinja_assign(r, str_of("documents"), (struct value){.kind = VALUE_NONE});
	if (!rc && in->bos)
		rc = jinja_assign(r, str_of("bos_token"), value_string(str_of(in->bos)));
	if (!rc && in->eos)
		rc = jinja_assign(r, str_of("eos_token"), value_string(str_of(in->eos)));
	return rc;
}

int jinja_render(const struct node *first, const struct jinja_input *in, struct buf *text, struct buf *origin, struct err *e)
{
	struct err own = {0};
	struct builder out = {0};
	struct render *r = mem_alloc(1, sizeof *r, e); /* too large for the stack */
	if (!r)
		return ERR_RESOURCE;
	r->e = &own;
	r->out = &out;
	arena_init(&r->arena, 1 << 16);
	int rc = give(r, in);
	if (!rc)
		rc = run(r, first);
	if (!rc && r->flow != FLOW_ON)
		rc = jinja_fail(r, "break or continue outside of a loop");
	if (!rc && out.n)
		rc = buf_append(text, out.p, out.n, &own);
	if (!rc && out.n && origin)
		rc = buf_append(origin, out.origin, out.n, &own);
	arena_release(&r->arena);
	mem_free(r);
	return rc ? err_set(e, rc, "%s", own.text) : 0;
}
