/*
 * What a second thread can gain at most: `check-memory memory|count THREADS`. `memory` is what a search spends most of its time with, reading and
 * writing words all over a large table, in batches, each of whose words is on its way at once; `count` uses no memory. Prints the seconds that
 * so many threads take that share the work.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 128 };
static const uint64_t WORDS = 1 << 24, BATCHES = 100000;
static uint32_t *table;

typedef struct {
  uint64_t seed, batches, low, words;
  uint32_t sum;
} Work;

static void *work(void *of) {
  Work *w = of;
  uint32_t *own = table + w->low;
  uint64_t x = w->seed, at[BATCH];
  uint32_t sum = 0;
  for (uint64_t b = 0; b < w->batches; b++) {
    for (int i = 0; i < BATCH; i++) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      at[i] = (x >> 32) * w->words >> 32;
    }
    for (int i = 0; i < BATCH; i++) sum ^= own[at[i]];
    for (int i = 0; i < BATCH; i++) own[at[i]] += sum;
  }
  w->sum = sum;
  return NULL;
}

static void *count(void *of) {
  Work *w = of;
  uint64_t x = w->seed;
  for (uint64_t i = 0; i < 2000 * w->batches; i++) x ^= x << 13, x ^= x >> 7, x ^= x << 17;
  w->sum = (uint32_t)x;
  return NULL;
}

static double run(void *(*kind)(void *), int threads) {
  Work works[2];
  pthread_t ids[2];
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (int i = 0; i < threads; i++) {
    works[i] = (Work){.seed = 88172645463325252u + i, .batches = BATCHES / threads, .low = i * WORDS / threads, .words = WORDS / threads};
    pthread_create(&ids[i], NULL, kind, &works[i]);
  }
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  clock_gettime(CLOCK_MONOTONIC, &b);
  return b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9;
}

int main(int argc, char **argv) {
  const int threads = argc == 3 ? atoi(argv[2]) : 0;
  if (threads < 1 || threads > 2) return 2;
  void *(*kind)(void *) = strcmp(argv[1], "memory") == 0 ? work : strcmp(argv[1], "count") == 0 ? count : NULL;
  if (kind == NULL) return 2;
  table = calloc(WORDS, sizeof *table);
  if (table == NULL) return 3;
  run(kind, 1);
  printf("{\"seconds\":%.3f}\n", run(kind, threads));
  return 0;
}
