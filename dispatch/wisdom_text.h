/* What reader and writer of wisdom share. */
#ifndef LW_WISDOM_TEXT_H
#define LW_WISDOM_TEXT_H

#include <locale.h>
#include <stddef.h>
#include <stdint.h>

#define LW_WISDOM_FIRST_LINE "lanewise wisdom 1"

/* Of all that stands before the last line. */
uint64_t lw_wisdom_checksum(const char *text, size_t size);

/* The numbers in the text are those of the C locale, whatever the program's is. */
struct lw_plain_numbers {
    locale_t plain, usual;
};
struct lw_plain_numbers lw_plain_numbers_begin(void);
void lw_plain_numbers_end(struct lw_plain_numbers numbers);

#endif
