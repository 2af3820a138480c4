/* A context at work, in both modes: deliveries, callbacks, answers, re-entry, freeing. */
#include "host.h"
#include <stdatomic.h>

static void notices_are_told(uint32_t mode)
{
    struct site site;
    struct host host = { .keeps = 1 };
    describe(&site, "handshake = \"none\"", "");
    begin(&host, &site, mode);
    send_trap(site.port, FAN_RUNS, 0x1234);
    UNTIL(&host, host.notices == 1);
    send_trap(site.port, FAN_RUNS, 0x1234); /* sent again, as BMCs do */
    UNTIL(&host, bmcn_ctx_count(host.ctx, BMCN_COUNT_REPEATS) == 1);
    send_trap(site.port, FAN_RUNS, 0x1235);
    UNTIL(&host, host.notices == 2);
    send_octets(site.port, "0", 1); /* half a trap */
    send_octets(site.port, "GET / HTTP/1.0", 14);
    UNTIL(&host, bmcn_ctx_count(host.ctx, BMCN_COUNT_DROPS) == 2);
    CHECK_INT(host.notices, 2);
    CHECK_INT(host.recoveries, 0); /* a fan that runs again is no reason */
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_DATAGRAMS), 5);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_NOTICES), 2);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_ACKNOWLEDGED), 3); /* the repetition, too */
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_RECOVERIES), 0);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_JOURNAL_FAILURES), 0);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_UNDELIVERED), 0);
    CHECK_INT(bmcn_ctx_count(host.ctx, -1), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_count(host.ctx, 1000), BMCN_EINVAL);
    long long drops = 0;
    for (int reason = 0; bmcn_drop_name(reason); reason++) {
        long long count = bmcn_ctx_drops(host.ctx, reason);
        CHECK(count == 0 || strcmp(bmcn_drop_name(reason), "not_snmp") == 0 ||
              strcmp(bmcn_drop_name(reason), "truncated") == 0);
        drops += count;
    }
    CHECK_INT(drops, 2);
    CHECK_INT(bmcn_ctx_drops(host.ctx, -1), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_drops(host.ctx, 1000), BMCN_EINVAL);

    bmcn_ctx_free(host.ctx);
    CHECK_INT(host.destroyed, CALLBACKS);

    /* The kept notice outlives all of it. */
    const bmcn_notice *notice = host.kept;
    static const uint8_t guid[16] = { 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    uint8_t found[16];
    CHECK(notice && bmcn_notice_class(notice) == BMCN_CLEARED && bmcn_notice_trust(notice) == BMCN_TRUST_ADDRESS);
    CHECK(strcmp(bmcn_notice_server(notice), "server1") == 0 && strcmp(bmcn_notice_sentence(notice), host.last) == 0);
    CHECK(strncmp(bmcn_notice_source(notice), "127.0.0.1:", 10) == 0 && strlen(bmcn_notice_region(notice)) > 0);
    CHECK(strcmp(bmcn_notice_trap_oid(notice), "1.3.6.1.4.1.3183.1.1.0.262530") == 0 && bmcn_notice_id(notice) != 0);
    CHECK(bmcn_notice_fault(notice) >> 56 == 1 && (bmcn_notice_fault(notice) & 0xff) == 1); /* a sensor's, and over */
    CHECK(bmcn_notice_guid(notice, found) == 0 && memcmp(found, guid, 16) == 0);
    CHECK_INT(bmcn_notice_guid(notice, NULL), BMCN_EINVAL);
    static const long long fields[] = { 4, 1, 2, 1, 0x30, 2, 0x1d, 1, 2, 0xff, 0xff, 0x1235, 0x2a7c };
    for (int field = BMCN_SENSOR_TYPE; field <= BMCN_MANUFACTURER; field++)
        CHECK_INT(bmcn_notice_field(notice, field), fields[field]);
    CHECK_INT(bmcn_notice_field(notice, BMCN_MANUFACTURER + 1), BMCN_EINVAL);
    CHECK_INT(bmcn_notice_field(notice, -1), BMCN_EINVAL);
    bmcn_notice_free(host.kept);
    close(site.bmc);
}

