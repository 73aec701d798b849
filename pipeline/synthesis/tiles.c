/* Winograd's tiles in bfloat16: B^T d B and A^T (.) A, each in one pass over memory (see tiles.py, winograd.py).
 *
 * Maps are channels last; numbers are bfloat16's bits. Sums are made in float32, where these few terms of few bits
 * are exact, and are rounded once, to the nearest, ties to even: the same bits as by torch's matrix products.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WIDTH = 16, BOTH = 2 * WIDTH, MOST = 6 }; /* filters in a register, and in a line of the cache; side of a tile */

typedef float floats __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t words __attribute__((vector_size(4 * WIDTH)));
typedef uint16_t halves __attribute__((vector_size(2 * WIDTH)));

#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 6")
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default"))) /* which one is chosen at load */
#else
#define CLONES
#endif

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

INLINE floats load(const uint16_t *from) {
  halves bits;
  memcpy(&bits, from, sizeof bits);
  return (floats)(__builtin_convertvector(bits, words) << 16);
}

INLINE floats rounded(floats x) {
  const words bits = (words)x; /* a NaN made of bfloat16 ones has zeros below, and stays one */
  return (floats)((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
}

INLINE void store(uint16_t *to, floats x) {
  const halves bits = __builtin_convertvector((words)rounded(x) >> 16, halves);
  memcpy(to, &bits, sizeof bits);
}

/* The coefficients are known when this is unrolled: a zero costs nothing. */
INLINE floats sum(const float *coefficients, int t, const floats *terms) {
  floats found = {0};
  UNROLLED for (int k = 0; k < t; k++) {
    if (coefficients[k] != 0) found += coefficients[k] * terms[k];
  }
  return found;
}

/* Row r of the tiles of image n: w tiles, each to (m+2)^2 places that are `plane` apart. Beyond the map are zeros. */
INLINE void row_of_inputs(int m, const float *B, const uint16_t *map, ptrdiff_t row, uint16_t *tiles, size_t plane,
                          int H, int W, int C, int r, int w) {
  const int t = m + 2, y0 = r * m - 1;
  for (int q = 0; q < w; q++, tiles += C) {
    const int x0 = q * m - 1;
    for (int c = 0; c < C; c += BOTH) {
      floats half[2][MOST][MOST];
      UNROLLED for (int s = 0; s < 2; s++) {
        UNROLLED for (int j = 0; j < t; j++) {
          floats d[MOST];
          const int x = x0 + j;
          UNROLLED for (int i = 0; i < t; i++) {
            const int y = y0 + i;
            if (y >= 0 && y < H && x >= 0 && x < W)
              d[i] = load(map + y * row + x * (ptrdiff_t)C + c + s * WIDTH);
            else
              d[i] = (floats){0};
          }
          UNROLLED for (int i = 0; i < t; i++) half[s][i][j] = sum(B + i * t, t, d);
        }
      }
      UNROLLED for (int i = 0; i < t; i++) {
        UNROLLED for (int j = 0; j < t; j++) {
          UNROLLED for (int s = 0; s < 2; s++) {
            store(tiles + (i * t + j) * plane + c + s * WIDTH, sum(B + j * t, t, half[s][i]));
          }
        }
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
      floats half[2][MOST][MOST];
      UNROLLED for (int j = 0; j < t; j++) {
        UNROLLED for (int s = 0; s < 2; s++) {
          floats d[MOST];
          UNROLLED for (int i = 0; i < t; i++) d[i] = load(products + (i * t + j) * plane + c + s * WIDTH);
          /* Row 1 of A is 1 everywhere: what is added to product (1, 1) is added to every output. */
          if (j == 1 && bias) d[1] = rounded(d[1] + load(bias + c + s * WIDTH));
          UNROLLED for (int i = 0; i < m; i++) half[s][i][j] = sum(A + i * t, t, d);
        }
      }
      UNROLLED for (int i = 0; i < m; i++) {
        UNROLLED for (int j = 0; j < m; j++) {
          if (y0 + i >= H || x0 + j >= W) continue;
          UNROLLED for (int s = 0; s < 2; s++) {
            floats found = sum(A + j * t, t, half[s][i]);
            if (relu) found = (floats)((words)found & ~(words)(found < 0)); /* a NaN passes */
            store(map + ((size_t)(y0 + i) * W + x0 + j) * C + c + s * WIDTH, found);
          }
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
