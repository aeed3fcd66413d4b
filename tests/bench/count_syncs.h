/* Between a program and the C library: counts what makes a disk keep what was written. */
#ifndef YM_BENCH_COUNT_SYNCS_H
#define YM_BENCH_COUNT_SYNCS_H

/* The variable that names the file: eight octets, a number in the order of this machine. Without it nothing is counted.
 */
#define YM_SYNCS_FILE "YM_SYNCS_FILE"

#endif
