/*
 * attune chat: an interactive session. The answer is shown as it is made; finished UTF-8 is all that generator_run hands on. With a data folder
 * each question is asked with passages in front; the conversation remembers the question alone, so that it does not fill up with passages. Objections are by
 * that folder, or without one by what the adapter was trained on.
 */
#include "cli/verbs.h"
#include "data/data.h"
#include "flow/flow.h"
#include "search/search.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROMPT_BYTES_MAX = 1 << 20 };

struct chat {
	const struct session *session;
	struct generator *generator;
	struct search *search;     /* NULL: no passages */
	struct evidence *evidence; /* NULL: no objections */
	struct generate_options options;
	struct message *messages; /* contents are ours */
	size_t n, n_prompt;       /* the first n_prompt stay: those of `prompt` */
	struct row prompt;        /* what --prompt names; owns these messages' roles */
	bool terminal;
};

static int chat_add(struct chat *h, const char *role, const char *content, struct err *e)
{
	char *copy = mem_strdup(content, e);
	int rc = copy ? mem_resize(&h->messages, h->n, h->n + 1, sizeof *h->messages, e) : ERR_RESOURCE;
	if (rc)
		mem_free(copy);
	else
		h->messages[h->n++] = (struct message){.role = role, .content = copy};
	return rc;
}

/* The messages of a file such as eval/prompt.json, which stand in front of the conversation. */
static int chat_prompt(struct chat *h, const char *path, struct err *e)
{
	json_t *o;
	int rc = json_file(&o, path, PROMPT_BYTES_MAX, e);
	if (!rc)
		rc = row_parse(&h->prompt, o, path, 1, e);
	for (size_t i = 0; i < h->prompt.n_messages && !rc; i++)
		rc = chat_add(h, h->prompt.messages[i].role, h->prompt.messages[i].content, e);
	h->n_prompt = h->n;
	return rc;
}

/* Forgets what came after the first n messages. */
static void chat_cut(struct chat *h, size_t n)
{
	while (h->n > n)
		mem_free((void *)(uintptr_t)h->messages[--h->n].content);
}

static bool show(void *context, const char *text, size_t n)
{
	(void)context;
	return fwrite(text, 1, n, stdout) == n && !fflush(stdout) && !interrupted;
}

/* The question as the model gets it; says on stderr where its passages are from. */
static int chat_message(struct chat *h, const char *question, struct buf *out, struct err *e)
{
	struct search_hits hits = {0};
	struct buf sources = {0};
	int rc = h->search ? search_ask(h->search, question, &hits, out, e) : buf_puts(out, question, e);
	for (size_t i = 0; i < hits.n && !rc; i++)
		rc = buf_printf(&sources, e, "%s%s (%s)", i ? "; " : "", hits.p[i].source, hits.p[i].heading);
	if (!rc && h->search)
		log_line(LOG_INFO, "from %s", sources.len ? sources.p : "no passage: nothing has a word of this question");
	search_hits_release(&hits);
	buf_release(&sources);
	return rc;
}

/* What questions are held to without --data; an adapter answers without its documents, too. */
static void chat_documents(struct chat *h, const char *data)
{
	struct err e;
	if (evidence_open(&h->evidence, data, &e))
		log_line(LOG_WARNING, "%s; questions are held to no documents", e.text);
	else
		log_line(LOG_INFO, "questions are held to the documents of %s", data);
}

static int chat_answer(struct chat *h, const char *question, struct err *e)
{
	struct ids prompt = {0}, opening = {0};
	struct generated g = {0};
	struct buf message = {0}, objection = {0};
	size_t before = h->n;
	int rc = chat_message(h, question, &message, e);
	if (!rc && h->evidence)
		rc = evidence_objection(h->evidence, question, &objection, e);
	if (!rc && objection.len)
		rc = tokenizer_encode(model_encoder(h->session->model)->tokenizer, objection.p, objection.len, &opening, e);
	h->options.opening = opening;
	if (!rc)
		rc = chat_add(h, "user", message.p, e);
	const struct row row = {.kind = ROW_MESSAGES, .messages = h->messages, .n_messages = h->n};
	if (!rc)
		rc = row_prompt(&prompt, &row, model_encoder(h->session->model), e);
	interrupt_forget();
	if (!rc)
		rc = generator_run(h->generator, prompt.p, prompt.n, &h->options, &g, e);
	interrupt_forget();
	if (!rc)
		rc = print_line("", e);
	chat_cut(h, before);
	if (!rc)
		rc = chat_add(h, "user", question, e);
	if (!rc)
		rc = chat_add(h, "assistant", g.text.len ? g.text.p : "", e);
	if (rc)
		chat_cut(h, before);
	buf_release(&message);
	buf_release(&objection);
	generated_release(&g);
	ids_release(&prompt);
	ids_release(&opening);
	return rc;
}