static int on_due(void *user, const bmcn_recovery *recovery)
{
    const bmcn_notice *notice = bmcn_recovery_notice(recovery);
    CHECK(strcmp(bmcn_recovery_monitor(recovery), "mrw1") == 0);
    CHECK(strcmp(bmcn_recovery_target(recovery), "failover1") == 0);
    CHECK(bmcn_recovery_deadline_ms(recovery) == 60000 && bmcn_recovery_token(recovery) != 0);
    CHECK(bmcn_notice_class(notice) == BMCN_FATAL && bmcn_notice_field(notice, BMCN_SEVERITY) == 0x20);
    CHECK(strcmp(bmcn_notice_server(notice), "server1") == 0 && bmcn_notice_field(notice, BMCN_SENSOR_TYPE) == 0x0c);
    return on_recovery(user, recovery);
}

/* Every answer, one after the other; the reset that does not come is soon not waited for any more. */
static void recoveries_are_answered(uint32_t mode)
{
    struct site site;
    struct host host = { 0 };
    describe(&site, "handshake = \"none\"", "");
    begin(&host, &site, mode);
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, NULL, on_due, &host, on_destroy), BMCN_OK);

    host.answer = BMCN_DONE;
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&host, bmcn_ctx_count(host.ctx, BMCN_COUNT_DONE) == 1 && strstr(host.log, "closed"));
    CHECK(host.recoveries == 1 && bmcn_ctx_count(host.ctx, BMCN_COUNT_RECOVERIES) == 1);
    CHECK(strstr(host.last, "emory") && strstr(host.log, "recovery is done"));
    CHECK_INT(bmcn_ctx_complete(host.ctx, host.token, BMCN_DONE), BMCN_ESTALE); /* answered already */

    static const int failures[] = { BMCN_FAILED, 42, -1 };
    for (int i = 0; i < 3; i++) {
        struct site next;
        struct host other = { .answer = failures[i] };
        describe(&next, "handshake = \"none\"", "");
        begin(&other, &next, mode);
        CHECK_INT(bmcn_ctx_on_recovery(other.ctx, "mrw1", on_due, &other, NULL), BMCN_OK);
        send_trap(next.port, MEMORY_FAULT, 1);
        UNTIL(&other, bmcn_ctx_count(other.ctx, BMCN_COUNT_FAILED) == 1 && strstr(other.log, "FAILED"));
        CHECK_INT(bmcn_ctx_count(other.ctx, BMCN_COUNT_DONE), 0);
        bmcn_ctx_free(other.ctx);
        close(next.bmc);
    }

    host.answer = BMCN_LATER;
    send_trap(site.port, MEMORY_FAULT, 2);
    UNTIL(&host, host.recoveries == 2 && strstr(host.log, "goes on"));
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_DONE), 1);
    CHECK_INT(bmcn_ctx_complete(host.ctx, host.token, BMCN_LATER), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_complete(host.ctx, host.token + 1, BMCN_DONE), BMCN_ESTALE);
    CHECK_INT(bmcn_ctx_complete(host.ctx, 0, BMCN_DONE), BMCN_ESTALE);
    CHECK_INT(bmcn_ctx_complete(host.ctx, host.token, BMCN_DONE), BMCN_OK);
    CHECK(readable(host.ctx, PATIENCE_MS) == 1); /* there is news of it */
    CHECK_INT(bmcn_ctx_complete(host.ctx, host.token, BMCN_DONE), BMCN_ESTALE);
    CHECK_INT(bmcn_ctx_complete(host.ctx, host.token, BMCN_FAILED), BMCN_ESTALE);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_DONE), 2);
    char text[100];
    CHECK(bmcn_ctx_message(host.ctx, text, sizeof text) > 0 && strstr(text, "over"));
    bmcn_ctx_free(host.ctx);
    CHECK_INT(host.destroyed, CALLBACKS + 1); /* of both recoveries: its own monitor's, and the common one's */
    close(site.bmc);
}

/* What comes too late has failed, whoever was asleep. */
static int on_overrun(void *user, const bmcn_recovery *recovery)
{
    usleep(300000);
    return on_recovery(user, recovery);
}

