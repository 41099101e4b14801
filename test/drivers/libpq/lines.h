/* What a step's program in C prints: one line of JSON a step, made piece by piece. */
#ifndef LINES_H
#define LINES_H

#include <stdio.h>

static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
    {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < ' ')
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

/* `"name":"value"`, where `value` may be NULL. */
static void print_member(const char *name, const char *value)
{
    print_string(name);
    putchar(':');
    if (value)
        print_string(value);
    else
        printf("null");
}

static void begin_step(const char *step)
{
    printf("{\"step\":\"%s\",\"result\":", step);
}

static void end_step(void)
{
    puts("}");
    fflush(stdout);
}

#endif
