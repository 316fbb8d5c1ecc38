/* Private to base: what progress asks of log. */
#ifndef ATTUNE_BASE_LOG_H
#define ATTUNE_BASE_LOG_H

#include "base/base.h"

bool log_enabled(enum log_level level);
/* A progress line stands on the terminal without an end: the next log line must wipe it first. */
void log_line_open(bool open);

#endif
