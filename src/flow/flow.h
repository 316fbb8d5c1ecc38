/*
 * flow: jobs that need several rooms.
 *
 *   run       documents -> data set -> answers of the base, alone and with passages -> adapter -> the same of the tuned model -> verdict, one page
 *   page      what came out, for a person
 */
#ifndef ATTUNE_FLOW_H
#define ATTUNE_FLOW_H

#include <signal.h>

#include "base/base.h"
#include "train/train.h"

/*
 * The output folder:
 *
 *   data/                 what data_curate writes
 *   run-XXXXXXXXXXXX/     the training run (train.h), named by what it is made from: new documents or settings start a new one
 *   eval/                 answers of the arms, eval.json, report.html (eval.h)
 *   page.txt              the page
 */
struct flow_run_options {
	const char *
		in; /* a folder of documents (data.h), or a workspace with them in sources/; its questions.jsonl, if there, is asked */
	const char *out;   /* made if absent */
	const char *model; /* any name that hub_resolve takes */
	const struct train_config *config;
	const volatile sig_atomic_t *stop; /* as in train_options */
};

/*
 * Runs every step that is not finished yet and appends the page to `page`. A step is finished when the folder holds its
 * result, made from the same bytes and settings; so a run that was stopped or killed goes on where it was, and one without
 * anything new computes nothing. kern_init must have been called. ERR_STOPPED after `stop`; other errors are those of
 * hub_resolve, data_curate and train_run, and ERR_DATA for a malformed questions file.
 */
int flow_run(const struct flow_run_options *o, struct buf *page, struct err *e);

#endif
