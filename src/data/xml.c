/*
 * libxml2's pull parser within bounds. It stops at a depth of 256 and at texts of 10 MB by itself; its check for equal attributes
 * is quadratic, so they are counted first. Reference: xml.h.
 */
#include "data/xml.h"

#include <string.h>

#include <libxml/xmlreader.h>

enum { ATTRIBUTES_MAX = 1000 };

/* Why libxml2 should not see this part, or NULL. In text "<" stands as an entity, so that tags can be found by it. */
static const char *part_refusal(const char *p, size_t n)
{
	const char *end = p + n;
	if (memmem(p, n, "<!DOCTYPE", 9))
		return "it has a document type, which might define entities";
	while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
		size_t equals = 0;
		for (; p < end && *p != '>'; p++)
			equals += *p == '=';
		if (equals > ATTRIBUTES_MAX)
			return "a tag in it has more than 1,000 attributes";
	}
	return NULL;
}

int xml_open(struct xml *x, const char *part, const struct buf *bytes, struct document *d, struct arena *a, struct err *e)
{
	memset(x, 0, sizeof *x);
	const char *why = part_refusal(bytes->p, bytes->len);
	if (why)
		return document_skip(d, a, e, "%s: %s", part, why);
	x->reader = xmlReaderForMemory(
		bytes->p, (int)bytes->len, NULL, "UTF-8", XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	return x->reader ? 0 : err_set(e, ERR_RESOURCE, "%s: out of memory while reading %s", d->path, part);
}

void xml_close(struct xml *x)
{
	if (x->reader)
		xmlFreeTextReader(x->reader);
	x->reader = NULL;
}

static int malformed(const char *part, struct document *d, struct arena *a, struct err *e)
{
	const xmlError *why = xmlGetLastError();
	if (why && why->code == XML_ERR_NO_MEMORY)
		return err_set(e, ERR_RESOURCE, "%s: out of memory while reading %s", d->path, part);
	const char *text = why && why->message ? why->message : "not well-formed XML";
	return document_skip(d, a, e, "%s: line %d: %.*s", part, why ? why->line : 1, (int)strcspn(text, "\n"), text);
}

/* Word's own elements, in the transitional and the strict form, and the choice between old and new ones. */
static const char *name_of(struct xml *x)
{
	const char *uri = (const char *)xmlTextReaderConstNamespaceUri(x->reader);
	bool own = x->every || (uri && (strstr(uri, "wordprocessingml") || strstr(uri, "markup-compatibility")));
	return own ? (const char *)xmlTextReaderConstLocalName(x->reader) : "";
}

int xml_next(struct xml *x, enum xml_event *event, const char *part, struct document *d, struct arena *a, struct err *e)
{
	*event = XML_END;
	if (x->empty) {
		x->empty = false;
		*event = XML_CLOSE;
		return 0;
	}
	for (;;) {
		int got = xmlTextReaderRead(x->reader);
		if (got != 1)
			return got == 0 ? 0 : malformed(part, d, a, e);
		x->depth = xmlTextReaderDepth(x->reader);
		switch (xmlTextReaderNodeType(x->reader)) {
		case XML_READER_TYPE_ELEMENT:
			x->empty = xmlTextReaderIsEmptyElement(x->reader) == 1;
			x->name = name_of(x);
			*event = XML_OPEN;
			return 0;
		case XML_READER_TYPE_END_ELEMENT:
			x->name = name_of(x);
			*event = XML_CLOSE;
			return 0;
		case XML_READER_TYPE_TEXT:
		case XML_READER_TYPE_CDATA:
		case XML_READER_TYPE_WHITESPACE:
		case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
			x->text = (const char *)xmlTextReaderConstValue(x->reader);
			*event = XML_TEXT;
			if (x->text)
				return 0;
			break;
		default:
			break;
		}
	}
}

/* Takes `found`. */
static bool value_copy(xmlChar *found, char *value, size_t size)
{
	size_t n = found ? strnlen((const char *)found, size - 1) : 0;
	if (found)
		memcpy(value, found, n);
	value[n] = 0;
	bool any = found != NULL;
	xmlFree(found);
	return any;
}

bool xml_attribute(struct xml *x, const char *name, char *value, size_t size)
{
	const xmlChar *uri = xmlTextReaderConstNamespaceUri(x->reader);
	return value_copy(xmlTextReaderGetAttributeNs(x->reader, (const xmlChar *)name, uri), value, size);
}

bool xml_attribute_as(struct xml *x, const char *name, char *value, size_t size)
{
	return value_copy(xmlTextReaderGetAttribute(x->reader, (const xmlChar *)name), value, size);
}

size_t xml_line(struct xml *x)
{
	int line = xmlTextReaderGetParserLineNumber(x->reader);
	return line > 0 ? (size_t)line : 1;
}

bool xml_is_on(struct xml *x)
{
	char value[8];
	return !xml_attribute(x, "val", value, sizeof value) ||
		(strcmp(value, "0") && strcmp(value, "false") && strcmp(value, "off"));
}
