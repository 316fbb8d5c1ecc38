/*
 * The settings of training and where each comes from. Later wins: defaults, the workspace's attune.yaml, variables ATTUNE_KEY,
 * --set KEY=VALUE. An unknown key is an error at each of them.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

enum { VARIABLE_SIZE = 64 };

static int key_unknown(const char *key, const char *place, struct err *e)
{
	struct train_key k;
	struct guess guess = {.word = key};
	for (size_t i = 0; train_key_at(i, &k); i++)
		guess_try(&guess, k.name);
	if (guess.best)
		return err_set(e, ERR_USAGE, "%s: unknown key '%s'; did you mean '%s'?", place, key, guess.best);
	return err_set(e, ERR_USAGE, "%s: unknown key '%s'; 'attune config show' lists the keys", place, key);
}

static int set(struct settings *s, const char *key, const char *value, const char *place, struct err *e)
{
	struct train_key k;
	size_t i = 0;
	while (train_key_at(i, &k) && strcmp(k.name, key))
		i++;
	if (!k.name)
		return key_unknown(key, place, e);
	if (train_config_set(&s->config, key, value, e))
		return err_prefix(e, "%s", place);
	mem_free(s->origin[i]);
	s->origin[i] = mem_strdup(place, e);
	return s->origin[i] ? 0 : ERR_RESOURCE;
}

static int from_defaults(struct settings *s, struct err *e)
{
	struct train_key k;
	int rc = 0;
	train_config_default(&s->config);
	for (size_t i = 0; train_key_at(i, &k) && !rc; i++)
		rc = set(s, k.name, k.fallback, "default", e);
	return rc;
}

static int from_file(struct settings *s, const char *workspace, bool required, struct err *e)
{
	char path[PATH_SIZE], place[PATH_SIZE + 32];
	struct yaml y = {0};
	int rc = path_join(path, sizeof path, e, workspace, "attune.yaml");
	if (rc || (!required && !file_exists(path)))
		return rc;
	rc = yaml_read(&y, path, e);
	for (size_t i = 0; !rc && i < y.n; i++) {
		snprintf(place, sizeof place, "%s:%zu", path, y.pair[i].line);
		rc = set(s, y.pair[i].key, y.pair[i].value, place, e);
	}
	yaml_release(&y);
	return rc;
}

/* lora_r -> ATTUNE_LORA_R */
static void variable_name(char dst[VARIABLE_SIZE], const char *key)
{
	snprintf(dst, VARIABLE_SIZE, "ATTUNE_%s", key);
	for (; *dst; dst++)
		*dst = (char)toupper((unsigned char)*dst);
}

/* Other variables of ours exist (ATTUNE_CPU, ...), so only one that looks like a misspelt key is refused. */
static int check_variables(struct err *e)
{
	char name[VARIABLE_SIZE], key[VARIABLE_SIZE], known[VARIABLE_SIZE];
	struct train_key k;
	for (char **v = environ; *v; v++) {
		size_t n = strcspn(*v, "="), at = 0;
		if (strncmp(*v, "ATTUNE_", 7) || n >= sizeof name)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)n, *v);
		do
			key[at] = (char)tolower((unsigned char)name[7 + at]);
		while (key[at++]);
		struct guess guess = {.word = key};
		for (size_t i = 0; train_key_at(i, &k); i++)
			guess_try(&guess, k.name);
		if (guess.best && guess.distance) {
			variable_name(known, guess.best);
			return err_set(e, ERR_USAGE, "%s: there is no such setting; did you mean %s?", name, known);
		}
	}
	return 0;
}

static int from_environment(struct settings *s, struct err *e)
{
	struct train_key k;
	char name[VARIABLE_SIZE];
	int rc = check_variables(e);
	for (size_t i = 0; !rc && train_key_at(i, &k); i++) {
		variable_name(name, k.name);
		const char *value = getenv(name);
		if (value)
			rc = set(s, k.name, value, name, e);
	}
	return rc;
}

static int from_flags(struct settings *s, const struct cli *c, struct err *e)
{
	char key[VARIABLE_SIZE];
	const char *pair;
	for (int i = 0; (pair = cli_next(c, "set", &i));) {
		const char *equals = strchr(pair, '=');
		if (!equals || equals == pair || (size_t)(equals - pair) >= sizeof key)
			return err_set(e, ERR_USAGE, "--set: expected KEY=VALUE, found '%s'", pair);
		snprintf(key, sizeof key, "%.*s", (int)(equals - pair), pair);
		int rc = set(s, key, equals + 1, "--set", e);
		if (rc)
			return rc;
	}
	return 0;
}

int settings_read(struct settings *s, const struct cli *c, const char *folder, struct err *e)
{
	const char *workspace = cli_flag(c, "workspace");
	*s = (struct settings){0};
	int rc = from_defaults(s, e);
	if (!rc)
		rc = from_file(s, workspace ? workspace : folder, workspace != NULL, e);
	if (!rc)
		rc = from_environment(s, e);
	if (!rc)
		rc = from_flags(s, c, e);
	if (rc)
		settings_release(s);
	return rc;
}

void settings_release(struct settings *s)
{
	for (size_t i = 0; i < SETTINGS_MAX; i++)
		mem_free(s->origin[i]);
	*s = (struct settings){0};
}
