/*
 * Why a draft was edited or rejected, from the list that programs give to the log's text. Reference: flow.h.
 */
#include <stdio.h>
#include <string.h>

#include "flow/flow.h"

static size_t reason_find(const char *name)
{
	size_t k = 0;
	while (k < REVIEW_REASONS && !(name && !strcmp(name, review_reason_names[k])))
		k++;
	return k;
}

int flow_reasons(const json_t *list, char out[REVIEW_REASONS_SIZE], struct err *e)
{
	bool given[REVIEW_REASONS + 1] = {[REVIEW_REASONS] = true}; /* what is no reason counts as a repeated one */
	const json_t *one;
	size_t i, n = 0;
	bool good = !list || json_is_array(list);
	*out = 0;
	json_array_foreach (list, i, one) {
		size_t k = reason_find(json_string_value(one));
		good = good && !given[k];
		if (!good)
			break;
		given[k] = true;
		n += (size_t)snprintf(out + n, REVIEW_REASONS_SIZE - n, "%s%s", n ? "," : "", review_reason_names[k]);
	}
	if (good)
		return 0;
	*out = 0;
	return err_set(e, ERR_DATA, "reasons: expected a list of term, fact, tone, format and pii, each at most once");
}
