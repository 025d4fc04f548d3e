/* What a problem is measured on, by the matrix and by `lanewise tune`. */
#ifndef LW_BENCH_DATA_H
#define LW_BENCH_DATA_H

#include "problems.h"

/* A problem's data, NCHW, made of N(0,1) numbers. */
struct bench_data {
    const struct bench_problem *problem; /* NULL: none */
    float *src, *weights, *bias;
};

/* false: no memory. A failed or zeroed one may be freed. */
bool bench_data_make(struct bench_data *data, const struct bench_problem *problem);
void bench_data_free(struct bench_data *data);

/* So many floats, aligned to 64 bytes; NULL: no memory. */
float *bench_floats(size_t count);

/* Is it at most half of the memory? Linux promises more than there is and ends the program later. */
bool bench_fits_memory(double bytes);

/* The machine's memory in bytes; 0: not known. */
double bench_memory(void);

#endif
