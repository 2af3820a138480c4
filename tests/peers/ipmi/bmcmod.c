/* ipmi_sim module (loadlib): makes the simulator usable for recovery-notice and heartbeat tests.
 *  - logs every command that arrives with its data to a text file (the init string): "lan" in a session, "kcs" from the
 *    host's own driver (the VM line of ipmi_sim.sh)
 *  - own watchdog (06h/22h,24h,25h): stock ipmi_sim 2.0.33 cuts the present countdown off the
 *    Get reply, answers Set with uninitialised bytes, and never counts with action "none"
 *  - PET Acknowledge (04h/17h), accepted inside a session
 *  - Get System GUID (06h/37h) for the host's own driver, from the environment's SYSTEM_GUID; LAN has it by itself
 *  - OEM recovery handshake (30h/70h): data[0] 00 armed, 01 started, 02 ended (resets the host), 03 disarmed
 * Files beside the log change what it does: fault.70 holds the hex completion code to answer to 30h/70h; reset.ms how many
 * milliseconds after *ended* it resets the host (none: at once); while there is a kcs.silent, the host's driver gets no answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/time.h>
#include <OpenIPMI/lanserv.h>
#include <OpenIPMI/mcserv.h>

static FILE *lg;
static sys_data_t *S;
static channel_t **chans;
static char dir[512];

static double mono(void)
{ struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static void stamp(void)
{ struct timespec t; clock_gettime(CLOCK_REALTIME, &t); fprintf(lg, "%ld.%06ld ", (long)t.tv_sec, t.tv_nsec / 1000); }

static void say(const char *what, msg_t *m)
{
    unsigned i;
    stamp();
    fprintf(lg, "%s ch=%u netfn=%02x cmd=%02x lun=%u data=", what, m->orig_channel ? m->orig_channel->channel_num : m->channel,
            m->netfn, m->cmd, m->rs_lun);
    for (i = 0; i < m->len; i++) fprintf(lg, "%02x", m->data[i]);
    fputc('\n', lg); fflush(lg);
}

/* ---- every LAN command of a live session passes here first */
static int hook(channel_t *c, msg_t *m) { (void)c; say("lan", m); return 0; }

/* ---- and every command of the host's driver here */
static int (*smi)(channel_t *c, msg_t *m);
static int exists(const char *name)
{ char p[600]; snprintf(p, sizeof p, "%s/%s", dir, name); return access(p, F_OK) == 0; }
static int kcs(channel_t *c, msg_t *m)
{
    int silent = exists("kcs.silent");
    say(silent ? "kcs-unheard" : "kcs", m);
    return silent ? 0 : smi(c, m);
}

/* ---- watchdog */
static struct { unsigned char init, run, use, act, pre, exp; unsigned ticks, left; double end; } W; /* left: when it does not run */
static ipmi_timer_t *wt;

static void wd_arm(void)
{
    struct timeval tv = { W.ticks / 10, (W.ticks % 10) * 100000 };
    W.end = mono() + W.ticks / 10.0; W.run = 1;
    S->stop_timer(wt); S->start_timer(wt, &tv);
}
static void wd_fire(void *cb)
{
    (void)cb;
    if (!W.run) return;
    W.run = 0; W.left = 0; W.exp |= 1 << (W.use & 7);
    stamp(); fprintf(lg, "watchdog expired use=%u action=%u\n", W.use & 7, W.act & 7); fflush(lg);
    channel_t *k = chans[15];
    if ((W.act & 7) == 1 && k && HW_OP_CAN_RESET(k)) k->hw_op(k, HW_OP_RESET);
    if ((W.act & 7) >= 2 && k && HW_OP_CAN_POWER(k)) k->hw_op(k, HW_OP_POWEROFF);
}
static void wd_set(lmc_data_t *mc, msg_t *m, unsigned char *r, unsigned int *n, void *cb)
{
    (void)mc; (void)cb;
    say("wd-set", m);
    if (check_msg_length(m, 6, r, n)) return;
    *n = 1;
    if ((m->data[0] & 7) == 0 || (m->data[0] & 7) > 5 || (m->data[1] & 7) > 3) { r[0] = 0xcc; return; }
    int keep = W.run && (m->data[0] & 0x40);
    W.init = 1; W.use = m->data[0] & 0x87; W.act = m->data[1] & 0x77; W.pre = m->data[2];
    W.exp &= ~m->data[3]; W.ticks = m->data[4] | m->data[5] << 8;
    /* What is set is the present countdown, too (section 27.7), although it ran out before. */
    if (keep) wd_arm(); else { W.run = 0; W.left = W.ticks; S->stop_timer(wt); }
    r[0] = 0;
}
static void wd_reset(lmc_data_t *mc, msg_t *m, unsigned char *r, unsigned int *n, void *cb)
{
    (void)mc; (void)cb;
    say("wd-reset", m);
    *n = 1; r[0] = W.init ? 0 : 0x80;
    if (W.init) wd_arm();
}
static void wd_get(lmc_data_t *mc, msg_t *m, unsigned char *r, unsigned int *n, void *cb)
{
    (void)mc; (void)m; (void)cb;
    double left = W.run ? W.end - mono() : 0;
    unsigned v = !W.run ? W.left : left > 0 ? (unsigned)(left * 10 + 0.5) : 0;
    r[0] = 0; r[1] = W.use | (W.run ? 0x40 : 0); r[2] = W.act; r[3] = W.pre; r[4] = W.exp;
    ipmi_set_uint16(r + 5, W.ticks); ipmi_set_uint16(r + 7, v);
    *n = 9;
}

