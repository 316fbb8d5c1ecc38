/*
 * format: bytes <-> views. Model files, adapters, tokenizers, chat templates and data rows, all foreign, all checked here once.
 *
 * Foreign bytes are read only through the bounds-checked cursor (cursor.h). Sizes from files pass a checked multiply, a limit and
 * the bytes that remain before anything is allocated. Errors name file, place, expected and found.
 */
#ifndef ATTUNE_FORMAT_H
#define ATTUNE_FORMAT_H

#include <jansson.h>

#include "base/base.h"
#include "kern/kern.h"

/* ---- tensors ----------------------------------------------------------------------------------------------------------- */

enum { TENSOR_DIMS = 4 };

/* A named stored array. dims are row-major: dims[0] is the slowest, dims[n_dims - 1] runs along a row. */
struct tensor {
	const char *name; /* borrowed from its file, valid until _close */
	enum dtype dtype;
	int n_dims;
	size_t dims[TENSOR_DIMS];
	const void *data; /* into the file's map; safetensors need not be aligned */
	size_t size_bytes;
};

/* ---- GGUF (ggml's specification, versions 2 and 3, little-endian) --------------------------------------------------------- */

struct gguf;
int gguf_open(struct gguf **out, const char *path, struct err *e);
void gguf_close(struct gguf *g);
const char *gguf_path(const struct gguf *g);

size_t gguf_n_tensors(const struct gguf *g);
const struct tensor *gguf_tensor_at(const struct gguf *g, size_t i);
const struct tensor *gguf_tensor(const struct gguf *g, const char *name); /* NULL when absent */

/*
 * Metadata. Each returns 0, or ERR_DATA with a sentence when the key is absent or of another type. Integers of any width that fit
 * are accepted. Strings are NUL-terminated copies without inner NUL, valid until _close.
 */
bool gguf_has(const struct gguf *g, const char *key);
int gguf_u64(const struct gguf *g, const char *key, uint64_t *out, struct err *e);
int gguf_f64(const struct gguf *g, const char *key, double *out, struct err *e);
int gguf_bool(const struct gguf *g, const char *key, bool *out, struct err *e);
int gguf_str(const struct gguf *g, const char *key, const char **out, struct err *e);
/* Arrays: the number of items, then item i (as an integer: bools are 0 and not 0). String items may hold any bytes and need not be NUL-terminated. */
int gguf_array_n(const struct gguf *g, const char *key, size_t *n, struct err *e);
int gguf_array_str(const struct gguf *g, const char *key, size_t i, const char **p, size_t *n, struct err *e);
int gguf_array_i64(const struct gguf *g, const char *key, size_t i, int64_t *out, struct err *e);
int gguf_array_f32(const struct gguf *g, const char *key, size_t i, float *out, struct err *e);

/*
 * Writing, version 3: keys, then the table of tensors, then the data of each in the order of the table. The file appears at commit, whole.
 * Call _free in any case.
 */
struct gguf_writer;
int gguf_writer_open(struct gguf_writer **out, const char *path, struct err *e);
void gguf_writer_free(struct gguf_writer *w);
/* `key` must stay valid; at most 16 keys. */
int gguf_put_str(struct gguf_writer *w, const char *key, const char *value, struct err *e);
int gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t value, struct err *e);
int gguf_put_f32(struct gguf_writer *w, const char *key, float value, struct err *e);
/* All keys of another file that were not put yet, byte for byte and in its order. */
int gguf_put_keys(struct gguf_writer *w, const struct gguf *from, struct err *e);
/* Ends the header. Of the tensors, which must stay valid, all but `data` counts. */
int gguf_put_tensors(struct gguf_writer *w, const struct tensor *t, size_t n, struct err *e);
/* The next n bytes of the data: at most what is missing of a tensor. Padding is added here. */
int gguf_put_data(struct gguf_writer *w, const void *p, size_t n, struct err *e);
int gguf_writer_commit(struct gguf_writer *w, struct err *e);

/* ---- safetensors -------------------------------------------------------------------------------------------------------- */

