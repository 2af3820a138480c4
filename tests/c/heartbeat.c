/* The heartbeat from outside: server1 feeds the watchdog of its BMC, which `bmcnotice sim` is, as long as its
 * application vouches; server2 watches, and asks whether it may take over. */
#include "bmc.h"

/* What programs are compiled with never changes. */
_Static_assert(BMCN_TAKE_OVER_NO == 0 && BMCN_TAKE_OVER_YES == 1 && BMCN_TAKE_OVER_FENCE_FIRST == 2, "");
_Static_assert(BMCN_TAKE_OVER_NO_ANSWER == 3, "");
_Static_assert(BMCN_PULSE_UNREAD == 0 && BMCN_PULSE_STOPPED == 1 && BMCN_PULSE_GOODBYE == 2 && BMCN_PULSE_BOOT == 3, "");
_Static_assert(BMCN_PULSE_FED == 4 && BMCN_PULSE_EXPIRED == 5, "");
_Static_assert(BMCN_FED_BY_NOBODY == 0 && BMCN_FED_BY_LIBRARY == 1 && BMCN_FED_BY_APPLICATION == 2, "");
_Static_assert(BMCN_FED_BY_ANOTHER == 3, "");
_Static_assert(BMCN_UNKNOWN == 0 && BMCN_POWERED == 1 && BMCN_OFF == 2 && BMCN_ALIVE == 3 && BMCN_BOOTING == 4, "");
_Static_assert(BMCN_DELAYED == 5 && BMCN_SILENT == 6 && BMCN_LEFT == 7, "");
_Static_assert(BMCN_DOUBT_NOT_ASKED == 1 && BMCN_DOUBT_ELSEWHERE == 9, "");
_Static_assert(BMCN_COUNT_PROBES == 17 && BMCN_COUNT_SLEEPS == 20, "");

/* The first version of bmcn_peer. */
struct first_peer {
    size_t size;
    int32_t verdict, doubt;
    uint64_t since_ms, heard_ms;
    uint32_t restarts, reserved;
};
_Static_assert(sizeof(struct first_peer) == 40 && offsetof(bmcn_peer, power) == 40, "");
_Static_assert(sizeof(bmcn_peer) == 80, "");

enum { MOST_CHANGES = 32, WHY_BYTES = 128 };
#define GUID "00112233445566778899aabbccddeeff"

struct watcher {
    struct host host;
    int verdicts[MOST_CHANGES], count; /* of server1, as told */
    int yes;                           /* the answer while it was told that server1 is off */
};

static void on_change(void *user, const char *server, int verdict, int doubt)
{
    struct watcher *watcher = user;
    CHECK(verdict >= BMCN_UNKNOWN && verdict <= BMCN_LEFT && (verdict == BMCN_UNKNOWN) == (doubt != BMCN_NO_DOUBT));
    if (strcmp(server, "server1") != 0)
        return;
    CHECK(watcher->count < MOST_CHANGES);
    watcher->verdicts[watcher->count++] = verdict;
    if (verdict == BMCN_OFF)
        watcher->yes = bmcn_ctx_take_over(watcher->host.ctx, server, NULL, 0); /* a callback may ask */
}

/* One cluster, as either server has it; server2's BMC answers nothing. */
static void pair(struct site *site, const struct bmc *bmc, const struct site *shared, int this_server)
{
    *site = *shared;
    int length = snprintf(site->text, sizeof site->text,
        "[cluster]\nname = \"c\"\nthis_server = \"server%d\"\n"
        "[[server]]\nname = \"server1\"\naddresses = [\"127.0.0.1\"]\n"
        "[server.bmc]\naddress = \"127.0.0.1:%d\"\nlink = \"lan\"\nhandshake = \"none\"\nguid = \"" GUID "\"\n"
        "user = \"admin\"\npassword = \"password\"\nafter_ended = \"power-off\"\n"
        "[[server]]\nname = \"server2\"\naddresses = [\"127.0.0.2\"]\n"
        "[server.bmc]\naddress = \"127.0.0.2:%d\"\nlink = \"lan\"\nhandshake = \"none\"\n"
        "[[monitor]]\nname = \"mrw1\"\ntrust = \"address\"\nrecovery = \"callback\"\ntarget = \"failover1\"\n"
        "chassis_on_address = true\nreset_deadline = \"100ms\"\ncool_down = \"0s\"\nbudget = 255\n"
        "keywords = { server1 = \"127.0.0.1:%d\", server2 = \"127.0.0.2:%d\" }\n"
        "[heartbeat]\nbmc = true\nlan = true\ninterval = \"100ms\"\ntimeout = \"2s\"\npulse_period = \"500ms\"\n"
        "vouch = \"application\"\nvouch_within = \"1s\"\n"
        "[journal]\nhot = \"%s/pair%d-%d\"\ndisk = false\n",
        this_server, bmc->port, shared->bmc_port, shared->port, shared->port, own_folder(), shared->number, this_server);
    CHECK(length > 0 && length < (int)sizeof site->text);
}

