/* What a context does to its process: forked children, signals, threads, descriptors. */
#include "host.h"

enum { MOST_DESCRIPTORS = 256 };

/* Which descriptors are open, and what they are. */
static int descriptors(char names[MOST_DESCRIPTORS][80])
{
    int count = 0;
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        char path[40];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, names[fd], 79);
        names[fd][length > 0 ? length : 0] = 0;
        count += length > 0;
    }
    return count;
}

static void child_is_refused(uint32_t mode)
{
    static char before[MOST_DESCRIPTORS][80], after[MOST_DESCRIPTORS][80];
    struct site site;
    struct host host = { .answer = BMCN_DONE };
    bmcn_peer peer = { .size = sizeof peer };
    bmcn_peers *peers = NULL, *before_fork = NULL;
    int status = -1;
    describe(&site, "handshake = \"none\"", "");
    descriptors(before);
    begin(&host, &site, mode);
    send_trap(site.port, FAN_RUNS, 1);
    UNTIL(&host, host.notices == 1); /* the journal has been compacted, so its descriptor is another one */
    CHECK_INT(bmcn_ctx_peers(host.ctx, &before_fork), BMCN_OK);
    int spare = open("/dev/null", O_RDONLY | O_CLOEXEC); /* and the host may have got the old number */

    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_INT(bmcn_ctx_fd(host.ctx), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_port(host.ctx), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_dispatch(host.ctx, 1), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_run(host.ctx), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_stop(host.ctx), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_complete(host.ctx, 1, BMCN_DONE), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_on_log(host.ctx, on_log, &host, on_destroy), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_on_recovery(host.ctx, NULL, on_recovery, &host, on_destroy), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_peer(host.ctx, "server1", &peer), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_peer_name(host.ctx, 0, NULL, 0), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_peers(host.ctx, &peers), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_take_over(host.ctx, "server1", NULL, 0), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_vouch(host.ctx), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_pulse(host.ctx, NULL, 0), BMCN_EFORK);
        CHECK_INT(bmcn_peers_count(before_fork), 1); /* memory, and no more */
        CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_NOTICES), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_drops(host.ctx, 0), BMCN_EFORK);
        CHECK_INT(bmcn_ctx_message(host.ctx, NULL, 0), BMCN_EFORK);
        bmcn_ctx_free(host.ctx);
        CHECK_INT(host.destroyed, 0);
        descriptors(after);
        for (int fd = 0; fd < MOST_DESCRIPTORS; fd++)
            CHECK(strcmp(before[fd], after[fd]) == 0 || fd == spare);
        CHECK(fcntl(spare, F_GETFD) >= 0 && strcmp(after[spare], "/dev/null") == 0);
        execl("/bin/true", "true", (char *)NULL); /* valgrind would call the memory left alone a leak */
        _exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
    send_trap(site.port, MEMORY_FAULT, 2); /* the parent did not notice */
    UNTIL(&host, bmcn_ctx_count(host.ctx, BMCN_COUNT_DONE) == 1);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_JOURNAL_FAILURES), 0);
    bmcn_ctx_free(host.ctx);
    CHECK_INT(host.destroyed, CALLBACKS);
    bmcn_peers_free(before_fork);
    close(spare);
    descriptors(after);
    CHECK(memcmp(before, after, sizeof before) == 0); /* nothing of ours stays open */
    close(site.bmc);
}

static int on_fork(void *user, const bmcn_recovery *recovery)
{
    struct host *host = user;
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) { /* a child inside a callback, as a careless host makes it */
        CHECK_INT(bmcn_ctx_complete(host->ctx, bmcn_recovery_token(recovery), BMCN_FAILED), BMCN_EFORK);
        bmcn_ctx_free(host->ctx);
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
    return on_recovery(user, recovery);
}

static void fork_inside_callback(uint32_t mode)
{
    struct site site;
    struct host host = { .answer = BMCN_DONE };
    describe(&site, "handshake = \"none\"", "");
    begin(&host, &site, mode);
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, NULL, on_fork, &host, NULL), BMCN_OK);
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, "mrw1", on_fork, &host, NULL), BMCN_OK);
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&host, bmcn_ctx_count(host.ctx, BMCN_COUNT_DONE) == 1);
    bmcn_ctx_free(host.ctx);
    close(site.bmc);
}

/* ---- signals */

static bmcn_ctx *stopped;
static volatile sig_atomic_t stops;

static void on_alarm(int number)
{
    (void)number;
    int before = errno = 4242;
    stops += bmcn_ctx_stop(stopped) == BMCN_OK;
    if (errno != before)
        stops = -100;
}

