// SPDX-License-Identifier: MIT
/*
 * replay_main.c: runs a fuzz target on every file of its corpus, once.
 *
 *     fuzz_view CORPUS_FOLDER_OR_FILE...
 *
 * A target is one function, LLVMFuzzerTestOneInput. Linked with this driver it
 * is a test of the normal suite; linked with -fsanitize=fuzzer (meson option
 * b_sanitize=fuzzer is not needed: see tests/fuzz/meson.build) it searches.
 * An input that once failed stays in the corpus.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

/* The input has exactly its size in memory, so that a sanitizer sees a read
 * behind it. */
static void replay_file(const char *path)
{
    FILE *file = fopen(path, "re");
    struct stat st;
    uint8_t *data;
    size_t size;

    assert(file);
    assert(fstat(fileno(file), &st) == 0);
    size = (size_t)st.st_size;
    data = malloc(size > 0 ? size : 1);
    assert(data);
    assert(fread(data, 1, size, file) == size);
    (void)fclose(file);
    printf("# %s\n", path);
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    replayed++;
}

static void replay(const char *path)
{
    struct stat st;
    struct dirent *entry;
    DIR *dir;

    if (stat(path, &st) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    dir = opendir(path);
    assert(dir);
    while ((entry = readdir(dir)) != NULL) {
        char child[4096];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        replay(child);
    }
    (void)closedir(dir);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (replayed == 0) {
        (void)fputs("no corpus\n", stderr);
        return EXIT_FAILURE;
    }
    printf("# %u inputs\n", replayed);
    return EXIT_SUCCESS;
}
