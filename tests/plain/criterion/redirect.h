#ifndef LW_PLAIN_REDIRECT_H
#define LW_PLAIN_REDIRECT_H

/* The output of the rest of the test is dropped. */
void cr_redirect_stdout(void);
void cr_redirect_stderr(void);

#endif
