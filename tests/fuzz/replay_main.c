// SPDX-License-Identifier: MIT
/*
 * replay_main.c: runs a fuzz target on every file of its corpus, and on files
 * like them.
 *
 *     fuzz_view CORPUS_FOLDER_OR_FILE...
 *
 * A target is one function, LLVMFuzzerTestOneInput. Linked with this driver it
 * is a test of the normal suite; linked with -fsanitize=fuzzer it searches
 * (tests/fuzz/run). An input that once failed stays in the corpus.
 *
 * Each file is given whole and then FUZZ_ROUNDS times (default 20) with some
 * bytes changed and perhaps the end cut off, from FUZZ_SEED (default 1).
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;
static unsigned long long rounds, state;

static uint64_t next_random(void)
{
    uint64_t z = (state += 0x9E3779B97F4A7C15u);

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Bytes that mean something to a parser are drawn more often. */
static uint8_t random_byte(void)
{
    static const uint8_t known[] = {0x00, 0xFF, 0xFE, 0xE0, 0x0D, 0xDD, 0x7F,
                                    0x80, 'S',  'Q',  '_',  '-',  0x10, 0x28};
    uint64_t r = next_random();

    return r & 1 ? known[(r >> 8) % sizeof known] : (uint8_t)(r >> 8);
}

/* The input has exactly its size in memory, so that a sanitizer sees a read
 * behind it. */
static void run(const uint8_t *data, size_t size, bool change)
{
    uint8_t *input = malloc(size > 0 ? size : 1);

    assert(input);
    if (size > 0)
        memcpy(input, data, size);
    for (uint64_t n = change ? 1 + next_random() % 8 : 0; n > 0; n--)
        input[next_random() % size] = random_byte();
    (void)LLVMFuzzerTestOneInput(input, size);
    free(input);
}

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
    printf("# %s FUZZ_SEED=%llu\n", path, state);
    (void)fflush(stdout);
    run(data, size, false);
    for (unsigned long long i = 0; i < rounds && size > 0; i++)
        run(data, next_random() % 4 ? size : 1 + next_random() % size, true);
    free(data);
    replayed++;
}

static void replay(const char *path)
{
    struct dirent **entries;
    struct stat st;
    int n;

    if (stat(path, &st) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    n = scandir(path, &entries, NULL, alphasort);
    assert(n >= 0);
    for (int i = 0; i < n; i++) {
        char child[4096];

        (void)snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay(child);
        free(entries[i]);
    }
    free(entries);
}

static unsigned long long setting(const char *name,
                                  unsigned long long otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
    rounds = setting("FUZZ_ROUNDS", 20);
    state = setting("FUZZ_SEED", 1);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (replayed == 0) {
        (void)fputs("no corpus\n", stderr);
        return EXIT_FAILURE;
    }
    printf("# %u inputs, each changed %llu times\n", replayed, rounds);
    return EXIT_SUCCESS;
}
