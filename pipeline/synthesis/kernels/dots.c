/* Products of bfloat16 matrices by AVX512-BF16's dot products of pairs, summed in float32 (see products.py, gram.py).
 *
 * Every sum runs over its terms in their order, whichever thread makes it and whatever stands beside it.
 */

#include "numbers.h"
#include "symmetric.h"

#ifdef __AVX512BF16__

#include <immintrin.h>

enum {
  PANEL = BOTH,
  ROWS = 8, /* whose sums are in registers */
  TILES = PANEL / ROWS,
  NEAR = 1 << 17, /* numbers that stay in a core's own cache */
  AHEAD = 256,    /* pairs that are fetched meanwhile */
  LINE = 16       /* pairs of a line of the cache */
};

static inline __m512i widened(const uint16_t *from) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from));
}

/* A panel of columns: each word holds two rows of one column, the second one 0 after the last. */
static void pack(const uint16_t *from, ptrdiff_t columns, int rows, uint32_t *to) {
  for (int k = 0; k < rows; k += 2, from += 2 * columns, to += PANEL) {
    UNROLLED for (int c = 0; c < PANEL; c += WIDTH) {
      __m512i pair = widened(from + c);
      if (k + 1 < rows) pair = _mm512_or_si512(pair, _mm512_slli_epi32(widened(from + columns + c), 16));
      _mm512_storeu_si512(to + c, pair);
    }
  }
}

/* Eight rows of G in one panel, of filters from `left` on with all filters of `right` or the upper half of them, over
 * pairs of positions. */
#define TILE(name, from)                                                                                              \
  static void name(const uint32_t *left, const uint32_t *right, int pairs, float *G, ptrdiff_t N, int add) {          \
    __m512 sums[ROWS][2];                                                                                             \
    UNROLLED for (int r = 0; r < ROWS; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();                            \
    for (int k = 0; k < pairs; k++, left += PANEL, right += PANEL) {                                                  \
      UNROLLED for (int r = 0; r < ROWS; r++) {                                                                       \
        const __m512bh one = (__m512bh)_mm512_set1_epi32((int)left[r]);                                               \
        UNROLLED for (int s = from; s < 2; s++) sums[r][s] =                                                          \
            _mm512_dpbf16_ps(sums[r][s], one, (__m512bh)_mm512_loadu_si512(right + s * WIDTH));                       \
      }                                                                                                               \
    }                                                                                                                 \
    UNROLLED for (int r = 0; r < ROWS; r++, G += N) {                                                                 \
      UNROLLED for (int s = from; s < 2; s++) {                                                                       \
        float *to = G + s * WIDTH;                                                                                    \
        _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sums[r][s]) : sums[r][s]);                      \
      }                                                                                                               \
    }                                                                                                                 \
  }

TILE(tile, 0)
TILE(half_tile, 1)

/* G = F^T F (eq. 3), of which only what stands on and above the diagonal is computed.
 * F (b, M, N), N a multiple of 32; G (b, N, N); packed: room for `chunk` positions, an even number of them, that are
 * taken at a time. */
void gram_bfloat16(const uint16_t *F, float *G, uint32_t *packed, int b, int M, int N, int chunk, int threads) {
  const int panels = N / PANEL, tiles = panels * (panels + 1) / 2 * TILES;
  for (int n = 0; n < b; n++, F += (size_t)M * N, G += (size_t)N * N) {
#pragma omp parallel num_threads(threads)
    {
      for (int top = 0; top < M; top += chunk) {
        const int positions = M - top < chunk ? M - top : chunk, pairs = (positions + 1) / 2;
#pragma omp for
        for (int p = 0; p < panels; p++)
          pack(F + (ptrdiff_t)top * N + p * PANEL, N, positions, packed + (size_t)p * pairs * PANEL);
#pragma omp for
        for (int t = 0; t < tiles; t++) {
          int left = t / TILES, right = 0; /* panels, counted along the columns of the upper triangle */
          while (left > right) left -= ++right;
          const int row = t % TILES * ROWS;
          (left == right && row >= WIDTH ? half_tile : tile)(/* what is left out is mirrored */
                                                             packed + (size_t)left * pairs * PANEL + row,
                                                             packed + (size_t)right * pairs * PANEL, pairs,
                                                             G + (ptrdiff_t)(left * PANEL + row) * N + right * PANEL,
                                                             N, top > 0);
        }
      }
#pragma omp for
      for (int p = 0; p < panels; p++) mirror(G, N, p * PANEL, (p + 1) * PANEL);
    }
  }
}

