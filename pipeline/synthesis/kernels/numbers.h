/* Numbers of float32 or of bfloat16, as many at a time as two registers of floats hold: 32, 16 or 8.
 *
 * A bfloat16 is the upper half of a float. One register takes those at even and one those at odd places: each word of
 * memory holds one of either, and needs a shift or a mask alone. So memory's order is that of little-endian processors.
 * Of float32, one register takes the first half and one the second.
 *
 * These files are built once for every class of processor (see pyproject.toml and compiled.py): so everything here is
 * written in vectors that the compiler knows for all of them.
 */

#ifndef NECKAR_NUMBERS_H
#define NECKAR_NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__
#define WIDTH 16
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#elif defined(__AVX2__)
#define WIDTH 8
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#else
#define WIDTH 4
#define EVEN 0, 2, 4, 6
#define LOW 0, 4, 1, 5
#endif
enum { BOTH = 2 * WIDTH }; /* numbers in one register of floats, and in two */

typedef float floats __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t words __attribute__((vector_size(4 * WIDTH)));

#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")
typedef struct {
  floats even, odd;
} both;

INLINE both load(const uint16_t *from) {
  words bits;
  memcpy(&bits, from, sizeof bits);
  return (both){(floats)(bits << 16), (floats)(bits & 0xffff0000)};
}

INLINE floats load_floats(const float *from) {
  floats found;
  memcpy(&found, from, sizeof found);
  return found;
}

/* To the nearest, ties to even. A NaN made of bfloat16 ones, or by arithmetic, has zeros below, and stays one. */
INLINE floats rounded(floats x) {
  const words bits = (words)x;
  return (floats)((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
}

INLINE void store(uint16_t *to, both x) {
  const words bits = (words)rounded(x.even) >> 16 | (words)rounded(x.odd);
  memcpy(to, &bits, sizeof bits);
}

INLINE void store_floats(float *to, floats x) { memcpy(to, &x, sizeof x); }

/* Numbers `at` places on, of float32 where they are `wide`, else of bfloat16. */
INLINE both take(const void *from, ptrdiff_t at, int wide) {
  const float *floats_from = (const float *)from + at;
  return wide ? (both){load_floats(floats_from), load_floats(floats_from + WIDTH)} : load((const uint16_t *)from + at);
}

INLINE void put(void *to, ptrdiff_t at, both x, int wide) {
  float *floats_to = (float *)to + at;
  if (wide)
    store_floats(floats_to, x.even), store_floats(floats_to + WIDTH, x.odd);
  else
    store((uint16_t *)to + at, x);
}

/* Floats apart, as bfloat16 ones come apart, and together again. */
INLINE both load_apart(const float *from) {
  const floats low = load_floats(from), high = load_floats(from + WIDTH);
  return (both){__builtin_shuffle(low, high, (words){EVEN}), __builtin_shuffle(low, high, (words){EVEN} + 1)};
}

INLINE void store_together(float *to, both x) {
  store_floats(to, __builtin_shuffle(x.even, x.odd, (words){LOW}));
  store_floats(to + WIDTH, __builtin_shuffle(x.even, x.odd, (words){LOW} + WIDTH / 2));
}

/* In float64, in an order that is always the same. */
INLINE double sum_of(floats x) {
  double sum = 0;
  UNROLLED for (int i = 0; i < WIDTH; i++) sum += x[i];
  return sum;
}

#endif
