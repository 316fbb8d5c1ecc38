/*
 * libyaml's events with one sentence for everything that is refused. Reference: YAML 1.1, libyaml.
 */
#include "format/yaml_event.h"

#include <string.h>

int yaml_events_start(struct yaml_events *y, const char *path, struct buf *text, enum err_code refusal, struct err *e)
{
	*y = (struct yaml_events){.path = path, .refusal = refusal, .text = *text};
	*text = (struct buf){0};
	if (!yaml_parser_initialize(&y->parser)) {
		buf_release(&y->text);
		return err_set(e, ERR_RESOURCE, "%s: out of memory", path);
	}
	yaml_parser_set_input_string(&y->parser, (const unsigned char *)(y->text.len ? y->text.p : ""), y->text.len);
	y->open = true;
	return 0;
}

int yaml_events_open(struct yaml_events *y, const char *path, size_t max_size, enum err_code refusal, struct err *e)
{
	struct buf text = {0};
	*y = (struct yaml_events){0};
	int rc = file_read(path, max_size, &text, e);
	if (!rc)
		rc = yaml_events_start(y, path, &text, refusal, e);
	buf_release(&text);
	return rc;
}

void yaml_events_close(struct yaml_events *y)
{
	if (y->open)
		yaml_parser_delete(&y->parser);
	buf_release(&y->text);
	y->open = false;
}

int yaml_events_next(struct yaml_events *y, yaml_event_t *event, struct err *e)
{
	if (!yaml_parser_parse(&y->parser, event)) {
		memset(event, 0, sizeof *event);
		if (y->parser.error == YAML_MEMORY_ERROR)
			return err_set(e, ERR_RESOURCE, "%s: out of memory", y->path);
		return err_set(e, y->refusal, "%s:%zu: not YAML: %s", y->path, y->parser.problem_mark.line + 1, y->parser.problem);
	}
	size_t line = yaml_event_line(event);
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (!anchor && !tag && event->type != YAML_ALIAS_EVENT)
		return 0;
	yaml_event_delete(event);
	return err_set(e, y->refusal, "%s:%zu: anchors, aliases and tags are not accepted here", y->path, line);
}

size_t yaml_event_line(const yaml_event_t *event)
{
	return event->start_mark.line + 1;
}

int yaml_event_text(const struct yaml_events *y, const yaml_event_t *event, struct buf *out, struct err *e)
{
	size_t line = yaml_event_line(event);
	if (event->type != YAML_SCALAR_EVENT)
		return err_set(e, y->refusal, "%s:%zu: expected a plain value, found a nested one", y->path, line);
	if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
		return err_set(e, y->refusal, "%s:%zu: a value holds a NUL character", y->path, line);
	return buf_append(out, event->data.scalar.value, event->data.scalar.length, e);
}
