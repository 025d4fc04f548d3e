/* Register tiles of plain C, as data: pixels x channels. */
#define LW_DIRECT_PIXELS  2
#define LW_DIRECT_VECTORS 4
