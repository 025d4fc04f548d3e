/* Register tiles of AVX-512, as data: pixels x vectors of output channels. 32 registers hold 28 accumulators,
 * two weight vectors and a broadcast. */
#define LW_DIRECT_PIXELS  14
#define LW_DIRECT_VECTORS 2
