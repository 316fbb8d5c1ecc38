/* attune serve: a model and its adapters for other programs, over HTTP. */
#include "cli/verbs.h"
#include "flow/flow.h"
#include "hub/hub.h"
#include "serve/serve.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <omp.h>

enum { RUNS_MAX = 32, NAME_SIZE = 128 };

struct job {
	struct serve_options options;
	struct serve_adapter adapter[SERVE_ADAPTERS_MAX];
	const char *run[RUNS_MAX];
	char model[PATH_SIZE], model_name[NAME_SIZE], embedder_name[NAME_SIZE], data[PATH_SIZE],
		path[SERVE_ADAPTERS_MAX][PATH_SIZE], name[SERVE_ADAPTERS_MAX][NAME_SIZE];
};

static bool is_named_with(char c)
{
	return isalnum((unsigned char)c) || strchr("._-:", c);
}

/*
 * What is left of a path when somebody has to say it: the last folder or file, without .gguf; of .../NAME/adapter the NAME. What no name may have
 * becomes a dash.
 */
static int name_of(const char *path, char name[NAME_SIZE], struct err *e)
{
	size_t end = strlen(path), start;
	for (;;) {
		while (end && path[end - 1] == '/')
			end--;
		for (start = end; start && path[start - 1] != '/';)
			start--;
		if (!start || end - start != strlen("adapter") || strncmp(path + start, "adapter", end - start))
			break;
		end = start;
	}
	size_t n = end - start;
	n -= n > 5 && !strncmp(path + end - 5, ".gguf", 5) ? 5 : 0;
	if (!n || n >= NAME_SIZE)
		return err_set(e, ERR_USAGE, "%s: has no name of up to %d characters; give it one: PATH=NAME", path, NAME_SIZE - 1);
	snprintf(name, NAME_SIZE, "%.*s", (int)n, path + start);
	for (char *p = name; *p; p++)
		*p = is_named_with(*p) ? *p : '-';
	return 0;
}

static int name_check(const struct job *j, const char *name, struct err *e)
{
	for (const char *p = name; *p; p++)
		if (!is_named_with(*p))
			return err_set(e, ERR_USAGE,
				"'%s': expected the name of a model to have letters, digits and . _ - : only; give it one: "
				"PATH=NAME",
				name);
	bool taken = name != j->model_name && !strcmp(name, j->model_name);
	for (size_t i = 0; i < j->options.n_adapters; i++)
		taken = taken || (name != j->name[i] && !strcmp(name, j->name[i]));
	return taken ? err_set(e, ERR_USAGE, "two models are called '%s'; give one another name: --adapter DIR=NAME", name) : 0;
}

/* Where the path ends in "PATH=NAME" or "PATH", which may have "=" in it itself. */
static size_t path_end(const char *value)
{
	const char *last = file_exists(value) || dir_exists(value) ? NULL : strrchr(value, '=');
	return last ? (size_t)(last - value) : strlen(value);
}

static int adapters_read(struct job *j, const struct cli *c, struct err *e)
{
	const char *value;
	int rc = 0;
	for (int i = 0; !rc && (value = cli_next(c, "adapter", &i));) {
		size_t at = j->options.n_adapters, n = path_end(value);
		if (at == SERVE_ADAPTERS_MAX)
			return err_set(e, ERR_USAGE, "--adapter: at most %d", SERVE_ADAPTERS_MAX);
		if (!n || n >= PATH_SIZE || (value[n] && (!value[n + 1] || strlen(value + n + 1) >= NAME_SIZE)))
			return err_set(e, ERR_USAGE, "--adapter: expected DIR or DIR=NAME, found '%s'", value);
		snprintf(j->path[at], PATH_SIZE, "%.*s", (int)n, value);
		if (value[n])
			snprintf(j->name[at], NAME_SIZE, "%s", value + n + 1);
		else
			rc = name_of(j->path[at], j->name[at], e);
		j->adapter[at] = (struct serve_adapter){j->path[at], j->name[at]};
		j->options.n_adapters++;
		if (!rc)
			rc = name_check(j, j->name[at], e);
	}
	return rc;
}

static int runs_read(struct job *j, const struct cli *c, struct err *e)
{
	const char *value;
	for (int i = 0; (value = cli_next(c, "run", &i)); j->run[j->options.n_runs++] = value) {
		if (j->options.n_runs == RUNS_MAX)
			return err_set(e, ERR_USAGE, "--run: at most %d", RUNS_MAX);
	}
	j->options.run = j->run;
	return 0;
}

