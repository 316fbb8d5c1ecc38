/*
 * A folder to the sorted list of its documents. Sorted, since readdir's order differs between file systems and the dataset must
 * not.
 */
#include "data/walk.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { WALK_DEPTH = 32, OTHERS_MAX = 8, ENDING_BYTES = 16 };

const char walk_patterns[] =
	"*.md, *.markdown, *.html, *.htm, *.xhtml, *.txt, *.text, *.docx, *.pdf, *.vtt, *.srt, *.csv, *.jsonl, *.ndjson, *.json";

enum walk_kind walk_kind(const char *path)
{
	static const struct {
		const char *ending;
		enum walk_kind kind;
	} kinds[] = {{".md", WALK_MARKDOWN}, {".markdown", WALK_MARKDOWN}, {".html", WALK_HTML}, {".htm", WALK_HTML},
		{".xhtml", WALK_HTML}, {".txt", WALK_PLAIN}, {".text", WALK_PLAIN}, {".docx", WALK_DOCX}, {".pdf", WALK_PDF},
		{".vtt", WALK_CAPTIONS}, {".srt", WALK_CAPTIONS}, {".csv", WALK_TICKETS}, {".jsonl", WALK_JSON},
		{".ndjson", WALK_JSON}, {".json", WALK_JSON}};
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
	for (size_t i = 0; dot && i < sizeof kinds / sizeof *kinds; i++)
		if (!strcasecmp(dot, kinds[i].ending))
			return kinds[i].kind;
	return WALK_NONE;
}

/* The files that nobody reads, counted by the end of their names, for the one message that needs them. */
struct others {
	struct {
		char ending[ENDING_BYTES];
		size_t n;
	} of[OTHERS_MAX];
	size_t n, n_files; /* n_files: all of them, those of further endings too */
};

static void others_count(struct others *o, const char *name)
{
	const char *dot = strrchr(name, '.');
	char ending[ENDING_BYTES];
	strncpy(ending, dot ? dot : "no ending", sizeof ending - 1);
	ending[sizeof ending - 1] = 0;
	size_t i = 0;
	while (i < o->n && strcasecmp(o->of[i].ending, ending))
		i++;
	o->n_files++;
	if (i == OTHERS_MAX)
		return;
	if (i == o->n)
		memcpy(o->of[o->n++].ending, ending, sizeof ending);
	o->of[i].n++;
}

static int others_refuse(const struct others *o, const char *root, struct err *e)
{
	struct buf found = {0};
	int rc = 0;
	size_t n = 0;
	for (size_t i = 0; i < o->n && rc == 0; i++) {
		rc = buf_printf(&found, e, "%s%zu %s", i ? ", " : "", o->of[i].n, o->of[i].ending);
		n += o->of[i].n;
	}
	if (rc == 0 && n < o->n_files)
		rc = buf_printf(&found, e, ", %zu others", o->n_files - n);
	if (rc == 0)
		rc = err_set(e, ERR_DATA, "%s: no document in this folder or below: looked for %s, found %s", root, walk_patterns,
			found.len ? found.p : "no file at all");
	buf_release(&found);
	return rc;
}

static int add(struct paths *out, const char *relative, struct arena *a, struct err *e)
{
	if (mem_reserve(&out->p, out->n, &out->cap, sizeof *out->p, e))
		return ERR_RESOURCE;
	out->p[out->n] = arena_strdup(a, relative, strlen(relative), e);
	return out->p[out->n++] ? 0 : ERR_RESOURCE;
}

struct walker {
	struct paths *out;
	struct others others;
	bool (*wanted)(const char *name);
	const char *root;
	struct arena *arena;
};

/* A data folder that an earlier run wrote among the documents: reading it would feed on itself. */
static bool is_data_folder(const char *dir)
{
	char manifest[PATH_SIZE], train[PATH_SIZE];
	return path_join(manifest, sizeof manifest, NULL, dir, "manifest.json") == 0 &&
		path_join(train, sizeof train, NULL, dir, "train.jsonl") == 0 && file_exists(manifest) && file_exists(train);
}

/* `relative` is the folder's path below the root, "" for the root itself. */
static int walk_dir(struct walker *w, const char *relative, int depth, struct err *e)
{
	char dir[PATH_SIZE], child[PATH_SIZE], full[PATH_SIZE];
	int rc = path_join(dir, sizeof dir, e, w->root, relative);
	if (rc < 0 || (depth && is_data_folder(dir)))
		return rc;
	DIR *d = fault_hit(FAULT_FILE) ? NULL : opendir(dir);
	if (!d) {
		rc = err_errno(e, "open folder", dir);
		if (depth == 0)
			return rc;
		log_line(LOG_WARNING, "%s: cannot be opened, left out", dir); /* one closed folder does not stop the rest */
		return 0;
	}
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		if ((rc = path_join(child, sizeof child, e, relative, entry->d_name)) < 0 ||
			(rc = path_join(full, sizeof full, e, w->root, child)) < 0)
			goto done;
		struct stat here, there;
		if (lstat(full, &here) < 0 || stat(full, &there) < 0)
			continue; /* gone meanwhile, or a link to nowhere */
		if (S_ISDIR(here.st_mode) && depth < WALK_DEPTH)
			rc = walk_dir(w, child, depth + 1, e);
		else if (S_ISDIR(there.st_mode))
			log_line(LOG_WARNING, "%s: %s, left out", full,
				S_ISDIR(here.st_mode) ? "a folder too far below" : "a link to a folder");
		else if (depth == 0 &&
			(!strcmp(entry->d_name, "questions.jsonl") || !strcmp(entry->d_name, DATA_SETTLED) ||
				!strcmp(entry->d_name, DATA_PII_ALLOW)))
			continue;
		else if (S_ISREG(there.st_mode) && w->wanted(entry->d_name))
			rc = add(w->out, child, w->arena, e);
		else if (S_ISREG(there.st_mode))
			others_count(&w->others, entry->d_name);
		if (rc < 0)
			goto done;
	}
done:
	closedir(d);
	return rc;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The files of a folder that are wanted, sorted, or the one file that is named. *found is false when there are none. */
static int walk_any(struct walker *w, bool *found, struct err *e)
{
	struct stat st;
	memset(w->out, 0, sizeof *w->out);
	*found = true;
	if (stat(w->root, &st) < 0)
		return err_errno(e, "open", w->root);
	if (!S_ISDIR(st.st_mode)) {
		const char *slash = strrchr(w->root, '/');
		return add(w->out, slash ? slash + 1 : w->root, w->arena, e);
	}
	int rc = walk_dir(w, "", 0, e);
	*found = w->out->n > 0;
	if (rc == 0 && *found)
		qsort(w->out->p, w->out->n, sizeof *w->out->p, by_bytes);
	return rc;
}

static bool is_document(const char *name)
{
	return walk_kind(name) != WALK_NONE;
}

int walk(struct paths *out, const char *root, struct arena *a, struct err *e)
{
	bool found;
	struct walker w = {.out = out, .root = root, .arena = a, .wanted = is_document};
	int rc = walk_any(&w, &found, e);
	return rc == 0 && !found ? others_refuse(&w.others, root, e) : rc;
}

int walk_for(struct paths *out, const char *root, bool (*wanted)(const char *name), struct arena *a, struct err *e)
{
	bool found;
	struct walker w = {.out = out, .root = root, .arena = a, .wanted = wanted};
	return walk_any(&w, &found, e);
}

void paths_release(struct paths *p)
{
	mem_free(p->p);
	memset(p, 0, sizeof *p);
}
