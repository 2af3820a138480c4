/* A defect in the library is a code and a message, never a word on the host's stderr.
 * Linked with an archive of feature `sim`, whose engine panics on a certain datagram. */
#include "host.h"

static const char bait[] = "panic, please";

static int dispatch(struct host *host)
{
    return readable(host->ctx, 100) == 1 ? bmcn_ctx_dispatch(host->ctx, 8) : 0;
}

static void survives_once(uint32_t mode)
{
    struct site site;
    struct host host = { .answer = BMCN_LATER };
    char text[400] = "";
    int panics = 0, result = 0;
    describe_quiet(&site);
    begin(&host, &site, mode);
    int fd = bmcn_ctx_fd(host.ctx);

    send_trap(site.port, FAN_RUNS, 1);
    send_octets(site.port, bait, strlen(bait));
    send_trap(site.port, FAN_RUNS, 2);
    long long end = now_ms() + PATIENCE_MS;
    while (host.notices < 2 || panics == 0) {
        result = dispatch(&host);
        CHECK(result >= 0 || result == BMCN_EPANIC);
        if (result == BMCN_EPANIC) {
            panics++;
            bmcn_ctx_message(host.ctx, text, sizeof text);
        }
        CHECK(now_ms() < end);
    }
    CHECK(panics == 1 && host.notices == 2); /* nothing but the bait was lost */
    CHECK(strstr(text, "the bait was taken (src/sim/bait.rs:"));
    send_trap(site.port, FAN_RUNS, 1); /* the journal remembers */
    send_trap(site.port, MEMORY_FAULT, 3); /* and it works */
    UNTIL(&host, host.recoveries == 1);
    CHECK_INT(host.notices, 3);
    CHECK(bmcn_ctx_count(host.ctx, BMCN_COUNT_REPEATS) == 1);

    send_octets(site.port, bait, strlen(bait));
    while ((result = dispatch(&host)) >= 0)
        CHECK(now_ms() < end);
    CHECK_INT(result, BMCN_EBROKEN);
    CHECK_INT(bmcn_ctx_dispatch(host.ctx, 8), BMCN_EBROKEN);
    CHECK_INT(bmcn_ctx_run(host.ctx), BMCN_EBROKEN);
    CHECK_INT(bmcn_ctx_complete(host.ctx, host.token, BMCN_DONE), BMCN_EBROKEN);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_NOTICES), BMCN_EBROKEN);
    CHECK_INT(bmcn_ctx_on_log(host.ctx, on_log, &host, on_destroy), BMCN_EBROKEN);
    CHECK_INT(bmcn_ctx_fd(host.ctx), fd);
    for (int i = 0; i < 3; i++)
        CHECK(readable(host.ctx, 1000) == 1 && bmcn_ctx_dispatch(host.ctx, 8) == BMCN_EBROKEN);
    CHECK(bmcn_ctx_message(host.ctx, text, sizeof text) > 0 && strstr(text, "broken"));
    CHECK_INT(host.destroyed, 0);
    bmcn_ctx_free(host.ctx);
    CHECK_INT(host.destroyed, CALLBACKS);
    close(site.bmc);
}

/* A host that asks from another thread alone, and never while dispatching. */
static void run_reports_it(uint32_t mode)
{
    struct site site;
    struct host host = { 0 };
    describe_quiet(&site);
    begin(&host, &site, mode);
    send_octets(site.port, bait, strlen(bait));
    CHECK_INT(bmcn_ctx_run(host.ctx), BMCN_EPANIC);
    send_octets(site.port, bait, strlen(bait));
    CHECK_INT(bmcn_ctx_run(host.ctx), BMCN_EBROKEN);
    bmcn_ctx_free(host.ctx);
    close(site.bmc);
}

int main(void)
{
    for (uint32_t mode = BMCN_MODE_LOOP; mode <= BMCN_MODE_THREAD; mode++) {
        survives_once(mode);
        run_reports_it(mode);
    }
    return 0;
}
