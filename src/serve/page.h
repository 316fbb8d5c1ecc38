/*
 * Private to serve: the page for people. Its files are part of the program; what is done on it is kept in the results folder, so that a reload
 * or another browser goes on where this one was. /page/... is for the page alone: POST wants a CSRF token (guard.h).
 */
#ifndef ATTUNE_SERVE_PAGE_H
#define ATTUNE_SERVE_PAGE_H

#include "serve/server.h"

struct page;
/* Reads what was kept. ERR_DATA where a file of the results folder is none of ours. The caller closes. */
int page_open(struct page **out, const struct serve_options *o, struct err *e);
void page_close(struct page *p);

handler ui_get;                                  /* "/" and /ui/: the files */
handler page_state, page_sign_in, page_sign_out; /* who is there, what there is to show; the key for a cookie; the cookie away */

handler arena_get, arena_ask, arena_answer, arena_vote; /* page_arena.c */
handler report_summary, report_page;                    /* page_report.c */
handler xray_post;                                      /* page_xray.c */
handler data_get;                                       /* page_data.c */
handler train_run_get;                                  /* page_train.c */
handler train_get, train_start, train_stop;             /* page_training.c */
handler review_get, review_decide, review_add;          /* page_review.c */

/* What the files of the page share. */
struct arena_book;
struct xray;
struct review_desk;
struct training_desk;
struct page {
	const struct serve_options *o;
	struct arena_book *arena;
	struct xray *xray; /* NULL: nobody has looked yet */
	struct review_desk *review;
	struct training_desk *training;
};
int arena_open(struct arena_book **out, const char *results, struct err *e);
void arena_close(struct arena_book *b);
/* The round that the body names under "id"; NULL and a problem. */
json_t *arena_round(const struct arena_book *b, const json_t *body, struct problem *p);
/* Adds what the data folder says about an answer: {"kind", "start", "end", ...} and the sections that claims lean on. Nothing without one. */
int xray_marks(struct server *s, const char *question, const char *answer, json_t *marks, json_t *sources, struct err *e);
void xray_close(struct xray *x);
int review_open(struct review_desk **out, const char *results, struct err *e);
void review_close(struct review_desk *d);
int training_open(struct training_desk **out, const char *results, struct err *e);
void training_close(struct training_desk *d); /* a training that runs ends at once */
/* To be called now and then: notes when the training has ended, and asks it to if it should `stop`. Whether it still runs. */
bool training_tick(struct server *s, bool stop);
/* [{"name", "folder", "open"}] of every run there is to watch; open: it can be gone on with. The caller decrefs. */
json_t *train_list(const struct serve_options *o);

/* The request's body as an object, which the caller decrefs; NULL and a problem. */
json_t *page_body(const struct http_request *r, struct problem *p);
/* Its text of 1 to `most` bytes under `key`; NULL and a problem. */
const char *page_text(const json_t *body, const char *key, size_t most, struct problem *p);
/* The object in a file below `folder`, which the caller decrefs; null where there is none, or with a problem. */
json_t *page_object(const char *folder, const char *name, struct problem *p);
/* A path as a text, of which what is no UTF-8 is replaced; null for NULL. */
json_t *page_path(const char *path);
/* Ends the request with `answer`, which it takes, or with the problem if there is one. */
void page_reply(struct http_request *r, const struct problem *p, json_t *answer);

#endif
