/* Arguments: sized structs, NULLs, messages. Nothing here needs a trap. */
#include "host.h"

static void options_are_sized(const struct site *site)
{
    struct { bmcn_options now; uint64_t later; } longer = { { .size = sizeof longer, .mode = BMCN_MODE_LOOP }, 0 };
    bmcn_config *config = config_of(site->text);
    bmcn_ctx *ctx = NULL;
    char text[200] = "";
    CHECK_INT(bmcn_ctx_new(config, &longer.now, &ctx), BMCN_OK); /* of a later version, and uses nothing of it */
    bmcn_ctx_free(ctx);

    ctx = NULL;
    longer.later = 1;
    CHECK_INT(bmcn_ctx_new(config, &longer.now, &ctx), BMCN_E2BIG);
    longer.now.size = SIZE_MAX; /* garbage: must not be read by */
    CHECK_INT(bmcn_ctx_new(config, &longer.now, &ctx), BMCN_E2BIG);
    longer.now.size = sizeof(bmcn_options) - 1;
    CHECK_INT(bmcn_ctx_new(config, &longer.now, &ctx), BMCN_EINVAL);
    longer.now.size = 0;
    CHECK_INT(bmcn_ctx_new(config, &longer.now, &ctx), BMCN_EINVAL);

    bmcn_options bad = { .size = sizeof bad, .mode = 7 };
    CHECK_INT(bmcn_ctx_new(config, &bad, &ctx), BMCN_EINVAL);
    CHECK(bmcn_config_message(config, text, sizeof text) > 0 && strstr(text, "options.mode"));
    bad = (bmcn_options){ .size = sizeof bad, .reserved = 1 };
    CHECK_INT(bmcn_ctx_new(config, &bad, &ctx), BMCN_E2BIG);

    CHECK(ctx == NULL);
    CHECK_INT(bmcn_ctx_new(config, NULL, &ctx), BMCN_OK); /* the defaults */
    bmcn_ctx_free(ctx);
    CHECK_INT(bmcn_ctx_new(config, NULL, NULL), BMCN_EINVAL);
    CHECK(bmcn_config_message(config, text, sizeof text) == (int)strlen("out is NULL") && strstr(text, "out is NULL"));
    bmcn_config_free(config);
}

static void peers_are_sized(const struct site *site)
{
    bmcn_ctx *ctx = context_of(site->text, BMCN_MODE_LOOP);
    struct { bmcn_peer now; uint64_t later; } longer;
    memset(&longer, 0, sizeof longer);
    longer.now.size = sizeof longer;
    CHECK_INT(bmcn_ctx_peer(ctx, "server1", &longer.now), BMCN_OK);
    CHECK(longer.now.size == sizeof longer && longer.later == 0 && longer.now.reserved == 0);
    CHECK(longer.now.verdict == BMCN_UNKNOWN && longer.now.doubt == BMCN_DOUBT_NOT_ASKED && longer.now.since_ms > 0);
    CHECK(longer.now.heard_ms == 0 && longer.now.restarts == 0);

    bmcn_peer untouched = { .size = 40 - 1, .verdict = 99 }; /* the first version has 40 octets */
    CHECK_INT(bmcn_ctx_peer(ctx, "server1", &untouched), BMCN_EINVAL);
    untouched.size = SIZE_MAX;
    CHECK_INT(bmcn_ctx_peer(ctx, "server1", &untouched), BMCN_E2BIG);
    longer.later = 1;
    CHECK_INT(bmcn_ctx_peer(ctx, "server1", &longer.now), BMCN_E2BIG);
    untouched.size = sizeof untouched;
    CHECK_INT(bmcn_ctx_peer(ctx, "server9", &untouched), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_peer(ctx, NULL, &untouched), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_peer(ctx, "server1", NULL), BMCN_EINVAL);
    CHECK(untouched.verdict == 99);

    char name[16] = "?";
    CHECK_INT(bmcn_ctx_peer_name(ctx, 0, name, sizeof name), 7);
    CHECK(strcmp(name, "server1") == 0);
    CHECK_INT(bmcn_ctx_peer_name(ctx, 0, NULL, 0), 7);
    CHECK_INT(bmcn_ctx_peer_name(ctx, 1, name, sizeof name), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_peer_name(ctx, 0, NULL, 1), BMCN_EINVAL);
    bmcn_ctx_free(ctx);
}

