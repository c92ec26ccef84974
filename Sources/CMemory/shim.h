/* Defines __GLIBC__ where it is. */
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Asks the processor for the memory at an address, which need not be valid; what follows does not wait for it. */
static inline __attribute__((always_inline)) void memory_prefetch(const void *address) {
    __builtin_prefetch(address);
}
