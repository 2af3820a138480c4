/* What the C tests share: a cluster of one server on loopback, its traps as octets, and a host that counts. */
#ifndef HOST_H
#define HOST_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bmcnotice.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition) \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), exit(1)))
#define CHECK_INT(is, wanted) check_int((is), (wanted), #is, __FILE__, __LINE__)

/* A test file uses what it needs of this one. */
#define SHARED __attribute__((unused)) static

enum { PATIENCE_MS = 20000, MEMORY_FAULT = 814849, FAN_RUNS = 262530, TEXT_BYTES = 4096 };

SHARED void check_int(long long is, long long wanted, const char *what, const char *file, int line)
{
    if (is == wanted)
        return;
    fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", file, line, what, is, wanted);
    exit(1);
}

SHARED long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- files and ports */

static char folder[64]; /* this process's own, on tmpfs */
static pid_t maker;

static void remove_folder(void)
{
    char path[400];
    DIR *dir = getpid() == maker ? opendir(folder) : NULL; /* a forked child leaves it alone */
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(path) != 0 && errno != ENOENT) { /* a journal's folder */
            DIR *inner = opendir(path);
            for (struct dirent *file; inner && (file = readdir(inner));)
                if (file->d_name[0] != '.')
                    unlinkat(dirfd(inner), file->d_name, 0);
            if (inner)
                closedir(inner);
            rmdir(path);
        }
    }
    if (dir) {
        closedir(dir);
        rmdir(folder);
    }
}

SHARED const char *own_folder(void)
{
    if (maker)
        return folder;
    snprintf(folder, sizeof folder, "%s/bmcnotice-c-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(folder));
    maker = getpid();
    atexit(remove_folder);
    return folder;
}

SHARED struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                 .sin_port = htons((uint16_t)port) };
}