static void late_is_failed(uint32_t mode)
{
    struct site site;
    struct host host = { .answer = BMCN_DONE };
    describe(&site, "handshake = \"none\"", "deadline = \"100ms\"");
    begin(&host, &site, mode);
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, "mrw1", on_overrun, &host, NULL), BMCN_OK);
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&host, strstr(host.log, "overran"));
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_FAILED), 1);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_DONE), 0);
    CHECK_INT(host.recoveries, 1);
    CHECK_INT(bmcn_ctx_complete(host.ctx, host.token, BMCN_DONE), BMCN_ESTALE);
    bmcn_ctx_free(host.ctx);
    close(site.bmc);
}

/* Nobody registered: the recovery has failed, loudly. */
static void nobody_is_there(uint32_t mode)
{
    struct site site;
    struct host host = { 0 };
    describe(&site, "handshake = \"none\"", "");
    host.ctx = context_of(site.text, mode);
    CHECK_INT(bmcn_ctx_on_log(host.ctx, on_log, &host, NULL), BMCN_OK);
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&host, strstr(host.log, "no callback is registered") && strstr(host.log, "FAILED"));
    bmcn_ctx_free(host.ctx);
    close(site.bmc);
}

/* The BMC says nothing at all: the recovery runs, and it is said aloud that the BMC does not know. */
static void silent_bmc(uint32_t mode)
{
    struct site site;
    struct host host = { .answer = BMCN_DONE };
    describe(&site,
        "user = \"admin\"\npassword = \"password\"\nhandshake = \"acme\"\n[handshake.acme]\n"
        "started = { netfn = 0x30, command = 0x70, data = [1], accept = [0] }\n"
        "ended = { netfn = 0x30, command = 0x70, data = [2, \"outcome\"], accept = [0] }", "tell_deadline = \"200ms\"");
    begin(&host, &site, mode);
    send_trap(site.port, MEMORY_FAULT, 1);
    UNTIL(&host, bmcn_ctx_count(host.ctx, BMCN_COUNT_DONE) == 1);
    UNTIL(&host, bmcn_ctx_count(host.ctx, BMCN_COUNT_UNTOLD) >= 2 && strstr(host.log, "does NOT know"));
    CHECK_INT(host.recoveries, 1);
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_TOLD), 0);
    long long began = now_ms();
    bmcn_ctx_free(host.ctx);
    CHECK(now_ms() - began < 3000);
    close(site.bmc);
}

/* What is not delivered keeps the descriptor readable, though the kernel's queue is empty. */
static void backlog_stays_readable(uint32_t mode)
{
    struct site site;
    struct host host = { 0 };
    describe_quiet(&site);
    begin(&host, &site, mode);
    int before = host.notices;
    for (int i = 0; i < 8; i++)
        send_trap(site.port, FAN_RUNS, 100u + (unsigned)i);
    for (int i = 1; i <= 8; i++) {
        long long end = now_ms() + PATIENCE_MS;
        while (host.notices < before + i) {
            CHECK(readable(host.ctx, PATIENCE_MS) == 1 && now_ms() < end);
            CHECK(bmcn_ctx_dispatch(host.ctx, 1) <= 1);
        }
        CHECK_INT(host.notices, before + i);
    }
    while (bmcn_ctx_dispatch(host.ctx, 16) > 0) {}
    CHECK_INT(readable(host.ctx, 100), 0); /* nothing to do: no busy loop */
    CHECK_INT(bmcn_ctx_dispatch(host.ctx, 16), 0);
    bmcn_ctx_free(host.ctx);
    close(site.bmc);
}

