/* `lanewise bench`: the matrix kernel x problem x threads, through Google Benchmark. */
#ifndef LW_BENCH_H
#define LW_BENCH_H

/* argv[0] is the subcommand's name. Returns the exit status: 0 good, 1 a result was wrong, 2 bad usage or
 * input, 3 not possible here. */
int lw_bench_command(int argc, char **argv);

#endif
