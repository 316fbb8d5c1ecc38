/*
 * What Prometheus asks for: llama-server's names where they fit, so that its dashboards work, and histograms of our own. Reference:
 * https://prometheus.io/docs/instrumenting/exposition_formats
 */
#include "serve/server.h"

#include <inttypes.h>

static int put(struct buf *out, const char *name, const char *type, const char *help, double value, struct err *e)
{
	return buf_printf(out, e, "# HELP %s %s\n# TYPE %s %s\n%s %.10g\n", name, help, name, type, name, value);
}

static int put_histogram(struct buf *out, const char *name, const char *help, const struct histogram *h, struct err *e)
{
	uint64_t n = 0;
	int rc = buf_printf(out, e, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS && !rc; i++) {
		n += h->bucket[i];
		rc = buf_printf(out, e, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, histogram_bound_s[i], n);
	}
	return rc ? rc
		  : buf_printf(out, e, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.10g\n%s_count %" PRIu64 "\n", name, h->n, name,
			    h->sum_s, name, h->n);
}

int metrics_write(struct server *s, struct buf *out, struct err *e)
{
	struct measures m;
	engine_measures(s->engine, &m);
	const struct {
		const char *name, *type, *help;
		double value;
	} plain[] = {
		{"llamacpp:prompt_tokens_total", "counter", "Tokens of prompts that were computed.", (double)m.n_prompt},
		{"llamacpp:prompt_seconds_total", "counter", "Time spent on prompts.", m.prompt_s},
		{"llamacpp:tokens_predicted_total", "counter", "Tokens that were generated.", (double)m.n_predicted},
		{"llamacpp:tokens_predicted_seconds_total", "counter", "Time spent on generating.", m.predicted_s},
		{"llamacpp:n_decode_total", "counter", "Passes over the weights for generating.", (double)m.n_passes},
		{"llamacpp:prompt_tokens_seconds", "gauge", "Tokens of prompts a second.",
			m.prompt_s > 0 ? (double)m.n_prompt / m.prompt_s : 0},
		{"llamacpp:predicted_tokens_seconds", "gauge", "Generated tokens a second.",
			m.predicted_s > 0 ? (double)m.n_predicted / m.predicted_s : 0},
		{"llamacpp:requests_processing", "gauge", "Answers being made.", (double)m.n_running},
		{"llamacpp:requests_deferred", "gauge", "Answers that wait for a place.", (double)m.n_queued},
		{"attune_prompt_tokens_reused_total", "counter", "Tokens of prompts that needed no computing.", (double)m.n_reused},
		{"attune_answers_total", "counter", "Answers that were begun.", (double)m.n_jobs},
	};
	int rc = 0;
	for (size_t i = 0; i < sizeof plain / sizeof *plain && !rc; i++)
		rc = put(out, plain[i].name, plain[i].type, plain[i].help, plain[i].value, e);
	if (!rc)
		rc = put_histogram(
			out, "attune_time_to_first_token_seconds", "From the request to its first token.", &m.first_token, e);
	if (!rc)
		rc = put_histogram(
			out, "attune_time_between_tokens_seconds", "From a token to the next one.", &m.between_tokens, e);
	return rc;
}
