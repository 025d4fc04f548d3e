#include "data.h"

#include <stdlib.h>
#include <unistd.h>
#include "reference/fill.h"

float *bench_floats(size_t count) {
    return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64 + (count == 0 ? 64 : 0));
}

bool bench_data_make(struct bench_data *data, const struct bench_problem *p) {
    const lw_desc *d = &p->desc;
    size_t src = lw_tensor_floats(LW_NCHW, d->batch, d->ic, d->ih, d->iw), weights = lw_weight_floats(d);
    size_t bias = d->bias ? (size_t)d->oc : 0;
    *data = (struct bench_data){p, bench_floats(src), bench_floats(weights), bench_floats(bias)};
    if (!data->src || !data->weights || !data->bias) return false;
    lw_fill(data->src, src, LW_FILL_NORMAL, 1);
    lw_fill(data->weights, weights, LW_FILL_NORMAL, 2);
    lw_fill(data->bias, bias, LW_FILL_NORMAL, 3);
    return true;
}

void bench_data_free(struct bench_data *data) {
    free(data->src);
    free(data->weights);
    free(data->bias);
    *data = (struct bench_data){0};
}

double bench_memory(void) {
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    return bytes > 0 ? bytes : 0;
}

bool bench_fits_memory(double bytes) {
    double memory = bench_memory();
    return memory == 0 || bytes <= memory / 2;
}