/* R rows of `left` with one packed panel; to what is in `out`, or in its place. What comes next of the factors is
 * fetched meanwhile: those of deep layers come from memory, and serve for a few rows. */
#define ROWS_OF(R)                                                                                                    \
  static void rows##R(const uint16_t *left, ptrdiff_t K, const uint32_t *panel, uint16_t *out, ptrdiff_t N,           \
                      int add) {                                                                                      \
    __m512 sums[R][2];                                                                                                \
    UNROLLED for (int r = 0; r < R; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();                               \
    for (ptrdiff_t k = 0; k < K; k += 2, panel += PANEL) {                                                            \
      UNROLLED for (int c = 0; c < PANEL; c += LINE) __builtin_prefetch(panel + AHEAD * PANEL + c, 0, 2);             \
      const __m512bh first = (__m512bh)_mm512_loadu_si512(panel),                                                     \
                     second = (__m512bh)_mm512_loadu_si512(panel + WIDTH);                                            \
      UNROLLED for (int r = 0; r < R; r++) {                                                                          \
        int pair;                                                                                                     \
        memcpy(&pair, left + r * K + k, sizeof pair);                                                                 \
        const __m512bh one = (__m512bh)_mm512_set1_epi32(pair);                                                       \
        sums[r][0] = _mm512_dpbf16_ps(sums[r][0], one, first);                                                        \
        sums[r][1] = _mm512_dpbf16_ps(sums[r][1], one, second);                                                       \
      }                                                                                                               \
    }                                                                                                                 \
    UNROLLED for (int r = 0; r < R; r++, out += N) {                                                                  \
      if (add) {                                                                                                      \
        sums[r][0] = _mm512_add_ps(sums[r][0], _mm512_castsi512_ps(_mm512_slli_epi32(widened(out), 16)));             \
        sums[r][1] = _mm512_add_ps(sums[r][1], _mm512_castsi512_ps(_mm512_slli_epi32(widened(out + WIDTH), 16)));     \
      }                                                                                                               \
      _mm512_storeu_si512(out, (__m512i)_mm512_cvtne2ps_pbh(sums[r][1], sums[r][0]));                                 \
    }                                                                                                                 \
  }

ROWS_OF(8)
ROWS_OF(4)
ROWS_OF(2)
ROWS_OF(1)

/* left (rows, K) with one panel; of out (rows, N) its columns. */
static void panel_of(const uint16_t *left, int rows, ptrdiff_t K, const uint32_t *panel, uint16_t *out, ptrdiff_t N,
                     int add) {
  int m = 0;
  for (; m + 8 <= rows; m += 8) rows8(left + m * K, K, panel, out + m * N, N, add);
  if (rows & 4) rows4(left + m * K, K, panel, out + m * N, N, add), m += 4;
  if (rows & 2) rows2(left + m * K, K, panel, out + m * N, N, add), m += 2;
  if (rows & 1) rows1(left + m * K, K, panel, out + m * N, N, add);
}

/* right (b, K, N), K even, N a multiple of 32, as `products_bfloat16` takes it: (b, N / 32, K / 2, 32) pairs. */
void pack_all_bfloat16(const uint16_t *right, uint32_t *packed, int b, int K, int N, int threads) {
  const int panels = N / PANEL;
#pragma omp parallel for collapse(2) num_threads(threads)
  for (int n = 0; n < b; n++) {
    for (int p = 0; p < panels; p++)
      pack(right + (size_t)n * K * N + p * PANEL, N, K, packed + ((size_t)n * panels + p) * (K / 2) * PANEL);
  }
}

/* left (b, M, K); packed; out (b, M, N), rounded once. add: to what is in out. */
void products_bfloat16(const uint16_t *left, const uint32_t *packed, uint16_t *out, int b, int M, int K, int N,
                       int add, int threads) {
  const int panels = N / PANEL, most = K < NEAR / 8 ? NEAR / K / 8 * 8 : 8, parts = (M + most - 1) / most;
#pragma omp parallel for collapse(3) num_threads(threads)
  for (int n = 0; n < b; n++) {
    for (int part = 0; part < parts; part++) {
      for (int p = 0; p < panels; p++) {
        const int top = part * most, rows = M - top < most ? M - top : most;
        const size_t row = (size_t)n * M + top;
        panel_of(left + row * K, rows, K, packed + ((size_t)n * panels + p) * (K / 2) * PANEL,
                 out + row * N + p * PANEL, N, add);
      }
    }
  }
}

#endif
