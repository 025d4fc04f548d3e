/* The embedded problem files: shapes/NAME.OP.txt under the name NAME.OP (cmake/embed.cmake). */
#ifndef LW_SHAPES_H
#define LW_SHAPES_H

struct lw_text {
    const char *name, *text;
};
extern const struct lw_text lw_texts_lw_shapes[]; /* ends with {NULL, NULL} */

#endif
