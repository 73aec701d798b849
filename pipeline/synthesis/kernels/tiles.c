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

INLINE both added(both x, both y) { return (both){x.even + y.even, x.odd + y.odd}; }

INLINE both less(both x, both y) { return (both){x.even - y.even, x.odd - y.odd}; }

INLINE both times(float factor, both x) { return (both){factor * x.even, factor * x.odd}; }

/* One row or column of a matrix times one of a tile. The coefficients are known when this is unrolled: a zero costs
 * nothing. */
INLINE void product(const float *matrix, int rows, int t, const both *d, both *found) {
  UNROLLED for (int i = 0; i < rows; i++) {
    found[i] = (both){{0}, {0}};
    UNROLLED for (int k = 0; k < t; k++) {
      const float coefficient = matrix[i * t + k];
      if (coefficient != 0) found[i] = added(found[i], times(coefficient, d[k]));
    }
  }
}

/* The same for F(4 x 4, 3 x 3) of the points 0, 1, -1, 2, -2, where opposite points share all that is even and odd in
 * them: 12 sums of two instead of 22 (Lavin & Gray 2016). float32 takes it; in bfloat16 it would round more. */
INLINE void inputs_of_opposites(const both *d, both *found) {
  const both even1 = less(d[4], times(4, d[2])), odd1 = less(d[3], times(4, d[1]));
  const both even2 = less(d[4], d[2]), odd2 = times(2, less(d[3], d[1]));
  found[0] = added(less(times(4, d[0]), times(5, d[2])), d[4]);
  found[1] = added(even1, odd1);
  found[2] = less(even1, odd1);
  found[3] = added(even2, odd2);
  found[4] = less(even2, odd2);
  found[5] = added(less(times(4, d[1]), times(5, d[3])), d[5]);
}

INLINE void outputs_of_opposites(const both *d, both *found) {
  const both even1 = added(d[1], d[2]), odd1 = less(d[1], d[2]), even2 = added(d[3], d[4]), odd2 = less(d[3], d[4]);
  found[0] = added(added(d[0], even1), even2);
  found[1] = added(odd1, times(2, odd2));
  found[2] = added(even1, times(4, even2));
  found[3] = added(added(odd1, times(8, odd2)), d[5]);
}

INLINE void along_inputs(int m, int wide, const both *d, both *found) {
  if (wide)
    inputs_of_opposites(d, found);
  else
    product(m == 2 ? B2[0] : m == 3 ? B3[0] : B4[0], m + 2, m + 2, d, found);
}

INLINE void along_outputs(int m, int wide, const both *d, both *found) {
  if (wide)
    outputs_of_opposites(d, found);
  else
    product(m == 2 ? A2[0] : m == 3 ? A3[0] : A4[0], m, m + 2, d, found);
}

INLINE floats positive(floats x) { return (floats)((words)x & ~(words)(x < 0)); /* a NaN passes */ }

/* Row r of the tiles of image n: w tiles, each to (m+2)^2 places that are `plane` apart. Beyond the map are zeros. */
INLINE void row_of_inputs(int m, int wide, const void *map, ptrdiff_t row, void *tiles, size_t plane,
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
        both found[MOST];
        along_inputs(m, wide, d, found);
        UNROLLED for (int i = 0; i < t; i++) half[i][j] = found[i];
      }
      UNROLLED for (int i = 0; i < t; i++) {
        both found[MOST];
        along_inputs(m, wide, half[i], found);
        UNROLLED for (int j = 0; j < t; j++) put(tiles, (i * t + j) * plane + (size_t)q * C + c, found[j], wide);
      }
    }
  }
}

/* Its way back: (m+2)^2 products a tile to m x m outputs, of which those beyond the map are left out. */
INLINE void row_of_outputs(int m, int wide, const void *products, size_t plane, const void *bias,
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
          const both sum = added(d[1], take(bias, c, wide));
          d[1] = wide ? sum : (both){rounded(sum.even), rounded(sum.odd)};
        }
        both found[MOST];
        along_outputs(m, wide, d, found);
        UNROLLED for (int i = 0; i < m; i++) half[i][j] = found[i];
      }
      UNROLLED for (int i = 0; i < m; i++) {
        both found[MOST];
        along_outputs(m, wide, half[i], found);
        UNROLLED for (int j = 0; j < m; j++) {
          if (y0 + i >= H || x0 + j >= W) continue;
          put(map, ((size_t)(y0 + i) * W + x0 + j) * C + c,
              relu ? (both){positive(found[j].even), positive(found[j].odd)} : found[j], wide);
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
        row_of_inputs(m, wide, map + n * image, row, tiles + ((size_t)n * h + r) * of_a_row, plane, H, W, C, \
                      top + r, w);                                                                                    \
    }                                                                                                                 \
  }                                                                                                                   \
  void outputs##m##type(const number *products, const number *bias, number *map, int b, int H, int W, int C,          \
                        ptrdiff_t image, int top, int h, int w, int relu, int threads) {                              \
    const size_t of_a_row = (size_t)w * C, plane = of_a_row * h * b;                                                  \
    _Pragma("omp parallel for collapse(2) num_threads(threads)") for (int n = 0; n < b; n++) {                        \
      for (int r = 0; r < h; r++)                                                                                     \
        row_of_outputs(m, wide, products + ((size_t)n * h + r) * of_a_row, plane, bias, map + n * image, H,  \
                       W, C, top + r, w, relu);                                                                       \
    }                                                                                                                 \
  }

TRANSFORM(2, 0, uint16_t, _bfloat16)
TRANSFORM(3, 0, uint16_t, _bfloat16)
TRANSFORM(4, 0, uint16_t, _bfloat16)
TRANSFORM(4, 1, float, _float32)