struct safetensors;
int safetensors_open(struct safetensors **out, const char *path, struct err *e);
void safetensors_close(struct safetensors *s);
size_t safetensors_n(const struct safetensors *s);
const struct tensor *safetensors_at(const struct safetensors *s, size_t i);
const struct tensor *safetensors_find(const struct safetensors *s, const char *name); /* NULL when absent */
void safetensors_forget(const struct safetensors *s, const struct tensor *t);         /* as file_map_forget does its bytes */
/* Writes F32/F16/BF16 tensors in the order given, atomically, with metadata {"format":"pt"}. */
int safetensors_write(const char *path, const struct tensor *t, size_t n, struct err *e);
/* The same in pieces: opens the file and writes the header for these tensors, whose `data` may be NULL; their bytes follow, end to end, by file_writer_put. */
int safetensors_begin(struct file_writer *w, const char *path, const struct tensor *t, size_t n, struct err *e);

/* ---- Hugging Face model folder ------------------------------------------------------------------------------------------- */

/* config.json, model.safetensors or its shards with model.safetensors.index.json, tokenizer.json, tokenizer_config.json. */
struct hf;
int hf_open(struct hf **out, const char *dir, struct err *e);
void hf_close(struct hf *h);
const json_t *hf_config(const struct hf *h);                          /* borrowed */
const struct tensor *hf_tensor(const struct hf *h, const char *name); /* NULL when absent */
size_t hf_n_tensors(const struct hf *h);
const struct tensor *hf_tensor_at(const struct hf *h, size_t i); /* of all shards, by name */

/*
 * Writing weights into a folder: one model.safetensors, or shards of at most shard_bytes (a larger tensor has one of its own) and their
 * index, which comes last. Of the tensors (F32, F16, BF16), which must stay valid, all but `data` counts. Call _free in any case.
 */
struct hf_writer;
int hf_writer_open(struct hf_writer **out, const char *dir, const struct tensor *t, size_t n, size_t shard_bytes, struct err *e);
/* The next n bytes: tensor after tensor in the order given, at most what is missing of one. */
int hf_put_data(struct hf_writer *w, const void *p, size_t n, struct err *e);
int hf_writer_commit(struct hf_writer *w, struct err *e);
void hf_writer_free(struct hf_writer *w);

/* ---- PEFT adapter folder -------------------------------------------------------------------------------------------------- */

/* adapter_config.json as PEFT knows it. Tensors are in Hugging Face row order, f32, named as PEFT names them. */
struct peft_config {
	char base_model[PATH_SIZE]; /* base_model_name_or_path */
	size_t r;
	double alpha;
	bool use_rslora;
	char targets[16][32]; /* "q_proj", ... */
	size_t n_targets;
};
/* Writes adapter_config.json and adapter_model.safetensors into `dir` (made if absent), tensors first. */
int peft_write(const char *dir, const struct peft_config *c, const struct tensor *t, size_t n, struct err *e);
/* The caller closes *tensors. Refuses what attune cannot apply (DoRA, bias, rank_pattern, ...) by name. */
int peft_open(const char *dir, struct peft_config *c, struct safetensors **tensors, struct err *e);

/* ---- mlx-lm adapter folder ------------------------------------------------------------------------------------------------ */

/* adapter_config.json as mlx-lm knows it. Tensors: lora_a [in, r], lora_b [r, out], f32, in Hugging Face row order. */
struct mlx_config {
	const char *base_model, *keys[16]; /* borrowed; for writing: "self_attn.q_proj", ... */
	size_t n_keys, n_layers, r;
	double scale; /* of B A */
};
int mlx_write(const char *dir, const struct mlx_config *c, const struct tensor *t, size_t n, struct err *e);
bool mlx_here(const char *dir); /* whether the folder is one */
/* Fills r and scale. The caller closes *tensors. */
int mlx_open(const char *dir, struct mlx_config *c, struct safetensors **tensors, struct err *e);

/* ---- tokenizer ------------------------------------------------------------------------------------------------------------ */

/* Growing list of token ids. A zeroed struct is empty. */
struct ids {
	int32_t *p;
	size_t n, cap;
};
int ids_push(struct ids *v, int32_t id, struct err *e);
void ids_release(struct ids *v);

/*
 * Byte-level BPE (GPT-2's scheme) with the model's own pre-tokenizer, or SentencePiece's BPE with byte fallback. Immutable after opening, so
 * free to share between threads.
 */
struct tokenizer;
int tokenizer_from_gguf(struct tokenizer **out, const struct gguf *g, struct err *e);
int tokenizer_from_hf(struct tokenizer **out, const char *dir, struct err *e); /* tokenizer.json (+ tokenizer_config.json) */
/*
 * tokenizer.json and tokenizer_config.json into `dir`, as the `tokenizers` library reads them, from what a GGUF file has. ERR_DATA for
 * a vocabulary of which the two would make different ids.
 */
