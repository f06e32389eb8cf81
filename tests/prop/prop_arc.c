// SPDX-License-Identifier: MIT
/*
 * prop_arc.c: arc.c against a model that is slow and obviously right.
 *
 * The model keeps each list as an array, oldest first, and finds keys by
 * looking. With unit charges it follows the four cases of the FAST 2003
 * paper to the letter; with charges, the byte-weighted text of arc.c's head.
 * PROP_SEED and PROP_RUNS replay a run.
 */
#undef NDEBUG
#include "arc.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 64
#define STEPS 4000

struct item {
    int key;
    uint64_t charge;
};

struct queue {
    struct item at[4 * KEYS];
    int n;
};

struct model {
    struct queue list[ARC_LISTS];
    uint64_t c;
    double p;
};

static uint64_t rng_state;

static uint64_t next_random(void)
{
    uint64_t z = (rng_state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
    return next_random() % n;
}

/* -------------------------------------------------------------- the model */

static uint64_t bytes(const struct model *m, int list)
{
    uint64_t sum = 0;

    for (int i = 0; i < m->list[list].n; i++)
        sum += m->list[list].at[i].charge;
    return sum;
}

static struct item take(struct model *m, int list, int index)
{
    struct queue *q = &m->list[list];
    struct item item = q->at[index];

    memmove(&q->at[index], &q->at[index + 1],
            (size_t)(q->n - index - 1) * sizeof item);
    q->n--;
    return item;
}

static void put(struct model *m, int list, int key, uint64_t charge)
{
    m->list[list].at[m->list[list].n++] = (struct item){key, charge};
}

static int where(const struct model *m, int key, int *index)
{
    for (int l = ARC_T1; l < ARC_LISTS; l++)
        for (*index = 0; *index < m->list[l].n; (*index)++)
            if (m->list[l].at[*index].key == key)
                return l;
    return ARC_NOWHERE;
}

static void lose(struct model *m, int from, int to)
{
    struct item item = take(m, from, 0);

    put(m, to, item.key, item.charge);
}

static double max1(double ratio)
{
    return ratio > 1 ? ratio : 1;
}

static void paper_replace(struct model *m, bool in_b2)
{
    int t1 = m->list[ARC_T1].n;

    if (t1 >= 1 && ((in_b2 && t1 == m->p) || t1 > m->p))
        lose(m, ARC_T1, ARC_B1);
    else
        lose(m, ARC_T2, ARC_B2);
}

/* Cases I to IV with |.| as counts. */
static bool paper_access(struct model *m, int key)
{
    int index, c = (int)m->c, list = where(m, key, &index);
    int t1 = m->list[ARC_T1].n, b1 = m->list[ARC_B1].n;
    int t2 = m->list[ARC_T2].n, b2 = m->list[ARC_B2].n;

    if (list == ARC_T1 || list == ARC_T2) { /* I */
        take(m, list, index);
        put(m, ARC_T2, key, 1);
        return true;
    }
    if (list == ARC_B1) { /* II */
        m->p += max1((double)b2 / b1);
        m->p = m->p > c ? c : m->p;
        paper_replace(m, false);
    } else if (list == ARC_B2) { /* III */
        m->p -= max1((double)b1 / b2);
        m->p = m->p < 0 ? 0 : m->p;
        paper_replace(m, true);
    }
    if (list != ARC_NOWHERE) {
        take(m, list, index);
        put(m, ARC_T2, key, 1);
        return false;
    }
    if (t1 + b1 == c) { /* IV A */
        if (t1 < c) {
            take(m, ARC_B1, 0);
            paper_replace(m, false);
        } else {
            take(m, ARC_T1, 0);
        }
    } else if (t1 + t2 + b1 + b2 >= c) { /* IV B */
        if (t1 + t2 + b1 + b2 == 2 * c)
            take(m, ARC_B2, 0);
        paper_replace(m, false);
    }
    put(m, ARC_T1, key, 1);
    return false;
}

static void weighted_room(struct model *m, uint64_t s, bool in_b2)
{
    while (bytes(m, ARC_T1) + bytes(m, ARC_T2) + s > m->c) {
        double t1 = (double)bytes(m, ARC_T1);

        if (m->list[ARC_T1].n > 0 &&
            (t1 > m->p || (in_b2 && t1 == m->p) || m->list[ARC_T2].n == 0))
            lose(m, ARC_T1, ARC_B1);
        else
            lose(m, ARC_T2, ARC_B2);
    }
}

static uint64_t total(const struct model *m)
{
    return bytes(m, ARC_T1) + bytes(m, ARC_T2) + bytes(m, ARC_B1) +
           bytes(m, ARC_B2);
}

static void weighted_ghost(struct model *m, int list, int index, int key,
                           uint64_t s)
{
    double b1 = (double)bytes(m, ARC_B1), b2 = (double)bytes(m, ARC_B2);
    double g = (double)m->list[list].at[index].charge;
    double c = (double)m->c;

    if (list == ARC_B1)
        m->p += b1 > 0 ? g * max1(b2 / b1) : 0;
    else
        m->p -= b2 > 0 ? g * max1(b1 / b2) : 0;
    m->p = m->p > c ? c : m->p < 0 ? 0 : m->p;
    take(m, list, index);
    weighted_room(m, s, list == ARC_B2);
    put(m, ARC_T2, key, s);
    while (total(m) > 2 * m->c)
        take(m, m->list[ARC_B2].n ? ARC_B2 : ARC_B1, 0);
    while (m->list[ARC_B1].n && bytes(m, ARC_T1) + bytes(m, ARC_B1) > m->c)
        take(m, ARC_B1, 0);
}

static bool weighted_access(struct model *m, int key, uint64_t s)
{
    int index, list = where(m, key, &index);

    if (list == ARC_T1 || list == ARC_T2) {
        struct item item = take(m, list, index);

        put(m, ARC_T2, key, item.charge);
        return true;
    }
    if (s > m->c)
        return false;
    if (list != ARC_NOWHERE) {
        weighted_ghost(m, list, index, key, s);
        return false;
    }
    while (m->list[ARC_B1].n && bytes(m, ARC_T1) + bytes(m, ARC_B1) + s > m->c)
        take(m, ARC_B1, 0);
    while (bytes(m, ARC_T1) + s > m->c)
        take(m, ARC_T1, 0);
    while (m->list[ARC_B2].n && total(m) + s > 2 * m->c)
        take(m, ARC_B2, 0);
    weighted_room(m, s, false);
    put(m, ARC_T1, key, s);
    return false;
}

/* ------------------------------------------------------------- comparing */

struct world {
    struct arc arc;
    struct arc_node nodes[KEYS];
    bool has_data[KEYS]; /* as the events say */
};

static void on_lost(void *opaque, struct arc_node *node)
{
    struct world *w = opaque;

    w->has_data[node - w->nodes] = false;
}

static void init(struct world *w, struct model *m, uint64_t c)
{
    struct arc_events events = {on_lost, on_lost, w};

    memset(w, 0, sizeof *w);
    memset(m, 0, sizeof *m);
    m->c = c;
    arc_init(&w->arc, c, &events);
}

static void assert_equal(const struct world *w, const struct model *m, int step)
{
    bool same = w->arc.p == m->p && arc_check(&w->arc);

    for (int l = ARC_T1; l < ARC_LISTS && same; l++) {
        const struct arc_list *list = &w->arc.list[l];
        const struct arc_node *node = list->head.next;

        same = list->count == (uint64_t)m->list[l].n;
        for (int i = 0; i < m->list[l].n && same; i++, node = node->next)
            same = node - w->nodes == m->list[l].at[i].key &&
                   node->charge == m->list[l].at[i].charge;
    }
    for (int k = 0; k < KEYS; k++)
        same = same && w->has_data[k] == arc_is_resident(&w->nodes[k]);
    ck_assert_msg(same, "step %d: lists, p or events differ", step);
}

static bool access(struct world *w, int key, uint64_t charge)
{
    bool hit = arc_access(&w->arc, &w->nodes[key], charge);

    w->has_data[key] = arc_is_resident(&w->nodes[key]);
    return hit;
}

/* Hot keys, scans and jumps, so that all four lists are used. */
static int next_key(int step)
{
    switch (below(4)) {
    case 0:
        return (int)below(6);
    case 1:
        return step % KEYS;
    default:
        return (int)(below(KEYS) * below(KEYS) / KEYS);
    }
}

static uint64_t seed_of(int run)
{
    const char *seed = getenv("PROP_SEED");

    return (seed ? (uint64_t)strtoull(seed, NULL, 0) : 20030401) +
           (uint64_t)run;
}

static int runs(void)
{
    const char *n = getenv("PROP_RUNS");

    return n ? atoi(n) : 20;
}

static void begin(int run)
{
    rng_state = seed_of(run);
    printf("# PROP_SEED=%" PRIu64 " PROP_RUNS=1\n", rng_state);
    fflush(stdout);
}

START_TEST(unit_charges_are_the_paper)
{
    static struct world w;
    static struct model m;

    begin(_i);
    init(&w, &m, 1 + below(KEYS / 2));
    for (int i = 0; i < STEPS; i++) {
        int key = next_key(i);

        ck_assert_int_eq(access(&w, key, 1), paper_access(&m, key));
        assert_equal(&w, &m, i);
    }
}
END_TEST

static uint64_t some_charge(uint64_t c)
{
    switch (below(8)) {
    case 0:
        return 0;
    case 1:
        return c + below(3);
    case 2:
        return below(c + 1);
    default:
        return 1 + below(c / 8 + 1);
    }
}

START_TEST(any_charges_are_the_weighted_text)
{
    static struct world w;
    static struct model m;

    begin(_i);
    init(&w, &m, below(300));
    for (int i = 0; i < STEPS; i++) {
        int key = next_key(i);
        uint64_t s = some_charge(m.c);

        ck_assert_int_eq(access(&w, key, s), weighted_access(&m, key, s));
        assert_equal(&w, &m, i);
    }
}
END_TEST

static void disturb(struct world *w)
{
    struct arc_node *node = &w->nodes[below(KEYS)];

    switch (below(6)) {
    case 0:
        arc_remove(&w->arc, node);
        w->has_data[node - w->nodes] = false;
        break;
    case 1:
        arc_set_capacity(&w->arc, below(300));
        break;
    case 2:
        (void)arc_evict(&w->arc);
        break;
    case 3:
        (void)arc_drop_ghost(&w->arc);
        break;
    default:
        if (arc_is_resident(node))
            arc_resize(&w->arc, node, below(w->arc.capacity + 40));
        break;
    }
}

START_TEST(invariants_hold_under_every_call)
{
    static struct world w;
    static struct model m;

    begin(_i);
    init(&w, &m, 100);
    for (int i = 0; i < STEPS; i++) {
        if (below(3) == 0)
            disturb(&w);
        else
            (void)access(&w, next_key(i), some_charge(w.arc.capacity));
        ck_assert(arc_check(&w.arc));
        for (int k = 0; k < KEYS; k++)
            if (w.has_data[k] != arc_is_resident(&w.nodes[k]))
                ck_abort_msg("step %d: key %d's data", i, k);
    }
    arc_clear(&w.arc);
    for (int k = 0; k < KEYS; k++)
        if (w.has_data[k] || w.nodes[k].where != ARC_NOWHERE)
            ck_abort_msg("key %d is left", k);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arc");
    TCase *tcase = tcase_create("arc");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, unit_charges_are_the_paper, 0, runs());
    tcase_add_loop_test(tcase, any_charges_are_the_weighted_text, 0, runs());
    tcase_add_loop_test(tcase, invariants_hold_under_every_call, 0, runs());
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
