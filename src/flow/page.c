/*
 * What came out, for a person: what went in, what it cost, what changed, whether it was worth it.
 */
#include "flow/page.h"

#include <math.h>
#include <string.h>

enum { SKIPPED_SHOWN = 8, MANIFEST_BYTES_MAX = 64 << 20 };

/* What could not be used, each with its reason, as the manifest has it. */
static int skipped_list(const char *data, size_t n_skipped, struct buf *out, struct err *e)
{
	char path[PATH_SIZE];
	struct buf b = {0};
	size_t i, n = 0;
	json_t *all = NULL, *d;
	int rc = n_skipped ? path_join(path, sizeof path, e, data, "manifest.json") : 0;
	if (rc < 0 || !n_skipped || (rc = file_read(path, MANIFEST_BYTES_MAX, &b, e)) < 0)
		goto done;
	all = json_loadb(b.p ? b.p : "", b.len, 0, NULL);
	json_array_foreach (json_object_get(all, "documents"), i, d) {
		const char *why = json_string_value(json_object_get(d, "skipped")),
			   *name = json_string_value(json_object_get(d, "path"));
		if (why && name && rc == 0 && n++ < SKIPPED_SHOWN)
			rc = buf_printf(out, e, "left out    %s: %s\n", name, why);
	}
	if (rc == 0 && n > SKIPPED_SHOWN)
		rc = buf_printf(out, e, "            and %zu more: see %s\n", n - SKIPPED_SHOWN, path);
done:
	json_decref(all);
	buf_release(&b);
	return rc;
}

int page_head(
	const char *in, const char *folder, const char *model, const struct data_summary *made, struct buf *out, struct err *e)
{
	int rc = buf_printf(out, e, "documents   %s: %zu used (%zu of them held out), %zu left out, %zu facts\n", in,
		made->n_documents, made->n_unseen, made->n_skipped, made->n_facts);
	if (rc == 0)
		rc = skipped_list(folder, made->n_skipped, out, e);
	return rc < 0 ? rc
		      : buf_printf(out, e, "data set    %zu rows to train on, %zu held out\nmodel       %s\n", made->n_train,
				made->n_valid, model);
}

int page_write(const struct page *p, struct buf *out, struct err *e)
{
	const struct train_result *t = &p->training;
	int rc = page_head(p->in, p->folder, p->model, &p->data, out, e);
	if (rc == 0)
		rc = buf_printf(out, e,
			"adapter     %s\n"
			"training    %zu steps, %zu tokens in %.0f s (%.0f tokens/s), loss %.2f",
			p->adapter, t->n_steps, t->n_tokens, t->seconds, t->seconds > 0 ? (double)t->n_tokens / t->seconds : 0.0,
			t->loss);
	if (rc == 0 && isfinite(t->eval_loss_last))
		rc = buf_printf(out, e, "; held-out loss %.2f -> %.2f", t->eval_loss_first, t->eval_loss_last);
	if (rc == 0 && t->best_step < t->n_steps)
		rc = buf_printf(out, e, "\n            %sadapter of step %zu, where the held-out loss was lowest: %.2f",
			t->stopped_early ? "stopped early; " : "", t->best_step, t->best_eval_loss);
	if (rc == 0 && t->strength < 1)
		rc = buf_printf(
			out, e, "\n            adapter at %.2f of its strength, so that general text costs no more", t->strength);
	if (rc == 0)
		rc = buf_puts(out, "\n\n", e);
	if (rc == 0)
		rc = eval_table(&p->result, out, e);
	return rc < 0 ? rc : buf_printf(out, e, "\nreport      %s\nThis took %.0f s.\n", p->report, p->seconds);
}
