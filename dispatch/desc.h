#ifndef LW_DESC_H
#define LW_DESC_H

#include "lanewise.h"

/* One line about a checked descriptor, for logs. */
void lw_desc_text(const lw_desc *desc, char *text, size_t size);

#endif
