/* Private to serve: the file with the key that clients must show. */
#ifndef ATTUNE_SERVE_KEY_H
#define ATTUNE_SERVE_KEY_H

#include "base/base.h"

enum { KEY_SIZE = 257 };
/*
 * The key: the file's one line, of 16 to 256 visible characters. A file that is not there is made, with 256 random bits that only its owner
 * can read; ERR_USAGE when others can read one that is there.
 */
int key_read(const char *path, char key[KEY_SIZE], struct err *e);

#endif