int tokenizer_write_hf(const struct gguf *g, const char *dir, struct err *e);
void tokenizer_free(struct tokenizer *t);
size_t tokenizer_n_vocab(const struct tokenizer *t);
int32_t tokenizer_bos(const struct tokenizer *t); /* -1 when there is none or the model does not use it */
int32_t tokenizer_eos(const struct tokenizer *t);
bool tokenizer_is_eog(const struct tokenizer *t, int32_t id); /* ends a turn or a text */
/* Appends the ids of n bytes of plain text. Nothing in the text can become a control token. Any bytes are accepted. */
int tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, struct ids *out, struct err *e);
/* The id of a control (special) token spelled exactly so, or -1. */
int32_t tokenizer_control(const struct tokenizer *t, const char *text, size_t n);
/* The longest control token that starts at text[0..n), or -1; *length its bytes. */
int32_t tokenizer_control_at(const struct tokenizer *t, const char *text, size_t n, size_t *length);
/*
 * The bytes of a token (control tokens: their spelling). Valid until _free. SentencePiece's U+2581 is a space; where the model puts a space
 * in front of text (Llama 2), the first token of a text starts with that space.
 */
const char *tokenizer_bytes(const struct tokenizer *t, int32_t id, size_t *n);
/* Appends the text of ids; control tokens are left out unless `with_control`. */
int tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, bool with_control, struct buf *out, struct err *e);

/*
 * BERT's uncased WordPiece, which encoders use: the tokenizer.json of a Hugging Face folder. What would change the ids and is not supported is
 * refused by name. Immutable after opening.
 */
struct wordpiece;
int wordpiece_open(struct wordpiece **out, const char *dir, struct err *e);
void wordpiece_free(struct wordpiece *w);
size_t wordpiece_n_ids(const struct wordpiece *w); /* one more than the largest id */
/*
 * Appends the ids of n bytes of text between the begin and the end token, all together at most `limit` (>= 2): text behind is left out.
 * Nothing in the text can become a special token. Any bytes are accepted; what is not UTF-8 is not there.
 */
int wordpiece_encode(const struct wordpiece *w, const char *text, size_t n, size_t limit, struct ids *out, struct err *e);

/* ---- chat template ---------------------------------------------------------------------------------------------------------- */

struct message {
	const char *role, *content; /* NUL-terminated UTF-8 */
	bool train;                 /* assistant turns: score this one */
	const json_t *more;         /* an object with what else the template sees of it, such as "tool_calls"; or NULL */
};
enum { ORIGIN_TOOLS = 255 };

struct conversation {
	const struct message *messages;
	size_t n;
	const json_t *tools;        /* a list, or NULL */
	bool add_generation_prompt; /* end with the beginning of an answer */
};

/*
 * The model's own Jinja template. Every byte of the rendered text remembers whether it came from the template or from a message:
 * only the template's bytes can form control tokens.
 */
struct chat_template;
int chat_template_new(struct chat_template **out, const char *source, const char *bos, const char *eos, struct err *e);
/* *out is NULL where the model has none. */
int chat_template_from_gguf(struct chat_template **out, const struct gguf *g, struct err *e);
int chat_template_from_hf(struct chat_template **out, const char *dir, struct err *e);
/*
 * For a model without: Gemma's or ChatML's turns where the tokenizer has both of their control tokens and the end of a turn is an end
 * token; else *out is NULL.
 */
int chat_template_built_in(struct chat_template **out, const struct tokenizer *t, struct err *e);
void chat_template_free(struct chat_template *t);
const char *chat_template_source(const struct chat_template *t); /* Jinja, valid until _free */
/* Whether a system message gets into the text; found out at opening. */
bool chat_template_renders_system(const struct chat_template *t);
/*
 * Appends the rendered text; origin (same length; NULL if not wanted) gets per byte 0 for the template, i + 1 for what message i says,
 * ORIGIN_TOOLS for what `tools` (a list of JSON, or NULL) says. Up to 254 messages, of the roles system, user, assistant and tool.
 */
int chat_template_render(
	const struct chat_template *t, const struct conversation *c, struct buf *text, struct buf *origin, struct err *e);

