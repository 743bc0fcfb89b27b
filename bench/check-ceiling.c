/*
 * How fast could the search be? The same one in straight C: the same records, index, hash, batches and order of states. Only the successors
 * come from a generated file, MODEL (bench/check-ceiling.ts), which defines WORDS, RECORD, INITIAL, BRANCHING, load(), save() and
 * successors(). Prints the states, the transitions, the levels and the seconds of processor time.
 */
#include <emmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct State State;
#include MODEL

enum { BATCH = 128 };
static const double LOAD = 0.95;

static uint8_t *arena;
static uint32_t *slots;
static uint64_t groups, capacity, count = 1, made, faults;
static unsigned id_bits;
static State out[BATCH + BRANCHING + 1];
static uint32_t hashes[BATCH + BRANCHING + 1];

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
static void touch(uint64_t length) {
  static volatile uint32_t sink;
  uint32_t all = 0;
  for (uint64_t i = 0; i < length; i++) all ^= *group_of(hashes[i]);
  sink = all;
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

/* Put a new index of so many slots beside the arena, which is made as large as the states need that fit. */
static void grow(uint64_t wanted) {
  free(slots);
  groups = wanted / 4;
  capacity = (uint64_t)(wanted * LOAD);
  arena = realloc(arena, (capacity + 2) * RECORD + 8);
  slots = aligned_alloc(64, wanted * 4);
  if (arena == NULL || slots == NULL) exit(3);
  memset(slots, 0, wanted * 4);
  id_bits = 32 - __builtin_clz((uint32_t)capacity);
  for (uint64_t id = 1; id < count;) {
    const uint64_t end = id + BATCH < count ? id + BATCH : count;
    for (uint64_t i = id; i < end; i++) {
      State s;
      load(&s, arena + i * RECORD);
      hashes[i - id] = hash(&s);
    }
    touch(end - id);
    for (uint64_t i = id; i < end; i++) {
      uint32_t *group = group_of(hashes[i - id]);
      while (empty(group) == 0) group = next_group(group);
      group[__builtin_ctz(empty(group))] = hashes[i - id] << id_bits | (uint32_t)i;
    }
    id = end;
  }
}

static void insert(const State *s, uint32_t h) {
  const uint32_t tag = h << id_bits;
  const uint32_t mask = (1u << id_bits) - 1;
  for (uint32_t *group = group_of(h);; group = next_group(group)) {
    const unsigned free_slots = empty(group);
    for (unsigned tagged = matching(group, tag) & ~free_slots; tagged != 0; tagged &= tagged - 1) {
      State known;
      load(&known, arena + (uint64_t)(group[__builtin_ctz(tagged)] & mask) * RECORD);
      if (memcmp(&known, s, sizeof known) == 0) return;
    }
    if (free_slots == 0) continue;
    save(s, arena + count * RECORD);
    group[__builtin_ctz(free_slots)] = tag | (uint32_t)count++;
    return;
  }
}

int main(void) {
  grow(1 << 14);
  const State initial = {INITIAL};
  insert(&initial, hash(&initial));
  uint64_t head = 1, depth = 0;
  for (uint64_t level = count; head < count; level = count, depth++) {
    while (head < level) {
      if (count >= capacity - BATCH - BRANCHING - 1) {
        const uint64_t all = 4 * groups;
        grow(all < 1 << 20 ? 4 * all : 2 * all);
      }
      State *end = out;
      for (; head < level && end < out + BATCH; head++) {
        State s;
        load(&s, arena + head * RECORD);
        end = successors(&s, end, &faults);
      }
      made += end - out;
      for (State *s = out; s < end; s++) hashes[s - out] = hash(s);
      touch(end - out);
      for (State *s = out; s < end; s++) insert(s, hashes[s - out]);
    }
  }
  printf("{\"states\":%lu,\"transitions\":%lu,\"depth\":%lu,\"faults\":%lu,\"cpu\":%.3f}\n", count - 1, made, depth - 1, faults,
         (double)clock() / CLOCKS_PER_SEC);
  return 0;
}
