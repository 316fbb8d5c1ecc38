/*
 * data: documents to datasets.
 *
 *   walk        a folder -> the paths of its documents, in one order everywhere
 *   markdown, html, plain, captions, docx, pdf, tickets, json_rows
 *               one document -> sections and blocks of plain text with their byte spans; clean takes out what is no content,
 *               duplicates what another section says
 *   pii, scrub  personal data is found and replaced
 *   split       a few documents are held out before anything is made of the others
 *   names       the words that the documents capitalise: product, plan and company names
 *   fact        statements, and the values in them (number with unit, flag, path, plan) -> questions
 *   pairs, table, dialogue
 *               structure (headings, FAQ, tables, glossaries, steps, tickets, calls) -> questions
 *   vary        one question -> the same in the words of several people
 *   refuse      what is not so, or not said: questions with a false premise, and their answerable twins
 *   contradict, settle
 *               facts that disagree, and what people decided
 *   ground      facts, statements and what is not so, asked with passages in front, in retrieval's layout
 *   terms       what things are called, and what they are not called
 *   preferences the same answer in wanted and in unwanted words
 *   dataset     duplicates out, reserved phrasings aside, everything written to the folder
 *   value     the values of any text, spelled one way, so that answers can be compared
 *
 * Nothing here knows any particular product or language model, only English.
 */
#ifndef ATTUNE_DATA_H
#define ATTUNE_DATA_H

#include <jansson.h>

#include "base/base.h"

/*
 * Personal data and secrets, by kind. Names of persons are looked for where the form says that they are some: speakers, columns of
 * names, heads, greetings and signatures of messages.
 */
enum pii_kind {
	PII_EMAIL,
	PII_PHONE,
	PII_CARD,
	PII_IBAN,
	PII_IP,
	PII_MAC,
	PII_SSN,
	PII_JWT,
	PII_SECRET,
	PII_PRIVATE_KEY,
	PII_URL_CREDENTIALS,
	PII_PERSON,
	PII_KINDS
};
const char *pii_kind_name(enum pii_kind kind); /* "email", "url_credentials" */

/* Where something stands, never what. */
struct pii_place {
	const char *path;
	enum pii_kind kind;
	size_t line, start, end; /* bytes of the document's text */
	double score;            /* 0.6 to 1 */
};
struct pii_places {
	struct pii_place *p;
	size_t n;
	struct arena arena;
};

struct data_options {
	const char *in;  /* a folder, searched for the formats of walk.h (hidden names left out), or one file */
	const char *out; /* the folder to write, made if absent */
	uint64_t seed;
	size_t n_phrasings; /* how often one fact is asked; other things are asked less often (phrase.c) */
	bool scrub_pii;     /* personal data is replaced before anything is made of the documents */
};

/* Beside the documents: what is no personal data, an item or a pattern of one ("*@brix.io") a line; # opens a remark. */
#define DATA_PII_ALLOW "pii-allow.txt"

enum { DATA_PHRASINGS = 14 };
/* Decisions on contradictions, beside the documents: {"keep":STATEMENT,"drop":STATEMENT} or {"both":[STATEMENT,STATEMENT]}, a line each. */
#define DATA_SETTLED "settled.jsonl"
/* People's terms, beside the documents: the format of terms.yaml; they take the place of what is found. */
#define DATA_TERMS "terms.yaml"

struct data_summary {
	size_t n_pii[PII_KINDS], n_rejected; /* items replaced; rows that held one still */
	size_t n_documents, n_skipped, n_unseen, n_sections, n_facts, n_train, n_valid, n_preferences;
};

/*
 * Writes, each file atomically and the manifest last; files without lines are absent:
 *
 *   train.jsonl     {"messages":[user, assistant], "source":{"path","start","end","heading","sha256"}, "kind", "item"}, and the trained
 *                   pages themselves, section by section: {"text", "source", "kind":"text"}; general text, "kind":"replay"
 *   valid.jsonl     what train.jsonl also asks, in reserved words: "stratum":"known"; and general rows, "distill":true
 *   unseen.jsonl    {"text", "source"} of pages that were held out, without what trained documents also say
 *   sections.jsonl  {"path","start","end","heading","sha256","text","flags","specificity"}, text as it stands in the document;
 *                   flags: which rules for web text it breaks (quality.h), specificity: numbers, names and code in 100 words
 *   duplicates.jsonl {"source", "of", "similarity", "kept"} of sections that are nearly another one: the first stays; both do ("kept") when
 *                   they name different values
 *   contradictions.jsonl {"a","b","similarity","settled"}: two facts that cannot both be so, and "a", "b" or "both" where DATA_SETTLED says which
 *                   is right. What is not settled, and what is settled to be wrong, is not in train.jsonl and valid.jsonl
 *   preferences.jsonl {"prompt","chosen","rejected","term","source","item"}: an answer, and the same with forbidden forms of a term;
 *                   training does not read it
 *   facts.jsonl     {"item","kind","subject","value","statement", "source":{...}}: "item" of the rows that ask for it, null when none does
 *   rejected.jsonl  {"file","reason","path"}: rows of these files that still held personal data
 *   report.html     all of this for people
 *   terms.yaml      preferred and forbidden terms with their definitions
 *   manifest.json   key, options, documents used, held out and skipped (with the reason), counts, hashes of the files
 *
 * Paths are relative to `in`; start and end are byte offsets into the document's text (its own bytes, or what was taken out of a DOCX), sha256
 * is of the whole file. The same documents
 * and options give the same bytes. A document that cannot be used is skipped, logged and named in the manifest; ERR_DATA when
 * nothing usable is left.
 */