/* What serving and training both use, so that their ids are the same. */
struct encoder {
	const struct tokenizer *tokenizer;
	const struct chat_template *chat; /* NULL: rows with messages are refused */
	const char *system;               /* put in front when the first message is not a system message; NULL: nothing is added */
};

/* ---- data rows -------------------------------------------------------------------------------------------------------------- */

/* One line of a JSONL data set. Strings are borrowed from `json`. */
struct row {
	enum { ROW_TEXT, ROW_COMPLETION, ROW_MESSAGES } kind;
	const char *text;                /* ROW_TEXT */
	const char *prompt, *completion; /* ROW_COMPLETION; completion NULL when the line has a prompt only */
	struct message *messages;        /* ROW_MESSAGES (and prompt/completion given as message lists) */
	size_t n_messages;
	const json_t *tools; /* ROW_MESSAGES: what the template gets as `tools`, or NULL */
	bool distill;        /* "distill": true: the base's own distribution is to be learnt, not the text */
	size_t line;         /* 1-based; 0: it stands in no file */
	json_t *json;        /* the whole object, owned by the row */
	char *joined;        /* owned: Alpaca's instruction and input as one content */
};
void row_release(struct row *r);

/* Reads line by line; every error names file and line. Lines over 64 MiB, nesting over 64 and duplicate keys are refused. */
struct jsonl;
int jsonl_open(struct jsonl **out, const char *path, struct err *e); /* "-" is stdin */
/*
 * The same of n bytes, which must outlive it: lines of objects, or one list of them. After an error that is one line's or one object's the next call
 * goes on behind it. `path` is for messages.
 */
int jsonl_open_bytes(struct jsonl **out, const char *path, const char *p, size_t n, struct err *e);
void jsonl_span(const struct jsonl *j, size_t *start, size_t *end); /* bytes of what the last call of jsonl_next read */
void jsonl_close(struct jsonl *j);
/* 1 with an object (caller decrefs), 0 at the end, or an error. */
int jsonl_next(struct jsonl *j, json_t **object, size_t *line, struct err *e);
/* Calls `use` with every object until it fails; then the sentence begins with file and line. */
int jsonl_each(const char *path, int (*use)(void *context, const json_t *object, struct err *e), void *context, struct err *e);
/* Detects the format: messages, prompt/completion, prompt, text, conversations (from/value), Alpaca (instruction/input/output). Takes `object`. */
int row_parse(struct row *out, json_t *object, const char *path, size_t line, struct err *e);

/* Token ids and, per token, whether it is a target (scored[0] is always 0). */
struct sample {
	int32_t *ids;
	uint8_t *scored;
	size_t n, n_scored;
	bool distill;
};
void sample_release(struct sample *s);
/*
 * Training and scoring: text: all tokens but the first (BOS where the model uses one; the end token appended and scored);
 * completion: prompt raw, behind BOS as a text is, completion and the end token scored; messages: every token with a byte of a trained assistant
 * message's content and the end-of-turn token after it; of a trained message with tool_calls all that the model has to write, the template's marks around a call included.
 * Messages, tools and calls that the template leaves out are refused. `all` scores every token but the first (train_on_inputs). ERR_DATA names the row when it has nothing to score, when
 * a message list does not end with the assistant, or when the prompt's ids are not a prefix of the whole row's ids.
 */
int row_sample(struct sample *out, const struct row *r, const struct encoder *enc, bool all, struct err *e);
/* The ids that generation starts from: the raw prompt, or the messages with the generation prompt (a final assistant message is left out). */
int row_prompt(struct ids *out, const struct row *r, const struct encoder *enc, struct err *e);
/* Appends the text of messages that those ids are made of. */
int row_prompt_text(struct buf *out, const struct row *r, const struct encoder *enc, struct err *e);

/* ---- settings --------------------------------------------------------------------------------------------------------------- */

/* A flat YAML mapping in the order of its file. Lists of scalars are joined by commas. */
struct yaml_pair {
	const char *key, *value; /* NUL-terminated UTF-8 */
	size_t line;             /* 1-based */
};
struct yaml {
	struct yaml_pair *pair;
	size_t n;
	struct arena arena; /* owns the strings */
};
/* Nesting, anchors, tags and duplicate keys are ERR_USAGE with file and line. */
int yaml_read(struct yaml *out, const char *path, struct err *e);
void yaml_release(struct yaml *y);

