/* Winograd's tiles in bfloat16: B^T d B and A^T (.) A, each in one pass over memory (see tiles.py, winograd.py).
 *
 * Maps are channels last; numbers are bfloat16's bits. Sums are made in float32, where these few terms of few bits
 * are exact, and are rounded once, to the nearest, ties to even: the same bits as by torch's matrix products.
 */

#include "bfloat16.h"

enum { MOST = 6 }; /* side of the largest tile; filters are taken by two registers, which fill a line of the cache */

/* toom_cook.py makes these; a test compares them. In row i of B^T and of A^T stands what makes element i. */
static const float B2[4][4] = {{-1, 0, 1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}};
static const float A2[2][4] = {{1, 1, 1, 0}, {0, 1, -1, 1}};

static const float B3[5][5] = {
    {-1, -1.5, 1.5, 1, 0}, {0, 1, 2.5, 1, 0}, {0, -2, 1, 1, 0}, {0, -.5, -.5, 1, 0}, {0, -1, -1.5, 1.5, 1}};
static const float A3[3][5] = {{1, 1, 1, 1, 0}, {0, 1, -.5, -2, 0}, {0, 1, .25, 4, 1}};

static const float B4[6][6] = {{1, 1.5, -2, -1.5, 1, 0}, {0, -1, -2.5, -.5, 1, 0}, {0, 1, .5, -2.5, 1, 0},
                               {0, -.5, -1, .5, 1, 0},   {0, 2, -1, -2, 1, 0},     {0, 1, 1.5, -2, -1.5, 1}};
static const float A4[4][6] = {
    {1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -.5, 0}, {0, 1, 1, 4, .25, 0}, {0, 1, -1, 8, -.125, 1}};

/* The coefficients are known when this is unrolled: a zero costs nothing. */
INLINE both sum(const float *coefficients, int t, const both *terms) {
  both found = {{0}, {0}};
  UNROLLED for (int k = 0; k < t; k++) {
    if (coefficients[k] == 0) continue;
    found.even += coefficients[k] * terms[k].even;
    found.odd += coefficients[k] * terms[k].odd;
  }
  return found;
}

INLINE floats positive(floats x) { return (floats)((words)x & ~(words)(x < 0)); /* a NaN passes */ }

/* Row r of the tiles of image n: w tiles, each to (m+2)^2 places that are `plane` apart. Beyond the map are zeros. */
INLINE void row_of_inputs(int m, const float *B, const uint16_t *map, ptrdiff_t row, uint16_t *tiles, size_t plane,
                          int H, int W, int C, int r, int w) {
  const int t = m + 2, y0 = r * m - 1;
  for (int q = 0; q < w; q++, tiles += C) {
    const int x0 = q * m - 1;
    for (int c = 0; c < C; c += BOTH) {
      both half[MOST][MOST];
      UNROLLED for (int j = 0; j < t; j++) {
        both d[MOST];
        const int x = x0 + j;
        UNROLLED for (int i = 0; i < t; i++) {
          const int y = y0 + i;
          if (y >= 0 && y < H && x >= 0 && x < W)
            d[i] = load(map + y * row + x * (ptrdiff_t)C + c);
          else
            d[i] = (both){{0}, {0}};
        }
        UNROLLED for (int i = 0; i < t; i++) half[i][j] = sum(B + i * t, t, d);
      }
      UNROLLED for (int i = 0; i < t; i++) {
        UNROLLED for (int j = 0; j < t; j++) store(tiles + (i * t + j) * plane + c, sum(B + j * t, t, half[i]));
      }
    }
  }
}

