/*
 * How fast could the search be? The same one in straight C: the same records, index, hash, batches and order of states, by one thread, or
 * divided among as many as the argument says in the way of src/check/team.ts. Only the successors come from a generated file, MODEL
 * (bench/check-ceiling.ts), which defines WORDS, RECORD, INITIAL, BRANCHING, load(), save() and successors(). Prints the states, the
 * transitions, the levels, and the seconds of processor time and of time.
 */
#include <emmintrin.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct State State;
#include MODEL

enum { BATCH = 128, MOST = 8, ROOM = BATCH * MOST + BRANCHING + 1, BOX = 1 << 15 };
static const double LOAD = 0.95;

typedef struct {
  State state;
  uint32_t hash;
} Boxed;

/* What one thread owns: states whose hashes name it, and what it found for others. */
typedef struct {
  _Alignas(128) uint8_t *arena;
  uint32_t *slots;
  uint64_t groups, capacity, count, head, level, made, faults;
  unsigned id_bits, self;
  uint32_t sink;
  State out[ROOM];
  uint32_t hashes[ROOM];
  Boxed *boxes[MOST];
  uint64_t boxed[MOST];
} Part;

static Part parts[MOST];
static unsigned threads = 1;

static uint32_t hash(const State *s) {
  uint32_t h = (s->w[0] ^ s->w[0] >> 15) * 0x2c1b3c6du;
  for (int i = 1; i < WORDS; i++) h = ((h ^ h >> 13) + s->w[i]) * 0x297a2d39u;
  h = (h ^ h >> 15) * 0x85ebca6bu;
  return h ^ h >> 13;
}

static unsigned part_of(uint32_t h) { return (h * 0x9e3779b1u >> 16) * threads >> 16; }

static uint32_t *group_of(const Part *p, uint32_t h) { return p->slots + 4 * ((h * p->groups) >> 32); }

static uint32_t *next_group(const Part *p, uint32_t *group) {
  group += 4;
  return group == p->slots + 4 * p->groups ? p->slots : group;
}

/* Read, not prefetched: that is a third slower here. */
static void touch(Part *p, uint64_t length) {
  uint32_t all = 0;
  for (uint64_t i = 0; i < length; i++) all ^= *group_of(p, p->hashes[i]);
  *(volatile uint32_t *)&p->sink = all;
}

static unsigned matching(const Part *p, const uint32_t *group, uint32_t tag) {
  const __m128i x = _mm_xor_si128(_mm_load_si128((const __m128i *)group), _mm_set1_epi32((int)tag));
  const __m128i high = _mm_srl_epi32(x, _mm_cvtsi32_si128((int)p->id_bits));
  return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(high, _mm_setzero_si128())));
}

static unsigned empty(const uint32_t *group) {
  const __m128i x = _mm_load_si128((const __m128i *)group);
  return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(x, _mm_setzero_si128())));
}

/* Put a new index of so many slots beside the arena, which is made as large as the states need that fit. */
static void place(Part *p, uint64_t wanted) {
  free(p->slots);
  p->groups = wanted / 4;
  p->capacity = (uint64_t)(wanted * LOAD);
  p->arena = realloc(p->arena, (p->capacity + 2) * RECORD + 8);
  p->slots = aligned_alloc(64, wanted * 4);
  if (p->arena == NULL || p->slots == NULL) exit(3);
  memset(p->slots, 0, wanted * 4);
  p->id_bits = 32 - __builtin_clz((uint32_t)p->capacity);
  for (uint64_t id = 1; id < p->count;) {
    const uint64_t end = id + BATCH < p->count ? id + BATCH : p->count;
    for (uint64_t i = id; i < end; i++) {
      State s;
      load(&s, p->arena + i * RECORD);
      p->hashes[i - id] = hash(&s);
    }
    touch(p, end - id);
    for (uint64_t i = id; i < end; i++) {
      uint32_t *group = group_of(p, p->hashes[i - id]);
      while (empty(group) == 0) group = next_group(p, group);
      group[__builtin_ctz(empty(group))] = p->hashes[i - id] << p->id_bits | (uint32_t)i;
    }
    id = end;
  }
}

static int is_full(const Part *p, uint64_t more) { return p->count + more >= p->capacity - ROOM; }

static void grow(Part *p) {
  const uint64_t all = 4 * p->groups;
  place(p, all < 1 << 20 ? 8 * all : 2 * all);
}

static void insert(Part *p, const State *s, uint32_t h) {
  const uint32_t tag = h << p->id_bits;
  const uint32_t mask = (1u << p->id_bits) - 1;
  for (uint32_t *group = group_of(p, h);; group = next_group(p, group)) {
    const unsigned free_slots = empty(group);
    for (unsigned tagged = matching(p, group, tag) & ~free_slots; tagged != 0; tagged &= tagged - 1) {
      State known;
      load(&known, p->arena + (uint64_t)(group[__builtin_ctz(tagged)] & mask) * RECORD);
      if (memcmp(&known, s, sizeof known) == 0) return;
    }
    if (free_slots == 0) continue;
    save(s, p->arena + p->count * RECORD);
    group[__builtin_ctz(free_slots)] = tag | (uint32_t)p->count++;
    return;
  }
}

