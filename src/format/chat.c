/*
 * The chat template of a model: where it is kept, and messages to text. jinja_*.c does the work.
 * Reference: transformers, apply_chat_template.
 */
#include "format/jinja.h"
#include "format/json.h"

#include <string.h>

enum { MESSAGES_MAX = 254, CONFIG_MAX = 64 << 20 };

struct chat_template {
	struct arena arena; /* the tree and what follows */
	struct node *first;
	const char *source, *bos, *eos; /* bos, eos NULL: none */
	bool renders_system;
};

/* NULL stays NULL. */
static int keep(struct chat_template *t, const char *s, const char **out, struct err *e)
{
	*out = s ? arena_strdup(&t->arena, s, strlen(s), e) : NULL;
	return s && !*out ? ERR_RESOURCE : 0;
}

/* Whether a system message in front of a question is in the text: some templates refuse it, some leave it out. */
static int find_system(struct chat_template *t, struct err *e)
{
	static const struct message talk[] = {{.role = "system", .content = "S"}, {.role = "user", .content = "U"}};
	struct buf text = {0}, origin = {0};
	struct err refused = {0};
	int rc = chat_template_render(t, &(struct conversation){talk, 2, NULL, true}, &text, &origin, &refused);
	t->renders_system = !rc && origin.len && memchr(origin.p, 1, origin.len);
	buf_release(&text);
	buf_release(&origin);
	return rc == ERR_RESOURCE ? err_set(e, rc, "%s", refused.text) : 0;
}

int chat_template_new(struct chat_template **out, const char *source, const char *bos, const char *eos, struct err *e)
{
	*out = NULL;
	struct chat_template *t = mem_alloc(1, sizeof *t, e);
	if (!t)
		return ERR_RESOURCE;
	arena_init(&t->arena, 1 << 14);
	int rc = keep(t, source, &t->source, e);
	if (!rc)
		rc = keep(t, bos, &t->bos, e);
	if (!rc)
		rc = keep(t, eos, &t->eos, e);
	if (!rc)
		rc = jinja_parse(&t->first, source, strlen(source), &t->arena, e);
	if (!rc)
		rc = find_system(t, e);
	if (rc)
		chat_template_free(t);
	else
		*out = t;
	return rc;
}

void chat_template_free(struct chat_template *t)
{
	if (!t)
		return;
	arena_release(&t->arena);
	mem_free(t);
}

const char *chat_template_source(const struct chat_template *t)
{
	return t->source;
}

bool chat_template_renders_system(const struct chat_template *t)
{
	return t->renders_system;
}

/* Appends the spelling of the token that `key` names; nothing when the key is absent. */
static int gguf_token(const struct gguf *g, const char *key, struct buf *out, struct err *e)
{
	uint64_t id;
	const char *p;
	size_t n, n_tokens;
	if (!gguf_has(g, key))
		return 0;
	int rc = gguf_u64(g, key, &id, e);
	if (!rc)
		rc = gguf_array_n(g, "tokenizer.ggml.tokens", &n_tokens, e);
	if (!rc && id >= n_tokens)
		rc = err_set(e, ERR_DATA, "%s: %s is %llu, beyond the vocabulary of %zu", gguf_path(g), key, (unsigned long long)id,
			n_tokens);
	if (!rc)
		rc = gguf_array_str(g, "tokenizer.ggml.tokens", (size_t)id, &p, &n, e);
	if (!rc)
		rc = buf_append(out, p, n, e);
	return rc;
}

int chat_template_from_gguf(struct chat_template **out, const struct gguf *g, struct err *e)
{
	const char *source;
	struct buf bos = {0}, eos = {0};
	*out = NULL;
	if (!gguf_has(g, "tokenizer.chat_template"))
		return 0;
	int rc = gguf_str(g, "tokenizer.chat_template", &source, e);
	if (!rc)
		rc = gguf_token(g, "tokenizer.ggml.bos_token_id", &bos, e);
	if (!rc)
		rc = gguf_token(g, "tokenizer.ggml.eos_token_id", &eos, e);
	if (!rc && (rc = chat_template_new(out, source, bos.p, eos.p, e)))
		err_prefix(e, "%s", gguf_path(g));
	buf_release(&bos);
	buf_release(&eos);
	return rc;
}

