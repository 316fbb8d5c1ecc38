/*
 * flow_run: from a folder of documents to one page. Reference: flow.h.
 */
#include "flow/job.h"

#include "flow/page.h"

int flow_run(const struct flow_run_options *o, struct buf *page, struct err *e)
{
	struct job *j = mem_alloc(1, sizeof *j, e);
	struct page p = {.model = o->model};
	char path[PATH_SIZE];
	struct buf text = {0};
	double start = now_s();
	if (!j)
		return ERR_RESOURCE;
	int rc = job_open(j, o, e);
	/* Without the adapter first: a folder whose questions cannot be read is told before an hour of training. */
	if (rc == 0)
		rc = job_ask(j, BASE, UNTRAINED, e);
	if (rc == 0) {
		struct train_options t = {.model = j->model,
			.config = o->config,
			.data = j->data,
			.out = j->run,
			.memory_bytes = o->memory_bytes,
			.stop = o->stop};
		rc = train_run(&t, &p.training, e);
		j->eval.train_seconds = p.training.seconds;
		j->eval.train_tokens = p.training.n_tokens;
	}
	if (rc == 0)
		rc = job_ask(j, TUNED, ARMS, e);
	if (rc == 0)
		rc = eval_compare(&j->eval, j->arm, ARMS, &p.result, e);
	if (rc < 0)
		goto done;
	p.in = j->in;
	p.folder = j->data;
	p.data = j->made;
	p.adapter = j->adapter;
	p.report = j->report;
	p.seconds = now_s() - start;
	if ((rc = page_write(&p, &text, e)) == 0 && (rc = path_join(path, sizeof path, e, o->out, "page.txt")) == 0 &&
		(rc = file_replace(path, text.p, text.len, e)) == 0)
		rc = buf_append(page, text.p, text.len, e);
done:
	buf_release(&text);
	job_close(j);
	mem_free(j);
	return rc;
}
