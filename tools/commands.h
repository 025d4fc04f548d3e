/* The subcommands: each parses its own argv (argv[0] is its name) and returns the exit status. */
#ifndef LW_COMMANDS_H
#define LW_COMMANDS_H

int cmd_info(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_gate(int argc, char **argv);
int cmd_tune(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_pick(int argc, char **argv);
int cmd_mnist(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_results(int argc, char **argv);

#endif