/* A token is named by its text or by an object with it. */
static const char *hf_token(const json_t *config, const char *key)
{
	const json_t *value = json_object_get(config, key);
	return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

int chat_template_from_hf(struct chat_template **out, const char *dir, struct err *e)
{
	char path[PATH_SIZE];
	json_t *config = NULL;
	struct buf file = {0};
	*out = NULL;
	int rc = json_file_in(&config, dir, "tokenizer_config.json", CONFIG_MAX, e);
	const char *source = json_string_value(json_object_get(config, "chat_template"));
	if (!rc)
		rc = path_join(path, sizeof path, e, dir, "chat_template.jinja");
	if (!rc && file_exists(path)) {
		rc = file_read(path, JINJA_SOURCE_MAX, &file, e);
		if (!rc && file.len && memchr(file.p, 0, file.len))
			rc = err_set(e, ERR_DATA, "%s: holds a NUL byte, expected text", path);
		source = file.p ? file.p : "";
	}
	if (!rc && source && (rc = chat_template_new(out, source, hf_token(config, "bos_token"), hf_token(config, "eos_token"), e)))
		err_prefix(e, "%s", dir);
	buf_release(&file);
	json_decref(config);
	return rc;
}

/*
 * For models that have none: Gemma 3's turns, whose system message stands in the first question, and ChatML. What is said is trimmed
 * where Gemma's own template does it.
 */
static const struct {
	const char *start, *end; /* of a turn, both control tokens */
	const char *source;
} built_in[] = {
	{"<start_of_turn>", "<end_of_turn>",
		"{{ bos_token }}{% set own = namespace(system='') %}{% for m in messages %}{% if m.role == 'system' %}"
		"{% set own.system = m.content ~ '\n\n' %}{% else %}{{ '<start_of_turn>' }}{% if m.role == 'assistant' %}{{ "
		"'model\n' }}"
		"{% else %}{{ 'user\n' ~ own.system }}{% set own.system = '' %}{% endif %}{{ m.content | trim }}{{ "
		"'<end_of_turn>\n' }}"
		"{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"},
	{"<|im_start|>", "<|im_end|>",
		"{% for m in messages %}{{ '<|im_start|>' ~ m.role ~ '\n' ~ m.content ~ '<|im_end|>\n' }}{% endfor %}"
		"{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"},
};

static bool has_turn_end(const struct tokenizer *t, const char *text)
{
	return tokenizer_is_eog(t, tokenizer_control(t, text, strlen(text)));
}

int chat_template_built_in(struct chat_template **out, const struct tokenizer *t, struct err *e)
{
	size_t n = 0;
	const char *bos = tokenizer_bos(t) < 0 ? "" : tokenizer_bytes(t, tokenizer_bos(t), &n);
	struct buf copy = {0};
	*out = NULL;
	int rc = buf_append(&copy, bos, n, e);
	for (size_t i = 0; i < sizeof built_in / sizeof *built_in && !rc && !*out; i++)
		if (tokenizer_control(t, built_in[i].start, strlen(built_in[i].start)) >= 0 && has_turn_end(t, built_in[i].end))
			rc = chat_template_new(out, built_in[i].source, copy.p, NULL, e);
	buf_release(&copy);
	return rc;
}

int chat_template_render(
	const struct chat_template *t, const struct conversation *c, struct buf *text, struct buf *origin, struct err *e)
{
	static const char *const roles[] = {"system", "user", "assistant", "tool"};
	if (c->n > MESSAGES_MAX)
		return err_set(e, ERR_DATA, "%zu messages; the limit of a conversation is %d", c->n, MESSAGES_MAX);
	for (size_t i = 0; i < c->n; i++) { /* a role is printed as the template's own text, so it must not be a stranger's */
		const char *role = c->messages[i].role;
		size_t k = 0;
		while (k < sizeof roles / sizeof *roles && strcmp(role, roles[k]))
			k++;
		if (k == sizeof roles / sizeof *roles)
			return err_set(e, ERR_DATA,
				"message %zu: expected the role system, user, assistant or tool, found \"%.40s\"", i + 1, role);
	}
	const struct jinja_input in = {c->messages, c->n, c->tools, c->add_generation_prompt, t->bos, t->eos};
	return jinja_render(t->first, &in, text, origin, e);
}
