/*
 * base: what every room stands on, on top of libc alone.
 *
 *   errors     a code and one whole sentence, filled at the place of failure, carried up unchanged
 *   memory     checked allocation that can be told to fail the n-th time; arenas
 *   buf        a growing byte string
 *   files      whole-file reads, read-only maps, atomic replacement
 *   rng        counter-based random numbers (Philox 4x32-10)
 *   progress   one line on stderr with rate, time left and memory
 *   log        leveled lines on stderr
 *
 * Conventions: what can fail returns 0 or a negative `enum err_code` and fills `struct err`. Every `_release` accepts a zeroed
 * struct. Nothing here prints to stdout or exits. Functions are thread-safe unless they say otherwise.
 */
#ifndef ATTUNE_BASE_H
#define ATTUNE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- errors ------------------------------------------------------------------------------------------------------------ */

/* The process exit code is the negated value. */
enum err_code {
	ERR_OK = 0,
	ERR_FAILED = -1,       /* anything without a code of its own */
	ERR_USAGE = -2,        /* flags, configuration keys */
	ERR_GATE = -3,         /* an evaluation gate failed */
	ERR_DATA = -4,         /* data refused: malformed or unusable input */
	ERR_RESOURCE = -5,     /* not enough memory or disk */
	ERR_NETWORK = -6,      /* network or offline */
	ERR_STOPPED = -75,     /* stopped on request; a rerun resumes */
	ERR_INTERRUPTED = -130 /* stopped at once */
};

enum { ERR_TEXT_MAX = 1024 };

struct err {
	enum err_code code;
	char text[ERR_TEXT_MAX]; /* one sentence: place, expected, found, what to do next */
};

/*
 * Fills `e` (may be NULL) and returns `code`. A text that is too long is cut and ends in "..."; control characters become
 * spaces.
 */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_vset(struct err *e, enum err_code code, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));

/* Puts "prefix: " in front of the text in `e` and returns its code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Fills `e` from errno: "what path: reason"; ENOSPC, EDQUOT, EFBIG and ENOMEM become ERR_RESOURCE, the rest ERR_FAILED. */
int err_errno(struct err *e, const char *what, const char *path);

/* ---- hashing ------------------------------------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits (Fowler, Noll & Vo), for tables and likeness; whoever may choose what is hashed can make collisions. */
#define HASH_START 0xcbf29ce484222325u
static inline uint64_t hash_step(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3u;
}
static inline uint64_t hash_bytes(const void *p, size_t n)
{
	uint64_t hash = HASH_START;
	for (size_t i = 0; i < n; i++)
		hash = hash_step(hash, ((const unsigned char *)p)[i]);
	return hash;
}

/* ---- checked sizes and memory ------------------------------------------------------------------------------------------ */

/* *out = a * b or a + b; false and *out = 0 on overflow. */
bool size_mul(size_t a, size_t b, size_t *out);
bool size_add(size_t a, size_t b, size_t *out);

/* n * size zeroed bytes, aligned to 64, or NULL with `e` filled. n * size == 0 gives a unique pointer. Caller owns; mem_free. */
void *mem_alloc(size_t n, size_t size, struct err *e);
/* Grows or shrinks *p (from mem_alloc or NULL) holding old_n items to new_n, new items zeroed. On failure *p is untouched. */
int mem_resize(void *p, size_t old_n, size_t new_n, size_t size, struct err *e);
/*
 * Makes room for one more item behind the n of *p, which has room for *cap (both 0: none yet): doubles it, new items zeroed. ERR_RESOURCE
 * leaves all as it was.
 */
int mem_reserve(void *p, size_t n, size_t *cap, size_t size, struct err *e);
char *mem_strdup(const char *s, struct err *e);
void mem_free(void *p);
/* Gives whole pages of what was freed back to the system, which an allocator otherwise keeps for later. Costs milliseconds. */
void mem_trim(void);

/*
 * Fault injection, for tests. The n-th call (1-based) of a kind fails, once or from there on. Kinds: memory (mem_*, arena growth,
 * buf growth) and file (open, read, write, fsync, rename, mkdir). Also from the environment: ATTUNE_FAULT=mem:17 or file:3+
 * ("+" = for ever). Counting is process-wide and atomic; n = 0 switches off.
 */
enum fault_kind { FAULT_MEM, FAULT_FILE, FAULT_KINDS };
void fault_set(enum fault_kind kind, uint64_t nth, bool for_ever);
uint64_t fault_count(enum fault_kind kind); /* calls since fault_set */
/* True when this call must fail; sets errno to ENOMEM or EIO. Used by base itself and by whoever wraps a system call. */
bool fault_hit(enum fault_kind kind);

/* Allocates in order, releases all at once. Not thread-safe. Memory is zeroed and aligned to 64, but for strings, which lie close together. */
struct arena {
	struct arena_block *head;
	size_t block_size; /* bytes of a fresh block; larger requests get a block of their own */
};
void arena_init(struct arena *a, size_t block_size);
void *arena_alloc(struct arena *a, size_t n, size_t size, struct err *e);    /* NULL with `e` filled */
char *arena_strdup(struct arena *a, const char *s, size_t n, struct err *e); /* NUL-terminated copy of n bytes */
void arena_reset(struct arena *a);                                           /* keeps one block for reuse */
void arena_release(struct arena *a);
void arena_join(struct arena *to, struct arena *from); /* what `from` holds is from now on held by `to` */

/* ---- buf --------------------------------------------------------------------------------------------------------------- */

