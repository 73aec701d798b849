/* Products with the rows of a history, and sums of rows in bfloat16, in float32 (see history.py). */

#include "numbers.h"

enum { ABREAST = 4 }; /* rows at a time: so many streams hide memory's latency, one does not */

/* In float32, of at most 512 products each, and then in float64. */
INLINE void block_of_products(const void *rows, ptrdiff_t at, ptrdiff_t length, int count, const float *v, ptrdiff_t n,
                              double *found, const int wide) {
  both apart[n / BOTH];
  for (ptrdiff_t i = 0; i < n / BOTH; i++) apart[i] = wide ? take(v, i * BOTH, 1) : load_apart(v + i * BOTH);
  for (int row = 0; row < count; row += ABREAST, at += ABREAST * length) {
    const int abreast = count - row < ABREAST ? count - row : ABREAST;
    both sums[ABREAST] = {{{0}, {0}}};
    for (ptrdiff_t i = 0; i < n; i += BOTH) {
      const both here = apart[i / BOTH];
      UNROLLED for (int k = 0; k < ABREAST; k++) {
        if (k == abreast) break;
        const both r = take(rows, at + k * length + i, wide);
        sums[k].even += r.even * here.even;
        sums[k].odd += r.odd * here.odd;
      }
    }
    for (int k = 0; k < abreast; k++) found[row + k] = sum_of(sums[k].even + sums[k].odd);
  }
}

INLINE void products(const void *rows, int count, const float *v, ptrdiff_t n, int block, double *partial,
                     double *found, int threads, const int wide) {
  const ptrdiff_t blocks = (n + block - 1) / block;
#pragma omp parallel for num_threads(threads)
  for (ptrdiff_t i = 0; i < blocks; i++) {
    const ptrdiff_t at = i * block, here = n - at < block ? n - at : block;
    block_of_products(rows, at, n, count, v + at, here, partial + i * count, wide);
  }
  for (int row = 0; row < count; row++) {
    found[row] = 0;
    for (ptrdiff_t i = 0; i < blocks; i++) found[row] += partial[i * count + row];
  }
}

/* rows (count, n), n and block multiples of 32; partial: room for `count` numbers a block; found (count). */
void history_products_bfloat16(const void *rows, int count, const float *v, ptrdiff_t n, int block, double *partial,
                               double *found, int threads) {
  products(rows, count, v, n, block, partial, found, threads, 0);
}

/* The same of rows in float32. */
void history_products_float32(const void *rows, int count, const float *v, ptrdiff_t n, int block, double *partial,
                              double *found, int threads) {
  products(rows, count, v, n, block, partial, found, threads, 1);
}

static void block_of_sum(const uint16_t *rows, ptrdiff_t length, int count, const float *weights, float *sum,
                                ptrdiff_t n) {
  both apart[n / BOTH];
  memset(apart, 0, n * sizeof *sum);
  for (int row = 0; row < count; row += ABREAST, rows += ABREAST * length) {
    const int abreast = count - row < ABREAST ? count - row : ABREAST;
    for (ptrdiff_t i = 0; i < n; i += BOTH) {
      both so_far = apart[i / BOTH];
      UNROLLED for (int k = 0; k < ABREAST; k++) {
        if (k == abreast) break;
        const both r = load(rows + k * length + i);
        so_far.even += weights[row + k] * r.even;
        so_far.odd += weights[row + k] * r.odd;
      }
      apart[i / BOTH] = so_far;
    }
  }
  for (ptrdiff_t i = 0; i < n / BOTH; i++) store_together(sum + i * BOTH, apart[i]);
}

/* sum (n) = rows^T weights. */
void history_sum_bfloat16(const uint16_t *rows, int count, const float *weights, float *sum, ptrdiff_t n, int block,
                 int threads) {
  const ptrdiff_t blocks = (n + block - 1) / block;
#pragma omp parallel for num_threads(threads)
  for (ptrdiff_t i = 0; i < blocks; i++) {
    const ptrdiff_t at = i * block, here = n - at < block ? n - at : block;
    block_of_sum(rows + at, n, count, weights, sum + at, here);
  }
}
