/*
 * What an adapter was trained on, while that is still there unchanged: its run folder says so. Reference: flow.h; docs/formats.md, "A training run".
 */
#include <string.h>

#include "flow/flow.h"

enum { RECORD_BYTES_MAX = 64 << 20 };

bool flow_trained_rows(char out[PATH_SIZE], const char *adapter)
{
	char record_path[PATH_SIZE], hex[65];
	struct err missing;
	json_t *record = NULL;
	const char *rows = NULL, *made_from = NULL;
	bool found = path_join(record_path, sizeof record_path, &missing, adapter, "../run.json") == 0 &&
		file_exists(record_path) && json_file(&record, record_path, RECORD_BYTES_MAX, &missing) == 0 &&
		json_unpack(record, "{s:{s:s}, s:{s:s}}", "train", "path", &rows, "inputs", "train_sha256", &made_from) == 0 &&
		file_exists(rows) && sha256_file(rows, hex, &missing) == 0 && !strcmp(hex, made_from) &&
		path_join(out, PATH_SIZE, &missing, "", rows) == 0;
	json_decref(record);
	return found;
}

bool flow_trained_data(char out[PATH_SIZE], const char *adapter)
{
	char sections[PATH_SIZE];
	struct err too_long;
	if (!flow_trained_rows(out, adapter))
		return false;
	char *slash = strrchr(out, '/');
	if (slash)
		slash[slash == out] = 0;
	else
		strcpy(out, ".");
	return path_join(sections, sizeof sections, &too_long, out, "sections.jsonl") == 0 && file_exists(sections);
}