/* A growing byte string, always NUL-terminated once non-empty. A zeroed struct is empty. Not thread-safe. */
struct buf {
	char *p; /* may be NULL when len == 0 */
	size_t len, cap;
};
int buf_append(struct buf *b, const void *p, size_t n, struct err *e);
int buf_puts(struct buf *b, const char *s, struct err *e);
int buf_printf(struct buf *b, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void buf_clear(struct buf *b); /* keeps the memory */
void buf_release(struct buf *b);

/* ---- files ------------------------------------------------------------------------------------------------------------- */

/* Appends the whole file to `out`; refuses files larger than max_size (ERR_DATA). path "-" reads stdin. */
int file_read(const char *path, size_t max_size, struct buf *out, struct err *e);

/* A read-only private map of a whole regular file. An empty file has p = NULL, size = 0. */
struct file_map {
	const uint8_t *p;
	size_t size;
};
int file_map_open(struct file_map *m, const char *path, struct err *e);
void file_map_close(struct file_map *m);
/* Bytes first..end were read and count no longer as resident; when they are read again, they come from the file again. */
void file_map_forget(const struct file_map *m, size_t first, size_t end);

/*
 * Replaces `path` atomically: temporary sibling, write, fsync, rename, fsync of the parent. On failure the old file stays, unless
 * only the last step failed: then the new one stands, whole, but a power cut may bring the old one back. A device or a pipe (/dev/null, /dev/stdout)
 * is written to as it is.
 */
int file_replace(const char *path, const void *p, size_t n, struct err *e);
/*
 * The same of a file that is there and somebody's: it keeps owner and permissions. Symbolic links, what is no regular file and what may not be
 * written to are ERR_DATA, and nothing was done.
 */
int file_rewrite(const char *path, const void *p, size_t n, struct err *e);

/*
 * The same in pieces, for data too large for memory:
 *   struct file_writer w; file_writer_open(&w, path, &e); file_writer_put(...); file_writer_commit(&w, &e) or _abort(&w).
 * Nothing appears at `path` before commit. After a put that failed only abort is allowed. commit and abort both release;
 * abort accepts a zeroed struct.
 */
struct file_writer {
	int fd;
	bool open;
	char *path, *temporary; /* temporary NULL: a device or a pipe, which gets the bytes as they come */
	struct buf pending;
};
#define FILE_TEMPORARY ".attune-tmp" /* how the temporary sibling's name goes on; the process' number follows */
int file_writer_open(struct file_writer *w, const char *path, struct err *e);
int file_writer_put(struct file_writer *w, const void *p, size_t n, struct err *e);
int file_writer_commit(struct file_writer *w, struct err *e);
void file_writer_abort(struct file_writer *w);

int file_append(const char *path, const void *p, size_t n, struct err *e); /* one write, O_APPEND, created 0644, no fsync */
int dir_make(const char *path, struct err *e);                             /* with parents; present is fine */
int dir_sync(const char *path, struct err *e);                             /* fsync of the folder itself */
int dir_remove(const char *path, struct err *e);                           /* recursive, does not follow links; absent is fine */
/*
 * An exclusive hold on a folder; ends with _unlock or with the process, however it dies. ERR_FAILED when another holds it.
 * Removes the temporary files that a killed file_writer left in it.
 */
int dir_lock(int *fd, const char *dir, struct err *e);
void dir_unlock(int fd);
bool file_exists(const char *path);
bool dir_exists(const char *path);
/* "a/b" into dst of `size` bytes; ERR_FAILED when too long. */
int path_join(char *dst, size_t size, struct err *e, const char *a, const char *b);

enum { PATH_SIZE = 4096 };

/* ---- random numbers ---------------------------------------------------------------------------------------------------- */

/*
 * Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A pure function of key and counter:
 * there is no stream state to save or lose.
 */
void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* What a stream of numbers is for, so that two uses with the same seed never meet. */
enum rng_use { RNG_INIT = 1, RNG_SHUFFLE, RNG_SAMPLE, RNG_DATA };

struct rng {
	uint32_t key[2];     /* seed */
	uint32_t counter[4]; /* {block, use, a, b} */
	uint32_t out[4];
	int n_left;
};
/* A stream keyed by (seed, use, a, b), e.g. (seed, RNG_SHUFFLE, epoch, 0). */
void rng_init(struct rng *r, uint64_t seed, enum rng_use use, uint32_t a, uint32_t b);
uint32_t rng_u32(struct rng *r);
float rng_uniform(struct rng *r);                       /* [0, 1), 24 bits */
float rng_normal(struct rng *r);                        /* mean 0, variance 1 (Box-Muller) */
uint32_t rng_below(struct rng *r, uint32_t n);          /* [0, n) without bias; n >= 1 */
void rng_shuffle(struct rng *r, uint32_t *v, size_t n); /* Fisher-Yates */

/* ---- progress and log -------------------------------------------------------------------------------------------------- */

double now_s(void);               /* monotonic seconds */
size_t rss_bytes(void);           /* resident now; 0 if unknown */
size_t rss_anonymous_bytes(void); /* of these what no file stands behind, so that it cannot give way */
size_t rss_peak_bytes(void);

/*
 * One line on stderr that says what is done, of how much, how fast, how long still and how much memory. On a terminal it is
 * redrawn at most 10 times a second; elsewhere one line every few seconds. Not thread-safe. Silent when log level is below
 * LOG_INFO.
 */
struct progress {
	const char *label, *unit; /* borrowed until progress_end */
	double total, done, t_start, t_shown;
	bool terminal, shown;
};
void progress_begin(struct progress *p, const char *label, const char *unit, double total); /* total 0 = unknown */
/* `detail` (may be NULL) is shown after the counts, e.g. "loss 1.234". */
void progress_update(struct progress *p, double done, const char *detail);
void progress_end(struct progress *p);

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
void log_set_level(enum log_level level); /* default LOG_INFO; not thread-safe */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
