/* Private to data: one XML part of a Word document, or an XML file, event by event. */
#ifndef ATTUNE_DATA_XML_H
#define ATTUNE_DATA_XML_H

#include "data/corpus.h"

enum xml_event { XML_END, XML_OPEN, XML_CLOSE, XML_TEXT };

struct xml {
	struct _xmlTextReader *reader;
	const char
		*name; /* OPEN, CLOSE: of the element, without its prefix; "" when it belongs to another vocabulary than Word's */
	const char *text; /* TEXT: valid until the next event */
	int depth;        /* of the element */
	bool empty;       /* an element that closes itself: its XML_CLOSE is still to come */
	bool every;       /* to be set after xml_open: elements of every vocabulary have a name */
};

/*
 * `bytes` must outlive the reader. What could cost more than it is worth (a document type and with it entities, a tag with more
 * than 1,000 attributes) sets d->skipped, which the caller looks at; `part` names the part in the reason. xml_close in any case.
 */
int xml_open(struct xml *x, const char *part, const struct buf *bytes, struct document *d, struct arena *a, struct err *e);
void xml_close(struct xml *x);
/* *event, XML_END also when the part is not well-formed: then d->skipped says why. */
int xml_next(struct xml *x, enum xml_event *event, const char *part, struct document *d, struct arena *a, struct err *e);
/* An attribute of the element that was opened, of its own vocabulary, cut to `size`; false when it has none. */
bool xml_attribute(struct xml *x, const char *name, char *value, size_t size);
/* The same of the attribute that is written `name` in the file, such as "xml:lang". */
bool xml_attribute_as(struct xml *x, const char *name, char *value, size_t size);
size_t xml_line(struct xml *x); /* where the reader is, from 1 */
/* Of an element that switches something on: present, and not "0", "false" or "off". */
bool xml_is_on(struct xml *x);

#endif
