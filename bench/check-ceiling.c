/*
 * How fast could the search be? The same one in straight C: the same records, index, hash, batches and order of states, by as many threads as
 * the argument says, which work in one memory in the way of src/check/team.ts. Only the successors come from a generated file, MODEL
 * (bench/check-ceiling.ts), which defines WORDS, RECORD, INITIAL, BRANCHING, load(), save() and successors(). Prints the states, the
 * transitions, and the seconds of processor time and of time.
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

enum { BATCH = 128, MOST = 8, ROOM = BATCH + BRANCHING + 1, BLOCK = 64, SHARES = 4 };
enum { CHUNK = (1 << 14) / BRANCHING < 1024 ? (1 << 14) / BRANCHING : 1024 };
static const double LOAD = 0.95;

/* What all threads see. */
static uint8_t *arena;
static uint32_t *slots;
static uint64_t groups, capacity, limit, level;
static unsigned id_bits, threads = 1;
static int is_over, is_full;
static _Alignas(128) atomic_ulong count = 1;
static _Alignas(128) atomic_ulong head = 1;

/* What one thread has for itself; the numbers it may give to new states are those from `next` until `last`. */
typedef struct {
  _Alignas(128) uint64_t made, faults, next, last;
  unsigned self;
  uint32_t sink;
  State out[ROOM];
  uint32_t hashes[ROOM];
  uint32_t ids[BATCH];
} Thread;
static Thread all[MOST];

static uint32_t hash(const State *s) {
  uint32_t h = (s->w[0] ^ s->w[0] >> 15) * 0x2c1b3c6du;
  for (int i = 1; i < WORDS; i++) h = ((h ^ h >> 13) + s->w[i]) * 0x297a2d39u;
  h = (h ^ h >> 15) * 0x85ebca6bu;
  return h ^ h >> 13;
}

static uint32_t *group_of(uint32_t h) { return slots + 4 * ((h * groups) >> 32); }

static uint32_t *next_group(uint32_t *group) {
  group += 4;
  return group == slots + 4 * groups ? slots : group;
}

/* Read, not prefetched: that is a third slower here. */
static void touch(Thread *t, uint64_t length) {
  uint32_t any = 0;
  for (uint64_t i = 0; i < length; i++) any ^= *group_of(t->hashes[i]);
  *(volatile uint32_t *)&t->sink = any;
}

static unsigned matching(const uint32_t *group, uint32_t tag) {
  const __m128i x = _mm_xor_si128(_mm_load_si128((const __m128i *)group), _mm_set1_epi32((int)tag));
  const __m128i high = _mm_srl_epi32(x, _mm_cvtsi32_si128((int)id_bits));
  return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(high, _mm_setzero_si128())));
}

static unsigned empty(const uint32_t *group) {
  const __m128i x = _mm_load_si128((const __m128i *)group);
  return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(x, _mm_setzero_si128())));
}

/* Fill a slot that seemed empty; whether nobody else has meanwhile. */
static int fill(uint32_t *slot, uint32_t value) {
  if (threads == 1) return *slot = value, 1;
  return __sync_bool_compare_and_swap(slot, 0, value);
}

/* Put a new index of so many slots beside the arena, which is made as large as the states need that fit. */
static void place(uint64_t wanted) {
  free(slots);
  groups = wanted / 4;
  capacity = (uint64_t)(wanted * LOAD);
  const uint64_t reserve = threads * (CHUNK * BRANCHING + ROOM + BLOCK);
  limit = capacity > reserve ? capacity - reserve : 0;
  arena = realloc(arena, (capacity + 2) * RECORD + 8);
  slots = aligned_alloc(64, wanted * 4);
  if (arena == NULL || slots == NULL) exit(3);
  memset(slots, 0, wanted * 4);
  id_bits = 32 - __builtin_clz((uint32_t)capacity);
}

/* Enter the states that belong into this thread's share of the index. */
static void refill(Thread *t) {
  const uint64_t end = atomic_load(&count);
  const uint32_t *low = slots + 4 * (groups * t->self / threads);
  const uint32_t *high = slots + 4 * (groups * (t->self + 1) / threads);
  for (uint64_t id = 1; id < end;) {
    const uint64_t until = id + BATCH < end ? id + BATCH : end;
    uint64_t length = 0;
    for (; id < until; id++) {
      State s;
      load(&s, arena + id * RECORD);
      t->hashes[length] = hash(&s);
      t->ids[length] = (uint32_t)id;
      const uint32_t *group = group_of(t->hashes[length]);
      length += group >= low && group < high;
    }
    touch(t, length);
    for (uint64_t i = 0; i < length; i++)
      for (uint32_t *group = group_of(t->hashes[i]);;) {
        const unsigned free_slots = empty(group);
        if (free_slots == 0) group = next_group(group);
        else if (fill(group + __builtin_ctz(free_slots), t->hashes[i] << id_bits | t->ids[i])) break;
      }
  }
}