/* Its way back: (m+2)^2 products a tile to m x m outputs, of which those beyond the map are left out. */
INLINE void row_of_outputs(int m, const float *A, const uint16_t *products, size_t plane, const uint16_t *bias,
                           uint16_t *map, int H, int W, int C, int r, int w, int relu) {
  const int t = m + 2, y0 = r * m;
  for (int q = 0; q < w; q++, products += C) {
    const int x0 = q * m;
    for (int c = 0; c < C; c += BOTH) {
      both half[MOST][MOST];
      UNROLLED for (int j = 0; j < t; j++) {
        both d[MOST];
        UNROLLED for (int i = 0; i < t; i++) d[i] = load(products + (i * t + j) * plane + c);
        /* Row 1 of A is 1 everywhere: what is added to product (1, 1) is added to every output. */
        if (j == 1 && bias) {
          const both b = load(bias + c);
          d[1] = (both){rounded(d[1].even + b.even), rounded(d[1].odd + b.odd)};
        }
        UNROLLED for (int i = 0; i < m; i++) half[i][j] = sum(A + i * t, t, d);
      }
      UNROLLED for (int i = 0; i < m; i++) {
        UNROLLED for (int j = 0; j < m; j++) {
          if (y0 + i >= H || x0 + j >= W) continue;
          const both found = sum(A + j * t, t, half[i]);
          store(map + ((size_t)(y0 + i) * W + x0 + j) * C + c,
                relu ? (both){positive(found.even), positive(found.odd)} : found);
        }
      }
    }
  }
}

/* The loops over rows stand outside of what is cloned: a parallel region would lose the clone's instructions.
 *
 * inputs:  map (b, H, W, C), its images and rows `image` and `row` numbers apart; tiles ((m+2)^2, b, h, w, C), of h
 *          rows of tiles from `top` on. threads: of the caller's share, whichever OpenMP is found at load.
 * outputs: products likewise; bias (C) or NULL; map (b, H, W, C), its images `image` numbers apart.
 */
#define TRANSFORM(m)                                                                                                  \
  CLONES static void row_of_inputs##m(const uint16_t *map, ptrdiff_t row, uint16_t *tiles, size_t plane, int H,       \
                                      int W, int C, int r, int w) {                                                   \
    row_of_inputs(m, B##m[0], map, row, tiles, plane, H, W, C, r, w);                                                 \
  }                                                                                                                   \
  void inputs##m(const uint16_t *map, uint16_t *tiles, int b, int H, int W, int C, ptrdiff_t image, ptrdiff_t row,    \
                 int top, int h, int w, int threads) {                                                                \
    const size_t of_a_row = (size_t)w * C, plane = of_a_row * h * b;                                                  \
    _Pragma("omp parallel for collapse(2) num_threads(threads)") for (int n = 0; n < b; n++) {                        \
      for (int r = 0; r < h; r++)                                                                                     \
        row_of_inputs##m(map + n * image, row, tiles + ((size_t)n * h + r) * of_a_row, plane, H, W, C, top + r, w);   \
    }                                                                                                                 \
  }                                                                                                                   \
  CLONES static void row_of_outputs##m(const uint16_t *products, size_t plane, const uint16_t *bias, uint16_t *map,   \
                                       int H, int W, int C, int r, int w, int relu) {                                 \
    row_of_outputs(m, A##m[0], products, plane, bias, map, H, W, C, r, w, relu);                                      \
  }                                                                                                                   \
  void outputs##m(const uint16_t *products, const uint16_t *bias, uint16_t *map, int b, int H, int W, int C,          \
                  ptrdiff_t image, int top, int h, int w, int relu, int threads) {                                    \
    const size_t of_a_row = (size_t)w * C, plane = of_a_row * h * b;                                                  \
    _Pragma("omp parallel for collapse(2) num_threads(threads)") for (int n = 0; n < b; n++) {                        \
      for (int r = 0; r < h; r++)                                                                                     \
        row_of_outputs##m(products + ((size_t)n * h + r) * of_a_row, plane, bias, map + n * image, H, W, C, top + r,  \
                          w, relu);                                                                                   \
    }                                                                                                                 \
  }

TRANSFORM(2)
TRANSFORM(3)
TRANSFORM(4)
