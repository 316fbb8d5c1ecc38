/*
 * Messages to their substance. Rules look at whole lines or at the first and last words only, and a closing ends a message only where no
 * sentence goes on below it, so that the middle of a message is never touched.
 */
#include "data/mail.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/text.h"

enum { CLOSING_WORDS = 6, NAME_WORDS = 3, THANKS_WORDS = 16 };

static const char *const greetings[] = {
	"hi", "hello", "hey", "hej", "dear", "good morning", "good afternoon", "good evening", "good day", "greetings"};
static const char *const closings[] = {"best regards", "kind regards", "warm regards", "with kind regards", "regards",
	"best wishes", "best", "all the best", "kindly", "cheers", "thanks", "thank you", "many thanks", "thanks in advance",
	"sincerely", "yours sincerely", "yours", "have a nice day", "have a great day", "greetings"};
static const char *const polite[] = {"thanks for", "thank you for", "many thanks for", "i hope this helps", "hope this helps",
	"hope that helps", "i hope that helps", "let me know if", "let us know if", "please let me know if",
	"please let us know if", "feel free to", "please feel free to", "do not hesitate", "don't hesitate",
	"please do not hesitate", "please don't hesitate", "thanks in advance", "thank you in advance", "i hope you are well",
	"i hope you're well", "happy to help", "glad to help"};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct str trim(struct str s)
{
	while (s.n && isspace((unsigned char)*s.p)) {
		s.p++;
		s.n--;
	}
	while (s.n && isspace((unsigned char)s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The longest of the phrases that the text begins with, as whole words: its bytes, or 0. */
static size_t begins(struct str s, const char *const *phrases, size_t n)
{
	size_t best = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(phrases[i]);
		if (len > best && s.n >= len && !strncasecmp(s.p, phrases[i], len) &&
			(s.n == len || !isalnum((unsigned char)s.p[len])))
			best = len;
	}
	return best;
}

/* ---- lines that end the message ------------------------------------------------------------------------------------------- */

static bool is_quote_head(struct str s)
{
	static const char *const heads[] = {
		"-----original message", "----- original message", "________________", "begin forwarded message"};
	for (size_t i = 0; i < COUNT(heads); i++)
		if (s.n >= strlen(heads[i]) && !strncasecmp(s.p, heads[i], strlen(heads[i])))
			return true;
	return s.n > 10 && !memcmp(s.p, "On ", 3) && !memcmp(s.p + s.n - 6, "wrote:", 6);
}

/* Whatever stands in front and behind. */
static bool is_end(struct str s)
{
	return is_quote_head(s) || (s.n == 2 && !memcmp(s.p, "--", 2)) ||
		(s.n > 10 && !strncasecmp(s.p, "sent from my", 12 < s.n ? 12 : s.n));
}

/* "Kind regards", alone or with a name; "Thanks!" but not "Thanks for the quick answer, but it still fails.". */
static bool is_closing(struct str s)
{
	size_t n = begins(s, closings, COUNT(closings));
	return n && str_words(s) <= CLOSING_WORDS && (n == s.n || strchr(",.!;- ", s.p[n])) && !memchr(s.p, '?', s.n) &&
		(str_words((struct str){s.p + n, s.n - n}) <= NAME_WORDS);
}

/* "Hello", "Dear support team": nothing else on the line. */
static bool is_greeting(struct str s)
{
	return begins(s, greetings, COUNT(greetings)) && str_words(s) <= NAME_WORDS + 1 && !memchr(s.p, '?', s.n);
}

/* Lines without a stop after a blank one, the first a name (or "/name"): who wrote, for which company, with which address. */
static bool is_signature(const struct str *line, size_t n)
{
	if (!isupper((unsigned char)*line->p) && (unsigned char)*line->p < 0x80 && !strchr("/-", *line->p) && str_words(*line) > 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_words(line[i]) > NAME_WORDS + (i > 0) || strchr(".?!:;,)", line[i].p[line[i].n - 1]))
			return false;
	return true;
}

static bool is_sentence(struct str s)
{
	return str_words(s) > NAME_WORDS + 1 && strchr(".?!", s.p[s.n - 1]);
}

/*
 * Is the closing at line[i] one in the middle of the message? A name behind it says no. Else a sentence in the next line says yes, and behind
 * words that go on ("Thanks for the logs.") one in any; behind others that may be small print. The last sentence is in front of `sentences`.
 */
static bool goes_on(const struct str *line, size_t i, size_t n, size_t sentences)
{
	struct str s = line[i];
	size_t tail = begins(s, closings, COUNT(closings)), next = i + 1;
	while (tail < s.n && !isalnum((unsigned char)s.p[tail]))
		tail++;
	while (next < n && !line[next].n)
		next++;
	if (next == n || is_signature(&line[next], 1))
		return false;
	return tail < s.n && islower((unsigned char)s.p[tail]) ? next < sentences : is_sentence(line[next]);
}

/* How many of the lines are the message. */
static size_t lines_kept(const struct str *line, size_t n)
{
	bool text = false; /* a closing is one only below some */
	for (size_t i = 0; i < n; i++)
		if (is_end(line[i]))
			n = i;
	size_t sentences = n;
	while (sentences && !is_sentence(line[sentences - 1]))
		sentences--;
	for (size_t i = 0; i < n; i++) {
		if (text && is_closing(line[i]) && !goes_on(line, i, n, sentences))
			n = i;
		else
			text |= line[i].n && !is_greeting(line[i]);
	}
	while (n && !line[n - 1].n)
		n--;
	size_t last = n;
	while (last && line[last - 1].n)
		last--;
	return last && last < n && is_signature(line + last, n - last) ? last : n;
}

/* ---- first and last words ------------------------------------------------------------------------------------------------- */

/* "Hi Ida," or "Dear support team," at the start: its bytes. */
static size_t greeting_length(struct str s)
{
	size_t n = begins(s, greetings, COUNT(greetings)), words = 0;
	if (!n)
		return 0;
	for (; n < s.n && !strchr(",!.:?\n", s.p[n]) && words <= NAME_WORDS; n++)
		words += s.p[n] == ' ' && n + 1 < s.n && isalnum((unsigned char)s.p[n + 1]);
	return n == s.n || words > NAME_WORDS || s.p[n] == '?' ? 0 : n + 1;
}

/* "... Best regards, Tuva" on the line of the last sentence: what is before. */
static struct str closing_cut(struct str s)
{
	for (size_t i = s.n; i-- > 1;) {
		struct str tail = {s.p + i, s.n - i};
		if (str_words(tail) > CLOSING_WORDS)
			break;
		if (s.p[i - 1] == ' ' && i >= 2 && strchr(".?!", s.p[i - 2]) && is_closing(tail))
			return trim((struct str){s.p, i});
	}
	return s;
}

/* A whole sentence of manners at the start or the end goes while another one stays. */
static struct str manners_cut(struct str s)
{
	struct str rest = s, one, next;
	if (sentence_next(&rest, &one) && begins(one, polite, COUNT(polite)) && str_words(one) <= THANKS_WORDS && trim(rest).n)
		s = trim((struct str){one.p + one.n, s.n - (size_t)(one.p + one.n - s.p)});
	rest = s;
	size_t kept = 0;
	while (sentence_next(&rest, &next)) {
		bool manners =
			begins(next, polite, COUNT(polite)) && str_words(next) <= THANKS_WORDS && !memchr(next.p, '?', next.n);
		if (!manners || !kept)
			kept = (size_t)(next.p + next.n - s.p);
	}
	return kept ? (struct str){s.p, kept} : s;
}

int mail_substance(const char *message, char **out, struct arena *a, struct err *e)
{
	struct buf b = {0};
	struct str *line = NULL;
	size_t n = 0, cap = 0;
	int rc = 0;
	*out = NULL;
	for (const char *p = message; *p && rc == 0;) {
		size_t len = strcspn(p, "\r\n");
		struct str s = trim((struct str){p, len});
		if ((!s.n || *s.p != '>') && (rc = mem_reserve(&line, n, &cap, sizeof *line, e)) == 0)
			line[n++] = s;
		p += len;
		p += *p == '\r' && p[1] == '\n' ? 2 : *p != 0;
	}
	if (rc < 0)
		goto done;
	n = lines_kept(line, n);
	size_t first = 0;
	while (first < n && (!line[first].n || is_greeting(line[first])))
		first++;
	for (size_t i = first; i < n && rc == 0; i++)
		for (size_t k = 0; k < line[i].n && rc == 0; k++) {
			char c = line[i].p[k];
			bool space = isspace((unsigned char)c) || (k == 0 && b.len && b.p[b.len - 1] != ' ');
			if (space && b.len && b.p[b.len - 1] != ' ')
				rc = buf_append(&b, " ", 1, e);
			if (rc == 0 && !isspace((unsigned char)c) && !(c == '*' && k + 1 < line[i].n && line[i].p[k + 1] == '*') &&
				!(c == '*' && k && line[i].p[k - 1] == '*'))
				rc = buf_append(&b, &c, 1, e);
		}
	if (rc < 0)
		goto done;
	struct str s = trim((struct str){b.p ? b.p : "", b.len});
	for (size_t cut; (cut = greeting_length(s)) && cut < s.n;)
		s = trim((struct str){s.p + cut, s.n - cut});
	s = manners_cut(closing_cut(s));
	if (!(*out = arena_strdup(a, s.p, s.n, e)))
		rc = ERR_RESOURCE;
	else if (islower((unsigned char)**out))
		**out = (char)toupper((unsigned char)**out);
done:
	buf_release(&b);
	mem_free(line);
	return rc;
}