/* Insert a batch, whose hashes are known. */
static void take(Part *p, uint64_t length) {
  touch(p, length);
  for (uint64_t i = 0; i < length; i++) insert(p, &p->out[i], p->hashes[i]);
}

/* Expand a batch; how many successors were made. */
static uint64_t expand(Part *p) {
  State *end = p->out;
  for (; p->head < p->level && end < p->out + BATCH * threads; p->head++) {
    State s;
    load(&s, p->arena + p->head * RECORD);
    end = successors(&s, end, &p->faults);
  }
  p->made += end - p->out;
  return end - p->out;
}

static void run(Part *p) {
  while (p->head < p->level) {
    if (is_full(p, 0)) grow(p);
    const uint64_t made = expand(p);
    for (uint64_t i = 0; i < made; i++) p->hashes[i] = hash(&p->out[i]);
    take(p, made);
  }
}

/* Expand until a box is full; insert what is this part's own, and put all else into the boxes. */
static void distribute(Part *p) {
  for (unsigned i = 0; i < threads; i++) p->boxed[i] = 0;
  while (p->head < p->level && !is_full(p, 0)) {
    for (unsigned i = 0; i < threads; i++)
      if (p->boxed[i] >= BOX) return;
    const uint64_t made = expand(p);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < made; i++) {
      const State s = p->out[i];
      const uint32_t h = hash(&s);
      const unsigned part = part_of(h);
      p->out[kept] = s;
      p->hashes[kept] = h;
      p->boxes[part][p->boxed[part]] = (Boxed){s, h};
      p->boxed[part] += part != p->self;
      kept += part == p->self;
    }
    take(p, kept);
  }
}

/* Insert what the other parts have for this one. */
static void absorb(Part *p) {
  for (unsigned from = 0; from < threads; from++) {
    const Boxed *at = parts[from].boxes[p->self], *end = at + parts[from].boxed[p->self];
    while (is_full(p, end - at)) grow(p);
    while (at < end) {
      uint64_t length = 0;
      for (; length < BATCH && at < end; length++, at++) p->out[length] = at->state, p->hashes[length] = at->hash;
      take(p, length);
    }
  }
}

/* All threads wait for each other. */
static void meet(void) {
  static atomic_uint waiting, turn;
  const unsigned now = atomic_load(&turn);
  if (atomic_fetch_add(&waiting, 1) + 1 == threads) {
    atomic_store(&waiting, 0);
    atomic_fetch_add(&turn, 1);
  } else
    for (unsigned looks = 1; atomic_load(&turn) == now; looks++)
      if (looks % 4096 == 0) sched_yield();
}

static uint64_t frontier(void) {
  uint64_t all = 0;
  for (unsigned i = 0; i < threads; i++) all += parts[i].level - parts[i].head;
  return all;
}

static void *work(void *of) {
  Part *p = of;
  uint64_t depth = 0;
  for (;; depth++) {
    p->level = p->count;
    meet();
    if (frontier() == 0) return (void *)depth;
    if (threads == 1) run(p);
    while (frontier() > 0) {
      meet();
      if (is_full(p, 0)) grow(p);
      distribute(p);
      meet();
      absorb(p);
      meet();
    }
    meet();
  }
}

int main(int argc, char **argv) {
  threads = argc > 1 ? atoi(argv[1]) : 1;
  if (threads < 1 || threads > MOST) return 2;
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (unsigned i = 0; i < threads; i++) {
    Part *p = &parts[i];
    p->self = i, p->count = p->head = p->level = 1;
    place(p, 1 << 14);
    for (unsigned box = 0; box < threads && threads > 1; box++)
      if ((p->boxes[box] = malloc(sizeof(Boxed) * (BOX + ROOM))) == NULL) return 3;
  }
  const State initial = {INITIAL};
  insert(&parts[part_of(hash(&initial))], &initial, hash(&initial));
  pthread_t ids[MOST];
  for (unsigned i = 1; i < threads; i++) pthread_create(&ids[i], NULL, work, &parts[i]);
  const uint64_t depth = (uint64_t)work(&parts[0]);
  uint64_t states = 0, made = 0, faults = 0;
  for (unsigned i = 0; i < threads; i++) {
    if (i > 0) pthread_join(ids[i], NULL);
    states += parts[i].count - 1, made += parts[i].made, faults += parts[i].faults;
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("{\"states\":%lu,\"transitions\":%lu,\"depth\":%lu,\"faults\":%lu,\"cpu\":%.3f,\"seconds\":%.3f}\n", states, made, depth - 1,
         faults, (double)clock() / CLOCKS_PER_SEC, b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9);
  return 0;
}
