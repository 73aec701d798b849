/* Winograd's tiles: B^T d B and A^T (.) A, each in one pass over memory (see tiles.py, winograd.py).
 *
 * Maps are channels last, of float32 where they are `wide`, else of bfloat16. Sums are made in float32. A few terms of
 * bfloat16's few bits are exact there, and are rounded once, to the nearest, ties to even: the same bits as by torch's
 * matrix products.
 */

#include "numbers.h"

enum { MOST = 6 }; /* side of the largest tile */

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
INLINE void row_of_inputs(int m, const float *B, int wide, const void *map, ptrdiff_t row, void *tiles, size_t plane,
                          int H, int W, int C, int r, int w) {
  const int t = m + 2, y0 = r * m - 1;
  for (int q = 0; q < w; q++) {
    const int x0 = q * m - 1;
    for (int c = 0; c < C; c += BOTH) {
      both half[MOST][MOST];
      UNROLLED for (int j = 0; j < t; j++) {
        both d[MOST];
        const int x = x0 + j;
        UNROLLED for (int i = 0; i < t; i++) {
          const int y = y0 + i;
          if (y >= 0 && y < H && x >= 0 && x < W)
            d[i] = take(map, y * row + x * (ptrdiff_t)C + c, wide);
          else
            d[i] = (both){{0}, {0}};
        }
        UNROLLED for (int i = 0; i < t; i++) half[i][j] = sum(B + i * t, t, d);
      }
      UNROLLED for (int i = 0; i < t; i++) {
        UNROLLED for (int j = 0; j < t; j++)
          put(tiles, (i * t + j) * plane + (size_t)q * C + c, sum(B + j * t, t, half[i]), wide);
      }
    }
  }
}

/* Its way back: (m+2)^2 products a tile to m x m outputs, of which those beyond the map are left out. */
INLINE void row_of_outputs(int m, const float *A, int wide, const void *products, size_t plane, const void *bias,
                           void *map, int H, int W, int C, int r, int w, int relu) {
  const int t = m + 2, y0 = r * m;
  for (int q = 0; q < w; q++) {
    const int x0 = q * m;
    for (int c = 0; c < C; c += BOTH) {
      both half[MOST][MOST];
      UNROLLED for (int j = 0; j < t; j++) {
        both d[MOST];
        UNROLLED for (int i = 0; i < t; i++) d[i] = take(products, (i * t + j) * plane + (size_t)q * C + c, wide);
        /* Row 1 of A is 1 everywhere: what is added to product (1, 1) is added to every output. */
        if (j == 1 && bias) {
          const both b = take(bias, c, wide), added = {d[1].even + b.even, d[1].odd + b.odd};
          d[1] = wide ? added : (both){rounded(added.even), rounded(added.odd)};
        }
        UNROLLED for (int i = 0; i < m; i++) half[i][j] = sum(A + i * t, t, d);
      }
      UNROLLED for (int i = 0; i < m; i++) {
        UNROLLED for (int j = 0; j < m; j++) {
          if (y0 + i >= H || x0 + j >= W) continue;
          const both found = sum(A + j * t, t, half[i]);
          put(map, ((size_t)(y0 + i) * W + x0 + j) * C + c,
              relu ? (both){positive(found.even), positive(found.odd)} : found, wide);
        }
      }
    }
  }
}

/* inputs:  map (b, H, W, C), its images and rows `image` and `row` numbers apart; tiles ((m+2)^2, b, h, w, C), of h
 *          rows of tiles from `top` on. threads: of the caller's share, whichever OpenMP is found at load.
 * outputs: products likewise; bias (C) or NULL; map (b, H, W, C), its images `image` numbers apart.
 */
#define TRANSFORM(m, wide, number, type)                                                                              \
  void inputs##m##type(const number *map, number *tiles, int b, int H, int W, int C, ptrdiff_t image, ptrdiff_t row,  \
                       int top, int h, int w, int threads) {                                                          \
    const size_t of_a_row = (size_t)w * C, plane = of_a_row * h * b;                                                  \
    _Pragma("omp parallel for collapse(2) num_threads(threads)") for (int n = 0; n < b; n++) {                        \
      for (int r = 0; r < h; r++)                                                                                     \
        row_of_inputs(m, B##m[0], wide, map + n * image, row, tiles + ((size_t)n * h + r) * of_a_row, plane, H, W, C, \
                      top + r, w);                                                                                    \
    }                                                                                                                 \
  }                                                                                                                   \
  void outputs##m##type(const number *products, const number *bias, number *map, int b, int H, int W, int C,          \
                        ptrdiff_t image, int top, int h, int w, int relu, int threads) {                              \
    const size_t of_a_row = (size_t)w * C, plane = of_a_row * h * b;                                                  \
    _Pragma("omp parallel for collapse(2) num_threads(threads)") for (int n = 0; n < b; n++) {                        \
      for (int r = 0; r < h; r++)                                                                                     \
        row_of_outputs(m, A##m[0], wide, products + ((size_t)n * h + r) * of_a_row, plane, bias, map + n * image, H,  \
                       W, C, top + r, w, relu);                                                                       \
    }                                                                                                                 \
  }

TRANSFORM(2, 0, uint16_t, _bfloat16)
TRANSFORM(3, 0, uint16_t, _bfloat16)
TRANSFORM(4, 0, uint16_t, _bfloat16)
TRANSFORM(4, 1, float, _float32)