static void heartbeat_speaks(uint32_t mode)
{
    struct site site;
    struct host host = { .verdict = -1 };
    bmcn_peer peer = { .size = sizeof peer };
    describe(&site, "handshake = \"none\"", "");
    begin(&host, &site, mode);
    UNTIL(&host, host.peers >= 1);
    CHECK(host.verdict == BMCN_UNKNOWN && host.doubt == BMCN_DOUBT_SILENT);
    CHECK_INT(bmcn_ctx_peer(host.ctx, "server1", &peer), BMCN_OK);
    CHECK(peer.verdict == BMCN_UNKNOWN && peer.doubt == BMCN_DOUBT_SILENT && peer.heard_ms == 0 && peer.since_ms > 0);

    /* Now it answers Get Channel Authentication Capabilities: it is there, but what is that worth without a login? */
    uint8_t octets[64];
    struct sockaddr_in from;
    while (recv(site.bmc, octets, sizeof octets, MSG_DONTWAIT) > 0) {} /* old questions */
    long long end = now_ms() + PATIENCE_MS;
    while (host.doubt == BMCN_DOUBT_SILENT && now_ms() < end) {
        socklen_t length = sizeof from;
        ssize_t got = recvfrom(site.bmc, octets, sizeof octets, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
        if (got == 23 && octets[19] == 0x38) {
            uint8_t answer[] = { 6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0x81, 0x1c, 0x63, 0x20, octets[18],
                                 0x38, 0, 1, 0x80, 4, 2, 0, 0, 0, 0, 0 };
            for (size_t i = 17; i < sizeof answer - 1; i++)
                answer[sizeof answer - 1] = (uint8_t)(answer[sizeof answer - 1] - answer[i]);
            CHECK(sendto(site.bmc, answer, sizeof answer, 0, (struct sockaddr *)&from, length) == sizeof answer);
        }
        if (readable(host.ctx, 10) == 1)
            CHECK(bmcn_ctx_dispatch(host.ctx, 16) >= 0);
    }
    CHECK(host.verdict == BMCN_UNKNOWN && host.doubt == BMCN_DOUBT_NO_LOGIN);
    CHECK_INT(bmcn_ctx_peer(host.ctx, "server1", &peer), BMCN_OK);
    CHECK_INT(peer.doubt, BMCN_DOUBT_NO_LOGIN);
    CHECK(peer.heard_ms > 0);
    bmcn_ctx_free(host.ctx);
    close(site.bmc);
}

static void on_reenter(void *user, const bmcn_notice *notice)
{
    struct host *host = user;
    on_notice(user, notice);
    CHECK_INT(bmcn_ctx_dispatch(host->ctx, 1), BMCN_EBUSY);
    CHECK_INT(bmcn_ctx_run(host->ctx), BMCN_EBUSY);
    CHECK(bmcn_ctx_fd(host->ctx) >= 0 && bmcn_ctx_count(host->ctx, BMCN_COUNT_NOTICES) >= 1);
    bmcn_ctx_free(host->ctx);
    CHECK_INT(host->destroyed, 0);                              /* put off */
    CHECK_INT(bmcn_ctx_dispatch(host->ctx, 1), BMCN_EINVAL);    /* still memory, no longer of use */
    CHECK_INT(bmcn_ctx_on_log(host->ctx, on_log, host, on_destroy), BMCN_EINVAL);
    CHECK_INT(host->destroyed, 0);
}

static void free_inside_callback(uint32_t mode)
{
    struct site site;
    struct host host = { 0 };
    describe(&site, "handshake = \"none\"", "");
    begin(&host, &site, mode);
    CHECK_INT(bmcn_ctx_on_notice(host.ctx, on_reenter, &host, on_destroy), BMCN_OK);
    CHECK_INT(host.destroyed, 1); /* the one before it */
    host.destroyed = 0;
    send_trap(site.port, FAN_RUNS, 1);
    send_trap(site.port, FAN_RUNS, 2); /* must not be delivered any more */
    long long end = now_ms() + PATIENCE_MS;
    while (host.notices == 0) {
        CHECK(readable(host.ctx, PATIENCE_MS) == 1 && now_ms() < end);
        CHECK(bmcn_ctx_dispatch(host.ctx, 16) >= 0);
    }
    CHECK(host.notices == 1 && host.destroyed == CALLBACKS);
    close(site.bmc);
}

static int on_free_in_recovery(void *user, const bmcn_recovery *recovery)
{
    bmcn_ctx_free(((struct host *)user)->ctx);
    return on_recovery(user, recovery);
}

static void free_inside_recovery(uint32_t mode)
{
    struct site site;
    struct host host = { 0 }, next = { 0 };
    describe(&site, "handshake = \"none\"", "");
    begin(&host, &site, mode);
    CHECK_INT(bmcn_ctx_on_recovery(host.ctx, "mrw1", on_free_in_recovery, &host, on_destroy), BMCN_OK);
    send_trap(site.port, MEMORY_FAULT, 1);
    while (host.recoveries == 0) {
        CHECK(readable(host.ctx, PATIENCE_MS) == 1);
        CHECK(bmcn_ctx_dispatch(host.ctx, 16) >= 0);
    }
    CHECK_INT(host.destroyed, CALLBACKS + 1);
    begin(&next, &site, mode); /* finds it in the journal, and does not run it again */
    UNTIL(&next, strstr(next.log, "nobody knows") || strstr(next.log, "unknown"));
    CHECK_INT(next.recoveries, 0);
    bmcn_ctx_free(next.ctx);
    close(site.bmc);
}

static void on_replace(void *user, const bmcn_notice *notice)
{
    struct host *host = user;
    int before = host->destroyed;
    CHECK_INT(bmcn_ctx_on_notice(host->ctx, on_notice, host, NULL), BMCN_OK);
    CHECK_INT(host->destroyed, before); /* the one that is running lives until it returns */
    on_notice(user, notice);
}

static void replace_inside_callback(uint32_t mode)
{
    struct site site;
    struct host host = { 0 };
    describe(&site, "handshake = \"none\"", "");
    begin(&host, &site, mode);
    CHECK_INT(bmcn_ctx_on_notice(host.ctx, on_replace, &host, on_destroy), BMCN_OK);
    CHECK_INT(host.destroyed, 1);
    send_trap(site.port, FAN_RUNS, 1);
    UNTIL(&host, host.notices == 1);
    CHECK_INT(host.destroyed, 2);
    send_trap(site.port, FAN_RUNS, 2);
    UNTIL(&host, host.notices == 2);
    bmcn_ctx_free(host.ctx);
    CHECK_INT(host.destroyed, 2 + CALLBACKS - 1);
    close(site.bmc);
}

/* ---- two threads */

struct meeting {
    struct host host;
    pthread_barrier_t entered, freed;
    atomic_int runs; /* 0 once run() has returned */
};

static void on_meet(void *user, const bmcn_notice *notice)
{
    struct meeting *meeting = user;
    on_notice(&meeting->host, notice);
    if (meeting->host.notices > 1) /* only the first is long */
        return;
    pthread_barrier_wait(&meeting->entered);
    pthread_barrier_wait(&meeting->freed);
    CHECK_INT(meeting->host.destroyed, 0);
}

static void *dispatch_busily(void *user)
{
    struct meeting *meeting = user;
    while (meeting->host.notices == 0 && readable(meeting->host.ctx, PATIENCE_MS) == 1)
        CHECK(bmcn_ctx_dispatch(meeting->host.ctx, 16) >= 0);
    return NULL;
}

/* Another thread is in a callback once this returns, until the barrier `freed` is passed. */
static pthread_t meet(struct meeting *meeting, struct site *site, uint32_t mode)
{
    pthread_t thread;
    describe(site, "handshake = \"none\"", "");
    pthread_barrier_init(&meeting->entered, NULL, 2);
    pthread_barrier_init(&meeting->freed, NULL, 2);
    begin(&meeting->host, site, mode);
    CHECK_INT(bmcn_ctx_on_notice(meeting->host.ctx, on_meet, meeting, NULL), BMCN_OK);
    meeting->host.destroyed = 0;
    CHECK(pthread_create(&thread, NULL, dispatch_busily, meeting) == 0);
    send_trap(site->port, FAN_RUNS, 1);
    pthread_barrier_wait(&meeting->entered);
    return thread;
}

static void part(struct meeting *meeting, struct site *site)
{
    pthread_barrier_destroy(&meeting->entered);
    pthread_barrier_destroy(&meeting->freed);
    close(site->bmc);
}

static void free_from_another_thread(uint32_t mode)
{
    struct site site;
    struct meeting meeting = { 0 };
    pthread_t thread = meet(&meeting, &site, mode);
    CHECK_INT(bmcn_ctx_dispatch(meeting.host.ctx, 1), BMCN_EBUSY);
    bmcn_ctx_free(meeting.host.ctx); /* the callback is running */
    CHECK_INT(meeting.host.destroyed, 0);
    pthread_barrier_wait(&meeting.freed);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_INT(meeting.host.destroyed, CALLBACKS - 1);
    part(&meeting, &site);
}

static void *run(void *user)
{
    return (void *)(intptr_t)bmcn_ctx_run(user);
}

static void *run_meeting(void *user)
{
    struct meeting *meeting = user;
    int result = bmcn_ctx_run(meeting->host.ctx);
    atomic_store(&meeting->runs, 0);
    return (void *)(intptr_t)result;
}

/* Beside a thread that dispatches once, and is long in its callback, run() does not end. */
static void run_beside_a_dispatch(uint32_t mode)
{
    struct site site;
    struct meeting meeting = { 0 };
    pthread_t runner, other = meet(&meeting, &site, mode);
    void *result;
    send_trap(site.port, FAN_RUNS, 2); /* wakes run() */
    atomic_store(&meeting.runs, 1);
    CHECK(pthread_create(&runner, NULL, run_meeting, &meeting) == 0);
    (void)poll(NULL, 0, 200);
    CHECK_INT(atomic_load(&meeting.runs), 1);
    pthread_barrier_wait(&meeting.freed);
    CHECK(pthread_join(other, NULL) == 0);
    CHECK_INT(bmcn_ctx_stop(meeting.host.ctx), BMCN_OK);
    CHECK(pthread_join(runner, &result) == 0);
    CHECK_INT((int)(intptr_t)result, BMCN_OK);
    bmcn_ctx_free(meeting.host.ctx);
    part(&meeting, &site);
}

static void run_and_stop(uint32_t mode)
{
    struct site site;
    struct host host = { .answer = BMCN_LATER };
    pthread_t thread;
    void *result;
    describe_quiet(&site);
    begin(&host, &site, mode);
    CHECK_INT(bmcn_ctx_stop(host.ctx), BMCN_OK); /* before it runs: it returns at once */
    CHECK_INT(bmcn_ctx_run(host.ctx), BMCN_OK);

    /* Completed, and stopped, from another thread. */
    CHECK(pthread_create(&thread, NULL, run, host.ctx) == 0);
    send_trap(site.port, MEMORY_FAULT, 1);
    long long end = now_ms() + PATIENCE_MS;
    while (bmcn_ctx_count(host.ctx, BMCN_COUNT_RECOVERIES) == 0 ||
           bmcn_ctx_complete(host.ctx, __atomic_load_n(&host.token, __ATOMIC_SEQ_CST), BMCN_DONE) != BMCN_OK) {
        CHECK(now_ms() < end);
        usleep(1000);
    }
    CHECK_INT(bmcn_ctx_count(host.ctx, BMCN_COUNT_DONE), 1);
    CHECK_INT(bmcn_ctx_stop(host.ctx), BMCN_OK);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK_INT((intptr_t)result, BMCN_OK);

    /* Freed while another thread sleeps in it. */
    CHECK(pthread_create(&thread, NULL, run, host.ctx) == 0);
    usleep(500000); /* the monitor has done with its reset: nothing else would wake it */
    bmcn_ctx_free(host.ctx);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK_INT((intptr_t)result, BMCN_EINVAL);
    CHECK_INT(host.destroyed, CALLBACKS);
    close(site.bmc);
}

int main(void)
{
    for (uint32_t mode = BMCN_MODE_LOOP; mode <= BMCN_MODE_THREAD; mode++) {
        notices_are_told(mode);
        recoveries_are_answered(mode);
        late_is_failed(mode);
        nobody_is_there(mode);
        silent_bmc(mode);
        backlog_stays_readable(mode);
        heartbeat_speaks(mode);
        free_inside_callback(mode);
        free_inside_recovery(mode);
        replace_inside_callback(mode);
        free_from_another_thread(mode);
        run_beside_a_dispatch(mode);
        run_and_stop(mode);
    }
    return 0;
}
