/* Swift cannot call a function of C with a variable number of arguments. */
int sqlite3_config(int, ...);

/* 9 is SQLITE_CONFIG_MEMSTATUS (sqlite3.h). */
static inline int sqlite_counts_no_memory(void) { return sqlite3_config(9, 0); }
