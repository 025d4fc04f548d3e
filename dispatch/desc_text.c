/* Descriptors as text: benchdnn's problem string, and all of it in one line. */
#include <stdio.h>
#include <string.h>
#include "kernel.h"

void lw_desc_problem(const lw_desc *d, char *text, size_t size) {
#define LL(x) ((long long)(x))
    char window[128];
    snprintf(window, sizeof window, "kh%lldkw%lld_sh%lldsw%lld_ph%lldpw%lld_dh%llddw%lld", LL(d->kh),
             LL(d->kw), LL(d->stride_h), LL(d->stride_w), LL(d->pad_top), LL(d->pad_left),
             LL(d->dilation_h - 1), LL(d->dilation_w - 1));
    switch (d->op) {
    case LW_CONV:
        snprintf(text, size, "mb%lld_g%lldic%lldih%lldiw%lld_oc%lldoh%lldow%lld_%s", LL(d->batch),
                 LL(d->groups), LL(d->ic), LL(d->ih), LL(d->iw), LL(d->oc), LL(lw_out_h(d)), LL(lw_out_w(d)),
                 window);
        break;
    case LW_MAXPOOL:
        snprintf(text, size, "mb%lld_ic%lldih%lldiw%lld_oh%lldow%lld_%s", LL(d->batch), LL(d->ic), LL(d->ih),
                 LL(d->iw), LL(lw_out_h(d)), LL(lw_out_w(d)), window);
        break;
    case LW_LINEAR:
        snprintf(text, size, "mb%lld_ic%lldih%lldiw%lld_oc%lld", LL(d->batch), LL(d->ic), LL(d->ih),
                 LL(d->iw), LL(d->oc));
        break;
    case LW_RELU:
        snprintf(text, size, "mb%lld_ic%lldih%lldiw%lld", LL(d->batch), LL(d->ic), LL(d->ih), LL(d->iw));
        break;
    default:
        snprintf(text, size, "mb%lld_ic%lld", LL(d->batch), LL(d->ic));
        break;
    }
#undef LL
}

void lw_desc_text(const lw_desc *d, char *text, size_t size) {
    const struct {
        bool on;
        const char *name;
    } tail[] = {{d->bias, "+bias"}, {d->pool2x2, "+pool2x2"}, {d->relu, "+relu"}};
    char problem[192], parts[32] = "";
    for (size_t i = 0; i < sizeof tail / sizeof *tail; i++)
        if (tail[i].on) strcat(parts, tail[i].name);
    lw_desc_problem(d, problem, sizeof problem);
    snprintf(text, size, "%s %s %s>%s %s", lw_op_name(d->op), problem, lw_layout_name(d->src_layout),
             lw_layout_name(d->dst_layout), *parts ? parts + 1 : "plain");
}