/* A socket on a port that was free; the port. */
SHARED int open_port(int *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

SHARED int free_port(void)
{
    int port;
    close(open_port(&port));
    return port;
}

/* ---- the cluster */

struct site {
    int port, bmc_port;    /* where we listen; where the BMC is said to be */
    int bmc;               /* the BMC's socket: takes everything and answers nothing */
    int number;            /* of the journal's folder */
    char text[TEXT_BYTES]; /* its configuration */
};

/* `server` stands in [server.bmc], `monitor` in [[monitor]]. */
SHARED void describe(struct site *site, const char *server, const char *monitor)
{
    static int sites;
    site->number = sites++;
    site->port = free_port();
    site->bmc = open_port(&site->bmc_port);
    int length = snprintf(site->text, sizeof site->text,
        "[cluster]\nname = \"c\"\nthis_server = \"server1\"\n"
        "[[server]]\nname = \"server1\"\naddresses = [\"127.0.0.1\"]\n"
        "[server.bmc]\naddress = \"127.0.0.1:%d\"\n%s\n"
        "[[monitor]]\nname = \"mrw1\"\ntrust = \"address\"\nrecovery = \"callback\"\ntarget = \"failover1\"\n"
        "reset_deadline = \"100ms\"\ncool_down = \"0s\"\nbudget = 255\n%s\nkeywords = { server1 = \"127.0.0.1:%d\" }\n"
        "[heartbeat]\nbmc = true\nlan = true\ninterval = \"100ms\"\ntimeout = \"400ms\"\npulse = false\n"
        "[journal]\nhot = \"%s/journal%d\"\ndisk = false\n",
        site->bmc_port, server, monitor, site->port, own_folder(), site->number);
    CHECK(length > 0 && length < (int)sizeof site->text);
}

/* Without heartbeat: nothing wakes the context by chance. */
SHARED void describe_quiet(struct site *site)
{
    describe(site, "handshake = \"none\"", "");
    char *wakes = strstr(site->text, "bmc = true");
    CHECK(wakes);
    memcpy(wakes, "bmc=false ", strlen("bmc = true"));
}

SHARED bmcn_config *config_of(const char *text)
{
    bmcn_config *config = NULL;
    CHECK_INT(bmcn_config_new(&config), BMCN_OK);
    CHECK_INT(bmcn_config_read_text(config, text, "test.toml"), BMCN_OK);
    return config;
}

SHARED bmcn_ctx *context_of(const char *text, uint32_t mode)
{
    bmcn_options options = { .size = sizeof options, .mode = mode };
    bmcn_config *config = config_of(text);
    bmcn_ctx *ctx = NULL;
    if (bmcn_ctx_new(config, &options, &ctx) != BMCN_OK) {
        char message[TEXT_BYTES];
        bmcn_config_message(config, message, sizeof message);
        fprintf(stderr, "no context:\n%s\n", message);
        exit(1);
    }
    bmcn_config_free(config);
    return ctx;
}

/* ---- traps */

enum { TRAP_BYTES = 109, AT_SPECIFIC = 37, AT_SEQUENCE = 78, AT_SEVERITY = 88 };

/* Captured from net-snmp's snmptrap: SNMPv1, community "public", a PET of the enterprise 1.3.6.1.4.1.3183.1.1. */
static const char TRAP[] =
    "306b02010004067075626c6963a45e06092b06010401986f01014004c000020b02010602030401824302109230"
    "3f303d060a2b06010401986f010101042f00112233445566778899aabbccddeeff0007189c2e80003c20200241"
    "301d0102ffff00000000001900002a7c0100c1";

SHARED void send_octets(int port, const void *octets, size_t length)
{
    struct sockaddr_in to = loopback(port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(sendto(fd, octets, length, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)length);
    close(fd);
}

/* A PET of this event; another sequence number is another event. */
SHARED void send_trap(int port, unsigned specific, unsigned sequence)
{
    uint8_t octets[TRAP_BYTES];
    CHECK(sizeof TRAP == 2 * TRAP_BYTES + 1);
    for (size_t i = 0; i < sizeof octets; i++)
        CHECK(sscanf(TRAP + 2 * i, "%2hhx", &octets[i]) == 1);
    for (int i = 0; i < 3; i++)
        octets[AT_SPECIFIC + i] = (uint8_t)(specific >> (16 - 8 * i));
    octets[AT_SEQUENCE] = (uint8_t)(sequence >> 8);
    octets[AT_SEQUENCE + 1] = (uint8_t)sequence;
    if (specific == MEMORY_FAULT)
        octets[AT_SEVERITY] = 0x20; /* non-recoverable */
    send_octets(port, octets, sizeof octets);
}

/* ---- a host program */

struct host {
    bmcn_ctx *ctx;
    int port, recoveries, notices, lines, peers, destroyed;
    int answer;            /* what the recovery callback returns */
    int verdict, doubt;    /* the last that the heartbeat said */
    uint64_t token;        /* of the last recovery */
    bmcn_notice *kept;     /* of the last notice, if kept */
    int keeps;
    char last[512], log[2 * TEXT_BYTES]; /* the last sentence; all lines */
};

SHARED void remember_line(struct host *host, int level, const char *line)
{
    size_t used = strlen(host->log);
    CHECK(level >= BMCN_LOG_ERROR && level <= BMCN_LOG_DEBUG && !strchr(line, '\n'));
    host->lines++;
    snprintf(host->log + used, sizeof host->log - used, "%d %s\n", level, line);
}

SHARED void on_log(void *user, int level, const char *line)
{
    remember_line(user, level, line);
}

SHARED int on_recovery(void *user, const bmcn_recovery *recovery)
{
    struct host *host = user;
    host->recoveries++;
    host->token = bmcn_recovery_token(recovery);
    snprintf(host->last, sizeof host->last, "%s", bmcn_notice_sentence(bmcn_recovery_notice(recovery)));
    return host->answer;
}

SHARED void on_notice(void *user, const bmcn_notice *notice)
{
    struct host *host = user;
    host->notices++;
    snprintf(host->last, sizeof host->last, "%s", bmcn_notice_sentence(notice));
    if (host->keeps) {
        bmcn_notice_free(host->kept);
        host->kept = bmcn_notice_dup(notice);
    }
}

SHARED void on_peer(void *user, const char *server, int verdict, int doubt)
{
    struct host *host = user;
    CHECK(strcmp(server, "server1") == 0);
    host->peers++;
    host->verdict = verdict;
    host->doubt = doubt;
}

SHARED void on_destroy(void *user)
{
    ((struct host *)user)->destroyed++;
}

/* A context of its own with all callbacks, each with a destructor. */
enum { CALLBACKS = 4 };
SHARED void begin(struct host *host, const struct site *site, uint32_t mode)
{
    host->ctx = context_of(site->text, mode);
    host->port = site->port;
    CHECK_INT(bmcn_ctx_port(host->ctx), site->port);
    CHECK_INT(bmcn_ctx_on_recovery(host->ctx, "mrw1", on_recovery, host, on_destroy), BMCN_OK);
    CHECK_INT(bmcn_ctx_on_notice(host->ctx, on_notice, host, on_destroy), BMCN_OK);
    CHECK_INT(bmcn_ctx_on_log(host->ctx, on_log, host, on_destroy), BMCN_OK);
    CHECK_INT(bmcn_ctx_on_peer(host->ctx, on_peer, host, on_destroy), BMCN_OK);
}

SHARED int readable(const bmcn_ctx *ctx, int timeout_ms)
{
    struct pollfd fd = { bmcn_ctx_fd(ctx), POLLIN, 0 };
    return poll(&fd, 1, timeout_ms);
}

/* Dispatches until `condition` holds. */
#define UNTIL(host, condition)                                                                          \
    do {                                                                                                \
        long long end_ = now_ms() + PATIENCE_MS;                                                        \
        while (!(condition)) {                                                                          \
            int result_ = readable((host)->ctx, 100) == 1 ? bmcn_ctx_dispatch((host)->ctx, 16) : 0;     \
            if (result_ < 0 || now_ms() > end_) {                                                       \
                fprintf(stderr, "%s:%d: %s: not in time (%d)\n%s", __FILE__, __LINE__, #condition,      \
                        result_, (host)->log);                                                          \
                exit(1);                                                                                \
            }                                                                                           \
        }                                                                                               \
    } while (0)

#endif
