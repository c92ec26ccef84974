/* Defines __GLIBC__ where it is. */
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
