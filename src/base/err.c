/*
 * Errors: a code and one sentence, written once at the place of failure. Reference: base.h.
 */
#include "base/base.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * vsnprintf into the whole text, with the last characters replaced by "..." when it had to be cut. A text is one line:
 * see log_blank.
 */
static void text_format(char text[ERR_TEXT_MAX], const char *fmt, va_list args)
{
	int n = vsnprintf(text, ERR_TEXT_MAX, fmt, args);
	if (n >= ERR_TEXT_MAX) {
		char *end = text + ERR_TEXT_MAX - 4;
		while (end > text && ((unsigned char)*end & 0xc0) == 0x80) /* never inside a UTF-8 character */
			end--;
		memcpy(end, "...", 4);
	}
	log_blank(text, "");
}

int err_vset(struct err *e, enum err_code code, const char *fmt, va_list args)
{
	if (!e)
		return code;
	char text[ERR_TEXT_MAX] = ""; /* the arguments may point into e->text */
	text_format(text, fmt, args);
	memcpy(e->text, text, sizeof text);
	e->code = code;
	return code;
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	err_vset(e, code, fmt, args);
	va_end(args);
	return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	if (!e)
		return ERR_FAILED;
	char prefix[ERR_TEXT_MAX] = "";
	va_list args;
	va_start(args, fmt);
	text_format(prefix, fmt, args);
	va_end(args);
	return err_set(e, e->code, "%s: %s", prefix, e->text);
}

int err_errno(struct err *e, const char *what, const char *path)
{
	int number = errno;
	bool resource = number == ENOSPC || number == EDQUOT || number == EFBIG || number == ENOMEM;
	char reason[128];
	return err_set(e, resource ? ERR_RESOURCE : ERR_FAILED, "%s %s: %s", what, path, strerror_r(number, reason, sizeof reason));
}