/* ---- terms ------------------------------------------------------------------------------------------------------------------- */

/* terms.yaml: how a company wants its things called. Written by curation, edited by people. */
/* TERM_FOUND: by counting, nobody has looked at it yet; TERM_REJECTED: somebody says that it is none. */
enum term_status { TERM_ACCEPTED, TERM_FOUND, TERM_REJECTED };
const char *term_status_name(enum term_status status); /* "accepted" */
struct term {
	const char *preferred;  /* with the casing that is wanted; "": nothing is, the forbidden forms are to be avoided */
	const char **forbidden; /* [n_forbidden], never equal to a preferred form of any term */
	size_t n_forbidden;
	const char *definition; /* "" when there is none */
	enum term_status status;
};
enum { TERMS_MAX = 5000 }; /* in a file */
struct terms {
	struct term *p;
	size_t n;
	struct arena arena; /* owns everything */
};
/* A list under the key `terms` of mappings with `preferred`, `forbidden` (list), `definition` and `status` (accepted, found, rejected); others are ERR_DATA with file and line. */
int terms_read(struct terms *out, const char *path, struct err *e);
int terms_write(const struct terms *t, const char *path, struct err *e); /* atomic; reads back as the same terms */
/*
 * Writes the terms behind those of the file, of which no byte changes but the "[]" of an empty list; makes the file if there is none. Atomic.
 * ERR_DATA when the whole would be no terms file, also when its list is not written as lines of "- preferred: ...".
 */
int terms_append(const struct terms *t, const char *path, struct err *e);
void terms_release(struct terms *t);
/*
 * Bytes that `form` takes of `text` at `at`: whole words, case not counting and runs of white space being one; else 0. A number is
 * not cut either: neither "118 seconds" nor "1.18 seconds" holds "18 seconds". With `plural` an "s" more is part of it.
 */
size_t words_match(const char *text, size_t at, const char *form, bool plural);
/*
 * The longest form of any accepted term at text[at], as words_match with a plural takes it, so that the "vault" of "Tolvery Vault" does not count by
 * itself; 0: none.
 */
size_t terms_match(const struct terms *t, const char *text, size_t at, size_t *term, bool *preferred);

/* What a vocabulary of another tool says of one word or of two: "" where it says nothing. Never all are "". */
struct term_rule {
	const char *preferred, *forbidden, *definition;
};
struct term_rules {
	struct term_rule *p; /* mem_free */
	size_t n, cap;
	size_t n_unread;    /* entries that were not understood; each is a line of the log, up to a limit */
	struct arena arena; /* owns the texts; term_rules_init */
};
enum { TERM_RULES_MAX = 50000, TERM_RULE_FORM_BYTES = 100 };
void term_rules_init(struct term_rules *r);
void term_rules_release(struct term_rules *r);
/* Copies the texts. ERR_DATA when there are TERM_RULES_MAX already. */
int term_rules_add(struct term_rules *r, struct term_rule rule, struct err *e);
/* Counts an entry that is not understood, and logs it with its place. */
void term_rules_unread(struct term_rules *r, const char *path, size_t line, const char *entry);

/*
 * Reads what Vale (vale.sh) has of words, by the name of the file: `accept.txt` (preferred forms), `reject.txt` (forbidden ones), else a
 * rule in YAML, of which the pairs under `swap` of one that `extends: substitution` are read; another one gives nothing. Vale's entries are regular expressions:
 * understood are plain words, `(?i)` in front, alternatives in brackets or not, sets of ASCII characters, `?` and escaped signs, as far as that makes
 * up to 16 forms; a full stop without a quantifier is one. Of forms that differ by case the small one stays. At most 1 MiB; ERR_DATA with file
 * and line where YAML is none.
 */
int vale_read(struct term_rules *out, const char *path, struct err *e);

/* ---- retrieved passages ------------------------------------------------------------------------------------------------------ */

struct passage {
	const char *source, *heading, *text;
};
enum { PASSAGE_BYTES_MAX = 700, PASSAGES_SHOWN = 3 }; /* the longest text; how many a question gets where nobody says otherwise */
/* The user's message that carries passages: the one layout of training rows and of retrieval. Appends to `out`. */
int passages_render(const struct passage *p, size_t n, const char *question, struct buf *out, struct err *e);

/* ---- text -------------------------------------------------------------------------------------------------------------------- */