static bmcn_peer seen(const struct watcher *watcher)
{
    bmcn_peer peer = { .size = sizeof peer };
    CHECK_INT(bmcn_ctx_peer(watcher->host.ctx, "server1", &peer), BMCN_OK);
    return peer;
}

static int may_take_over(const struct watcher *watcher, const char *reason)
{
    char why[WHY_BYTES] = "";
    int answer = bmcn_ctx_take_over(watcher->host.ctx, "server1", why, sizeof why);
    if (!strstr(why, reason))
        fprintf(stderr, "\"%s\" is missing in: %s\n", reason, why);
    CHECK(strstr(why, reason));
    CHECK_INT(seen(watcher).take_over, answer);
    return answer;
}

/* What an old program sees: all of its struct, and no octet behind it is touched. */
static void an_old_caller_is_served(const struct watcher *watcher)
{
    union { struct first_peer first; unsigned char octets[sizeof(bmcn_peer)]; } old;
    bmcn_peer now = seen(watcher);
    memset(old.octets, 0xA5, sizeof old);
    old.first = (struct first_peer){ .size = sizeof old.first, .verdict = -1 };
    CHECK_INT(bmcn_ctx_peer(watcher->host.ctx, "server1", (bmcn_peer *)(void *)&old), BMCN_OK);
    CHECK(old.first.size == sizeof old.first && old.first.verdict == now.verdict && old.first.doubt == now.doubt);
    CHECK(old.first.since_ms == now.since_ms && old.first.restarts == now.restarts && old.first.reserved == 0);
    for (size_t i = sizeof old.first; i < sizeof old; i++)
        CHECK(old.octets[i] == 0xA5);
    /* One who knows the first of the new members alone. */
    old.first.size = sizeof old.first + sizeof now.power;
    memset(old.octets + sizeof old.first, 0, sizeof now.power);
    CHECK_INT(bmcn_ctx_peer(watcher->host.ctx, "server1", (bmcn_peer *)(void *)&old), BMCN_OK);
    int32_t power;
    memcpy(&power, old.octets + sizeof old.first, sizeof power);
    CHECK(power == now.power && old.octets[sizeof old.first + sizeof power] == 0xA5);
}

