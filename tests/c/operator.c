/* What the operator says: hold and release, cancel, clear, maintenance, reload; and that a recovery which fails in
 * any way leaves the context at work. In both modes. */
#include "host.h"

struct steps {
    struct host host; /* first: the callbacks of host.h take it */
    uint64_t record;
    int stages[32], count, destroyed;
    char text[TEXT_BYTES];
};

static void on_progress(void *user, const bmcn_progress *progress)
{
    struct steps *steps = user;
    CHECK(strcmp(bmcn_progress_monitor(progress), "mrw1") == 0 && strlen(bmcn_progress_text(progress)) > 3);
    CHECK(bmcn_progress_after_us(progress) >= 0 && bmcn_progress_record(progress) > 0);
    CHECK(bmcn_progress_level(progress) >= BMCN_LOG_ERROR && bmcn_progress_level(progress) <= BMCN_LOG_DEBUG);
    steps->record = bmcn_progress_record(progress);
    if (steps->count < 32)
        steps->stages[steps->count++] = bmcn_progress_stage(progress);
    snprintf(steps->text, sizeof steps->text, "%s", bmcn_progress_text(progress));
}

static void on_steps_destroy(void *user)
{
    ((struct steps *)user)->destroyed++;
}

static void start(struct steps *steps, const struct site *site, uint32_t mode)
{
    begin(&steps->host, site, mode);
    CHECK_INT(bmcn_ctx_on_progress(steps->host.ctx, on_progress, steps, on_steps_destroy), BMCN_OK);
}

static int took(const struct steps *steps, int stage)
{
    for (int i = 0; i < steps->count; i++)
        if (steps->stages[i] == stage)
            return 1;
    return 0;
}

/* Ready for the next one: the reset that does not come is not waited for any more. */
#define UNTIL_CLOSED(steps) UNTIL(&(steps).host, took(&(steps), BMCN_STAGE_CLOSED))

static void maintenance_holds(uint32_t mode)
{
    struct site site;
    struct steps steps = { .host.answer = BMCN_DONE }, next = { .host.answer = BMCN_DONE };
    describe(&site, "handshake = \"none\"", "");
    start(&steps, &site, mode);
    bmcn_ctx *ctx = steps.host.ctx;
    CHECK_INT(bmcn_ctx_maintenance(ctx), 0);
    CHECK_INT(bmcn_ctx_set_maintenance(ctx, 7), BMCN_OK);
    CHECK_INT(bmcn_ctx_maintenance(ctx), 1);
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&steps.host, strstr(steps.host.log, "held: maintenance"));
    CHECK_INT(steps.host.recoveries, 0);
    uint64_t record = steps.record;
    CHECK_INT(bmcn_ctx_release(ctx, record + 1), BMCN_ESTALE);
    CHECK_INT(bmcn_ctx_cancel(ctx, record + 1), BMCN_ESTALE);
    CHECK_INT(bmcn_ctx_clear(ctx, 0), BMCN_ESTALE);
    bmcn_ctx_free(ctx);
    CHECK_INT(steps.destroyed, 1);

    /* The next process finds both, and says so. */
    start(&next, &site, mode);
    ctx = next.host.ctx;
    UNTIL(&next.host, strstr(next.host.log, "maintenance is ON"));
    CHECK_INT(bmcn_ctx_maintenance(ctx), 1);
    CHECK_INT(bmcn_ctx_set_maintenance(ctx, 0), BMCN_OK);
    CHECK_INT(bmcn_ctx_maintenance(ctx), 0);
    CHECK_INT(next.host.recoveries, 0); /* what is held stays held */
    CHECK_INT(bmcn_ctx_release(ctx, record), BMCN_OK);
    UNTIL(&next.host, next.host.recoveries == 1 && bmcn_ctx_count(ctx, BMCN_COUNT_DONE) == 1);
    UNTIL_CLOSED(next);
    CHECK(took(&next, BMCN_STAGE_RECOVERING) && took(&next, BMCN_STAGE_ANSWERED));
    CHECK_INT(bmcn_ctx_release(ctx, record), BMCN_ESTALE);
    bmcn_ctx_free(ctx);
    close(site.bmc);
}

