/*
 * SHA-256 by libcrypto. Reference: FIPS 180-4; openssl's EVP_DigestInit(3).
 */
#include "format/format.h"

#include <stdio.h>
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

int sha256_file(const char *path, char hex[65], struct err *e)
{
	struct file_map map = {0};
	struct sha256 *s = NULL;
	hex[0] = 0;
	int rc = file_map_open(&map, path, e);
	if (!rc)
		rc = sha256_new(&s, e);
	if (rc)
		goto done;
	sha256_add(s, map.p, map.size);
	sha256_hex(s, hex);
done:
	sha256_free(s);
	file_map_close(&map);
	return rc;
}