static void all_at_once(const struct watcher *watcher)
{
    bmcn_peers *all = NULL;
    bmcn_peer peer = { .size = sizeof peer }, untouched = { .size = sizeof(struct first_peer) - 1, .verdict = 99 };
    CHECK_INT(bmcn_ctx_peers(watcher->host.ctx, &all), BMCN_OK);
    CHECK_INT(bmcn_peers_count(all), 2);
    CHECK(strcmp(bmcn_peers_name(all, 0), "server1") == 0 && strcmp(bmcn_peers_name(all, 1), "server2") == 0);
    CHECK(!bmcn_peers_name(all, 2) && !bmcn_peers_name(NULL, 0));
    CHECK_INT(bmcn_peers_get(all, 0, &peer), BMCN_OK);
    CHECK(peer.own == 0 && peer.power == 1 && peer.heard_ms > 0);
    CHECK_INT(bmcn_peers_get(all, 1, &peer), BMCN_OK);
    CHECK(peer.own == 1 && peer.power == -1 && peer.take_over == BMCN_TAKE_OVER_NO && peer.fed_ms_ago == -1);
    CHECK(peer.heard_ms == 0 && peer.round_trip_us == 0);

    CHECK_INT(bmcn_peers_get(all, 2, &peer), BMCN_EINVAL);
    CHECK_INT(bmcn_peers_get(NULL, 0, &peer), BMCN_EINVAL);
    CHECK_INT(bmcn_peers_get(all, 0, NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_peers_get(all, 0, &untouched), BMCN_EINVAL);
    untouched.size = SIZE_MAX;
    CHECK_INT(bmcn_peers_get(all, 0, &untouched), BMCN_E2BIG);
    CHECK(untouched.verdict == 99);
    CHECK_INT(bmcn_peers_count(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_peers(watcher->host.ctx, NULL), BMCN_EINVAL);
    bmcn_peers *none = NULL;
    CHECK_INT(bmcn_ctx_peers(NULL, &none), BMCN_EINVAL);
    CHECK(none == NULL);
    bmcn_peers_free(NULL);

    char why[WHY_BYTES] = "", cut[4];
    CHECK_INT(bmcn_ctx_take_over(watcher->host.ctx, "server2", why, sizeof why), BMCN_TAKE_OVER_NO);
    CHECK(strstr(why, "this server"));
    CHECK_INT(bmcn_ctx_take_over(watcher->host.ctx, "server2", cut, sizeof cut), BMCN_TAKE_OVER_NO);
    CHECK(strlen(cut) == sizeof cut - 1 && strncmp(cut, why, sizeof cut - 1) == 0);
    CHECK_INT(bmcn_ctx_take_over(watcher->host.ctx, "server2", NULL, 1), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_take_over(watcher->host.ctx, "server9", why, sizeof why), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_take_over(watcher->host.ctx, NULL, why, sizeof why), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_take_over(NULL, "server2", why, sizeof why), BMCN_EINVAL);

    /* A snapshot is of its moment, and nobody else's. */
    bmcn_peers_get(all, 0, &peer);
    uint64_t heard = peer.heard_ms;
    usleep(2000);
    CHECK_INT(bmcn_peers_get(all, 0, &peer), BMCN_OK);
    CHECK(peer.heard_ms == heard && peer.size == sizeof peer);
    bmcn_peers_free(all);
}

/* server1's own thread. */
static void *dispatches(void *user)
{
    CHECK_INT(bmcn_ctx_run(((struct host *)user)->ctx), BMCN_OK);
    return NULL;
}

static void vouch(const struct host *server1)
{
    CHECK_INT(bmcn_ctx_vouch(server1->ctx), BMCN_OK);
}

/* Until server1 is seen like this; meanwhile its application vouches, or it does not. */
#define UNTIL_SEEN(watcher, condition)                                \
    do {                                                              \
        bmcn_peer peer;                                               \
        UNTIL(&(watcher).host, (peer = seen(&(watcher)), condition)); \
    } while (0)

static void the_story(uint32_t mode)
{
    struct site shared, first, second;
    struct watcher watcher = { .yes = -1 };
    struct host server1 = { .answer = BMCN_DONE };
    struct bmc bmc;
    pthread_t thread;
    char said[TEXT_BYTES];
    const char *const arguments[] = { "--guid", GUID, NULL };
    start_bmc(&bmc, arguments);
    describe(&shared, "", "");
    pair(&first, &bmc, &shared, 1);
    pair(&second, &bmc, &shared, 2);
    watcher.host.ctx = context_of(second.text, mode);
    CHECK_INT(bmcn_ctx_on_peer(watcher.host.ctx, on_change, &watcher, NULL), BMCN_OK);
    CHECK_INT(bmcn_ctx_on_log(watcher.host.ctx, on_log, &watcher.host, NULL), BMCN_OK);
    CHECK_INT(seen(&watcher).doubt, BMCN_DOUBT_NOT_ASKED);
    CHECK_INT(may_take_over(&watcher, "not been asked"), BMCN_TAKE_OVER_NO_ANSWER);

    /* It has power, and nothing is fed. */
    UNTIL_SEEN(watcher, peer.verdict == BMCN_POWERED && peer.pulse == BMCN_PULSE_STOPPED);
    bmcn_peer peer = seen(&watcher);
    CHECK(peer.power == 1 && peer.own == 0 && peer.fed_by == BMCN_FED_BY_NOBODY && peer.fed_ms_ago == -1);
    CHECK(peer.round_trip_us > 0 && peer.round_trip_us < PATIENCE_MS * 1000ull && peer.misses == 0);
    CHECK_INT(may_take_over(&watcher, "nothing says"), BMCN_TAKE_OVER_NO_ANSWER);
    all_at_once(&watcher);
    an_old_caller_is_served(&watcher);

    /* server1 starts; before its application's first word nothing is fed. */
    server1.ctx = context_of(first.text, BMCN_MODE_THREAD);
    CHECK_INT(bmcn_ctx_on_recovery(server1.ctx, NULL, on_recovery, &server1, NULL), BMCN_OK);
    CHECK_INT(bmcn_ctx_on_log(server1.ctx, on_log, &server1, NULL), BMCN_OK);
    CHECK(pthread_create(&thread, NULL, dispatches, &server1) == 0);
    CHECK_INT(bmcn_ctx_pulse(server1.ctx, said, sizeof said), 0);
    vouch(&server1);
    UNTIL_SEEN(watcher, (vouch(&server1), peer.verdict == BMCN_ALIVE));
    peer = seen(&watcher);
    CHECK(peer.pulse == BMCN_PULSE_FED && peer.fed_by == BMCN_FED_BY_APPLICATION);
    CHECK(peer.fed_ms_ago >= 0 && peer.fed_ms_ago <= 2000 && peer.restarts == 0);
    CHECK_INT(may_take_over(&watcher, "feeds"), BMCN_TAKE_OVER_NO);
    CHECK(bmcn_ctx_pulse(server1.ctx, said, sizeof said) == (int)strlen(said) && strstr(said, "bears our pulse"));
    CHECK_INT(bmcn_ctx_pulse(server1.ctx, NULL, 1), BMCN_EINVAL);

    /* The application hangs, and its process lives. */
    if (mode == BMCN_MODE_LOOP) {
        UNTIL_SEEN(watcher, peer.verdict == BMCN_SILENT);
        CHECK_INT(may_take_over(&watcher, "services may still run"), BMCN_TAKE_OVER_FENCE_FIRST);
        CHECK(watcher.count >= 2 && watcher.verdicts[watcher.count - 2] == BMCN_DELAYED); /* warned before */
        CHECK(bmcn_ctx_pulse(server1.ctx, said, sizeof said) > 0 && strstr(said, "has not vouched"));
        UNTIL_SEEN(watcher, (vouch(&server1), peer.verdict == BMCN_ALIVE));
    }

    /* A fatal notice, a recovery that is done, and the declared end: off.  Now, and only now, it is a yes. */
    for (int i = 0; i < watcher.count; i++)
        CHECK(watcher.verdicts[i] != BMCN_OFF);
    send_trap(shared.port, MEMORY_FAULT, 1);
    UNTIL_SEEN(watcher, (vouch(&server1), peer.verdict == BMCN_OFF));
    peer = seen(&watcher);
    CHECK(peer.power == 0 && peer.pulse == BMCN_PULSE_UNREAD && peer.fed_ms_ago == -1);
    CHECK_INT(may_take_over(&watcher, "no power"), BMCN_TAKE_OVER_YES);
    UNTIL(&watcher.host, watcher.yes >= 0);
    CHECK_INT(watcher.yes, BMCN_TAKE_OVER_YES);

    /* Somebody switches it on: whatever it is now, it is no yes, and the restart is counted and told. */
    int told = watcher.count;
    command_bmc(&bmc, "power on\n");
    UNTIL_SEEN(watcher, peer.restarts == 1);
    CHECK(may_take_over(&watcher, "") != BMCN_TAKE_OVER_YES && seen(&watcher).power == 1);
    UNTIL(&watcher.host, watcher.count > told);
    CHECK(watcher.verdicts[told] != BMCN_OFF);

    /* The watcher has no login at its own BMC and feeds nothing; its application's word is taken all the same. */
    CHECK_INT(bmcn_ctx_vouch(watcher.host.ctx), BMCN_OK);
    UNTIL(&watcher.host, bmcn_ctx_count(watcher.host.ctx, BMCN_COUNT_PROBES_MISSED) > 0); /* of its own BMC */
    CHECK(bmcn_ctx_count(watcher.host.ctx, BMCN_COUNT_PROBES) > bmcn_ctx_count(watcher.host.ctx, BMCN_COUNT_PROBES_MISSED));
    CHECK_INT(bmcn_ctx_count(watcher.host.ctx, BMCN_COUNT_PULSES_ABSURD), 0);
    CHECK(bmcn_ctx_count(watcher.host.ctx, BMCN_COUNT_SLEEPS) >= 0);

    CHECK_INT(bmcn_ctx_stop(server1.ctx), BMCN_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    bmcn_ctx_free(server1.ctx);
    bmcn_ctx_free(watcher.host.ctx);
    end_bmc(&bmc);
    close(shared.bmc);
}

/* A clean end is told from a death. */
static void goodbye_is_said(void)
{
    struct site shared, first, second;
    struct watcher watcher = { .yes = -1 };
    struct host server1 = { 0 };
    struct bmc bmc;
    const char *const arguments[] = { "--guid", GUID, NULL };
    start_bmc(&bmc, arguments);
    describe(&shared, "", "");
    pair(&first, &bmc, &shared, 1);
    pair(&second, &bmc, &shared, 2);
    /* This time the library vouches: a word is refused, in words. */
    char *word = strstr(first.text, "vouch = \"application\"\nvouch_within");
    CHECK(word);
    memcpy(word, "vouch = \"library\"    #vouch_within", strlen("vouch = \"library\"    #vouch_within"));
    server1.ctx = context_of(first.text, BMCN_MODE_THREAD);
    watcher.host.ctx = context_of(second.text, BMCN_MODE_THREAD);
    CHECK_INT(bmcn_ctx_on_peer(watcher.host.ctx, on_change, &watcher, NULL), BMCN_OK);
    CHECK_INT(bmcn_ctx_vouch(server1.ctx), BMCN_EINVAL);
    char text[TEXT_BYTES];
    CHECK(bmcn_ctx_message(server1.ctx, text, sizeof text) > 0 && strstr(text, "vouch = \"application\""));
    CHECK_INT(bmcn_ctx_vouch(NULL), BMCN_EINVAL);
    CHECK_INT(bmcn_ctx_pulse(NULL, text, sizeof text), BMCN_EINVAL);

    UNTIL_SEEN(watcher, peer.verdict == BMCN_ALIVE);
    CHECK_INT(seen(&watcher).fed_by, BMCN_FED_BY_LIBRARY);
    bmcn_peers *before = NULL;
    CHECK_INT(bmcn_ctx_peers(watcher.host.ctx, &before), BMCN_OK);
    bmcn_ctx_free(server1.ctx);
    UNTIL_SEEN(watcher, peer.verdict == BMCN_LEFT);
    CHECK_INT(seen(&watcher).pulse, BMCN_PULSE_GOODBYE);
    CHECK_INT(may_take_over(&watcher, "ended cleanly"), BMCN_TAKE_OVER_NO_ANSWER);

    /* What was taken down outlives the context, and a child reads it, who may not use the context. */
    bmcn_ctx_free(watcher.host.ctx);
    bmcn_peer peer = { .size = sizeof peer };
    CHECK_INT(bmcn_peers_get(before, 0, &peer), BMCN_OK);
    CHECK(peer.verdict == BMCN_ALIVE && strcmp(bmcn_peers_name(before, 0), "server1") == 0);
    bmcn_peers_free(before);
    end_bmc(&bmc);
    close(shared.bmc);
}

int main(void)
{
    own_folder();
    for (uint32_t mode = BMCN_MODE_LOOP; mode <= BMCN_MODE_THREAD; mode++)
        the_story(mode);
    goodbye_is_said();
    return 0;
}