static void drills_are_sized(const struct site *site)
{
    char text[TEXT_BYTES];
    bmcn_ctx *ctx = context_of(site->text, BMCN_MODE_LOOP);
    struct { bmcn_drill now; uint64_t later; } longer;
    memset(&longer, 0, sizeof longer);
    longer.now.size = sizeof longer;
    CHECK_INT(bmcn_ctx_drill_status(ctx, &longer.now), BMCN_OK);
    CHECK(longer.now.size == sizeof longer && longer.later == 0 && longer.now.number == 0);
    CHECK(longer.now.state == BMCN_DRILL_NEVER && longer.now.asked_us == -1 && longer.now.delivered_us == -1);
    CHECK(longer.now.proven_at_ms == -1 && longer.now.proven_in_ms == -1 && longer.now.record == 0);

    bmcn_drill untouched = { .size = sizeof untouched - 1, .state = 99 };
    CHECK_INT(bmcn_ctx_drill_status(ctx, &untouched), BMCN_EINVAL);
    untouched.size = SIZE_MAX;
    CHECK_INT(bmcn_ctx_drill_status(ctx, &untouched), BMCN_E2BIG);
    longer.later = 1;
    CHECK_INT(bmcn_ctx_drill_status(ctx, &longer.now), BMCN_E2BIG);
    CHECK_INT(bmcn_ctx_drill_status(ctx, NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_drill_status(NULL, &untouched), BMCN_EINVAL);
    CHECK(untouched.state == 99);

    CHECK_INT(bmcn_ctx_drill(ctx), BMCN_EINVAL); /* this site's BMC has no login */
    CHECK(bmcn_ctx_message(ctx, text, sizeof text) > 0 && strstr(text, "a drill needs a login"));
    CHECK_INT(bmcn_ctx_drill(NULL), BMCN_EINVAL);
    bmcn_ctx_free(ctx);
}

static void null_is_refused(const struct site *site)
{
    bmcn_config *config = config_of(site->text);
    bmcn_ctx *ctx = context_of(site->text, BMCN_MODE_LOOP);
    bmcn_ctx *out = NULL;
    bmcn_peer peer = { .size = sizeof peer };
    uint8_t guid[16];

    CHECK_INT(bmcn_config_new(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_config_read_file(NULL, "x"), BMCN_EINVAL);
    CHECK_INT(bmcn_config_read_text(NULL, "x", NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_config_set(NULL, "a", "b"), BMCN_EINVAL);
    CHECK_INT(bmcn_config_check(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_config_message(NULL, NULL, 0), BMCN_EINVAL);
    bmcn_config_free(NULL);
    CHECK_INT(bmcn_config_read_file(config, NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_config_read_text(config, NULL, NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_config_read_text(config, "\xff", NULL), BMCN_EINVAL); /* not UTF-8 */
    CHECK_INT(bmcn_config_set(config, NULL, "b"), BMCN_EINVAL);
    CHECK_INT(bmcn_config_set(config, "a", NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_config_set(config, "a", "\xff"), BMCN_EINVAL);
    CHECK_INT(bmcn_config_message(config, NULL, 1), BMCN_EINVAL);

    CHECK_INT(bmcn_ctx_new(NULL, NULL, &out), BMCN_EINVAL);
    CHECK(out == NULL);
    CHECK_INT(bmcn_ctx_fd(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_port(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_dispatch(NULL, 1), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_run(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_stop(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_complete(NULL, 1, BMCN_DONE), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_peer(NULL, "server1", &peer), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_peer_name(NULL, 0, NULL, 0), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_count(NULL, BMCN_COUNT_DROPS), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_drops(NULL, 0), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_message(NULL, NULL, 0), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_message(ctx, NULL, 1), BMCN_EINVAL);
    bmcn_ctx_free(NULL);

    CHECK_INT(bmcn_notice_class(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_notice_trust(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_notice_field(NULL, BMCN_SEQUENCE), BMCN_EINVAL);
    CHECK_INT(bmcn_notice_guid(NULL, guid), BMCN_EINVAL);
    CHECK(bmcn_notice_id(NULL) == 0 && bmcn_notice_fault(NULL) == 0 && !bmcn_notice_sentence(NULL) && !bmcn_notice_region(NULL));
    CHECK(!bmcn_notice_server(NULL) && !bmcn_notice_source(NULL) && !bmcn_notice_trap_oid(NULL));
    CHECK(!bmcn_notice_dup(NULL));
    bmcn_notice_free(NULL);
    CHECK(bmcn_recovery_token(NULL) == 0 && bmcn_recovery_record(NULL) == 0 && !bmcn_recovery_monitor(NULL));
    CHECK(!bmcn_recovery_target(NULL) && !bmcn_recovery_notice(NULL));
    CHECK_INT(bmcn_recovery_deadline_ms(NULL), BMCN_EINVAL);
    bmcn_ctx_free(ctx);
    bmcn_config_free(config);
}

/* A registration that fails leaves the pointer to its owner. */
static void failed_registrations_destroy_nothing(const struct site *site)
{
    struct host host = { .ctx = context_of(site->text, BMCN_MODE_LOOP) };
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, NULL, NULL, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, "mrw9", on_recovery, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, "", on_recovery, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, "\xff", on_recovery, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_recovery(NULL, NULL, on_recovery, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_notice(host.ctx, NULL, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_notice(NULL, on_notice, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_log(host.ctx, NULL, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_log(NULL, on_log, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_peer(host.ctx, NULL, &host, on_destroy), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_peer(NULL, on_peer, &host, on_destroy), BMCN_EINVAL);
    bmcn_ctx_free(host.ctx);
    CHECK_INT(host.destroyed, 0);
}

static void message_is_on_the_handle(const struct site *site)
{
    bmcn_ctx *ctx = context_of(site->text, BMCN_MODE_LOOP), *other = NULL;
    bmcn_config *config = config_of(site->text);
    char text[TEXT_BYTES] = "", cut[9] = "";
    CHECK_INT(bmcn_ctx_message(ctx, text, sizeof text), 0);
    CHECK_INT(bmcn_ctx_on_notice(ctx, NULL, NULL, NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_message(ctx, text, sizeof text), 16);
    CHECK(strcmp(text, "function is NULL") == 0);
    CHECK(bmcn_ctx_message(ctx, cut, sizeof cut) == 16 && strcmp(cut, "function") == 0);
    CHECK(bmcn_ctx_message(ctx, cut, 1) == 16 && cut[0] == 0);
    CHECK_INT(bmcn_ctx_message(ctx, NULL, 0), 16);

    /* Two contexts want one port. */
    CHECK_INT(bmcn_ctx_new(config, NULL, &other), BMCN_EIO);
    int length = bmcn_config_message(config, text, sizeof text);
    CHECK(!other && length == (int)strlen(text) && strstr(text, "this very process"));
    CHECK(bmcn_config_message(config, cut, sizeof cut) == length && strlen(cut) == 8);

    /* A character is never cut in two. */
    CHECK_INT(bmcn_config_read_file(config, "/\xc3\xa4/\xc3\xb6"), BMCN_EIO);
    CHECK(bmcn_config_message(config, text, sizeof text) > 0);
    const char *letter = strstr(text, "\xc3\xa4");
    CHECK(letter);
    size_t before = (size_t)(letter - text);
    char *narrow = malloc(before + 2);
    bmcn_config_message(config, narrow, before + 2); /* room for one octet of its two */
    CHECK_INT(strlen(narrow), before);
    free(narrow);
    bmcn_config_free(config);
    bmcn_ctx_free(ctx);
}

static void who_holds_the_port(void)
{
    struct site site;
    bmcn_ctx *ctx = NULL;
    char text[TEXT_BYTES] = "", who[40];
    int pipes[2];
    describe(&site, "handshake = \"none\"", "");
    CHECK(pipe(pipes) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct sockaddr_in address = loopback(site.port);
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        int bound = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        CHECK(bound && write(pipes[1], "x", 1) == 1);
        pause();
        _exit(1);
    }
    CHECK(read(pipes[0], text, 1) == 1);
    bmcn_config *config = config_of(site.text);
    snprintf(who, sizeof who, "process %d", (int)pid);
    CHECK_INT(bmcn_ctx_new(config, NULL, &ctx), BMCN_ECONFIG); /* the check sees it before we try */
    CHECK(bmcn_config_message(config, text, sizeof text) > 0 && strstr(text, who));
    bmcn_config_free(config);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    close(pipes[0]);
    close(pipes[1]);
    close(site.bmc);
}

static void numbers_have_words(void)
{
    for (int code = BMCN_ECONFIG - 2; code < 3; code++)
        CHECK(strlen(bmcn_strerror(code)) > 3);
    for (int code = BMCN_ECONFIG; code < 0; code++)
        CHECK(strcmp(bmcn_strerror(code), bmcn_strerror(-1000)) && strcmp(bmcn_strerror(code), bmcn_strerror(code + 1)));
    int major = -1, minor = -1, patch = -1;
    CHECK_INT(sscanf(bmcn_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    int reasons = 0;
    while (bmcn_drop_name(reasons))
        reasons++;
    CHECK(reasons > 15 && reasons < 1000 && !bmcn_drop_name(-1) && !bmcn_drop_name(reasons + 1));
    CHECK(strcmp(bmcn_drop_name(0), "foreign_source") == 0);
}

int main(void)
{
    struct site site;
    describe(&site, "handshake = \"none\"", "");
    options_are_sized(&site);
    peers_are_sized(&site);
    drills_are_sized(&site);
    null_is_refused(&site);
    failed_registrations_destroy_nothing(&site);
    message_is_on_the_handle(&site);
    who_holds_the_port();
    numbers_have_words();
    close(site.bmc);
    return 0;
}
