/* Symmetric matrices of which one half was computed. */

#ifndef NECKAR_SYMMETRIC_H
#define NECKAR_SYMMETRIC_H

#include "numbers.h"

/* What stands below the diagonal in some rows of G (N, N), from its mirror image; in squares whose rows fit the cache.
 * top, bottom: multiples of 16. */
INLINE void mirror(float *G, ptrdiff_t N, int top, int bottom) {
  for (int y0 = top; y0 < bottom; y0 += WIDTH) {
    for (int x0 = 0; x0 < y0; x0 += WIDTH) {
      UNROLLED for (int y = y0; y < y0 + WIDTH; y++) {
        for (int x = x0; x < x0 + WIDTH; x++) G[y * N + x] = G[x * N + y];
      }
    }
  }
}

#endif
