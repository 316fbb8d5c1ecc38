/*
 * SHA-256 by libcrypto. Reference: FIPS 180-4; openssl's EVP_DigestInit(3).
 */
#include "format/format.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

struct sha256 {
	EVP_MD_CTX *context;
};

int sha256_new(struct sha256 **out, struct err *e)
{
	*out = NULL;
	struct sha256 *s = mem_alloc(1, sizeof *s, e);
	if (!s)
		return ERR_RESOURCE;
	s->context = EVP_MD_CTX_new();
	if (!s->context || !EVP_DigestInit_ex(s->context, EVP_sha256(), NULL)) {
		sha256_free(s);
		return err_set(e, ERR_RESOURCE, "SHA-256: libcrypto could not start; is there memory left?");
	}
	*out = s;
	return 0;
}

/* Updating and ending a started SHA-256 only fail on misuse. */
void sha256_add(struct sha256 *s, const void *p, size_t n)
{
	EVP_DigestUpdate(s->context, p, n);
}

void sha256_hex(struct sha256 *s, char hex[65])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	EVP_DigestFinal_ex(s->context, sum, NULL);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

void sha256_free(struct sha256 *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->context);
	mem_free(s);
}

/* In pieces that are forgotten at once: a checkpoint of gigabytes is not held on top of what was saved. */
int sha256_file(const char *path, char hex[65], struct err *e)
{
	enum { PIECE = 1 << 20 };
	struct file_map map = {0};
	struct sha256 *s = NULL;
	hex[0] = 0;
	int rc = file_map_open(&map, path, e);
	if (!rc)
		rc = sha256_new(&s, e);
	if (rc)
		goto done;
	for (size_t at = 0, n; at < map.size; at += n) {
		n = map.size - at < PIECE ? map.size - at : PIECE;
		sha256_add(s, map.p + at, n);
		file_map_forget(&map, at, at + n);
	}
	sha256_hex(s, hex);
done:
	sha256_free(s);
	file_map_close(&map);
	return rc;
}

static int is_hashed(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return strcmp(d->d_name, "passport.json") &&
		((n > 5 && !strcmp(d->d_name + n - 5, ".json")) || (n > 12 && !strcmp(d->d_name + n - 12, ".safetensors")));
}

static int entry_compare(const void *a, const void *b)
{
	return strcmp((*(struct dirent *const *)a)->d_name, (*(struct dirent *const *)b)->d_name);
}

/* A folder's sum is that of the lines "name sum\n" of its JSON and safetensors files, sorted by the bytes of their names. */
static int folder_sha256(const char *dir, char hex[65], struct err *e)
{
	char path[PATH_SIZE], file_hex[65];
	struct dirent **entries = NULL;
	struct sha256 *sum = NULL;
	int rc = 0, n = scandir(dir, &entries, is_hashed, NULL);
	if (n < 0)
		return err_errno(e, "open folder", dir);
	if (n)
		qsort(entries, (size_t)n, sizeof *entries, entry_compare); /* not alphasort: it follows the locale */
	rc = sha256_new(&sum, e);
	for (int i = 0; !rc && i < n; i++) {
		rc = path_join(path, sizeof path, e, dir, entries[i]->d_name);
		if (!rc)
			rc = sha256_file(path, file_hex, e);
		if (rc)
			break;
		sha256_add(sum, entries[i]->d_name, strlen(entries[i]->d_name));
		sha256_add(sum, " ", 1);
		sha256_add(sum, file_hex, 64);
		sha256_add(sum, "\n", 1);
	}
	if (!rc)
		sha256_hex(sum, hex);
	sha256_free(sum);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return rc;
}

int sha256_path(const char *path, char hex[65], struct err *e)
{
	return dir_exists(path) ? folder_sha256(path, hex, e) : sha256_file(path, hex, e);
}