static void held_ones_are_cancelled_or_cleared(uint32_t mode)
{
    struct site site;
    struct steps steps = { .host.answer = BMCN_DONE };
    describe(&site, "handshake = \"none\"", "");
    start(&steps, &site, mode);
    bmcn_ctx *ctx = steps.host.ctx;
    int (*const words[])(bmcn_ctx *, uint64_t) = { bmcn_ctx_cancel, bmcn_ctx_clear };
    CHECK_INT(bmcn_ctx_set_maintenance(ctx, 1), BMCN_OK);
    for (unsigned i = 0; i < 2; i++) {
        steps.count = 0;
        steps.host.log[0] = 0;
        send_trap(site.port, MEMORY_FAULT, i + 1);
        UNTIL(&steps.host, strstr(steps.host.log, "held: maintenance"));
        CHECK_INT(words[i](ctx, steps.record), BMCN_OK);
        UNTIL_CLOSED(steps);
        CHECK_INT(words[i](ctx, steps.record), BMCN_ESTALE);
    }
    CHECK_INT(steps.host.recoveries, 0);
    bmcn_ctx_free(ctx);
    close(site.bmc);
}

/* One that runs: its token is stale, and clearing it is refused. */
static void a_running_one_is_cancelled(uint32_t mode)
{
    struct site site;
    struct steps steps = { .host.answer = BMCN_LATER };
    describe(&site, "handshake = \"none\"", "");
    start(&steps, &site, mode);
    bmcn_ctx *ctx = steps.host.ctx;
    char text[200];
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&steps.host, strstr(steps.host.log, "goes on"));
    CHECK_INT(bmcn_ctx_clear(ctx, steps.record), BMCN_EINVAL);
    CHECK(bmcn_ctx_message(ctx, text, sizeof text) > 0 && strstr(text, "the recovery runs"));
    CHECK_INT(bmcn_ctx_release(ctx, steps.record), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_cancel(ctx, steps.record), BMCN_OK);
    CHECK_INT(bmcn_ctx_complete(ctx, steps.host.token, BMCN_DONE), BMCN_ESTALE);
    UNTIL_CLOSED(steps);
    CHECK_INT(bmcn_ctx_count(ctx, BMCN_COUNT_DONE), 0);
    bmcn_ctx_free(ctx);
    close(site.bmc);
}

/* Whatever a recovery does wrong, the next one is run. */
static int on_bad(void *user, const bmcn_recovery *recovery)
{
    struct steps *steps = user;
    if (steps->host.answer == BMCN_DONE && steps->host.recoveries == 0)
        usleep(400000); /* overruns by blocking, and then says that all is well */
    return on_recovery(&steps->host, recovery);
}

static void the_context_lives_on(uint32_t mode)
{
    static const int answers[] = { BMCN_FAILED, 42, -7, 1000000, BMCN_LATER, BMCN_DONE };
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct site site;
        struct steps steps = { .host.answer = answers[i] };
        describe(&site, "handshake = \"none\"", "deadline = \"200ms\"");
        start(&steps, &site, mode);
        bmcn_ctx *ctx = steps.host.ctx;
        CHECK_INT(bmcn_ctx_on_recovery(ctx, "mrw1", on_bad, &steps, NULL), BMCN_OK);
        send_trap(site.port, MEMORY_FAULT, 1);
        UNTIL(&steps.host, bmcn_ctx_count(ctx, BMCN_COUNT_FAILED) == 1 && took(&steps, BMCN_STAGE_CLOSED));
        CHECK_INT(took(&steps, BMCN_STAGE_OVERRUN), answers[i] == BMCN_LATER || answers[i] == BMCN_DONE);
        CHECK_INT(bmcn_ctx_complete(ctx, steps.host.token, BMCN_DONE), BMCN_ESTALE); /* late, or answered */
        CHECK_INT(bmcn_ctx_count(ctx, BMCN_COUNT_DONE), 0);
        steps.host.answer = BMCN_DONE;
        steps.count = 0;
        send_trap(site.port, MEMORY_FAULT, 2);
        UNTIL(&steps.host, bmcn_ctx_count(ctx, BMCN_COUNT_DONE) == 1);
        CHECK_INT(steps.host.recoveries, 2);
        bmcn_ctx_free(ctx);
        close(site.bmc);
    }
}

/* Instead of `old` in a configuration; both of one length. */
static bmcn_config *changed(const struct site *site, const char *old, const char *with)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "%s", site->text);
    char *place = strstr(text, old);
    CHECK(place && strlen(old) == strlen(with));
    memcpy(place, with, strlen(with));
    return config_of(text);
}

