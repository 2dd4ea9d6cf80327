/* The machine at hand: pictures from stdin, answers to stdout. */
#include <stdio.h>

#include "board.h"

int take(void *values, size_t size) { return fread(values, size, 1, stdin) == 1; }

void give(const void *values, size_t size) { (void)fwrite(values, size, 1, stdout); }