int data_curate(const struct data_options *o, struct data_summary *out, struct err *e);

/*
 * Adds to DATA_TERMS of the folder `in` what vocabularies of other tools say: a file or all below a folder, by their names (format.h "vale_read", tbx.h). What
 * stands in DATA_TERMS decides: a term with a preferred form that it prefers or forbids is not added, no form that it prefers is forbidden, and no byte
 * of it changes. What nothing is preferred to is a term without a preferred form. Entries that are not understood are logged with file and line.
 */
struct terms_imported {
	size_t n_entries, n_terms, n_unread; /* forms and pairs that were read; terms added; entries and files left out */
};
int data_terms_import(const char *from, const char *in, struct terms_imported *out, struct err *e);

/* Finds personal data and writes nothing. In the order of the documents; `out` is released with pii_places_release. */
int data_pii(const struct data_options *o, struct pii_places *out, struct err *e);
void pii_places_release(struct pii_places *p);

/*
 * Does `out` hold, untouched, what data_curate would write now? Compares the content of every document, the options and the
 * files with the manifest; *out is filled when it does.
 */
int data_is_current(const struct data_options *o, bool *current, struct data_summary *out, struct err *e);

/*
 * Puts a part at the end of DATA/report.html, in place of the one that an earlier call put there, and its hash into the manifest, so that the folder stays
 * what data_is_current takes it for. `html`: what may stand in a <section>. ERR_DATA where the report is not as data_curate left it.
 */
int data_report_add(const char *data, const char *html, size_t n, struct err *e);

/* By the heading of a section ("Style guide > Voice"): is it of a guide to writing, and not about terms? */
bool data_heading_is_style(const char *heading);
bool data_heading_is_guide(const char *heading); /* of any page about words or writing */

/* pdftotext, which reads PDF files, as PATH has it; false when it has none. */
bool data_pdf_program(char path[PATH_SIZE]);

/* What separates the fields of a CSV file: what stands most often in its first line, outside quotation marks. */
unsigned char data_csv_delimiter(const char *p, size_t n);

/*
 * out[n] = the question in the words of several people, as training rows are asked (vary.h), as many different ones as are found; the same seed
 * gives the same. In the arena.
 */
int data_paraphrases(const char **out, size_t n, const char *question, uint64_t seed, struct arena *a, struct err *e);

enum value_kind { VALUE_NUMBER, VALUE_MONEY, VALUE_PERCENT, VALUE_CLOCK, VALUE_CODE };

/* A value as a text names it, spelled so that equal values are equal strings: "nine" is "9", "1,000" is "1000", "days" is "day". */
struct value {
	enum value_kind kind;
	/*
	 * NUMBER: "day", "request per second", the noun in front ("port") or ""; MONEY: "eur", "usd per month"; CLOCK: "utc" or "".
	 * CODE: "flag", "path", or how the name looks: the case of its first letter and its separators, "A-" for `Retry-After`.
	 */
	const char *unit;
	const char *text;
	size_t start, end; /* bytes of the text that was read */
	size_t unit_start; /* where words of its unit begin; `end`: it has none */
	bool whole;        /* the text holds this value and nothing else */
};
struct values {
	struct value *p;
	size_t n;
};
/* Everything in the arena. Any bytes are accepted; what is not understood is no value. */
int values_read(struct values *out, const char *text, struct arena *a, struct err *e);

/* Is this the wanted value? What is wanted without a unit, or with the start of one ("80 requests"), may have any that begins so. */
bool value_is(const struct value *v, const struct value *wanted);

/* ---- what the documents say -------------------------------------------------------------------------------------------------- */

/*
 * Are the values and names of a text in the documents, and said there of the same thing? Words decide, no model does: a claim is supported when one
 * section holds the value, and enough of the rare words that stand with it in the text (and in the question) stand with it there.
 */
struct evidence;
/* Of a data folder; ERR_DATA where it has no sections.jsonl. The caller frees. One thread at a time: words share a stemmer. */
int evidence_open(struct evidence **out, const char *data, struct err *e);
/* Of texts that are at hand, as if each were a section of its own. */
struct evidence_text {
	const char *path, *heading, *text;
};
int evidence_of(struct evidence **out, const struct evidence_text *t, size_t n, struct err *e);
void evidence_free(struct evidence *v);

/* How the documents write a word that they never write otherwise inside a sentence ("Bridge"); NULL: they do, or do not know it. */
const char *evidence_form(const struct evidence *v, const char *word, size_t n);

