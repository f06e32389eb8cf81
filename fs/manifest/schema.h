// SPDX-License-Identifier: MIT
/*
 * schema.h: the tables of manifest.db, private to fs/manifest.
 *
 * Versions are additive: a newer one adds tables and columns, so a manifest
 * of an older version is brought up to date when it is opened for writing,
 * and one of a newer version is refused.
 */
#ifndef MANIFEST_SCHEMA_H
#define MANIFEST_SCHEMA_H

#include "manifest/db.h"

#define SCHEMA_APPLICATION_ID 0x44434D46 /* "DCMF" */
#define SCHEMA_VERSION 2

/* 1: the file is empty; 0: it is a manifest of a version we know; -1. */
int schema_check(struct db *db, struct error *err);

/* Brings the tables of an older version up to date; the next index fills what
 * is new in them. */
int schema_upgrade(struct db *db, struct error *err);

/* Makes the tables in an empty file, in WAL mode. */
int schema_create(struct db *db, struct error *err);

#endif
