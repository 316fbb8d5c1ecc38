/*
 * In place of hf.c in a build without libcurl: says so.
 */
#include "hub/cache.h"

int hf_resolve(char path[PATH_SIZE], const char *org, const char *repo, const char *revision, const char *file, struct err *e)
{
	(void)revision;
	(void)file;
	path[0] = 0;
	return err_set(e, ERR_FAILED,
		"hf:%s/%s: this attune was built without libcurl; build it with libcurl, or give the path of a model", org, repo);
}

bool hub_has_curl(void)
{
	return false;
}
