/* Personal data by form, check and context: each kind with what it is and what only looks like it. */
#include "data/pii.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `found`: "kind item" of each, a line each. */
struct sample {
	const char *text, *found;
};

static void check(const struct sample *s, size_t n, bool published)
{
	for (size_t i = 0; i < n; i++) {
		struct piis found = {0};
		struct buf got = {0};
		assert_int_equal(pii_find(&found, (struct str){s[i].text, strlen(s[i].text)}, published, NULL), 0);
		for (size_t k = 0; k < found.n; k++) {
			const struct span at = found.p[k].span;
			assert_true(found.p[k].score >= PII_ENOUGH && found.p[k].score <= 1);
			assert_true(at.start < at.end && (!k || at.start >= found.p[k - 1].span.end));
			buf_printf(&got, NULL, "%s%s %.*s", k ? "\n" : "", pii_kind_name(found.p[k].kind), (int)(at.end - at.start),
				s[i].text + at.start);
		}
		if (strcmp(got.p ? got.p : "", s[i].found))
			print_message("in: %s\n", s[i].text);
		assert_string_equal(got.p ? got.p : "", s[i].found);
		buf_release(&got);
		piis_release(&found);
	}
}
#define CHECK(table, published) check(table, sizeof(table) / sizeof *(table), published)

static void test_email(void **state)
{
	(void)state;
	static const struct sample any[] = {
		{"Write to ada.love@brix.io, please.", "email ada.love@brix.io"},
		{"<a href=\"mailto:ada+news@mail.brix.co.uk?subject=x\">", "email ada+news@mail.brix.co.uk"},
		{"Ada Love <ada_l@brix.io>; \"bob-k@brix.io\"", "email ada_l@brix.io\nemail bob-k@brix.io"},
		{"j\xc3\xbcrgen@m\xc3\xbcller.de ist da", "email j\xc3\xbcrgen@m\xc3\xbcller.de"},
		{"o'neil@brix.io.", "email o'neil@brix.io"},
		{"support@brix.io", "email support@brix.io"},
		{"ada@example.com, bob@mail.example.org, c@tolvery.example, d@x.test, e@y.invalid, root@localhost", ""},
		{"git clone git@github.com:org/repo.git", ""},
		{"ssh deploy@db1.brix.io and scp x.tar ada@brix.io:/tmp", ""},
		{"ssh://git@brix.io/repo", ""},
		{"npm i @scope/pkg@1.2.3 lodash@4.17.21 logo@2x.png @ada", ""},
		{"a@b and me@ and @property", ""},
	};
	static const struct sample page[] = {{"support@brix.io or Sales@brix.io or ada@brix.io", "email ada@brix.io"}};
	CHECK(any, false);
	CHECK(page, true);
}

static void test_phone(void **state)
{
	(void)state;
	static const struct sample any[] = {
		{"Call +49 30 901820.", "phone +49 30 901820"},
		{"(212) 736-5000 x12", "phone (212) 736-5000 x12"},
		{"212-736-5000 ext. 99, 1-800-736-5000", "phone 212-736-5000 ext. 99\nphone 1-800-736-5000"},
		{"020 7946 0958", "phone 020 7946 0958"},
		{"tel:+442079460958", "phone +442079460958"},
		{"+44 (0)20 7946 0958", "phone +44 (0)20 7946 0958"},
		{"my phone is 555-0199", "phone 555-0199"},
		{"+1 555 0100", "phone +1 555 0100"},
		{"mobile: 07700 900123", "phone 07700 900123"},
		{"01 42 68 53 00", "phone 01 42 68 53 00"},
		{"0171/1234567", "phone 0171/1234567"},
		{"call me at 2127365000", "phone 2127365000"},
		{"0049 30 901820", "phone 0049 30 901820"},
		{"on 2026-01-05 at 12:30, 05.01.2026 or 01/05/2026", ""},
		{"order 212-736-5000, ticket 5551234567, part 555-0199", ""},
		{"ISBN 978-3-16-148410-0 and 978-0-306-40615-7", ""},
		{"ports 8000-8999, 10000000 rows, 1,234,567.89 EUR, 1 000 000", ""},
		{"version 10.15.7 build 19H2026, 52.520008, 13.404954", ""},
		{"555-0199 rows", ""},
		{"0000 000 0000", ""},
	};
	CHECK(any, false);
}

static void test_number(void **state)
{
	(void)state;
	static const struct sample any[] = {
		{"card 4111 1111 1111 1111 exp 12/27", "card 4111 1111 1111 1111"},
		{"5555555555554444, 3782 822463 10005", "card 5555555555554444\ncard 3782 822463 10005"},
		{"4111-1111-1111-1112 and 1234 5678 9012 3452", ""},
		{"DE89 3704 0044 0532 0130 00 or gb82west12345698765432",
			"iban DE89 3704 0044 0532 0130 00\niban gb82west12345698765432"},
		{"DE88 3704 0044 0532 0130 00, DE123456789, ZZ89370400440532013000", ""},
		{"SSN 536-22-1234", "ssn 536-22-1234"},
		{"her social security number: 536 22 1234", "ssn 536 22 1234"},
		{"ssn=536221234", "ssn 536221234"},
		{"000-12-3456 666-12-3456 900-12-3456 536-00-1234 536-22-0000", ""},
		{"part 536-22-1234, 536 22 1234, 90210-1234", ""},
	};
	CHECK(any, false);
}

