/*
 * Private to cli: the verbs, one cmd_*.c each.
 */
#ifndef ATTUNE_CLI_VERBS_H
#define ATTUNE_CLI_VERBS_H

#include "cli/cli.h"

extern const struct command command_pull, command_train, command_score, command_generate, command_chat, command_doctor,
	command_bench, command_config, command_curate, command_eval, command_export, command_help, command_init, command_lint,
	command_plan, command_run, command_review, command_search, command_serve, command_write;

/* Flags that several verbs share, so that they read the same everywhere. */
/* clang-format off */
#define MODEL_DEFAULT "smollm2-135m"
#define FLAG_MODEL {.name = "model", .argument = "M", .fallback = MODEL_DEFAULT, .help = "model: a path or a name that pull takes"}
#define FLAG_ADAPTER {.name = "adapter", .argument = "DIR", .help = "adapter to put on the model"}
#define FLAG_EMBEDDER \
	{.name = "embedder", .argument = "E", .fallback = "minilm", .help = "what finds passages by meaning; none: by words alone"}
#define FLAG_JSON {.name = "json", .help = "JSON on stdout"}
#define FLAG_SET \
	{.name = "set", .argument = "KEY=VALUE", .help = "a setting; 'attune config show' lists them", .repeated = true}
#define FLAG_RUN_OUT \
	{.name = "out", .argument = "DIR", .help = "folder for everything it makes (default: .attune in the documents' folder)"}
#define FLAG_MEMORY \
	{.name = "memory", .argument = "SIZE", .help = "most that training may hold, such as 600MB or 2GB (default: what is free here)"}
#define FLAG_WORKSPACE \
	{.name = "workspace", .argument = "DIR", .help = "folder of attune.yaml; without it the current one, if it has any"}
#define FLAGS_SAMPLING(default_temperature, default_top_p) \
	{.name = "max-tokens", .argument = "N", .fallback = "256", .help = "most tokens of an answer"}, \
	{.name = "temperature", .argument = "T", .fallback = default_temperature, .help = "0: always the likeliest token"}, \
	{.name = "top-p", .argument = "P", .fallback = default_top_p, .help = "draw among the likeliest tokens that make up this share"}, \
	{.name = "seed", .argument = "S", .fallback = "0", .help = "start of the random numbers"}
/* clang-format on */

#endif
