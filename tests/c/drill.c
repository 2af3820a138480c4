/* A drill that succeeds, from the order to the callback, in both modes: `bmcnotice sim` is the BMC.
 *
 * Its path is in BMCNOTICE_CLI, where run.sh puts it. */
#include "bmc.h"

struct drilled {
    struct host host; /* first: the callbacks of host.h take it */
    int steps;
    char text[TEXT_BYTES];
};

static void on_progress(void *user, const bmcn_progress *progress)
{
    struct drilled *drilled = user;
    if (bmcn_progress_stage(progress) != BMCN_STAGE_DRILL)
        return;
    drilled->steps++;
    snprintf(drilled->text, sizeof drilled->text, "%s", bmcn_progress_text(progress));
}

/* The same site with this BMC at its address. */
static void put(struct site *site, int port)
{
    char text[TEXT_BYTES], from[40], *place;
    snprintf(text, sizeof text, "%s", site->text);
    snprintf(from, sizeof from, "address = \"127.0.0.1:%d\"", site->bmc_port);
    CHECK(place = strstr(text, from));
    *place = 0;
    int length = snprintf(site->text, sizeof site->text, "%saddress = \"127.0.0.1:%d\"%s", text, port, place + strlen(from));
    CHECK(length > 0 && length < (int)sizeof site->text);
    close(site->bmc);
}

static void the_path_is_proven(uint32_t mode)
{
    struct site site;
    struct drilled drilled = { .host.answer = BMCN_DONE };
    bmcn_drill drill = { .size = sizeof drill };
    struct bmc bmc;
    describe(&site,
        "handshake = \"none\"\nidentity = \"address\"\nuser = \"admin\"\npassword = \"password\"\n"
        "privilege = \"administrator\"", "");
    char alert[40];
    snprintf(alert, sizeof alert, "127.0.0.1:%d", site.port);
    const char *const arguments[] = { "--alert", alert, NULL };
    start_bmc(&bmc, arguments);
    put(&site, bmc.port);
    begin(&drilled.host, &site, mode);
    bmcn_ctx *ctx = drilled.host.ctx;
    CHECK_INT(bmcn_ctx_on_progress(ctx, on_progress, &drilled, NULL), BMCN_OK);

    CHECK_INT(bmcn_ctx_drill_status(ctx, &drill), BMCN_OK);
    CHECK(drill.state == BMCN_DRILL_NEVER && drill.number == 0 && drill.proven_at_ms == -1 && drill.delivered_us == -1);
    CHECK_INT(bmcn_ctx_drill(ctx), BMCN_OK);
    CHECK_INT(bmcn_ctx_drill(ctx), BMCN_EINVAL); /* one at a time */
    UNTIL(&drilled.host, bmcn_ctx_drill_status(ctx, &drill) == BMCN_OK && drill.state != BMCN_DRILL_RUNNING);
    if (drill.state != BMCN_DRILL_PROVEN)
        fprintf(stderr, "%s\n%s", drilled.text, drilled.host.log);
    CHECK_INT(drill.state, BMCN_DRILL_PROVEN);

    /* An answer may come after the trap that it is about; the rest has its order. */
    CHECK(drill.number == 1 && drill.own_event == 1 && drill.record > 0);
    CHECK(drill.asked_us >= 0 && drill.accepted_us > drill.asked_us && drill.received_us > drill.asked_us);
    CHECK(drill.journalled_us >= drill.received_us && drill.delivered_us >= drill.journalled_us);
    CHECK(drill.proven_at_ms > 1600000000000 && drill.proven_in_ms >= 0 && drill.proven_in_ms <= drill.delivered_us / 1000 + 1);
    UNTIL(&drilled.host, drilled.steps >= 2 && strstr(drilled.text, "PROVEN"));
    CHECK_INT(drilled.host.notices, 1);
    CHECK_INT(drilled.host.recoveries, 0);
    CHECK_INT(bmcn_ctx_count(ctx, BMCN_COUNT_ACKNOWLEDGED), 1);
    CHECK_INT(bmcn_ctx_count(ctx, BMCN_COUNT_RECOVERIES), 0);
    bmcn_ctx_free(ctx);

    /* The proof outlives the context that has made it. */
    int64_t at = drill.proven_at_ms;
    ctx = context_of(site.text, mode);
    CHECK_INT(bmcn_ctx_drill_status(ctx, &drill), BMCN_OK);
    CHECK_INT(drill.state, BMCN_DRILL_NEVER);
    CHECK_INT(drill.proven_at_ms, at);
    bmcn_ctx_free(ctx);
    end_bmc(&bmc);
}

int main(void)
{
    for (uint32_t mode = BMCN_MODE_LOOP; mode <= BMCN_MODE_THREAD; mode++)
        the_path_is_proven(mode);
    return 0;
}
