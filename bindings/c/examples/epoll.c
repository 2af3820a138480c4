/* A daemon in loop mode: the program's own epoll loop does everything, no thread is started.  Nothing may
 * block, so the recovery answers "later" and is completed by its token; a timer stands for the work.
 *
 *   cc -std=c11 epoll.c $(pkg-config --cflags --libs bmcnotice) -o epoll && ./epoll bmcnotice.toml
 */
#define _POSIX_C_SOURCE 200809L
#include <bmcnotice.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EXIT_CONFIG = 2, EVENTS_PER_ROUND = 16 };

struct daemon {
    bmcn_ctx *context;
    int loop, signals, work; /* descriptors: epoll, signalfd, timerfd */
    uint64_t token;          /* of the recovery that goes on */
};

static void on_log(void *user, int level, const char *line)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    (void)user;
    printf("%s: %s\n", level >= 0 && level <= BMCN_LOG_DEBUG ? names[level] : "?", line);
}

/* Begins to move the services away, and returns at once. */
static int on_recovery(void *user, const bmcn_recovery *recovery)
{
    struct daemon *self = user;
    const struct itimerspec work = { .it_value = { .tv_sec = 1 } };
    printf("recovery of %s: %s\n", bmcn_recovery_target(recovery),
           bmcn_notice_sentence(bmcn_recovery_notice(recovery)));
    self->token = bmcn_recovery_token(recovery); /* with several monitors: keep one for each */
    return timerfd_settime(self->work, 0, &work, NULL) == 0 ? BMCN_LATER : BMCN_FAILED;
}

/* The work is over: the token tells which recovery.  BMCN_ESTALE: its deadline was over before. */
static void on_work_done(struct daemon *self)
{
    uint64_t times;
    int code = BMCN_OK;
    if (read(self->work, &times, sizeof times) == sizeof times)
        code = bmcn_ctx_complete(self->context, self->token, BMCN_DONE);
    if (code != BMCN_OK)
        fprintf(stderr, "recovery: %s\n", bmcn_strerror(code));
}

/* The message belongs to the configuration: every finding, one a line. */
static void complain(const bmcn_config *config, int code)
{
    int length = bmcn_config_message(config, NULL, 0);
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    if (text)
        bmcn_config_message(config, text, (size_t)length + 1);
    fprintf(stderr, "%s\n%s\n", bmcn_strerror(code), text ? text : "");
    free(text);
}

static int start(struct daemon *self, const char *path)
{
    bmcn_config *config = NULL;
    int code = bmcn_config_new(&config);
    if (code != BMCN_OK)
        return code;
    if ((code = bmcn_config_read_file(config, path)) != BMCN_OK ||
        (code = bmcn_ctx_new(config, NULL, &self->context)) != BMCN_OK) /* no options: loop mode */
        complain(config, code);
    bmcn_config_free(config); /* copied by bmcn_ctx_new */
    return code;
}

static int watch(const struct daemon *self, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(self->loop, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv)
{
    struct daemon self = { .loop = epoll_create1(EPOLL_CLOEXEC),
                           .work = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK) };
    sigset_t ends;
    int code, over = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONFIGURATION\n", argv[0]);
        return EXIT_CONFIG;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* into a pipe, too: line by line */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    self.signals = signalfd(-1, &ends, SFD_CLOEXEC);
    if ((code = start(&self, argv[1])) != BMCN_OK)
        return code == BMCN_ECONFIG ? EXIT_CONFIG : EXIT_FAILURE;

    bmcn_ctx_on_log(self.context, on_log, NULL, NULL);
    bmcn_ctx_on_recovery(self.context, NULL, on_recovery, &self, NULL); /* of every monitor */
    if (watch(&self, bmcn_ctx_fd(self.context)) || watch(&self, self.work) || watch(&self, self.signals))
        over = 1, code = BMCN_EIO;
    while (!over) {
        struct epoll_event event;
        if (epoll_wait(self.loop, &event, 1, -1) != 1)
            continue; /* a signal that is none of ours */
        if (event.data.fd == self.signals)
            over = 1;
        else if (event.data.fd == self.work)
            on_work_done(&self);
        else if ((code = bmcn_ctx_dispatch(self.context, EVENTS_PER_ROUND)) < 0 && code != BMCN_EPANIC)
            over = 1; /* a count is success, and BMCN_EPANIC is repaired */
    }
    bmcn_ctx_free(self.context); /* tells the BMC that we no longer listen */
    return code < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
