/*
 * How a word looks that may be a secret: drawn by a machine, thought up by a person, or put there to be replaced. Reference: pii.h.
 */
#include "data/pii.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/text.h"

struct pii_look pii_look_at(struct str s)
{
	struct pii_look l = {0};
	bool seen[256] = {0};
	char last = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char class = islower(c) ? 'a' : isupper(c) ? 'A' : isdigit(c) ? '0' : c >= 0x80 ? 'a' : '.';
		l.lower += class == 'a';
		l.upper += class == 'A';
		l.digits += class == '0';
		l.marks += class == '.' && strchr("!#$%^&*+?~@=|", c) != NULL;
		l.signs += class == '.';
		l.changes += last && class != last && !(last == 'A' && class == 'a');
		l.distinct += !seen[c];
		seen[c] = true;
		last = class;
	}
	return l;
}

bool pii_has_part(struct str s, const char *parts)
{
	for (const char *w = parts; *w; w += strspn(w, " ")) {
		size_t len = strcspn(w, " ");
		for (size_t i = 0; i + len <= s.n; i++)
			if (!strncasecmp(s.p + i, w, len))
				return true;
		w += len;
	}
	return false;
}

/* "$NAME", "${NAME}", "%NAME%", "%s": what a shell or a program puts its own in for. */
static bool is_variable(struct str s)
{
	size_t i = 1;
	if (s.n < 2 || !strchr("$%", *s.p))
		return false;
	i += s.p[i] == '{' || s.p[i] == '(';
	while (i < s.n && (isalnum((unsigned char)s.p[i]) || s.p[i] == '_' || s.p[i] == '.'))
		i++;
	return i == s.n || strchr("})%", s.p[i]);
}

bool pii_is_placeholder(struct str s)
{
	struct pii_look l = pii_look_at(s);
	if (l.distinct <= 3 || is_variable(s) ||
		pii_has_part(s,
			"example xxxx your_ your- my_ my- changeme change-me change_me placeholder redacted <  > {{ }} ${ $( ... "
			"**** … insert_ replace dummy sample foobar 123456789 0000000"))
		return true;
	bool framed = s.n > 2 && ((*s.p == '{' && s.p[s.n - 1] == '}') || (*s.p == '[' && s.p[s.n - 1] == ']'));
	return framed || (s.n > 4 && !strncasecmp(s.p, "your", 4) && !l.digits) ||
		str_in(s,
			"test secret token password passwort pass passwd pwd pw userpass key apikey api_key credentials p none "
			"null "
			"undefined true false empty required optional string hidden masked contraseña kennwort wachtwoord");
}

bool pii_is_uuid(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-' : !isxdigit((unsigned char)s.p[i]))
			return false;
	return s.n == 36;
}

bool pii_is_drawn(struct str s, size_t least)
{
	size_t start = 0, best = 0;
	for (size_t i = 0; i <= s.n; i++) { /* the most mixed run of letters and digits: names of functions and files have words */
		if (i < s.n && isalnum((unsigned char)s.p[i]))
			continue;
		struct pii_look run = pii_look_at((struct str){s.p + start, i - start});
		best = run.changes > best && i - start >= 8 ? run.changes : best;
		start = i + 1;
	}
	struct pii_look l = pii_look_at(s);
	return s.n >= least && l.lower + l.upper && (l.digits || (l.lower && l.upper && l.changes >= 6)) && l.distinct >= 8 &&
		best >= 3 && !pii_is_placeholder(s);
}
