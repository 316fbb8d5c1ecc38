/*
 * The parts of a DOCX file out of their ZIP container. Unpacking is libarchive's; what a hostile file could make large is limited
 * here, and nothing is ever written to a disk.
 *
 * Reference: ECMA-376 part 2 (Open Packaging Conventions).
 */
#include "data/docx.h"

#include <string.h>
#include <strings.h>

#include <archive.h>
#include <archive_entry.h>

enum { ENTRIES_MAX = 10000, PART_BYTES_MAX = 64 << 20, CHUNK = 64 << 10 };

static const char *const part_name[DOCX_PARTS] = {
	"word/document.xml", "word/styles.xml", "word/numbering.xml", "word/footnotes.xml", "word/endnotes.xml"};

/* Word on the web calls the main part document2.xml at times. */
static int part_of(const char *name)
{
	for (int i = 0; i < DOCX_PARTS; i++)
		if (!strcasecmp(name, part_name[i]))
			return i;
	return !strcasecmp(name, "word/document2.xml") ? DOCX_DOCUMENT : -1;
}

static bool points_out(const char *name)
{
	return *name == '/' || !strncmp(name, "../", 3) || strstr(name, "/../");
}

static int part_read(
	struct archive *zip, const char *name, struct buf *out, char *chunk, struct document *d, struct arena *a, struct err *e)
{
	for (;;) {
		la_ssize_t n = archive_read_data(zip, chunk, CHUNK);
		if (n == 0)
			return 0;
		if (n < 0)
			return document_skip(d, a, e, "its member %s is damaged: %s", name, archive_error_string(zip));
		if (out->len + (size_t)n > PART_BYTES_MAX)
			return document_skip(d, a, e, "its member %s unpacks to more than 64 MiB", name);
		int rc = buf_append(out, chunk, (size_t)n, e);
		if (rc < 0)
			return rc;
	}
}

static int member_read(struct archive *zip, struct archive_entry *entry, struct buf part[DOCX_PARTS], char *chunk,
	struct document *d, struct arena *a, struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	if (!name)
		return 0; /* not ASCII, so none of the parts */
	if (points_out(name))
		return document_skip(d, a, e, "its member %.100s points out of the file", name);
	int i = part_of(name);
	if (i < 0)
		return 0;
	if (archive_entry_is_encrypted(entry))
		return document_skip(d, a, e, "its member %s is encrypted", name);
	if (part[i].len)
		return document_skip(d, a, e, "two of its members are called %s", name);
	return part_read(zip, part_name[i], &part[i], chunk, d, a, e);
}

int docx_unpack(struct buf part[DOCX_PARTS], struct document *d, struct arena *a, struct err *e)
{
	static const char compound[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"; /* [MS-CFB] */
	struct archive_entry *entry;
	int rc = 0, got = ARCHIVE_OK;
	if (d->size >= 8 && !memcmp(d->bytes, compound, 8))
		return document_skip(d, a, e, "it is encrypted, or a DOC file of Word 97; save it as DOCX without a password");
	char *chunk = mem_alloc(CHUNK, 1, e);
	struct archive *zip = archive_read_new();
	if (!chunk || !zip || archive_read_support_format_zip(zip)) {
		rc = err_set(e, ERR_RESOURCE, "%s: out of memory while unpacking it", d->path);
		goto done;
	}
	if (archive_read_open_memory(zip, d->bytes, d->size)) {
		rc = document_skip(d, a, e, "not a DOCX file: %s", archive_error_string(zip));
		goto done;
	}
	for (size_t n = 0;
		rc == 0 && !d->skipped && (got = archive_read_next_header(zip, &entry)) >= ARCHIVE_WARN && got != ARCHIVE_EOF;
		n++) {
		if (n == ENTRIES_MAX)
			rc = document_skip(d, a, e, "it has more than 10,000 members");
		else
			rc = member_read(zip, entry, part, chunk, d, a, e);
	}
	if (rc == 0 && !d->skipped && got < ARCHIVE_WARN)
		rc = document_skip(d, a, e, "not a DOCX file: %s", archive_error_string(zip));
	else if (rc == 0 && !d->skipped && !part[DOCX_DOCUMENT].len)
		rc = document_skip(d, a, e, "not a Word document: it has no word/document.xml");
done:
	archive_read_free(zip);
	mem_free(chunk);
	return rc;
}
