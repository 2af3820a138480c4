/* The header stands alone, in C99, C11 and C++17, and may be included twice.  Compiled, and never run. */
#include <bmcnotice.h>
#include <bmcnotice.h>

static int on_recovery(void *user, const bmcn_recovery *recovery)
{
    (void)user;
    return bmcn_notice_class(bmcn_recovery_notice(recovery)) == BMCN_FATAL ? BMCN_DONE : BMCN_FAILED;
}

int main(void)
{
    bmcn_options options = { sizeof options, BMCN_MODE_THREAD, 0 };
    bmcn_peer peer = { sizeof peer, BMCN_UNKNOWN, BMCN_NO_DOUBT, 0, 0, 0, 0, -1, BMCN_PULSE_UNREAD, BMCN_FED_BY_NOBODY, 0, -1, 0, 0,
                       BMCN_TAKE_OVER_NO };
    bmcn_peers *peers;
    bmcn_config *config;
    bmcn_ctx *ctx;
    if (bmcn_config_new(&config) != BMCN_OK || bmcn_ctx_new(config, &options, &ctx) != BMCN_OK)
        return 1;
    bmcn_config_free(config);
    bmcn_ctx_on_recovery(ctx, 0, on_recovery, 0, 0);
    bmcn_ctx_peer(ctx, "server1", &peer);
    if (bmcn_ctx_peers(ctx, &peers) == BMCN_OK && bmcn_peers_get(peers, 0, &peer) == BMCN_OK)
        bmcn_ctx_take_over(ctx, bmcn_peers_name(peers, 0), 0, 0);
    bmcn_peers_free(peers);
    bmcn_ctx_free(ctx);
    return 0;
}
