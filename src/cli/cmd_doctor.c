/* attune doctor: what this machine has, what is missing, and what to do about it. */
#include "cli/verbs.h"
#include "data/data.h"
#include "hub/hub.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAINING_GB 1.2 /* what LoRA training of the small model takes at its defaults */

/* Where lines go, and the first error of writing them. */
struct doctor {
	bool json;
	int rc;
	struct err *e;
	size_t n_models;
};

/* One line: ok with what there is, or missing with what to do. */
static void say(struct doctor *d, const char *part, bool ok, const char *text)
{
	char line[PATH_SIZE + 64];
	if (d->rc)
		return;
	if (d->json) {
		json_t *object = json_pack("{s:s, s:b, s:o}", "part", part, "ok", ok, "text", json_text(text, strlen(text)));
		d->rc = object ? print_json(object, d->e) : err_set(d->e, ERR_RESOURCE, "out of memory while writing JSON");
		json_decref(object);
		return;
	}
	snprintf(line, sizeof line, "%-8s %-12s %s", ok ? "ok" : "missing", part, text);
	d->rc = print_line(line, d->e);
}

static void kernels(struct doctor *d)
{
	char text[256];
	size_t at = 0;
	at += (size_t)snprintf(text, sizeof text, "%s; present:", kern->name);
	for (const struct kern *const *k = kern_available(); *k && at < sizeof text; k++)
		at += (size_t)snprintf(text + at, sizeof text - at, " %s", (*k)->name);
	say(d, "kernels", true, text);
}

/* "MemAvailable:  123 kB" in bytes, 0 when the system does not say. */
static double memory_available(void)
{
	char line[256];
	double kb = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %lf", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb * 1024;
}

static void memory(struct doctor *d)
{
	char text[128];
	double total = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE), available = memory_available();
	bool enough = available >= TRAINING_GB * 1e9;
	snprintf(text, sizeof text, "%.1f GB, %.1f GB of it free%s", total / 1e9, available / 1e9,
		enough ? "" : "; training the small model takes about 1.2 GB: end other programs");
	say(d, "memory", enough, text);
}

static void model(void *context, const char *path)
{
	struct doctor *d = context;
	char text[PATH_SIZE + 32];
	struct stat st;
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		snprintf(text, sizeof text, "%s", path);
	else
		snprintf(text, sizeof text, "%s (%.0f MB)", path, (double)st.st_size / 1e6);
	say(d, "model", true, text);
	d->n_models++;
}

static int run(const struct cli *c, struct err *e)
{
	struct doctor d = {.json = cli_flag(c, "json") != NULL, .e = e};
	char text[PATH_SIZE];
	int rc = kern_start(c, e);
	if (rc)
		return rc;
	say(&d, "attune", true, ATTUNE_VERSION);
	say(&d, "cpu", true, kern_cpu_features());
	kernels(&d);
	snprintf(text, sizeof text, "%ld, of which %d compute", sysconf(_SC_NPROCESSORS_ONLN), omp_get_max_threads());
	say(&d, "cores", true, text);
	memory(&d);
	rc = hub_cache_dir(text, e);
	say(&d, "cache", !rc, rc ? e->text : text);
	if (!rc)
		rc = hub_list(model, &d, e);
	if (!d.n_models)
		say(&d, "model", false, rc ? e->text : "none in the cache: attune pull smollm2-135m");
	if (!hub_find(text, "minilm", e))
		say(&d, "embedder", text[0],
			text[0] ? "passages are found by meaning too" : "to find passages by meaning too: attune pull minilm");
	say(&d, "curl", hub_has_curl(),
		hub_has_curl() ? "hf:ORG/REPO can be pulled"
			       : "for hf:ORG/REPO: install libcurl's development files and build again");
	say(&d, "pip", hub_has_pip(),
		hub_has_pip() ? "pip:PACKAGE and short names can be pulled"
			      : "for pip:PACKAGE and short names: install python3-pip");
	say(&d, "pdftotext", data_pdf_program(text),
		data_pdf_program(text) ? "PDF files are read, in a child without network, files and other programs"
				       : "for PDF files: install poppler-utils");
	if (!d.rc)
		log_line(LOG_INFO, "next: %s", d.n_models ? "attune train --data DIR --out RUN" : "attune pull smollm2-135m");
	return d.rc;
}

const struct command command_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "Say what this machine has, what is missing, and what to do about it.",
	.examples = {"attune doctor", "attune doctor --json", "ATTUNE_CPU=avx2 attune doctor"},
	.flags = (const struct flag[]){FLAG_JSON, {0}},
	.run = run,
};
