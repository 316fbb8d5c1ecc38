/* Private to base: what progress and err ask of log. */
#ifndef ATTUNE_BASE_LOG_H
#define ATTUNE_BASE_LOG_H

#include "base/base.h"

bool log_enabled(enum log_level level);
/* A progress line stands on the terminal without an end: the next log line must wipe it first. */
void log_line_open(bool open);
/* Messages quote foreign bytes: control characters, but those of `kept`, become spaces, so that no file can steer the terminal. */
void log_blank(char *text, const char *kept);

#endif
