/* AVX-512 as data. */
#ifndef LW_TILES_H
#define LW_TILES_H

#define LW_ISA_NAME      avx512
#define LW_ISA_FEATURES  LW_CPU_AVX512
#define VL               16
#define LW_FMA_ROUNDINGS 1

/* Register tiles of AVX-512, as data: up to so many vectors of output channels times so many pixels, at most,
 * of one vector, two, three and four. 32 registers hold 24 to 28 accumulators, the vectors of weights and a
 * broadcast. */
#define LW_DIRECT_TILE     14x2 /* in the names of rows */
#define LW_DIRECT_VECTORS  4
#define LW_DIRECT_PIXELS_1 14
#define LW_DIRECT_PIXELS_2 14
#define LW_DIRECT_PIXELS_3 9
#define LW_DIRECT_PIXELS_4 6

/* Vectors of pixels of a tile of conv_points, times as many channels as a tile so wide has pixels: 2 or 4. */
#define LW_POINTS_VECTORS 4

/* 1: a tile takes all registers, or all but one, and compilers spill some unless its sums are made in the
 * order written. */
#define LW_TIGHT 0

/* A direct tile's weights, in floats: all in one pass up to the first number, else at most the second in
 * each. L2 feeds so large a tile as fast as it computes. */
#define LW_WHOLE_FLOATS (64 << 10)
#define LW_PASS_FLOATS  (64 << 10)

/* 1x1 of stride 2 with a large source is read in place if rows have so many pixels, at least. */
#define LW_SHORT_ROW 7

/* 1: pixels of 1x1 are fetched into L1 ahead even where the next weights, beyond L2, are fetched as well. */
#define LW_FETCH_HEAVY 0

/* Blocks of channels of which a core foresees the lines itself: pixels of a 1x1 that has more are fetched. */
#define LW_FETCH_BLOCKS 0

/* Tiles of so many sums and more have a loop of their own for 1x1, a whole block of channels unrolled: none.
 */
#define LW_UNROLLED_SUMS 100

/* 1: of planes a tile takes three rows of a kernel three wide, or, with stride 2, a row of one seven wide,
 * without a look at a loop between its taps. */
#define LW_PLANE_ROWS 0

/* The products of a Winograd point: tiles x vectors. */
#define LW_WINO_TILES   6
#define LW_WINO_VECTORS 4

/* A patch of 2x4 pixels of a 3x3 convolution: vectors. Each takes eight accumulators and six weights. */
#define LW_PATCH_VECTORS 2

/* Points of F(1x4)'s inputs that lie side by side: 4, which VL must be then, where a multiply-add picks a
 * lane; else 1. */
#define LW_LINE_LANES 1

/* Tiles of F(1x4) side by side, of several channels: each weight loaded serves all of them. */
#define LW_LINE_TILES 2

/* Sums of a depthwise tile, at most: 8 pixels of one vector, or of two. */
#define LW_DEPTHWISE_SUMS 8

#endif
