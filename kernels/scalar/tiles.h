/* Register tiles of plain C, as data: pixels x channels. */
#define LW_DIRECT_PIXELS  2
#define LW_DIRECT_VECTORS 4

/* The products of a Winograd point: tiles x vectors. */
#define LW_WINO_TILES   2
#define LW_WINO_VECTORS 4

/* A patch of 2x4 pixels of a 3x3 convolution: vectors. Each takes eight accumulators and six weights. */
#define LW_PATCH_VECTORS 1
