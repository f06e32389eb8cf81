// SPDX-License-Identifier: MIT
/*
 * manifest_asks.h: every question that is asked of a manifest, and what an
 * answer may be when anything stands in it: one that its caller can use, or an
 * error in words.
 *
 * Failures are those of assert. Threads: one.
 */
#ifndef SUPPORT_MANIFEST_ASKS_H
#define SUPPORT_MANIFEST_ASKS_H

#include "manifest/manifest.h"
#include "view/view.h"

enum { MANIFEST_ASKS_VIEWS = 6 };

/* Parses the views, and puts them into `m`, whose ids become 1 .. 6. */
void manifest_asks_init(struct manifest *m);

/* Some of the questions, as `which` says, since each kind prepares statements
 * of its own. */
void manifest_asks(struct manifest *m, unsigned which);

#endif
