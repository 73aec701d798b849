/* What a loss is made of, in one pass: a difference's sum of squares, and the gradient that it stands for, rounded to
 * bfloat16 (see differences.py). Sums are made of blocks, in their order, whichever thread makes a block. */

#include "numbers.h"

INLINE floats square(floats x) { return x * x; }

static double of_maps(const uint16_t *F, const uint16_t *P, float factor, uint16_t *gradient, ptrdiff_t count) {
  floats squares = {0};
  for (ptrdiff_t i = 0; i < count; i += BOTH) {
    const both f = load(F + i), p = load(P + i);
    const both difference = {f.even - p.even, f.odd - p.odd};
    squares += square(difference.even) + square(difference.odd);
    store(gradient + i, (both){factor * difference.even, factor * difference.odd});
  }
  return sum_of(squares);
}

static double of_grams(const float *G, const float *A, float positions, float factor, uint16_t *gradient,
                              ptrdiff_t count) {
  floats squares = {0};
  for (ptrdiff_t i = 0; i < count; i += BOTH) {
    const both g = load_apart(G + i), a = load_apart(A + i);
    const both difference = {g.even / positions - a.even, g.odd / positions - a.odd};
    squares += square(difference.even) + square(difference.odd);
    store(gradient + i, (both){factor * difference.even, factor * difference.odd});
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

/* F, P, gradient (b, count), count and block multiples of 32; factors, sums (b); partial: room for a number a block. */
void differences_of_maps(const uint16_t *F, const uint16_t *P, const float *factors, uint16_t *gradient,
                         double *partial, double *sums, int b, ptrdiff_t count, int block,
                         int threads) {
  OF_ALL(of_maps(F + from, P + from, factors[n], gradient + from, here))
}

/* G / positions and A likewise. */
void differences_of_grams(const float *G, const float *A, float positions, const float *factors, uint16_t *gradient,
                          double *partial, double *sums, int b, ptrdiff_t count, int block,
                          int threads) {
  OF_ALL(of_grams(G + from, A + from, positions, factors[n], gradient + from, here))
}
