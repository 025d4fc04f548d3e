/* Text into a stream, so that nothing in a result file can become markup: HTML, JSON inside a script element,
 * Markdown. Numbers are printed one way everywhere; page/data.js has the same. */
#ifndef LW_REPORT_TEXT_H
#define LW_REPORT_TEXT_H

#include <stdio.h>

void text_html(FILE *out, const char *text);     /* content and attribute values */
void text_json(FILE *out, const char *text);     /* quoted; holds no '<', so it can't end a script element */
void text_markdown(FILE *out, const char *text); /* a cell of a table */
void text_number_json(FILE *out, double value);  /* 6 digits, whole ones all; null: not finite */

/* "0.123", "1.23", "12.3", "123", "1.2e-07"; "" where it isn't finite. Returns `text`, which has room for
 * TEXT_NUMBER. */
enum { TEXT_NUMBER = 32 };
const char *text_number(char text[TEXT_NUMBER], double value);
/* "low .. high", or "" where there is no interval. */
enum { TEXT_INTERVAL = 2 * TEXT_NUMBER + 8 };
const char *text_interval(char text[TEXT_INTERVAL], double low, double high);

/* The value that 6 digits stand for: what the page's data hold, and so what every table is made from. */
double text_round(double value);

#endif
