/* Private to format: a YAML file as libyaml's events, without what the files of a workspace do not need. */
#ifndef FORMAT_YAML_EVENT_H
#define FORMAT_YAML_EVENT_H

#include <yaml.h>

#include "base/base.h"

/* A zeroed struct is closed. `path` is borrowed. */
struct yaml_events {
	yaml_parser_t parser;
	struct buf text;
	const char *path;
	enum err_code refusal; /* of a file that is not as expected */
	bool open;
};
/* Takes the bytes of `text`, which stand in the file `path`. */
int yaml_events_start(struct yaml_events *y, const char *path, struct buf *text, enum err_code refusal, struct err *e);
/* The whole file, at most max_size bytes of it. */
int yaml_events_open(struct yaml_events *y, const char *path, size_t max_size, enum err_code refusal, struct err *e);
void yaml_events_close(struct yaml_events *y);

/* The next event; the caller deletes it. Anchors, aliases and tags are refused; then, as on any error, *event is empty. */
int yaml_events_next(struct yaml_events *y, yaml_event_t *event, struct err *e);
size_t yaml_event_line(const yaml_event_t *event); /* 1-based */
/* Appends the text of a scalar; anything else, and a NUL in it, is refused. */
int yaml_event_text(const struct yaml_events *y, const yaml_event_t *event, struct buf *out, struct err *e);

#endif
