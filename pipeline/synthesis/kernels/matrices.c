/* Products of float32 matrices, for processors with AVX2 or AVX-512 (see products.py, gram.py).
 *
 * Every sum runs over its terms in their order, each multiplied and added with one rounding, whichever thread makes it
 * and whatever stands beside it. Sums of a few hundred terms are summed.
 */

#include "numbers.h"
#include "symmetric.h"

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))

#include <immintrin.h>

#ifdef __AVX512F__
typedef __m512 lanes;
#define SPREAD _mm512_set1_ps
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define MULTIPLY_ADD _mm512_fmadd_ps
#else
typedef __m256 lanes;
#define SPREAD _mm256_set1_ps
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define MULTIPLY_ADD _mm256_fmadd_ps
#endif

enum {
  LANES = sizeof(lanes) / sizeof(float),
  PANEL = 2 * LANES, /* columns whose sums are in registers, and are packed together */
  ROWS = 6,          /* whose sums are in registers: with the factors they take 15 of AVX2's 16 */
  TERMS = 256,       /* taken at a time: their part of a panel stays in the nearest cache */
  NEAR = 1 << 16,    /* numbers that stay in a core's own cache */
  LINE = 16          /* numbers of a line of the cache */
};

/* Of so many rows of `left` and a panel, over so many terms; to what is in `out`, or in its place. by_row, by_term: how
 * far apart the numbers of `left` are.
 *
 * Factors of deep layers come from memory and serve for a few rows: what comes next is fetched meanwhile. With 16 rows
 * and 512 terms that is worth half the time. */
INLINE void product(int rows, const float *left, ptrdiff_t by_row, ptrdiff_t by_term, const float *panel, int terms,
                    float *out, ptrdiff_t N, int add) {
  lanes sums[ROWS][2];
  UNROLLED for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = SPREAD(0);
  for (int k = 0; k < terms; k++, panel += PANEL) {
    const lanes first = LOAD(panel), second = LOAD(panel + LANES);
    UNROLLED for (int c = 0; c < PANEL; c += LINE) __builtin_prefetch(panel + TERMS * PANEL + c, 0, 2);
    UNROLLED for (int r = 0; r < rows; r++) {
      const lanes one = SPREAD(left[r * by_row + k * by_term]);
      sums[r][0] = MULTIPLY_ADD(one, first, sums[r][0]);
      sums[r][1] = MULTIPLY_ADD(one, second, sums[r][1]);
    }
  }
  UNROLLED for (int r = 0; r < rows; r++, out += N) {
    if (add) {
      sums[r][0] += LOAD(out);
      sums[r][1] += LOAD(out + LANES);
    }
    STORE(out, sums[r][0]);
    STORE(out + LANES, sums[r][1]);
  }
}

/* Of all rows: a row's bits do not depend on how many are taken together. */
INLINE void product_of_all(int rows, const float *left, ptrdiff_t by_row, ptrdiff_t by_term, const float *panel,
                           int terms, float *out, ptrdiff_t N, int add) {
#define TAKE(R)                                                                                                       \
  for (; rows >= R; rows -= R, left += R * by_row, out += R * N)                                                      \
    product(R, left, by_row, by_term, panel, terms, out, N, add);
  TAKE(ROWS)
  TAKE(4)
  TAKE(2)
  TAKE(1)
}

/* left (rows, K) with one panel; of out (rows, N) its columns. */
static void panel_of(const float *left, int rows, ptrdiff_t K, const float *panel, float *out, ptrdiff_t N, int add) {
  for (ptrdiff_t k = 0; k < K; k += TERMS)
    product_of_all(rows, left + k, K, 1, panel + k * PANEL, K - k < TERMS ? K - k : TERMS, out, N, add || k > 0);
}

/* A panel of columns, one row after the other. */
static void pack(const float *from, ptrdiff_t columns, int rows, float *to) {
  for (int k = 0; k < rows; k++) memcpy(to + (size_t)k * PANEL, from + k * columns, PANEL * sizeof *to);
}

/* right (b, K, N), N a multiple of 32, as `products_float32` takes it: (b, N / PANEL, K, PANEL). */
void pack_all_float32(const float *right, float *packed, int b, int K, int N, int threads) {
  const int panels = N / PANEL;
#pragma omp parallel for collapse(2) num_threads(threads)
  for (int n = 0; n < b; n++) {
    for (int p = 0; p < panels; p++)
      pack(right + (size_t)n * K * N + p * PANEL, N, K, packed + ((size_t)n * panels + p) * K * PANEL);
  }
}

/* left (b, M, K); packed; out (b, M, N). add: to what is in out. */
void products_float32(const float *left, const float *packed, float *out, int b, int M, int K, int N, int add,
                      int threads) {
  const int panels = N / PANEL, most = K < NEAR / ROWS ? NEAR / K / ROWS * ROWS : ROWS, parts = (M + most - 1) / most;
#pragma omp parallel for collapse(3) num_threads(threads)
  for (int n = 0; n < b; n++) {
    for (int part = 0; part < parts; part++) {
      for (int p = 0; p < panels; p++) {
        const int top = part * most, rows = M - top < most ? M - top : most;
        const size_t row = (size_t)n * M + top;
        panel_of(left + row * K, rows, K, packed + ((size_t)n * panels + p) * K * PANEL, out + row * N + p * PANEL, N,
                 add);
      }
    }
  }
}

/* Rows of one panel's filters with all filters of another one. */
static void block_of_gram(const float *left, const float *right, int positions, float *G, ptrdiff_t N, int add) {
  product_of_all(PANEL, left, 1, PANEL, right, positions, G, N, add);
}

/* G = F^T F (eq. 3), of which only the panels on and above the diagonal are computed.
 * F (b, M, N), N a multiple of 32; G (b, N, N); packed: room for `chunk` positions, whose sums are made one after the
 * other, and are added to those of the chunks before. */
void gram_float32(const float *F, float *G, float *packed, int b, int M, int N, int chunk, int threads) {
  const int panels = N / PANEL, blocks = panels * (panels + 1) / 2;
  for (int n = 0; n < b; n++, F += (size_t)M * N, G += (size_t)N * N) {
#pragma omp parallel num_threads(threads)
    {
      for (int top = 0; top < M; top += chunk) {
        const int positions = M - top < chunk ? M - top : chunk;
#pragma omp for
        for (int p = 0; p < panels; p++)
          pack(F + (ptrdiff_t)top * N + p * PANEL, N, positions, packed + (size_t)p * positions * PANEL);
#pragma omp for
        for (int t = 0; t < blocks; t++) {
          int left = t, right = 0; /* panels, counted along the columns of the upper triangle */
          while (left > right) left -= ++right;
          block_of_gram(packed + (size_t)left * positions * PANEL, packed + (size_t)right * positions * PANEL,
                        positions, G + (ptrdiff_t)left * PANEL * N + right * PANEL, N, top > 0);
        }
      }
#pragma omp for
      for (int p = 0; p < panels; p++) mirror(G, N, p * PANEL, (p + 1) * PANEL);
    }
  }
}

#endif
