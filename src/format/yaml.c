/*
 * The flat YAML of a workspace's attune.yaml: one mapping of scalar keys to scalars, or to lists of scalars, which are joined by
 * commas. Anchors, aliases, tags and nesting are refused: a settings file that needs them is not one. Reference: YAML 1.1, libyaml.
 */
#include "format/format.h"

#include <string.h>

#include "format/yaml_event.h"

enum { FILE_MAX = 1024 * 1024, PAIRS_MAX = 1000 };

/* A scalar, or a list of scalars with commas between. `event` is its first event and is deleted. */
static int read_value(struct yaml_events *r, yaml_event_t *event, struct buf *out, struct err *e)
{
	if (event->type != YAML_SEQUENCE_START_EVENT) {
		int rc = yaml_event_text(r, event, out, e);
		yaml_event_delete(event);
		return rc;
	}
	yaml_event_delete(event);
	for (size_t n = 0;; n++) {
		yaml_event_t item;
		int rc = yaml_events_next(r, &item, e);
		bool end = item.type == YAML_SEQUENCE_END_EVENT;
		if (!rc && !end && n)
			rc = buf_puts(out, ",", e);
		if (!rc && !end)
			rc = yaml_event_text(r, &item, out, e);
		yaml_event_delete(&item);
		if (rc || end)
			return rc;
	}
}

static int add_pair(struct yaml *y, const char *path, const struct buf *key, const struct buf *value, size_t line, struct err *e)
{
	struct yaml_pair pair = {.line = line};
	pair.key = arena_strdup(&y->arena, key->len ? key->p : "", key->len, e);
	pair.value = arena_strdup(&y->arena, value->len ? value->p : "", value->len, e);
	if (!pair.key || !pair.value)
		return ERR_RESOURCE;
	for (size_t i = 0; i < y->n; i++)
		if (!strcmp(y->pair[i].key, pair.key))
			return err_set(
				e, ERR_USAGE, "%s:%zu: '%s' stands on line %zu already", path, line, pair.key, y->pair[i].line);
	if (y->n == PAIRS_MAX)
		return err_set(e, ERR_USAGE, "%s:%zu: more than %d keys", path, line, PAIRS_MAX);
	int rc = mem_resize(&y->pair, y->n, y->n + 1, sizeof *y->pair, e);
	if (!rc)
		y->pair[y->n++] = pair;
	return rc;
}

/* One "key: value"; `event` is the key and is deleted. */
static int read_pair(struct yaml *y, struct yaml_events *r, yaml_event_t *event, struct err *e)
{
	struct buf key = {0}, value = {0};
	yaml_event_t first;
	size_t line = yaml_event_line(event);
	int rc = yaml_event_text(r, event, &key, e);
	yaml_event_delete(event);
	if (!rc)
		rc = yaml_events_next(r, &first, e);
	if (!rc)
		rc = read_value(r, &first, &value, e);
	if (!rc)
		rc = add_pair(y, r->path, &key, &value, line, e);
	buf_release(&key);
	buf_release(&value);
	return rc;
}

/* The document is one mapping, or nothing at all. Everything outside it (stream and document marks) is skipped. */
static int read_document(struct yaml *y, struct yaml_events *r, struct err *e)
{
	bool in_mapping = false;
	for (;;) {
		yaml_event_t event;
		int rc = yaml_events_next(r, &event, e);
		if (rc)
			return rc;
		yaml_event_type_t type = event.type;
		size_t line = yaml_event_line(&event);
		if (in_mapping && type != YAML_MAPPING_END_EVENT) {
			rc = read_pair(y, r, &event, e);
			if (rc)
				return rc;
			continue;
		}
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			return 0;
		if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT)
			return err_set(e, ERR_USAGE, "%s:%zu: expected 'key: value' lines", r->path, line);
		in_mapping = type == YAML_MAPPING_START_EVENT;
	}
}

int yaml_read(struct yaml *out, const char *path, struct err *e)
{
	struct yaml_events r;
	*out = (struct yaml){0};
	arena_init(&out->arena, 4096);
	int rc = yaml_events_open(&r, path, FILE_MAX, ERR_USAGE, e);
	if (!rc)
		rc = read_document(out, &r, e);
	yaml_events_close(&r);
	if (rc)
		yaml_release(out);
	return rc;
}

void yaml_release(struct yaml *y)
{
	mem_free(y->pair);
	arena_release(&y->arena);
	*y = (struct yaml){0};
}
