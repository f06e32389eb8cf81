// SPDX-License-Identifier: MIT
/* json_syntax.h: is this text JSON (RFC 8259)? For tests of fs/json. */
#ifndef TESTS_SUPPORT_JSON_SYNTAX_H
#define TESTS_SUPPORT_JSON_SYNTAX_H

#include <stddef.h>

/* NULL if `text` is one value with white space round it and nothing else, in
 * UTF-8; else where it stops being that. */
const char *json_syntax_error(const char *text, size_t length);

#endif