/* The embedder, if there is one, and its name. */
static int embedder_find(struct job *j, struct embedder **out, const char *given, struct err *e)
{
	int rc = flow_embedder(out, given, e);
	if (rc || !*out)
		return rc;
	j->options.embedder = *out;
	j->options.embedder_name = j->embedder_name;
	rc = name_of(given, j->embedder_name, e);
	return rc ? rc : name_check(j, j->embedder_name, e);
}

/* The data folder that was named, or that of the results, if there is one. */
static int data_find(struct job *j, const struct cli *c, struct err *e)
{
	const char *results = j->options.results = cli_flag(c, "results");
	j->options.data = cli_flag(c, "data");
	if (!results || j->options.data)
		return 0;
	if (!dir_exists(results))
		return err_set(e, ERR_USAGE, "--results %s: no such folder; expected one that attune run made", results);
	int rc = path_join(j->data, sizeof j->data, e, results, "data");
	j->options.data = rc || !dir_exists(j->data) ? NULL : j->data;
	return rc;
}

/* The address is data: a program that started this one reads it. */
static void ready(const char *url)
{
	struct err ignored;
	print_line(url, &ignored);
}

static int run(const struct cli *c, struct err *e)
{
	struct job *j = mem_alloc(1, sizeof *j, e);
	struct embedder *embedder = NULL;
	long long n_parallel, context, port;
	if (!j)
		return ERR_RESOURCE;
	int rc = cli_int(c, "parallel", 1, BATCHER_SLOTS_MAX, &n_parallel, e);
	if (!rc)
		rc = cli_int(c, "context", 16, 1048576, &context, e);
	if (!rc)
		rc = cli_int(c, "port", 0, 65535, &port, e);
	if (!rc)
		rc = kern_start(c, e);
	if (!rc)
		rc = name_of(cli_flag(c, "model"), j->model_name, e);
	if (!rc)
		rc = name_check(j, j->model_name, e);
	if (!rc)
		rc = adapters_read(j, c, e);
	if (!rc)
		rc = runs_read(j, c, e);
	if (!rc)
		rc = data_find(j, c, e);
	if (!rc)
		rc = hub_resolve(j->model, cli_flag(c, "model"), e);
	if (!rc)
		rc = embedder_find(j, &embedder, cli_flag(c, "embedder"), e);
	if (rc)
		goto done;
	j->options.model = j->model;
	j->options.model_name = j->model_name;
	j->options.adapter = j->adapter;
	j->options.model_given = cli_flag(c, "model");
	j->options.host = cli_flag(c, "host");
	j->options.port = cli_flag(c, "port");
	j->options.key_file = cli_flag(c, "api-key-file");
	j->options.n_parallel = (size_t)n_parallel;
	j->options.context = (size_t)context;
	j->options.n_threads = omp_get_max_threads();
	j->options.ready = ready;
	j->options.stop = &interrupted;
	interrupt_catch();
	rc = serve_run(&j->options, e);
done:
	embedder_free(embedder);
	mem_free(j);
	return rc;
}

const struct command command_serve = {
	.name = "serve",
	.operands = "",
	.summary = "Answer programs over HTTP, as OpenAI's API does, and people on a page.",
	.examples = {"attune serve --adapter run/adapter=ours",
		"attune serve --results sample/.attune --adapter run/adapter --port 9000",
		"attune serve --host 0.0.0.0 --api-key-file ~/.attune-key"},
	.flags = (const struct flag[]){FLAG_MODEL,
		{.name = "adapter", .argument = "DIR[=NAME]", .help = "an adapter, and the name of its model", .repeated = true},
		{.name = "data",
			.argument = "DIR",
			.help = "each model NAME also as NAME/rag, which answers from this data folder's passages"},
		{.name = "results",
			.argument = "DIR",
			.help = "what attune run wrote, to be shown on the page, which keeps there what people do on it; DIR/data "
				"is the data folder"},
		{.name = "run",
			.argument = "DIR",
			.help = "a training run to be watched on the page; those of --results are, too",
			.repeated = true},
		{.name = "embedder",
			.argument = "E",
			.fallback = "minilm",
			.help = "what /v1/embeddings answers with, and finds passages by meaning; none: no embedder"},
		{.name = "host",
			.argument = "H",
			.fallback = "127.0.0.1",
			.help = "address to listen on; one that others can reach needs a key"},
		{.name = "port", .argument = "P", .fallback = "8080", .help = "port to listen on; 0: any free one"},
		{.name = "api-key-file", .argument = "F", .help = "key that clients must show; made if there is no such file"},
		{.name = "parallel", .argument = "N", .fallback = "4", .help = "answers at a time"},
		{.name = "context", .argument = "N", .fallback = "2048", .help = "tokens of a prompt and its answer together"},
		{0}},
	.run = run,
};
