// SPDX-License-Identifier: MIT
/*
 * json.h: a writer of JSON (RFC 8259) whose bytes depend on the values alone.
 *
 *     struct json j = {0};
 *     json_begin_object(&j);
 *     json_key(&j, "shape");
 *     json_begin_flat_array(&j);
 *     json_unsigned(&j, 512);
 *     json_unsigned(&j, 512);
 *     json_end(&j);
 *     json_end(&j);
 *     return json_finish(&j, &text, &length, err);
 *
 * Members stand in the order of the calls, one to a line, two spaces deeper
 * than what holds them; flat arrays stand in one line. Numbers are the
 * shortest text that reads back as the same double (ECMA-262 Number::toString,
 * as RFC 8785 has it), whatever the locale; what JSON has no number for (NaN,
 * infinities) is null. Text is UTF-8: quotation marks, backslashes and control
 * characters are escaped, bytes that are not UTF-8 become U+FFFD.
 *
 * Running out of memory, and calls in a wrong order (a key in an array, an end
 * too many, nesting beyond JSON_DEPTH_MAX), are remembered, later calls do
 * nothing, and json_finish tells.
 *
 * Threads: one thread at a time per struct json.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JSON_DEPTH_MAX 16

struct json_level {
    bool is_object;
    bool is_flat;
    bool has_member;
};

/* Zero-initialised it is empty. Release with json_deinit, unless json_finish
 * has handed the text over. */
struct json {
    char *data;
    size_t length;
    size_t capacity;
    enum error_kind failed; /* ERROR_NONE; else later calls do nothing */
    bool has_key;           /* a key waits for its value */
    bool is_complete;
    unsigned depth;
    struct json_level levels[JSON_DEPTH_MAX];
};

void json_deinit(struct json *j); /* may be NULL */

void json_begin_object(struct json *j);
void json_begin_array(struct json *j);
void json_begin_flat_array(struct json *j); /* holds no array or object */
void json_end(struct json *j);              /* of the innermost of these */

/* The name of the next member of an object. */
void json_key(struct json *j, const char *key);

void json_null(struct json *j);
void json_boolean(struct json *j, bool value);
void json_integer(struct json *j, int64_t value);
void json_unsigned(struct json *j, uint64_t value);
void json_number(struct json *j, double value);
void json_string(struct json *j, const char *text); /* NULL: null */
void json_string_of(struct json *j, const char *bytes, size_t length);

/* Hands the text over: one value and a line feed, and a NUL that is not
 * counted. Caller owns *ret_text (free). ERROR_NO_MEMORY, ERROR_INTERNAL; *j is
 * released in any case. */
int json_finish(struct json *j, char **ret_text, size_t *ret_length,
                struct error *err) __attribute__((warn_unused_result));

/* The longest text of a double and its NUL, such as
 * "-1.2345678901234567e-300". */
#define JSON_NUMBER_SIZE 32

/* Writes a finite double as json_number does; returns its length. */
size_t json_print_number(double value, char ret[JSON_NUMBER_SIZE]);

#ifdef __cplusplus
}
#endif

#endif
