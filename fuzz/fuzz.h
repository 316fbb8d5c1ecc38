/*
 * What every fuzz target shares. A target is one function from bytes to nothing; libFuzzer calls it (make fuzz), and so does
 * replay.c, without clang, in every `make test`.
 */
#ifndef ATTUNE_FUZZ_H
#define ATTUNE_FUZZ_H

#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A path under which these bytes can be opened, until the next call. */
const char *fuzz_file(const uint8_t *p, size_t n);

/* A folder that holds these bytes as the file `name` (always the same one), until the next call. Removed at exit. */
const char *fuzz_folder(const char *name, const uint8_t *p, size_t n);

/* Promises of the parsers: on failure a code and a sentence without line breaks; on success 0. Aborts when broken. */
void fuzz_check(int rc, const struct err *e);

/* The tokenizer and chat template of the seeds' model, opened once. */
const struct encoder *fuzz_encoder(void);

#endif
