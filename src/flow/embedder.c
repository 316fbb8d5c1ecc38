/*
 * The embedder that retrieval uses, when there is one. Reference: flow.h.
 */
#include "flow/flow.h"

#include <string.h>

#include "hub/hub.h"

int flow_embedder(struct embedder **out, const char *name, struct err *e)
{
	char path[PATH_SIZE];
	*out = NULL;
	if (!strcmp(name, "none"))
		return 0;
	int rc = hub_find(path, name, e);
	if (!rc && !path[0])
		log_line(LOG_INFO, "there is no embedder; 'attune pull %s' gets one, and passages are found by meaning too", name);
	return rc || !path[0] ? rc : embedder_open(out, path, e);
}
