/* What a loss is made of, in one pass: a difference's sum of squares, and the gradient that it stands for (see
 * differences.py), of float32 where it is `wide`, else rounded to bfloat16. Sums are made of blocks, in their order,
 * whichever thread makes a block. */

#include "numbers.h"

INLINE floats square(floats x) { return x * x; }

INLINE double of_maps(int wide, const void *F, const void *P, float factor, void *gradient, ptrdiff_t count) {
  floats squares = {0};
  for (ptrdiff_t i = 0; i < count; i += BOTH) {
    const both f = take(F, i, wide), p = take(P, i, wide);
    const both difference = {f.even - p.even, f.odd - p.odd};
    squares += square(difference.even) + square(difference.odd);
    put(gradient, i, (both){factor * difference.even, factor * difference.odd}, wide);
  }
  return sum_of(squares);
}

INLINE double of_grams(int wide, const float *G, const float *A, float positions, float factor, void *gradient,
                       ptrdiff_t count) {
  floats squares = {0};
  for (ptrdiff_t i = 0; i < count; i += BOTH) {
    const both g = wide ? take(G, i, 1) : load_apart(G + i), a = wide ? take(A, i, 1) : load_apart(A + i);
    const both difference = {g.even / positions - a.even, g.odd / positions - a.odd};
    squares += square(difference.even) + square(difference.odd);
    put(gradient, i, (both){factor * difference.even, factor * difference.odd}, wide);
  }
  return sum_of(squares);
}

#define OF_ALL(of_block)                                                                                              \
  const ptrdiff_t blocks = (count + block - 1) / block;                                                               \
  _Pragma("omp parallel for collapse(2) num_threads(threads)") for (int n = 0; n < b; n++) {                          \
    for (ptrdiff_t i = 0; i < blocks; i++) {                                                                          \
      const ptrdiff_t at = i * block, here = count - at < block ? count - at : block, from = n * count + at;          \
      partial[n * blocks + i] = of_block;                                                                             \
    }                                                                                                                 \
  }                                                                                                                   \
  for (int n = 0; n < b; n++) {                                                                                       \
    sums[n] = 0;                                                                                                      \
    for (ptrdiff_t i = 0; i < blocks; i++) sums[n] += partial[n * blocks + i];                                        \
  }

/* maps:  F, P, gradient (b, count), count and block multiples of 32; factors, sums (b); partial: room for a number a
 *        block.
 * grams: G / positions and A likewise. */
#define DIFFERENCES(wide, number, type)                                                                               \
  void differences_of_maps_##type(const number *F, const number *P, const float *factors, number *gradient,           \
                                  double *partial, double *sums, int b, ptrdiff_t count, int block, int threads) {    \
    OF_ALL(of_maps(wide, F + from, P + from, factors[n], gradient + from, here))                                      \
  }                                                                                                                   \
  void differences_of_grams_##type(const float *G, const float *A, float positions, const float *factors,             \
                                   number *gradient, double *partial, double *sums, int b, ptrdiff_t count,           \
                                   int block, int threads) {                                                          \
    OF_ALL(of_grams(wide, G + from, A + from, positions, factors[n], gradient + from, here))                          \
  }

DIFFERENCES(0, uint16_t, bfloat16)
DIFFERENCES(1, float, float32)
