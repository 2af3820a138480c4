/* The two example daemons, as programs: a trap that is sent three times is one recovery, a wrong configuration
 * is exit code 2 and all that is wrong, SIGTERM is a clean end.  EXAMPLES names them, each by its path. */
#include "host.h"

enum { EXIT_CONFIG = 2, MOST_RESIDENT_KB = 5 * 1024, OUTPUT_BYTES = 65536 };

struct program {
    pid_t pid;
    int out, err;
    char said[OUTPUT_BYTES], complained[OUTPUT_BYTES];
};

static void launch(struct program *program, const char *path, const char *argument)
{
    int out[2], err[2];
    memset(program, 0, sizeof *program);
    CHECK(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
    program->pid = fork();
    CHECK(program->pid >= 0);
    if (program->pid == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        if (getenv("UNDER_VALGRIND"))
            execlp("valgrind", "valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
                   "--errors-for-leak-kinds=definite", path, argument, (char *)NULL);
        else
            execl(path, path, argument, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    program->out = out[0];
    program->err = err[0];
}

/* What has come meanwhile; 0 at both ends. */
static int take(int fd, char *text)
{
    size_t used = strlen(text);
    ssize_t count = read(fd, text + used, OUTPUT_BYTES - 1 - used);
    if (count > 0)
        text[used + (size_t)count] = 0;
    return count > 0;
}

static void hear(struct program *program, int wait_ms)
{
    struct pollfd fds[] = { { program->out, POLLIN, 0 }, { program->err, POLLIN, 0 } };
    CHECK(poll(fds, 2, wait_ms) >= 0);
    if (fds[1].revents & POLLIN)
        take(program->err, program->complained);
    if (fds[0].revents && !take(program->out, program->said)) {
        fprintf(stderr, "it ended, having said:\n%s%s", program->said, program->complained);
        exit(1);
    }
}

static void until_said(struct program *program, const char *words, uint16_t trap_to)
{
    long long end = now_ms() + PATIENCE_MS;
    while (!strstr(program->said, words)) {
        if (now_ms() > end) {
            fprintf(stderr, "it did not say \"%s\", but:\n%s%s", words, program->said, program->complained);
            exit(1);
        }
        if (trap_to)
            send_trap(trap_to, MEMORY_FAULT, 7);
        hear(program, trap_to ? 50 : PATIENCE_MS);
    }
}

static int ended(struct program *program)
{
    int status = -1;
    while (take(program->out, program->said)) {}
    while (take(program->err, program->complained)) {}
    CHECK(waitpid(program->pid, &status, 0) == program->pid);
    close(program->out);
    close(program->err);
    if (!WIFEXITED(status))
        fprintf(stderr, "status %x\n%s%s", (unsigned)status, program->said, program->complained);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int occurrences(const char *text, const char *words)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, words)); at += strlen(words))
        count++;
    return count;
}

static long resident_kb(pid_t pid)
{
    char path[64], line[128];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "VmRSS: %ld", &kb);
    if (status)
        fclose(status);
    return kb;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void one_recovery(const char *path, int end)
{
    static struct program daemon;
    struct site site;
    char file[200];
    describe(&site, "handshake = \"none\"", "");
    snprintf(file, sizeof file, "%s/example.toml", own_folder());
    write_file(file, site.text);
    launch(&daemon, path, file);
    until_said(&daemon, "recovery of failover1: ", site.port); /* it does not listen at once: a BMC repeats itself, too */
    for (int i = 0; i < 3; i++)
        send_trap(site.port, MEMORY_FAULT, 7);
    long kb = resident_kb(daemon.pid);
    until_said(&daemon, "the recovery is done", 0);
    usleep(300000); /* a second one would come now */
    CHECK(kill(daemon.pid, end) == 0);
    CHECK_INT(ended(&daemon), 0);
    CHECK_INT(occurrences(daemon.said, "recovery of failover1: "), 1);
    CHECK_INT(occurrences(daemon.said, "the recovery is done"), 1);
    if (daemon.complained[0])
        fprintf(stderr, "%s", daemon.complained);
    CHECK(daemon.complained[0] == 0);
    if (!getenv("UNDER_VALGRIND")) {
        printf("%s: %ld kB resident\n", path, kb);
        CHECK(kb > 0 && kb <= MOST_RESIDENT_KB);
    }
    close(site.bmc);
}

static void all_findings(const char *path)
{
    static struct program daemon;
    struct site site;
    char file[200];
    describe(&site, "handshake = \"acme\"\nafter_ended = \"explode\"", "category = \"bmcnotice\"");
    snprintf(file, sizeof file, "%s/wrong.toml", own_folder());
    write_file(file, site.text);
    launch(&daemon, path, file);
    CHECK_INT(ended(&daemon), EXIT_CONFIG);
    const char *const words[] = { "acme", "explode", "bmcnotice\"", "wrong.toml", "configuration error" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(daemon.complained, words[i])) {
            fprintf(stderr, "\"%s\" is missing in:\n%s", words[i], daemon.complained);
            exit(1);
        }
    close(site.bmc);

    launch(&daemon, path, "/nonexistent/bmcnotice.toml");
    CHECK_INT(ended(&daemon), EXIT_FAILURE);
    CHECK(strstr(daemon.complained, "/nonexistent/bmcnotice.toml"));
    launch(&daemon, path, NULL);
    CHECK_INT(ended(&daemon), EXIT_CONFIG);
    CHECK(strstr(daemon.complained, "usage: "));
}

int main(void)
{
    char list[1000];
    snprintf(list, sizeof list, "%s", getenv("EXAMPLES") ? getenv("EXAMPLES") : "");
    int count = 0;
    for (char *path = strtok(list, " "); path; path = strtok(NULL, " "), count++) {
        one_recovery(path, SIGTERM);
        one_recovery(path, SIGINT);
        all_findings(path);
    }
    CHECK_INT(count, 2);
    return 0;
}
