/* A BMC for the C tests: `bmcnotice sim`, whose path is in BMCNOTICE_CLI, where run.sh puts it. */
#ifndef BMC_H
#define BMC_H
#include "host.h"
#include <sys/prctl.h>

enum { MOST_ARGUMENTS = 16 };

struct bmc {
    pid_t pid;
    int port; /* where it answers; it has chosen it */
    int in;   /* takes commands */
    int out;  /* its story; it stays open, for whoever cannot write any more ends */
};

/* Starts it with further arguments, up to a NULL. */
SHARED void start_bmc(struct bmc *bmc, const char *const *more)
{
    const char *argv[MOST_ARGUMENTS] = { getenv("BMCNOTICE_CLI"), "sim", "--json", "--listen", "127.0.0.1:0", "--control" };
    size_t count = 6, used = 0;
    char line[TEXT_BYTES] = "";
    int in[2], out[2];
    for (; *more; more++) {
        CHECK(count < MOST_ARGUMENTS - 1);
        argv[count++] = *more;
    }
    CHECK(argv[0] && access(argv[0], X_OK) == 0 && pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    bmc->pid = fork();
    CHECK(bmc->pid >= 0);
    if (bmc->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a check that fails leaves nothing behind */
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    bmc->in = in[1];
    bmc->out = out[0];
    while (!strchr(line, '\n')) {
        ssize_t more_octets = read(bmc->out, line + used, sizeof line - used - 1);
        CHECK(more_octets > 0);
        used += (size_t)more_octets;
    }
    char *address = strstr(line, "\"address\":\"127.0.0.1:");
    CHECK(address && sscanf(address, "\"address\":\"127.0.0.1:%d", &bmc->port) == 1);
}

SHARED void command_bmc(const struct bmc *bmc, const char *line)
{
    CHECK(write(bmc->in, line, strlen(line)) == (ssize_t)strlen(line));
}

SHARED void end_bmc(struct bmc *bmc)
{
    int status;
    CHECK(kill(bmc->pid, SIGTERM) == 0 && waitpid(bmc->pid, &status, 0) == bmc->pid);
    close(bmc->in);
    close(bmc->out);
}

#endif