static void stop_from_a_handler(uint32_t mode)
{
    struct site site;
    struct host host = { 0 };
    struct sigaction action = { .sa_handler = on_alarm }, before;
    describe(&site, "handshake = \"none\"", "");
    begin(&host, &site, mode);
    stopped = host.ctx;
    stops = 0;
    CHECK(sigaction(SIGALRM, &action, &before) == 0);
    struct timespec wait = { 0, 50000000 };
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){ .it_value = wait }, NULL) == 0);
    CHECK_INT(bmcn_ctx_run(host.ctx), BMCN_OK);
    CHECK_INT(stops, 1);
    raise(SIGALRM); /* before it runs */
    CHECK_INT(bmcn_ctx_run(host.ctx), BMCN_OK);
    CHECK_INT(stops, 2);
    timer_delete(timer);
    sigaction(SIGALRM, &before, NULL);
    bmcn_ctx_free(host.ctx);
    close(site.bmc);
}

/* The signals that a thread of this name blocks; 0: there is no such thread. */
static unsigned long long blocked_by(const char *wanted)
{
    unsigned long long mask = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[300], line[128], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *status = fopen(path, "r");
        while (status && fgets(line, sizeof line, status)) {
            sscanf(line, "Name: %31s", name);
            if (strcmp(name, wanted) == 0)
                sscanf(line, "SigBlk: %llx", &mask);
        }
        if (status)
            fclose(status);
    }
    closedir(tasks);
    return mask;
}

static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; (task = readdir(tasks));)
        count += task->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void threads_block_signals(void)
{
    static const char *const names[] = { "bmcnotice", "bmcn-journal" };
    const int some[] = { SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGALRM, SIGUSR1, SIGSEGV };
    struct site site;
    describe(&site, "handshake = \"none\"", "");
    size_t used = strlen(site.text);
    char *disk = strstr(site.text, "disk = false");
    snprintf(disk, sizeof site.text - used, "disk = \"%s/disk\"\n", own_folder());
    bmcn_ctx *ctx = context_of(site.text, BMCN_MODE_THREAD);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        unsigned long long mask = 0;
        for (int tries = 0; mask == 0 && tries < 500; tries++) { /* a thread names itself, a little later */
            mask = blocked_by(names[n]);
            usleep(10000);
        }
        for (size_t i = 0; i < sizeof some / sizeof *some; i++)
            CHECK(mask & (1ull << (some[i] - 1)));
    }
    sigset_t mine;
    sigprocmask(SIG_SETMASK, NULL, &mine);
    CHECK(!sigismember(&mine, SIGTERM)); /* ours is as it was */
    bmcn_ctx_free(ctx);
    CHECK_INT(threads(), 1); /* all have ended */
    close(site.bmc);
}

static void loop_mode_starts_no_thread(void)
{
    struct site site;
    describe(&site, "handshake = \"none\"", "");
    bmcn_ctx *ctx = context_of(site.text, BMCN_MODE_LOOP);
    CHECK_INT(threads(), 1);
    bmcn_ctx_free(ctx);
    close(site.bmc);
}

/* A command of the operator's, in a host that reaps every child it finds. */
static void commands_are_not_the_hosts_children(uint32_t mode)
{
    struct site site;
    struct host host = { 0 };
    describe(&site, "handshake = \"none\"", "");
    char *callback = strstr(site.text, "\"callback\""), rest[TEXT_BYTES];
    snprintf(rest, sizeof rest, "%s", callback + strlen("\"callback\""));
    sprintf(callback, "{ command = [\"/bin/sh\", \"-c\", \"echo $BMCNOTICE_TARGET moved\"] }%.2000s", rest);
    host.ctx = context_of(site.text, mode);
    CHECK_INT(bmcn_ctx_on_log(host.ctx, on_log, &host, NULL), BMCN_OK);
    CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&host, (waitpid(-1, NULL, WNOHANG), strstr(host.log, "recovery is done") != NULL));
    CHECK(strstr(host.log, "failover1 moved"));
    signal(SIGCHLD, SIG_DFL);
    bmcn_ctx_free(host.ctx);
    close(site.bmc);
}

int main(void)
{
    own_folder();
    loop_mode_starts_no_thread();
    for (uint32_t mode = BMCN_MODE_LOOP; mode <= BMCN_MODE_THREAD; mode++) {
        child_is_refused(mode);
        fork_inside_callback(mode);
        stop_from_a_handler(mode);
        if (!getenv("UNDER_VALGRIND")) /* it does not know clone3 */
            commands_are_not_the_hosts_children(mode);
    }
    if (!getenv("UNDER_VALGRIND")) /* it keeps the masks to itself */
        threads_block_signals();
    return 0;
}
