/* Configuration by file, by text and by calls; all findings at once. */
#include "host.h"

static void expect(bmcn_config *config, int code, const char *const *words)
{
    char text[2 * TEXT_BYTES] = "";
    int length = bmcn_config_message(config, text, sizeof text);
    CHECK(length == (int)strlen(text) && length < (int)sizeof text);
    for (; *words; words++)
        if (!strstr(text, *words)) {
            fprintf(stderr, "code %d, \"%s\" is missing in:\n%s\n", code, *words, text);
            exit(1);
        }
}

static void by_file(const struct site *site)
{
    char path[200], text[TEXT_BYTES];
    bmcn_config *config = NULL;
    bmcn_ctx *ctx = NULL;
    snprintf(path, sizeof path, "%s/by_file.toml", own_folder());
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(site->text, file) >= 0 && fclose(file) == 0);
    CHECK_INT(bmcn_config_new(&config), BMCN_OK);
    CHECK_INT(bmcn_config_read_file(config, path), BMCN_OK);
    int count = bmcn_config_check(config);
    bmcn_config_message(config, text, sizeof text);
    if (count < 0)
        fprintf(stderr, "%s\n", text);
    CHECK(count >= 0);
    int lines = text[0] != 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    CHECK_INT(lines, count); /* warnings are told, too */
    CHECK_INT(bmcn_ctx_new(config, NULL, &ctx), BMCN_OK);
    bmcn_ctx_free(ctx);

    CHECK_INT(bmcn_config_read_file(config, "/nonexistent/bmcnotice.toml"), BMCN_EIO);
    expect(config, BMCN_EIO, (const char *const[]){ "/nonexistent/bmcnotice.toml", "No such file", NULL });
    CHECK_INT(bmcn_config_read_file(config, own_folder()), BMCN_EIO); /* a folder */
    CHECK(bmcn_config_check(config) >= 0); /* what was there is there */
    bmcn_config_free(config);
}

/* A cluster of two servers, without a line of TOML. */
static void by_calls(void)
{
    char keyword[40], hot[100];
    snprintf(keyword, sizeof keyword, "\"127.0.0.1:%d\"", free_port());
    snprintf(hot, sizeof hot, "\"%s/by-calls\"", own_folder());
    const char *const values[][2] = {
        { "cluster.name", "\"by calls\"" },
        { "cluster.this_server", "\"server1\"" },
        { "server.server1.addresses", "[\"127.0.0.1\"]" },
        { "server.server1.bmc.address", "\"127.0.0.1:1623\"" },
        { "server.server1.bmc.handshake", "\"none\"" },
        { "server.server2.addresses", "[\"192.0.2.2\"]" },
        { "server.server2.bmc.address", "\"192.0.2.12\"" },
        { "server.server2.bmc.handshake", "\"none\"" },
        { "monitor.mrw1.trust", "\"address\"" },
        { "monitor.mrw1.recovery", "\"callback\"" },
        { "monitor.mrw1.target", "\"failover1\"" },
        { "monitor.mrw1.keywords.server1", keyword },
        { "monitor.mrw1.keywords.server2", "\"192.0.2.2\"" },
        { "heartbeat.lan", "true" },
        { "heartbeat.interval", "\"1s\"" },
        { "journal.hot", hot },
        { "journal.disk", "false" },
    };
    bmcn_config *config = NULL;
    CHECK_INT(bmcn_config_new(&config), BMCN_OK);
    CHECK_INT(bmcn_config_check(config), BMCN_ECONFIG); /* nothing is no cluster */
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        CHECK_INT(bmcn_config_set(config, values[i][0], values[i][1]), BMCN_OK);

    bmcn_ctx *ctx = NULL;
    int code = bmcn_ctx_new(config, NULL, &ctx);
    if (code != BMCN_OK)
        expect(config, code, (const char *const[]){ "all is well", NULL }); /* shows what is not */
    char name[16];
    CHECK_INT(bmcn_ctx_peer_name(ctx, 1, name, sizeof name), 7);
    CHECK(strcmp(name, "server2") == 0 && bmcn_ctx_peer_name(ctx, 2, name, sizeof name) == BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_recovery(ctx, "mrw1", on_recovery, NULL, NULL), BMCN_OK);
    bmcn_ctx_free(ctx);

    /* The last word counts, and a wrong one is found at its path. */
    CHECK_INT(bmcn_config_set(config, "heartbeat.interval", "\"soon\""), BMCN_OK);
    CHECK_INT(bmcn_config_check(config), BMCN_ECONFIG);
    expect(config, BMCN_ECONFIG, (const char *const[]){ "heartbeat.interval", NULL });
    CHECK_INT(bmcn_config_set(config, "heartbeat.interval", "\"2s\""), BMCN_OK);
    CHECK(bmcn_config_check(config) >= 0);
    /* A new text is a new beginning. */
    CHECK_INT(bmcn_config_read_text(config, "", NULL), BMCN_OK);
    CHECK_INT(bmcn_config_check(config), BMCN_ECONFIG);
    bmcn_config_free(config);
}

static void all_findings_at_once(const struct site *site)
{
    bmcn_config *config = config_of(site->text);
    bmcn_ctx *ctx = NULL;
    bmcn_config_set(config, "monitor.mrw1.category", "\"bmcnotice\"");
    bmcn_config_set(config, "monitor.mrw1.deadline", "\"0s\"");
    bmcn_config_set(config, "server.server1.bmc.after_ended", "\"explode\"");
    bmcn_config_set(config, "server.server1.bmc.password", "\"a secret word\"");
    bmcn_config_set(config, "not a path", "1");
    bmcn_config_set(config, "cluster.name", "no TOML");
    const char *const words[] = { "category", "deadline", "after_ended", "not a path", "cluster.name", "error", NULL };
    CHECK_INT(bmcn_config_check(config), BMCN_ECONFIG);
    expect(config, BMCN_ECONFIG, words);
    CHECK_INT(bmcn_ctx_new(config, NULL, &ctx), BMCN_ECONFIG);
    expect(config, BMCN_ECONFIG, words);
    char text[2 * TEXT_BYTES];
    bmcn_config_message(config, text, sizeof text);
    CHECK(!ctx && !strstr(text, "a secret word"));
    bmcn_config_free(config);
}

int main(void)
{
    struct site site;
    describe(&site, "handshake = \"none\"", "");
    by_file(&site);
    by_calls();
    all_findings_at_once(&site);
    close(site.bmc);
    return 0;
}
