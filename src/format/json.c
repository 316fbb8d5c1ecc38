/*
 * Foreign JSON objects. Reference: json.h, RFC 8259.
 */
#include "format/json.h"
#include "format/cursor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes what json_loadb gave; `place` is "byte 7" or "line 7". */
static int parsed(json_t *value, const json_error_t *error, const char *path, const char *place, json_t **out, struct err *e)
{
	char shown[JSON_ERROR_TEXT_LENGTH];
	*out = NULL;
	if (!value && json_error_code(error) == json_error_out_of_memory)
		return err_set(e, ERR_RESOURCE, "%s: out of memory while parsing JSON", path);
	if (!value)
		return err_set(e, ERR_DATA, "%s: %s: JSON: got %s, expected one valid object", path, place,
			name_shown(shown, sizeof shown, error->text, strnlen(error->text, sizeof error->text)));
	if (!json_is_object(value)) {
		int rc = err_set(e, ERR_DATA, "%s: %s: JSON: got %s, expected an object", path, place, json_kind(value));
		json_decref(value);
		return rc;
	}
	*out = value;
	return 0;
}

int json_bytes(json_t **out, const char *path, size_t at, const char *p, size_t n, struct err *e)
{
	json_error_t error = {0};
	char place[32];
	json_t *value = json_loadb(p, n, JSON_REJECT_DUPLICATES, &error);
	snprintf(place, sizeof place, "byte %zu", at + (size_t)(error.position > 0 ? error.position : 0));
	return parsed(value, &error, path, place, out, e);
}

int json_file(json_t **out, const char *path, size_t max_size, struct err *e)
{
	json_error_t error = {.line = 1};
	char place[32];
	struct buf text = {0};
	*out = NULL;
	int rc = file_read(path, max_size, &text, e);
	if (rc)
		goto done;
	const char *p = text.p ? text.p : "";
	json_t *value = json_loadb(p, text.len, JSON_REJECT_DUPLICATES, &error);
	/* transformers writes 10^30 for "no limit" (model_max_length): such a file is read with all its integers as reals */
	if (!value && json_error_code(&error) == json_error_numeric_overflow)
		value = json_loadb(p, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	snprintf(place, sizeof place, "line %d", error.line > 0 ? error.line : 1);
	rc = parsed(value, &error, path, place, out, e);
done:
	buf_release(&text);
	return rc;
}

int json_file_in(json_t **out, const char *dir, const char *name, size_t max_size, struct err *e)
{
	char path[PATH_SIZE];
	*out = NULL;
	int rc = path_join(path, sizeof path, e, dir, name);
	return rc ? rc : json_file(out, path, max_size, e);
}

int json_file_write(const char *path, const json_t *object, struct err *e)
{
	struct buf line = {0};
	char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
	int rc = text ? buf_printf(&line, e, "%s\n", text)
		      : err_set(e, ERR_FAILED, "%s: cannot be written as JSON; is a name in it not UTF-8?", path);
	if (!rc)
		rc = file_replace(path, line.p, line.len, e);
	buf_release(&line);
	free(text); /* jansson's memory */
	return rc;
}

int json_line(struct buf *out, const json_t *object, struct err *e)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int rc = text ? buf_puts(out, text, e)
		      : err_set(e, ERR_RESOURCE, "writing JSON: memory is short, or a number in it is none");
	free(text);
	return rc ? rc : buf_append(out, "\n", 1, e);
}

int json_number_of(json_t *names, const char *name, size_t *out, struct err *e)
{
	const json_t *there = json_object_get(names, name);
	*out = there ? (size_t)json_integer_value(there) : json_object_size(names);
	return there || !json_object_set_new(names, name, json_integer((json_int_t)*out))
		? 0
		: err_set(e, ERR_RESOURCE, "out of memory");
}

json_t *json_text(const char *p, size_t n)
{
	struct buf clean = {0};
	json_t *out = utf8_append(&clean, p, n, NULL) ? NULL : json_stringn(clean.len ? clean.p : "", clean.len);
	buf_release(&clean);
	return out;
}

json_t *json_measure(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

const char *json_kind(const json_t *value)
{
	static const char *const kinds[] = {[JSON_OBJECT] = "an object",
		[JSON_ARRAY] = "a list",
		[JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number",
		[JSON_REAL] = "a decimal number",
		[JSON_TRUE] = "true",
		[JSON_FALSE] = "false",
		[JSON_NULL] = "null"};
	if (json_is_array(value) && !json_array_size(value))
		return "an empty list";
	return value ? kinds[json_typeof(value)] : "none";
}
