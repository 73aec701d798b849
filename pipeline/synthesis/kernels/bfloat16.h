/* bfloat16's bits as numbers: a bfloat16 is the upper half of a float.
 *
 * Thirty-two of them are two registers of floats, those at even and those at odd places: each word holds one of either,
 * and needs a shift or a mask alone. So memory's order is that of little-endian processors.
 */

#ifndef NECKAR_BFLOAT16_H
#define NECKAR_BFLOAT16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WIDTH = 16, BOTH = 2 * WIDTH }; /* numbers in one register of floats, and in two */

typedef float floats __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t words __attribute__((vector_size(4 * WIDTH)));

#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default"))) /* which one is chosen at load */
#else
#define CLONES
#endif

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

/* Thirty-two floats apart, as bfloat16 ones come apart, and together again. */
INLINE both load_apart(const float *from) {
  const floats low = load_floats(from), high = load_floats(from + WIDTH);
  return (both){__builtin_shuffle(low, high, (words){0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}),
                __builtin_shuffle(low, high, (words){1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31})};
}

INLINE void store_together(float *to, both x) {
  store_floats(to, __builtin_shuffle(x.even, x.odd, (words){0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}));
  store_floats(to + WIDTH,
               __builtin_shuffle(x.even, x.odd, (words){8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}));
}

/* In float64, in an order that is always the same. */
INLINE double sum_of(floats x) {
  double sum = 0;
  UNROLLED for (int i = 0; i < WIDTH; i++) sum += x[i];
  return sum;
}

#endif