bool utf8_is_valid(const char *p, size_t n); /* RFC 3629 */
/* Appends n bytes as UTF-8: U+FFFD stands in for every byte that is none, such as where a model stopped inside a character, and for NUL, which no reader of JSON here takes back. */
int utf8_append(struct buf *out, const char *p, size_t n, struct err *e);

/* ---- JSON -------------------------------------------------------------------------------------------------------------------- */

/* A foreign file of at most max_size bytes as one object without duplicate keys; errors name the line. The caller decrefs. */
int json_file(json_t **out, const char *path, size_t max_size, struct err *e);
/* Writes an object for people to read too, atomically. NULL, as jansson makes of what is no UTF-8, is ERR_FAILED. */
int json_file_write(const char *path, const json_t *object, struct err *e);
/* Appends an object as a line. ERR_RESOURCE, also for NULL, which jansson makes of it when memory is short or a number is none. */
int json_line(struct buf *out, const json_t *object, struct err *e);
/* The number of a name in an object of numbers; a new name gets the next one, from 0. */
int json_number_of(json_t *names, const char *name, size_t *out, struct err *e);
/* A string of any bytes, as utf8_append cleans them. NULL when memory is short. */
json_t *json_text(const char *p, size_t n);
/* A number; null for NaN and infinity, which stand for what was not measured. */
json_t *json_measure(double v);
/* What a value is, for messages: "an object", "an empty list", "a decimal number" ...; "none" for NULL. */
const char *json_kind(const json_t *value);

/* ---- grammars ---------------------------------------------------------------------------------------------------------------- */

struct grammar; /* which texts there may be; immutable, free to share between threads */
/*
 * Of the JSON values that a schema allows (JSON Schema 2020-12: type, properties, required, additionalProperties, items, minItems, maxItems, enum,
 * const, anyOf, oneOf as anyOf, allOf of one, $ref within the schema, $defs); NULL: of all objects. A part of them, in fact: members stand in the
 * schema's order, others only where additionalProperties says so, at most one space follows a comma or colon, and values nest at most 30 deep.
 * ERR_DATA, with the place, for a keyword that it does not know or a schema that refers to itself without end.
 */
int grammar_json(struct grammar **out, const json_t *schema, struct err *e);
void grammar_free(struct grammar *g);

struct grammar_state; /* of one text, as far as it has come */
int grammar_begin(struct grammar_state **out, const struct grammar *g, const struct tokenizer *t, struct err *e); /* borrows both */
void grammar_end(struct grammar_state *s);
/* May this token come next? One that ends a text: is the text whole? */
bool grammar_allows(struct grammar_state *s, int32_t id);
void grammar_take(struct grammar_state *s, int32_t id);

/* ---- hashing ---------------------------------------------------------------------------------------------------------------- */

struct sha256;
int sha256_new(struct sha256 **out, struct err *e);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_hex(struct sha256 *s, char hex[65]); /* ends the sum; then _free */
void sha256_free(struct sha256 *s);
int sha256_file(const char *path, char hex[65], struct err *e);
/* The same of a file, or of a model's or adapter's folder: all its JSON and safetensors files but passport.json. */
int sha256_path(const char *path, char hex[65], struct err *e);

/* ---- pages that people read ------------------------------------------------------------------------------------------------- */

/* A page being written; after the first failure nothing more is, and `rc` tells. {.out = , .e = } is a new one. */
struct html {
	struct buf *out;
	struct err *e;
	int rc;
};
/* From the doctype to the heading: one file that needs nothing else, follows the reader's light or dark scheme, prints, and runs no script. */
void html_open(struct html *h, const char *title);
void html_close(struct html *h);
void html_put(struct html *h, const char *html);                                            /* as it is */
__attribute__((format(printf, 2, 3))) void html_putf(struct html *h, const char *fmt, ...); /* up to 511 bytes */
/*
 * Any bytes as the content of an element or of a quoted attribute: what has a meaning in HTML is escaped; control characters other than tab
 * and line feed, and bytes that are no UTF-8, become U+FFFD. The only way of foreign text into a page.
 */
void html_text(struct html *h, const char *text);
void html_textn(struct html *h, const char *text, size_t n); /* n bytes of it */
/* Bytes as a data URL of an SVG picture: shown as an image, so nothing in it runs. */
void html_svg_url(struct html *h, const char *p, size_t n);

#endif