static void test_machine(void **state)
{
	(void)state;
	static const struct sample any[] = {
		{"from 85.214.132.117:8080", "ip 85.214.132.117"},
		{"ban 85.214.0.0/16 now.", "ip 85.214.0.0"},
		{"2a00:1450:4001:82a::200e is up", "ip 2a00:1450:4001:82a::200e"},
		{"[2a02:8109:1:2:3:4:5:6]:443", "ip 2a02:8109:1:2:3:4:5:6"},
		{"::ffff:85.214.132.117", "ip ::ffff:85.214.132.117"},
		{"10.0.0.1 172.16.3.4 192.168.1.1 127.0.0.1 169.254.1.1 192.0.2.7 198.51.100.1 203.0.113.9 224.0.0.1 0.0.0.0", ""},
		{"255.255.255.255 8.8.8.8 1.1.1.1 9.9.9.9 fe80::1 ::1 2001:db8::1 fd00::1 2001:4860:4860::8888", ""},
		{"version 4.3.2.1, v4.3.2.1, section 1.2.3.4, 1.2.3.4.5, 256.1.1.1, 12:30:45, std::string, a::b", ""},
		{"MAC 3c:22:fb:1a:2B:3c, 3C-22-FB-1A-2B-3C, 3c22.fb1a.2b3c",
			"mac 3c:22:fb:1a:2B:3c\nmac 3C-22-FB-1A-2B-3C\nmac 3c22.fb1a.2b3c"},
		{"00:00:00:00:00:00 ff:ff:ff:ff:ff:ff 3c:22:fb:1a:2b:3c:4d:5e 550e8400-e29b-41d4-a716-446655440000", ""},
	};
	CHECK(any, false);
}

#define HEAD "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
static void test_secret(void **state)
{
	(void)state;
	static const struct sample any[] = {
		{"Authorization: Bearer " HEAD ".eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
			"jwt " HEAD ".eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"},
		{"eyJ... and eyJhbGciOi.x.y and a.b.c", ""},
		{"key sk"
		 "_live_4eC39HqLyjWDarjtT1zdp7dc.",
			"secret sk"
			"_live_4eC39HqLyjWDarjtT1zdp7dc"},
		{"ghp"
		 "_16C7e42F292c6912E7710c838347Ae178B4a",
			"secret ghp"
			"_16C7e42F292c6912E7710c838347Ae178B4a"},
		{"AKIA"
		 "Q3EGR5HTL7M2WXYZ, AKIAIOSFODNN7EXAMPLE",
			"secret AKIA"
			"Q3EGR5HTL7M2WXYZ"},
		{"Keys start with sk_live_ or ghp_; sk_live_XXXXXXXXXXXXXXXXXXXXXXXX, sk_test_4eC39HqLyjWDarjtT1zdp7dc", ""},
		{"password: Winter2025! and", "secret Winter2025!"},
		{"my password is hunter2.", "secret hunter2"},
		{"DB_PASSWORD=kX9#mq2Lp", "secret kX9#mq2Lp"},
		{"\"api_key\": \"9f8a7b6c5d4e3f2a1b0c\"", "secret 9f8a7b6c5d4e3f2a1b0c"},
		{"Authorization: Bearer q8Zr2LmX0vTn5KpW7yBd", "secret q8Zr2LmX0vTn5KpW7yBd"},
		{"A password must have at least 14 characters. The password is case-sensitive; password: required", ""},
		{"password=YOUR_PASSWORD token=$TOKEN api_key: <key> secret: {{secret}} password: ******** pwd: changeme", ""},
		{"tokens: 1024; max_tokens: 100000; token_type: bearer; password = get_password()", ""},
		{"commit 3f786850e387550fdab836ed7e6dc881de23001b and uuid 550e8400-e29b-41d4-a716-446655440000", ""},
		{"postgres://ada:s3cr3tPw@db.brix.io:5432/x", "url_credentials ada:s3cr3tPw"},
		{"ssh://git@brix.io http://user:password@brix.io https://<user>:<pass>@x.io http://x.io:80/a@b", ""},
		{"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----\n",
			"private_key -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END PRIVATE "
			"KEY-----"},
		{"-----BEGIN PUBLIC KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END PUBLIC KEY-----\n", ""},
		{"-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n", ""},
	};
	CHECK(any, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_email), cmocka_unit_test(test_phone),
		cmocka_unit_test(test_number), cmocka_unit_test(test_machine), cmocka_unit_test(test_secret)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
