// SPDX-License-Identifier: MIT
/* publish_impl.h: what publish.c and adopt.c share; private to them. */
#ifndef MANIFEST_PUBLISH_IMPL_H
#define MANIFEST_PUBLISH_IMPL_H

#include "manifest/manifest_impl.h"
#include "manifest/manifest_publish.h"
#include "manifest/manifest_write.h"
#include "manifest/seal.h"

#define PUBLISH_LINEAGE_SIZE 16

/* A value of meta that has this size: 1, 0 (none, or another), -1. */
int publish_meta_blob(struct db *db, const char *key, uint8_t *ret, int size,
                      struct error *err);

#endif