/* Do the documents have the phrase, as words_match takes it? Glossaries and guides to writing do not count. */
bool evidence_says(const struct evidence *v, const char *phrase);

struct evidence_claim {
	size_t start, end;          /* bytes of the text: a value with its unit, a name */
	bool supported, is_name;    /* is_name: a name or code */
	const char *path, *heading; /* where the documents come nearest; "" nowhere. Valid as long as the evidence */
	const char *instead;        /* of an unsupported value: what that place says in its stead; else "" */
};
struct evidence_claims {
	struct evidence_claim *p;
	size_t n;
};
/* Claims of the text in its order, in the arena; what `question` ("" for none) names already is none. */
int evidence_check(const struct evidence *v, const char *question, const char *text, struct arena *a, struct evidence_claims *out,
	struct err *e);

/*
 * Appends how an answer has to begin to a question that takes for granted what the documents do not say: "No, Ruby is not mentioned." of a name or
 * code that they have nowhere, "No, that is not right." of a value in whose place they say another. Training rows deny in the same words, so
 * a tuned model goes on with what is so. Appends nothing to other questions.
 */
int evidence_objection(const struct evidence *v, const char *question, struct buf *out, struct err *e);
enum { OBJECTIONS_VERSION = 2 }; /* grows whenever the same documents and question give another objection than before */

/* ---- places left open ------------------------------------------------------------------------------------------------------------ */

/* What stands in a draft where only a person knows what to write. */
#define GAP_NUMBER "[number?]"
#define GAP_NAME "[name?]" /* a name, a flag, other code */

struct gaps {
	const struct evidence *evidence[2]; /* what may be said; NULL: none */
	bool cut;                           /* the text may end inside a word: what is claimed there is open in any case */
};
/*
 * Appends the text with a gap in place of every value, name and code that none of the evidence has anywhere, whatever it is said of: the same value as value_is takes
 * it, or of a unit with the same last word; the words of a name in one section; code letter by letter. The unit of a value stays. Capitals that open a sentence or
 * a label, and all of a heading, tell nothing, nor do months, weekdays and numbers in words that value.c does not read.
 */
int gaps_open(const struct gaps *g, const char *text, struct buf *out, struct err *e);
bool gaps_in(const char *text, size_t n);

/* ---- drafts ------------------------------------------------------------------------------------------------------------------- */

enum lint_kind {
	LINT_TERM,   /* a word that terms.yaml forbids; a name in other letters than the documents' */
	LINT_CLAIM,  /* a value or name that the documents do not support */
	LINT_STYLE,  /* against the style guide among the documents, or against any: praise, "!", the the, very long sentences */
	LINT_GAP,    /* a place that is still open: GAP_NUMBER, GAP_NAME */
	LINT_SEARCH, /* what makes a passage bad to quote: vague amounts, "It ..." below a heading, one word again and again */
	LINT_KINDS
};
const char *lint_kind_name(enum lint_kind kind); /* "term" */

struct lint_finding {
	enum lint_kind kind;
	size_t start, end, line, column; /* bytes of the draft; from 1, column in bytes */
	const char *message, *instead;   /* instead: what to write, "" where only a person knows */
	const char *fix;                 /* the bytes to put in place of [fix_start, end), certainly right; NULL: ask a person */
	size_t fix_start;                /* start, or that of the article in front */
};
struct lint_findings {
	struct lint_finding *p;
	size_t n, cap;
	struct arena arena; /* owns everything; a zeroed struct is empty */
};

/* What drafts are held to: the evidence, terms.yaml and style guide of a data folder. */
struct lint;
int lint_open(struct lint **out, const char *data, struct err *e);
void lint_free(struct lint *l);
/* Findings in a draft, plain text or Markdown, in its order; code is left alone but for claims. */
int lint_draft(const struct lint *l, const char *text, struct lint_findings *out, struct err *e);
/* The gaps alone, which need no data folder. */
int lint_gaps(const char *text, struct lint_findings *out, struct err *e);
void lint_findings_release(struct lint_findings *f);
/* The evidence in it; valid until _free. */
const struct evidence *lint_evidence(const struct lint *l);

/* What the fixes of a draft made of it. */
struct lint_fixed {
	struct buf text; /* the draft after them; empty when there are none */
	struct lint_fix {
		size_t start, end, line, column; /* of the draft before, as in a finding */
		const char *from, *to;
	} * p; /* [n], in the order of the draft */
	size_t n;
	struct lint_findings left; /* of the draft after them; the arena owns everything but `text` */
};
/*
 * Makes good what is certain, and nothing else: a second time there is nothing to do. A fix after which its place would want another one is not made. The caller
 * releases, in any case.
 */
int lint_fix(const struct lint *l, const char *text, struct lint_fixed *out, struct err *e);
void lint_fixed_release(struct lint_fixed *f);
/* {"line","column","start","end","kind","message","instead"}, where `instead` may be "", and "fix": {"start","end","text"} where one is certain. The caller decrefs; NULL when memory is short. */
json_t *lint_finding_json(const struct lint_finding *f);

#endif