/* False when Ctrl-C came first. It may come between any two calls, and to any thread, so it is looked for, not waited for. */
static bool chat_wait(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	while (!interrupted && poll(&in, 1, 100) == 0)
		continue;
	return !interrupted;
}

/* 1 a line without its newline, 0 the end of the input or of the program. Ctrl-C at the prompt starts the line anew. */
static int chat_read(const struct chat *h, char **line, size_t *size)
{
	for (;;) {
		if (h->terminal)
			fputs("> ", stderr);
		bool go_on = h->terminal ? chat_wait() : !interrupted;
		ssize_t n = go_on ? getline(line, size, stdin) : -1;
		if (n >= 0) {
			(*line)[strcspn(*line, "\r\n")] = 0;
			return 1;
		}
		if (!interrupted || !h->terminal)
			return 0;
		interrupt_forget();
		if (interrupted)
			return 0;
		clearerr(stdin);
		fputs("\n/quit or Ctrl-D leaves\n", stderr);
	}
}

static int chat_loop(struct chat *h, struct err *e)
{
	char *line = NULL;
	size_t size = 0;
	int rc = 0;
	while (!rc && chat_read(h, &line, &size)) {
		if (!strcmp(line, "/quit"))
			break;
		if (!strcmp(line, "/reset")) {
			chat_cut(h, h->n_prompt);
			generator_reset(h->generator);
			log_line(LOG_INFO, "the conversation starts anew");
			continue;
		}
		if (!line[strspn(line, " \t")])
			continue;
		rc = chat_answer(h, line, e);
		if (rc == ERR_DATA) { /* a question too long, or a full context: the session goes on without it */
			log_line(LOG_ERROR, "%s; /reset starts anew", e->text);
			rc = 0;
		}
	}
	free(line);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct session session = {0};
	struct embedder *embedder = NULL;
	struct chat h = {.session = &session, .terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO)};
	char trained[PATH_SIZE];
	long long context;
	int rc = cli_int(c, "context", 16, 1048576, &context, e);
	if (!rc)
		rc = sampling_read(&h.options, c, e);
	if (!rc && cli_flag(c, "prompt"))
		rc = chat_prompt(&h, cli_flag(c, "prompt"), e);
	if (!rc)
		rc = session_open(&session, c, e);
	if (!rc && cli_flag(c, "data"))
		rc = flow_embedder(&embedder, cli_flag(c, "embedder"), e);
	if (!rc && cli_flag(c, "data"))
		rc = search_open(&h.search, cli_flag(c, "data"), embedder, e);
	if (!rc && cli_flag(c, "data"))
		rc = evidence_open(&h.evidence, cli_flag(c, "data"), e);
	else if (!rc && session.lora && flow_trained_data(trained, cli_flag(c, "adapter")))
		chat_documents(&h, trained);
	if (rc)
		goto done;
	size_t most = model_config(session.model)->context;
	size_t capacity = (size_t)context < most ? (size_t)context : most;
	h.options.on_text = show;
	rc = generator_new(&h.generator, session.model, session.lora, capacity, e);
	if (rc)
		goto done;
	log_line(LOG_INFO, "%s%s%s; /reset starts anew, /quit leaves, Ctrl-C ends an answer", session.path,
		session.lora ? " with " : "", session.lora ? cli_flag(c, "adapter") : "");
	interrupt_catch();
	rc = chat_loop(&h, e);
	if (!rc)
		log_line(LOG_INFO, "next: attune generate --in PROMPTS.jsonl asks many questions at once");
done:
	chat_cut(&h, 0);
	mem_free(h.messages);
	row_release(&h.prompt);
	generator_free(h.generator);
	search_close(h.search);
	evidence_free(h.evidence);
	embedder_free(embedder);
	session_close(&session);
	return rc;
}

const struct command command_chat = {
	.name = "chat",
	.operands = "",
	.summary = "Talk to a model.",
	.examples = {"attune chat --adapter run/adapter", "attune chat --data sample/.attune/data",
		"echo 'What is SQLite?' | attune chat --quiet"},
	.flags = (const struct flag[]){FLAG_MODEL, FLAG_ADAPTER, FLAG_EMBEDDER,
		{.name = "data", .argument = "DIR", .help = "answer from the passages of this data folder"},
		{.name = "prompt",
			.argument = "F",
			.help = "a JSON file with messages that stand in front, such as eval/prompt.json"},
		{.name = "context", .argument = "N", .fallback = "2048", .help = "tokens of conversation to keep in mind"},
		FLAGS_SAMPLING("0.2", "0.9"), {0}},
	.run = run,
};