static int reload(bmcn_ctx *ctx, bmcn_config *config)
{
    int result = bmcn_ctx_reload(ctx, config);
    bmcn_config_free(config);
    return result;
}

static void a_reload_is_all_or_nothing(uint32_t mode)
{
    struct site site, other;
    struct steps steps = { .host.answer = BMCN_LATER };
    char text[TEXT_BYTES], port[40], new_port[40];
    describe(&site, "handshake = \"none\"", "");
    describe(&other, "handshake = \"none\"", "");
    start(&steps, &site, mode);
    bmcn_ctx *ctx = steps.host.ctx;
    CHECK_INT(bmcn_ctx_reload(ctx, NULL), BMCN_EINVAL);
    CHECK_INT(reload(ctx, changed(&site, "trust = \"address\"", "trust = \"a guess\"")), BMCN_ECONFIG);
    CHECK(bmcn_ctx_message(ctx, text, sizeof text) > 0 && strstr(text, "test.toml:") && strstr(text, "a guess"));
    CHECK_INT(reload(ctx, changed(&site, "/journal", "/JOURNAL")), BMCN_EINVAL);
    CHECK(bmcn_ctx_message(ctx, text, sizeof text) > 0 && strstr(text, "restart"));
    CHECK_INT(bmcn_ctx_port(ctx), site.port);

    /* In the middle of a recovery it waits. */
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&steps.host, strstr(steps.host.log, "goes on"));
    CHECK_INT(reload(ctx, changed(&site, "\"mrw1\"", "\"mrw2\"")), BMCN_RELOAD_LATER);
    CHECK_INT(bmcn_ctx_on_recovery(ctx, "mrw2", on_recovery, &steps, NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_complete(ctx, steps.host.token, BMCN_DONE), BMCN_OK);
    UNTIL(&steps.host, strstr(steps.host.log, "the configuration was reloaded"));
    CHECK_INT(bmcn_ctx_on_recovery(ctx, "mrw2", on_recovery, &steps, NULL), BMCN_OK);
    CHECK_INT(bmcn_ctx_count(ctx, BMCN_COUNT_DONE), 1);

    /* Another port; the old one is given up. */
    snprintf(port, sizeof port, "127.0.0.1:%d", site.port);
    snprintf(new_port, sizeof new_port, "127.0.0.1:%d", other.port);
    if (strlen(port) == strlen(new_port)) {
        CHECK_INT(reload(ctx, changed(&site, port, new_port)), BMCN_RELOADED);
        CHECK_INT(bmcn_ctx_port(ctx), other.port);
        int notices = steps.host.notices;
        send_trap(other.port, FAN_RUNS, 2);
        UNTIL(&steps.host, steps.host.notices == notices + 1);
    }
    bmcn_ctx_free(ctx);
    close(site.bmc);
    close(other.bmc);
}

static void wrong_arguments(void)
{
    CHECK_INT(bmcn_ctx_release(NULL, 1), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_cancel(NULL, 1), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_clear(NULL, 1), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_maintenance(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_set_maintenance(NULL, 1), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_reload(NULL, NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_on_progress(NULL, on_progress, NULL, NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_progress_stage(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_progress_level(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_progress_after_us(NULL), BMCN_EINVAL);
    CHECK(bmcn_progress_record(NULL) == 0 && !bmcn_progress_monitor(NULL) && !bmcn_progress_text(NULL));
    struct site site;
    struct steps steps = { 0 };
    describe(&site, "handshake = \"none\"", "");
    bmcn_ctx *ctx = context_of(site.text, BMCN_MODE_LOOP);
    CHECK_INT(bmcn_ctx_on_progress(ctx, NULL, &steps, on_steps_destroy), BMCN_EINVAL);
    CHECK_INT(steps.destroyed, 0);
    bmcn_ctx_free(ctx);
    close(site.bmc);
}

int main(void)
{
    wrong_arguments();
    for (uint32_t mode = BMCN_MODE_LOOP; mode <= BMCN_MODE_THREAD; mode++) {
        maintenance_holds(mode);
        held_ones_are_cancelled_or_cleared(mode);
        a_running_one_is_cancelled(mode);
        the_context_lives_on(mode);
        a_reload_is_all_or_nothing(mode);
    }
    return 0;
}