/* ---- PET acknowledge and recovery notice */
static void pet_ack(lmc_data_t *mc, msg_t *m, unsigned char *r, unsigned int *n, void *cb)
{
    (void)mc; (void)cb;
    say("pet-ack", m);
    *n = 1; r[0] = m->len == 12 ? 0 : 0xc7;
}
static void system_guid(lmc_data_t *mc, msg_t *m, unsigned char *r, unsigned int *n, void *cb)
{
    const char *hex = getenv("SYSTEM_GUID");
    unsigned i, v;
    (void)mc; (void)m; (void)cb;
    *n = 1; r[0] = 0xc1;
    if (!hex || strlen(hex) != 32) return;
    for (i = 0; i < 16; i++) { if (sscanf(hex + 2 * i, "%2x", &v) != 1) return; r[1 + i] = v; }
    *n = 17; r[0] = 0;
}
static int fault(const char *name, unsigned char *cc)
{
    char p[600], b[16] = ""; FILE *f;
    snprintf(p, sizeof p, "%s/%s", dir, name);
    if (!(f = fopen(p, "r"))) return 0;
    if (!fgets(b, sizeof b, f)) b[0] = 0;
    fclose(f); *cc = strtoul(b, NULL, 16); return 1;
}
static unsigned number(const char *name)
{
    char p[600]; FILE *f; unsigned n = 0;
    snprintf(p, sizeof p, "%s/%s", dir, name);
    if ((f = fopen(p, "r"))) { if (fscanf(f, "%u", &n) != 1) n = 0; fclose(f); }
    return n;
}
static ipmi_timer_t *rt;
static void reset_host(void *cb)
{
    (void)cb;
    stamp(); fprintf(lg, "resetting the host\n"); fflush(lg);
    chans[15]->hw_op(chans[15], HW_OP_RESET);
}
static void recovery(lmc_data_t *mc, msg_t *m, unsigned char *r, unsigned int *n, void *cb)
{
    static const char *const word[] = { "recovery-armed", "recovery-started", "recovery-ended", "recovery-disarmed" };
    (void)mc; (void)cb;
    *n = 1; r[0] = 0;
    if (m->len < 1) r[0] = 0xc7;
    else if (fault("fault.70", r)) ;
    else if (m->data[0] > 3) r[0] = 0xcc;
    say(m->len && m->data[0] <= 3 ? word[m->data[0]] : "recovery-?", m);
    if (!r[0] && m->data[0] == 2 && chans[15] && HW_OP_CAN_RESET(chans[15])) {
        unsigned ms = number("reset.ms");
        struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
        if (ms) { S->stop_timer(rt); S->start_timer(rt, &tv); } else reset_host(NULL);
    }
}

int ipmi_sim_module_print_version(sys_data_t *sys, char *opt)
{ (void)sys; (void)opt; printf("bmcmod 1\n"); return 0; }

int ipmi_sim_module_init(sys_data_t *sys, const char *opt)
{
    char *sl;
    S = sys; lg = fopen(opt, "a");
    if (!lg) return 1;
    snprintf(dir, sizeof dir, "%s", opt);
    if ((sl = strrchr(dir, '/'))) *sl = 0; else strcpy(dir, ".");
    if (sys->alloc_timer(sys, wd_fire, NULL, &wt) || sys->alloc_timer(sys, reset_host, NULL, &rt)) return 1;
    ipmi_emu_register_cmd_handler(0x06, 0x22, wd_reset, NULL);
    ipmi_emu_register_cmd_handler(0x06, 0x24, wd_set, NULL);
    ipmi_emu_register_cmd_handler(0x06, 0x25, wd_get, NULL);
    ipmi_emu_register_cmd_handler(0x04, 0x17, pet_ack, NULL);
    ipmi_emu_register_cmd_handler(0x06, 0x37, system_guid, NULL);
    ipmi_emu_register_cmd_handler(0x30, 0x70, recovery, NULL);
    return 0;
}

int ipmi_sim_module_post_init(sys_data_t *sys)
{
    unsigned i;
    chans = sys->chan_set;
    for (i = 0; i < 15; i++)
        if (chans[i]) chans[i]->oem.oem_handle_msg = hook;
    if (chans[15]) { smi = chans[15]->smi_send; chans[15]->smi_send = kcs; }
    stamp(); fprintf(lg, "module ready, LAN channel %s\n", chans[1] ? "hooked" : "absent"); fflush(lg);
    return 0;
}