static void insert(Thread *t, const State *s, uint32_t h) {
  const uint32_t tag = h << id_bits;
  const uint32_t mask = (1u << id_bits) - 1;
  for (uint32_t *group = group_of(h);;) {
    const unsigned free_slots = empty(group);
    for (unsigned tagged = matching(group, tag) & ~free_slots; tagged != 0; tagged &= tagged - 1) {
      State known;
      load(&known, arena + (uint64_t)(group[__builtin_ctz(tagged)] & mask) * RECORD);
      if (memcmp(&known, s, sizeof known) == 0) return;
    }
    if (free_slots == 0) {
      group = next_group(group);
      continue;
    }
    if (t->next == t->last) t->next = atomic_fetch_add(&count, BLOCK), t->last = t->next + BLOCK;
    save(s, arena + t->next * RECORD);
    if (fill(group + __builtin_ctz(free_slots), tag | (uint32_t)t->next)) {
      t->next++;
      return;
    }
  }
}

/* Take states of the level, as long as there are some and room for what comes of them. */
static void run(Thread *t) {
  while (atomic_load(&count) < limit) {
    uint64_t at = atomic_load(&head);
    if (at >= level) return;
    uint64_t size = (level - at) / (SHARES * threads) + 1;
    if (size > CHUNK) size = CHUNK;
    at = atomic_fetch_add(&head, size);
    if (at >= level) return;
    for (const uint64_t until = at + size < level ? at + size : level; at < until;) {
      State *end = t->out;
      for (; at < until && end < t->out + BATCH; at++) {
        State s;
        load(&s, arena + at * RECORD);
        end = successors(&s, end, &t->faults);
      }
      const uint64_t made = end - t->out;
      t->made += made;
      for (uint64_t i = 0; i < made; i++) t->hashes[i] = hash(&t->out[i]);
      touch(t, made);
      for (uint64_t i = 0; i < made; i++) insert(t, &t->out[i], t->hashes[i]);
    }
  }
}

/* Give a state another number. */
static void move(uint64_t from, uint64_t to) {
  State s;
  load(&s, arena + from * RECORD);
  save(&s, arena + to * RECORD);
  const uint32_t h = hash(&s);
  for (uint32_t *group = group_of(h);; group = next_group(group))
    for (int i = 0; i < 4; i++)
      if (group[i] == (h << id_bits | (uint32_t)from)) {
        group[i] = h << id_bits | (uint32_t)to;
        return;
      }
}

/* The numbers that threads have taken and not used are used by the last states. */
static void close_gaps(void) {
  uint64_t end = atomic_load(&count);
  for (unsigned i = 0; i < threads;) {
    Thread *t = &all[i];
    if (t->next == t->last) i++;
    else if (t->last == end) end = t->last = t->next, i = 0;
    else {
      unsigned other = 0;
      while (other < threads && (all[other].next == all[other].last || all[other].last != end)) other++;
      if (other < threads) end = all[other].last = all[other].next;
      else move(--end, t->next++);
    }
  }
  atomic_store(&count, end);
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

static void *work(void *of) {
  Thread *t = of;
  for (;;) {
    meet();
    if (t->self == 0) {
      close_gaps();
      if (atomic_load(&head) >= level) {
        atomic_store(&head, level);
        level = atomic_load(&count);
      }
      is_over = atomic_load(&head) == level;
      is_full = atomic_load(&count) >= limit;
      if (is_full) {
        const uint64_t size = 4 * groups;
        place(size < 1 << 20 ? 64 * size : size < 1 << 22 ? 8 * size : 2 * size);
      }
    }
    meet();
    if (is_over) return NULL;
    if (is_full) {
      refill(t);
      meet();
    }
    run(t);
  }
}

int main(int argc, char **argv) {
  threads = argc > 1 ? atoi(argv[1]) : 1;
  if (threads < 1 || threads > MOST) return 2;
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  place(1 << 14);
  level = 1;
  const State initial = {INITIAL};
  insert(&all[0], &initial, hash(&initial));
  pthread_t ids[MOST];
  for (unsigned i = 1; i < threads; i++) {
    all[i].self = i;
    pthread_create(&ids[i], NULL, work, &all[i]);
  }
  work(&all[0]);
  uint64_t made = 0, faults = 0;
  for (unsigned i = 0; i < threads; i++) {
    if (i > 0) pthread_join(ids[i], NULL);
    made += all[i].made, faults += all[i].faults;
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("{\"states\":%lu,\"transitions\":%lu,\"faults\":%lu,\"cpu\":%.3f,\"seconds\":%.3f}\n", (uint64_t)atomic_load(&count) - 1, made,
         faults, (double)clock() / CLOCKS_PER_SEC, b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9);
  return 0;
}
