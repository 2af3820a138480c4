/* A daemon in thread mode: the library's own thread receives, talks to the BMC and keeps the deadlines, so
 * the recovery may block.  For programs without an event loop.
 *
 *   cc -std=c11 thread.c $(pkg-config --cflags --libs bmcnotice) -o thread && ./thread bmcnotice.toml
 */
#define _POSIX_C_SOURCE 200809L
#include <bmcnotice.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_CONFIG = 2 };

static bmcn_ctx *context; /* for the signal handler */

static void on_signal(int number)
{
    (void)number;
    bmcn_ctx_stop(context); /* allowed in a handler; bmcn_ctx_run() returns */
}

static void on_log(void *user, int level, const char *line)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    (void)user;
    printf("%s: %s\n", level >= 0 && level <= BMCN_LOG_DEBUG ? names[level] : "?", line);
}

/* Moves the services away.  Meanwhile the BMC has been told that a recovery started. */
static int on_recovery(void *user, const bmcn_recovery *recovery)
{
    (void)user;
    printf("recovery of %s: %s (%lld ms at most)\n", bmcn_recovery_target(recovery),
           bmcn_notice_sentence(bmcn_recovery_notice(recovery)), (long long)bmcn_recovery_deadline_ms(recovery));
    sleep(1); /* your failover here; it may take as long as the monitor's deadline says */
    return BMCN_DONE;
}

static void on_peer(void *user, const char *server, int verdict, int doubt)
{
    static const char *const words[] = { "unknown", "powered", "off", "alive", "booting", "delayed", "silent", "left" };
    const char *word = verdict >= BMCN_UNKNOWN && verdict <= BMCN_LEFT ? words[verdict] : "?";
    char why[128] = "";
    (void)user;
    if (bmcn_ctx_take_over(context, server, why, sizeof why) == BMCN_TAKE_OVER_YES) /* no other answer is a yes */
        printf("heartbeat: %s may be taken over\n", server);
    printf("heartbeat: %s is %s: %s\n", server, word, why);
    if (doubt != BMCN_NO_DOUBT)
        printf("heartbeat: %s: doubt %d\n", server, doubt);
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

static bmcn_ctx *start(const char *path, int *code)
{
    bmcn_config *config = NULL;
    bmcn_ctx *made = NULL;
    bmcn_options options = { .size = sizeof options, .mode = BMCN_MODE_THREAD };

    if ((*code = bmcn_config_new(&config)) != BMCN_OK)
        return NULL;
    if ((*code = bmcn_config_read_file(config, path)) != BMCN_OK ||
        (*code = bmcn_ctx_new(config, &options, &made)) != BMCN_OK)
        complain(config, *code);
    bmcn_config_free(config); /* copied by bmcn_ctx_new */
    return made;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_signal };
    int code;

    if (argc != 2) {
        fprintf(stderr, "usage: %s CONFIGURATION\n", argv[0]);
        return EXIT_CONFIG;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* into a pipe, too: line by line */
    if (!(context = start(argv[1], &code)))
        return code == BMCN_ECONFIG ? EXIT_CONFIG : EXIT_FAILURE;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    bmcn_ctx_on_log(context, on_log, NULL, NULL);
    bmcn_ctx_on_peer(context, on_peer, NULL, NULL);
    if (bmcn_ctx_on_recovery(context, NULL, on_recovery, NULL, NULL) == BMCN_OK) /* of every monitor */
        do
            code = bmcn_ctx_run(context);
        while (code == BMCN_EPANIC); /* repaired: go on, once */

    if (code != BMCN_OK)
        fprintf(stderr, "%s\n", bmcn_strerror(code));
    action.sa_handler = SIG_DFL; /* before the pointer goes */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    bmcn_ctx_free(context); /* tells the BMC that we no longer listen */
    return code == BMCN_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
