/*
 * What came out, for a person: what went in, what it cost, what changed, whether it was worth it.
 */
#include "flow/page.h"

#include <math.h>

int page_write(const struct page *p, struct buf *out, struct err *e)
{
	const struct train_result *t = &p->training;
	const struct data_summary *d = &p->data;
	int rc = buf_printf(out, e,
		"documents   %s: %zu used (%zu of them held out), %zu left out, %zu facts\n"
		"data set    %zu rows to train on, %zu held out\n"
		"model       %s\n"
		"adapter     %s\n"
		"training    %zu steps, %zu tokens in %.0f s (%.0f tokens/s), loss %.2f",
		p->in, d->n_documents, d->n_unseen, d->n_skipped, d->n_facts, d->n_train, d->n_valid, p->model, p->adapter,
		t->n_steps, t->n_tokens, t->seconds, t->seconds > 0 ? (double)t->n_tokens / t->seconds : 0.0, t->loss);
	if (rc == 0 && isfinite(t->eval_loss_last))
		rc = buf_printf(out, e, "; held-out loss %.2f -> %.2f", t->eval_loss_first, t->eval_loss_last);
	if (rc == 0)
		rc = buf_puts(out, "\n\n", e);
	if (rc == 0)
		rc = eval_table(&p->result, out, e);
	return rc < 0 ? rc : buf_printf(out, e, "\nreport      %s\nThis took %.0f s.\n", p->report, p->seconds);
}
