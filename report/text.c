#include "text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void text_html(FILE *out, const char *text) {
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (; *text; text++) {
        size_t i = 0, count = sizeof entities / sizeof *entities;
        while (i < count && entities[i].c != *text)
            i++;
        if (i < count)
            fputs(entities[i].entity, out);
        else
            fputc(*text, out);
    }
}

void text_json(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 32 || c == '<')
            fprintf(out, "\\u%04x", c);
        else
            fprintf(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
    fputc('"', out);
}

void text_markdown(FILE *out, const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr("\\|`*_[]~#", c))
            fprintf(out, "\\%c", c);
        else if (c == '<' || c == '&')
            fputs(c == '<' ? "&lt;" : "&amp;", out);
        else
            fputc(c < 32 ? ' ' : c, out);
    }
}

void text_number_json(FILE *out, double value) {
    bool whole = fabs(value) < 1e15 && value == floor(value);
    if (isfinite(value))
        fprintf(out, whole ? "%.0f" : "%.6g", value);
    else
        fputs("null", out);
}

double text_round(double value) {
    char text[TEXT_NUMBER];
    if (!isfinite(value)) return NAN;
    snprintf(text, sizeof text, "%.6g", value);
    return strtod(text, NULL);
}

const char *text_number(char text[TEXT_NUMBER], double value) {
    static const struct {
        double from;
        int decimals;
    } steps[] = {{99.95, 0}, {9.995, 1}, {0.9995, 2}, {0.00995, 3}};
    double size = fabs(value);
    text[0] = '\0';
    if (!isfinite(value)) return text;
    if (size == 0) return strcpy(text, "0");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (size < steps[i].from) continue;
        snprintf(text, TEXT_NUMBER, "%.*f", steps[i].decimals, value);
        return text;
    }
    snprintf(text, TEXT_NUMBER, "%.1e", value);
    return text;
}

const char *text_interval(char text[TEXT_INTERVAL], double low, double high) {
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    text[0] = '\0';
    if (isfinite(low) && isfinite(high))
        snprintf(text, TEXT_INTERVAL, "%s .. %s", text_number(a, low), text_number(b, high));
    return text;
}
