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
		{"Tel.: 01/512 34 56-12, Mobil 0664 123 45 67", "phone 01/512 34 56-12\nphone 0664 123 45 67"},
		{"Teléfono 612 34 56 78, móvil: 91 123 45 67", "phone 612 34 56 78\nphone 91 123 45 67"},
		{"chiamatemi al 347 123 4567; zadzwoń: 600 123 456", "phone 347 123 4567\nphone 600 123 456"},
		{"+49‑30‑901820 or +44 20 7946 0958", "phone +49‑30‑901820\nphone +44 20 7946 0958"},
		{"+1 (212) 736-5000;ext=99, 030 901820 (Durchwahl 12)",
			"phone +1 (212) 736-5000;ext=99\nphone 030 901820 (Durchwahl 12)"},
		{"電話：03-1234-5678、电话13800138000", "phone 03-1234-5678\nphone 13800138000"},
		{"Серийный номер 7700-88123-02, телефон есть", ""},
		{"Bestellung 212-736-5000", ""},
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

/* Behind a word for a secret, in many languages and notations. */
static void test_labelled(void **state)
{
	(void)state;
	static const struct sample any[] = {
		{"The password for the admin panel is kX9mq2Lp7.", "secret kX9mq2Lp7"},
		{"Use Xy7!kk92 as the new password", "secret Xy7!kk92"},
		{"login: admin / Xk72!pqR9", "secret Xk72!pqR9"},
		{"password (temporary): Zebra-44-lamp", "secret Zebra-44-lamp"},
		{"Password:\r\nZebra-44-lamp", "secret Zebra-44-lamp"},
		{"the password “Zebra44” and 'pw: Lama77!x'", "secret Zebra44\nsecret Lama77!x"},
		{"passphrase: wool-otter-lamp-nine", "secret wool-otter-lamp-nine"},
		{"Das Passwort lautet Gr8ße#Wald", "secret Gr8ße#Wald"},
		{"mot de passe : Ch4mpignon!", "secret Ch4mpignon!"},
		{"la contraseña es Sol_y_mar77", "secret Sol_y_mar77"},
		{"hasło: Wiosna99, lösenordet är Vinter88", "secret Wiosna99\nsecret Vinter88"},
		{"パスワード：Sakura2024x", "secret Sakura2024x"},
		{"<password>Qu1et-Lake</password> <add key=\"Password\" value=\"Qu1et-Lak2\"/>",
			"secret Qu1et-Lake\nsecret Qu1et-Lak2"},
		{"| Password | Qu1et-Lake9 |", "secret Qu1et-Lake9"},
		{"User ID=app;Password=Kq!82mmx;Encrypt=True", "secret Kq!82mmx"},
		{"jdbc:x://db/app?user=app&password=Plum77jam&ssl=true", "secret Plum77jam"},
		{"X-Api-Key: 3f9ac81b-7e51-4c8e-9a35-0c2ee5f05b8a", "secret 3f9ac81b-7e51-4c8e-9a35-0c2ee5f05b8a"},
		{"Authorization: Basic YWRtaW46VHI0dmVsLm11Zw==", "secret YWRtaW46VHI0dmVsLm11Zw=="},
		{"Authorization: Token 9944b09199c62bcf9418ad846dd0e4bb", "secret 9944b09199c62bcf9418ad846dd0e4bb"},
		{"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== or dXNlcjpwYXNzd29yZA==", ""},
		{"curl -u admin:Tr4vel.mug https://x.io; mysql -u root -pLemon44tree app",
			"secret admin:Tr4vel.mug\nsecret Lemon44tree"},
		{"curl -u \"$USER:$TOKEN\" x.io; curl -u user:password x.io; mkdir -p Lemon44tree; ssh -p 2222", ""},
		{"export MAPS_KEY=9aK2mQ7xT4vB8nR1aa", "secret 9aK2mQ7xT4vB8nR1aa"},
		{"primary_key=customer_id2024 sort_key: created_at, token lifetime: 24h; secret_name: db-credentials-prod1", ""},
		{"A password has 8-64 characters; SHA-256 or AES256-GCM, TLSv1.2, RFC6749 and OAuth2.0", ""},
		{"password: string, token: uuid, password: %s, password: ${DB_PW}, password: [hidden]", ""},
	};
	CHECK(any, false);
}

/* Forms that say themselves what they are. */
static void test_key(void **state)
{
	(void)state;
	static const struct sample any[] = {
		{"kbx_live_9aK2mQ7xT4vB8nR1 kbx_test_9aK2mQ7xT4vB8nR1", "secret kbx_live_9aK2mQ7xT4vB8nR1"},
		{"110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawk", "secret 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawk"},
		{"https://hooks.slack.com"
		 "/services/T03AB9CDE/B04FG8HIJ/kLmN0pQrStUvWxYz12345678",
			"secret https://hooks.slack.com"
			"/services/T03AB9CDE/B04FG8HIJ/kLmN0pQrStUvWxYz12345678"},
		{"a1b8Q~kLmN0pQrStUvWxYz12345678kLmN0pQr", "secret a1b8Q~kLmN0pQrStUvWxYz12345678kLmN0pQr"},
		{"0123456789abcdef0123456789abcdef-us12", "secret 0123456789abcdef0123456789abcdef-us12"},
		{"blob data_key_of_customers_in_tables, feature-token-parser-for-all, 12345678:AA", ""},
	};
	CHECK(any, false);
}

static void test_url(void **state)
{
	(void)state;
	static const struct sample any[] = {
		{"redis://:Str0ngPass@cache:6379/0", "url_credentials :Str0ngPass"},
		{"ftp://anna:geheim@ftp.brix.io/in", "url_credentials anna:geheim"},
		{"mongodb+srv://stage:h%40XU@c0.brix.io/?retry=true", "url_credentials stage:h%40XU"},
		{"postgres://app:p/w#rd9@db.brix.io:5432/x", "url_credentials app:p/w#rd9"},
		{"mysql://app:p@ss$word9@db.brix.io:5432/x?to=ada@brix.io", "url_credentials app:p@ss$word9\nemail ada@brix.io"},
		{"smb://ada:Lam44@[2001:db8::1]:445/x", "url_credentials ada:Lam44"},
		{"https://brix.io:443/@ida http://brix.io/a:b@c http://brix.io:80/a@b", ""},
		{"amqp://guest:guest@localhost amqp://${USER}:${PASS}@broker jdbc:mysql://{user}:{password}@db", ""},
	};
	CHECK(any, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_email), cmocka_unit_test(test_phone),
		cmocka_unit_test(test_number), cmocka_unit_test(test_machine), cmocka_unit_test(test_secret),
		cmocka_unit_test(test_labelled), cmocka_unit_test(test_key), cmocka_unit_test(test_url)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
