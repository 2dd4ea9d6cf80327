/* What a program that calls a model needs of the machine that it runs on. */
#pragma once

#include <stddef.h>

int take(void *values, size_t size);        /* bytes of the pictures; 0 where there are no more */
void give(const void *values, size_t size); /* bytes of the answers */
