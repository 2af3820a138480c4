/* libbmcnotice: lets services leave a dying server before its BMC resets it.
 * Generated from src/ffi; make header. */

#ifndef BMCNOTICE_H
#define BMCNOTICE_H

#include <stddef.h>
#include <stdint.h>

/**
 * What a call returns: zero or a count is success, errors are negative. Numbers are never reused.
 */
typedef enum {
  /**
   * Success.
   */
  BMCN_OK = 0,
  /**
   * An argument is wrong, or the call does not fit now.
   */
  BMCN_EINVAL = -1,
  /**
   * A struct is longer than this library knows, and the unknown part is not zero.
   */
  BMCN_E2BIG = -2,
  /**
   * A dispatch is running on this context.
   */
  BMCN_EBUSY = -3,
  /**
   * The context belongs to the parent of this process.
   */
  BMCN_EFORK = -4,
  /**
   * The operating system refused.
   */
  BMCN_EIO = -5,
  /**
   * An internal error was caught and repaired; a retry can help.
   */
  BMCN_EPANIC = -6,
  /**
   * An internal error could not be repaired; only bmcn_ctx_fd(), _message() and _free() work.
   */
  BMCN_EBROKEN = -7,
  /**
   * The recovery that the token or record names is over, or never was.
   */
  BMCN_ESTALE = -8,
  /**
   * The configuration has errors; the message lists all of them.
   */
  BMCN_ECONFIG = -9,
} bmcn_result;

/**
 * Who does the work of a context.
 */
typedef enum {
  /**
   * The caller's thread, inside bmcn_ctx_dispatch().  Callbacks must not block.
   */
  BMCN_MODE_LOOP = 0,
  /**
   * The library's thread.  Callbacks run inside bmcn_ctx_dispatch() and may block for minutes.
   */
  BMCN_MODE_THREAD = 1,
} bmcn_mode;

/**
 * What a recovery callback returns; any other number counts as BMCN_FAILED.
 */
typedef enum {
  /**
   * The recovery is complete.
   */
  BMCN_DONE = 0,
  /**
   * It failed.
   */
  BMCN_FAILED = 1,
  /**
   * It goes on; bmcn_ctx_complete() will say how it ended.
   */
  BMCN_LATER = 2,
} bmcn_answer;

/**
 * How loud a line of the log is.
 */
typedef enum {
  /**
   * Someone must act.
   */
  BMCN_LOG_ERROR = 0,
  /**
   * Someone should look.
   */
  BMCN_LOG_WARNING = 1,
  /**
   * A step was taken.
   */
  BMCN_LOG_INFO = 2,
  /**
   * For finding a fault in the setup.
   */
  BMCN_LOG_DEBUG = 3,
} bmcn_level;

/**
 * What a notice means for its server.
 */
typedef enum {
  /**
   * For the record.
   */
  BMCN_INFO = 0,
  /**
   * An earlier event is over.
   */
  BMCN_CLEARED = 1,
  /**
   * The server goes on, with less or not for long.
   */
  BMCN_RECOVERABLE = 2,
  /**
   * The board is dying.
   */
  BMCN_FATAL = 3,
} bmcn_class;

/**
 * How a notice's sender was accepted.
 */
typedef enum {
  /**
   * By its source address alone, which anyone on the network can forge.
   */
  BMCN_TRUST_ADDRESS = 0,
  /**
   * The BMC, asked over its authenticated link, showed a fresh matching event.
   */
  BMCN_TRUST_CORROBORATED = 1,
  /**
   * The trap itself was authenticated.
   */
  BMCN_TRUST_AUTHENTICATED = 2,
} bmcn_trust;

/**
 * The numbers of an IPMI platform event.
 */
typedef enum {
  /**
   * Sensor type (IPMI 2.0 table 42-3).
   */
  BMCN_SENSOR_TYPE = 0,
  /**
   * Event type: 01h threshold, 6Fh sensor-specific, ...
   */
  BMCN_EVENT_TYPE = 1,
  /**
   * Offset of the event.
   */
  BMCN_EVENT_OFFSET = 2,
  /**
   * 1 when the event is over.
   */
  BMCN_DEASSERTED = 3,
  /**
   * Number of the sensor.
   */
  BMCN_SENSOR_NUMBER = 4,
  /**
   * 01h monitor, 02h information, 04h OK, 08h non-critical, 10h critical, 20h non-recoverable.
   */
  BMCN_SEVERITY = 5,
  /**
   * Entity id.
   */
  BMCN_ENTITY = 6,
  /**
   * Entity instance.
   */
  BMCN_ENTITY_INSTANCE = 7,
  /**
   * Event data 1.
   */
  BMCN_EVENT_DATA1 = 8,
  /**
   * Event data 2.
   */
  BMCN_EVENT_DATA2 = 9,
  /**
   * Event data 3.
   */
  BMCN_EVENT_DATA3 = 10,
  /**
   * Sequence number of the trap.
   */
  BMCN_SEQUENCE = 11,
  /**
   * IANA number of the manufacturer.
   */
  BMCN_MANUFACTURER = 12,
} bmcn_field;

/**
 * What a BMC's words mean for its server.
 */
typedef enum {
  /**
   * Nothing can be said; bmcn_peer.doubt says why.
   */
  BMCN_UNKNOWN = 0,
  /**
   * The power is on; whether the services run is not known.
   */
  BMCN_POWERED = 1,
  /**
   * The power is off: read twice, over a session, from the right BMC.
   */
  BMCN_OFF = 2,
  /**
   * The power is on, and the server's own software feeds the watchdog in time.
   */
  BMCN_ALIVE = 3,
  /**
   * Firmware or a loader runs the watchdog: the server boots.
   */
  BMCN_BOOTING = 4,
  /**
   * The watchdog was fed, but late.
   */
  BMCN_DELAYED = 5,
  /**
   * The power is on, and the watchdog was not fed for longer than the time-out.
   */
  BMCN_SILENT = 6,
  /**
   * The power is on, and the feeder said goodbye.
   */
  BMCN_LEFT = 7,
} bmcn_verdict;

/**
 * Why nothing can be said of a server.
 */
typedef enum {
  /**
   * Something can be said.
   */
  BMCN_NO_DOUBT = 0,
  /**
   * Nothing was asked yet.
   */
  BMCN_DOUBT_NOT_ASKED = 1,
  /**
   * The BMC is silent.
   */
  BMCN_DOUBT_SILENT = 2,
  /**
   * It refused our login.
   */
  BMCN_DOUBT_LOGIN = 3,
  /**
   * It has no session left for us.
   */
  BMCN_DOUBT_NO_SLOT = 4,
  /**
   * Another BMC answers at its address.
   */
  BMCN_DOUBT_IDENTITY = 5,
  /**
   * It answers, but no login is configured.
   */
  BMCN_DOUBT_NO_LOGIN = 6,
  /**
   * It answers what we do not understand.
   */
  BMCN_DOUBT_MALFORMED = 7,
  /**
   * It says that the power is off, but whose BMC it is was not proven: no GUID is pinned.
   */
  BMCN_DOUBT_UNPROVEN = 8,
  /**
   * It answers; two other servers hold the sessions that a cluster may have on it.
   */
  BMCN_DOUBT_ELSEWHERE = 9,
} bmcn_doubt;

/**
 * What a server's watchdog shows, as its BMC told last.
 */
typedef enum {
  /**
   * Nothing that can be used: not asked, refused, or nonsense.
   */
  BMCN_PULSE_UNREAD = 0,
  /**
   * It was never started, or it was stopped.
   */
  BMCN_PULSE_STOPPED = 1,
  /**
   * It was stopped by a library like this one that ended cleanly.
   */
  BMCN_PULSE_GOODBYE = 2,
  /**
   * Firmware or a loader runs it.
   */
  BMCN_PULSE_BOOT = 3,
  /**
   * It counts, and is fed: bmcn_peer.fed_by, bmcn_peer.fed_ms_ago.
   */
  BMCN_PULSE_FED = 4,
  /**
   * It ran out while it was watched: nobody has fed it.
   */
  BMCN_PULSE_EXPIRED = 5,
} bmcn_pulse;

/**
 * Who feeds a watchdog.
 */
typedef enum {
  /**
   * Nobody, as far as is known.
   */
  BMCN_FED_BY_NOBODY = 0,
  /**
   * A library like this one, whose thread, or loop, lives.
   */
  BMCN_FED_BY_LIBRARY = 1,
  /**
   * A library like this one, as long as its application vouches: see bmcn_ctx_vouch().
   */
  BMCN_FED_BY_APPLICATION = 2,
  /**
   * The kernel's ipmi_watchdog, bmc-watchdog, or whoever else.
   */
  BMCN_FED_BY_ANOTHER = 3,
} bmcn_fed_by;

/**
 * May I take over what a server runs?  Only BMCN_TAKE_OVER_YES is a yes, so compare with it.
 */
typedef enum {
  /**
   * No: it lives, or may come to life any moment.
   */
  BMCN_TAKE_OVER_NO = 0,
  /**
   * Yes: it has no power.
   */
  BMCN_TAKE_OVER_YES = 1,
  /**
   * After it has been fenced: its feeder is dead, its services may not be.
   */
  BMCN_TAKE_OVER_FENCE_FIRST = 2,
  /**
   * The BMC does not know: ask the cluster's other witnesses.
   */
  BMCN_TAKE_OVER_NO_ANSWER = 3,
} bmcn_take_over;

/**
 * What bmcn_ctx_count() can count, since the context was made, or repaired after BMCN_EPANIC.
 */
typedef enum {
  /**
   * Datagrams at the trap socket; each is a new notice, a repetition, or a drop.
   */
  BMCN_COUNT_DATAGRAMS = 0,
  /**
   * New notices.
   */
  BMCN_COUNT_NOTICES = 1,
  /**
   * Repetitions of a notice.
   */
  BMCN_COUNT_REPEATS = 2,
  /**
   * Drops, whatever the reason; bmcn_ctx_drops() tells them apart.
   */
  BMCN_COUNT_DROPS = 3,
  /**
   * Acknowledgements and Inform responses sent.
   */
  BMCN_COUNT_ACKNOWLEDGED = 4,
  /**
   * Recoveries begun.
   */
  BMCN_COUNT_RECOVERIES = 5,
  /**
   * Recoveries done.
   */
  BMCN_COUNT_DONE = 6,
  /**
   * Recoveries failed.
   */
  BMCN_COUNT_FAILED = 7,
  /**
   * Phases that a BMC understood.
   */
  BMCN_COUNT_TOLD = 8,
  /**
   * Phases that it did not, within the deadline.
   */
  BMCN_COUNT_UNTOLD = 9,
  /**
   * Appends to the journal that failed.
   */
  BMCN_COUNT_JOURNAL_FAILURES = 10,
  /**
   * Deliveries dropped because dispatch was too slow; thread mode only.
   */
  BMCN_COUNT_UNDELIVERED = 11,
  /**
   * Keep-alives that this server's BMC took.
   */
  BMCN_COUNT_KEEPALIVES = 12,
  /**
   * Those that it did not.
   */
  BMCN_COUNT_KEEPALIVES_LOST = 13,
  /**
   * Notices that the BMC's log has proven (trust corroborated).
   */
  BMCN_COUNT_SUPPORTED = 14,
  /**
   * Notices that it shows to be none of the BMC's: forged, or of a BMC that does not log what it reports.
   */
  BMCN_COUNT_CONTRADICTED = 15,
  /**
   * Notices about which the BMC could not be asked, or about which its log says neither.
   */
  BMCN_COUNT_UNANSWERABLE = 16,
  /**
   * Questions of the heartbeat's.
   */
  BMCN_COUNT_PROBES = 17,
  /**
   * Rounds of them that nobody answered.
   */
  BMCN_COUNT_PROBES_MISSED = 18,
  /**
   * Watchdogs that showed nonsense: a countdown above its start, or one that stands still.
   */
  BMCN_COUNT_PULSES_ABSURD = 19,
  /**
   * How often this process, or its host, stood still.
   */
  BMCN_COUNT_SLEEPS = 20,
  /**
   * Drops of datagrams that nobody saw: while a flood of strangers is kept away by a filter in the kernel, each of its
   * samples stands for 64.  Part of BMCN_COUNT_DROPS, but not of BMCN_COUNT_DATAGRAMS.
   */
  BMCN_COUNT_ESTIMATED = 21,
  /**
   * Datagrams that the filter kept away, as the kernel counts.
   */
  BMCN_COUNT_FILTERED = 22,
  /**
   * Datagrams that the kernel lost because the trap socket's queue was full; at most so many while the filter is there.
   */
  BMCN_COUNT_OVERFLOWED = 23,
  /**
   * Notices, none of them fatal, that were written down but not handed on: dispatch was too slow, and a fatal
   * one behind them would have come late.
   */
  BMCN_COUNT_SHED = 24,
  /**
   * No count: octets of the trap socket's queue that were asked for.
   */
  BMCN_COUNT_QUEUE_ASKED = 25,
  /**
   * No count: octets of it that the kernel granted; 0 without a socket.
   */
  BMCN_COUNT_QUEUE_GRANTED = 26,
} bmcn_counter;

/**
 * Which step a recovery took.  A later version may know more of them.
 */
typedef enum {
  /**
   * A genuine, new and serious notice is in the journal.
   */
  BMCN_STAGE_RECORDED = 0,
  /**
   * A further notice joined the recovery.
   */
  BMCN_STAGE_JOINED = 1,
  /**
   * The BMC is being told *started* or *ended*.
   */
  BMCN_STAGE_TELLING = 2,
  /**
   * It has understood.
   */
  BMCN_STAGE_TOLD = 3,
  /**
   * It has not, within the deadline.
   */
  BMCN_STAGE_UNTOLD = 4,
  /**
   * The recovery runs.
   */
  BMCN_STAGE_RECOVERING = 5,
  /**
   * It answered.
   */
  BMCN_STAGE_ANSWERED = 6,
  /**
   * It took too long.
   */
  BMCN_STAGE_OVERRUN = 7,
  /**
   * A chassis command was sent, or why not.
   */
  BMCN_STAGE_CHASSIS = 8,
  /**
   * The BMC's reset is awaited.
   */
  BMCN_STAGE_AWAITING_RESET = 9,
  /**
   * The record is closed.
   */
  BMCN_STAGE_CLOSED = 10,
  /**
   * Something the operator should know: held, released, ...
   */
  BMCN_STAGE_REMARK = 11,
  /**
   * A drill took a step; it is about no recovery: see bmcn_ctx_drill().
   */
  BMCN_STAGE_DRILL = 12,
} bmcn_stage;

/**
 * What came of bmcn_ctx_reload(), if it is no error.
 */
typedef enum {
  /**
   * The new configuration holds.
   */
  BMCN_RELOADED = 0,
  /**
   * It is sound, and will hold as soon as no recovery is under way; the log says when.
   */
  BMCN_RELOAD_LATER = 1,
} bmcn_reload;

/**
 * How a drill stands.
 */
typedef enum {
  /**
   * There was none since the context was made.
   */
  BMCN_DRILL_NEVER = 0,
  /**
   * It runs.
   */
  BMCN_DRILL_RUNNING = 1,
  /**
   * The path is proven.
   */
  BMCN_DRILL_PROVEN = 2,
  /**
   * It is not; the last progress of the drill says why.
   */
  BMCN_DRILL_FAILED = 3,
} bmcn_drill_state;

/**
 * A configuration, opaque: a text and settings, judged as a whole when asked.  Any thread, but that
 * bmcn_config_free() must be the last call on it.
 */
typedef struct bmcn_config bmcn_config;

/**
 * A context, opaque.
 */
typedef struct bmcn_ctx bmcn_ctx;

/**
 * A notice, opaque; valid until the callback that was given it returns, or until bmcn_notice_free() for one
 * that bmcn_notice_dup() made.
 */
typedef struct bmcn_notice bmcn_notice;

/**
 * What the heartbeat said of all servers at one moment, opaque and unchanging.
 */
typedef struct bmcn_peers bmcn_peers;

/**
 * A step of a recovery, opaque; valid until the callback that was given it returns.
 */
typedef struct bmcn_progress bmcn_progress;

/**
 * A recovery that is due, opaque; valid until the callback that was given it returns.
 */
typedef struct bmcn_recovery bmcn_recovery;

/**
 * The drill that runs, or the last one, and the newest proof.  Zero everything, then set `size`, before it is
 * handed in.
 *
 * Times in us count from the order; -1: the drill has not come so far.  Later versions append members; a shorter
 * struct is filled as far as it goes.
 */
typedef struct {
  /**
   * sizeof(bmcn_drill) of the caller.
   */
  size_t size;
  /**
   * Counts the drills of this context from 1; 0: there was none.
   */
  uint64_t number;
  /**
   * One of bmcn_drill_state.
   */
  int32_t state;
  /**
   * 1 if the trap carried the drill's own number, 0 if it was a test alert that the BMC made up.
   */
  int32_t own_event;
  /**
   * The BMC was asked for the alert.
   */
  int64_t asked_us;
  /**
   * It accepted.
   */
  int64_t accepted_us;
  /**
   * Its trap was received, and its sender verified.
   */
  int64_t received_us;
  /**
   * The notice is in the journal, and acknowledged.
   */
  int64_t journalled_us;
  /**
   * The notice's callback has returned.
   */
  int64_t delivered_us;
  /**
   * The notice's record in the journal; 0: none.
   */
  uint64_t record;
  /**
   * When the path was proven last, by any context: milliseconds since 1970 UTC; -1: never.
   */
  int64_t proven_at_ms;
  /**
   * How long that took, from the order to the callback; -1: never.
   */
  int64_t proven_in_ms;
} bmcn_drill;

/**
 * How to make a context.  Zero everything, then set `size`.
 *
 * Later versions append members.  A `size` smaller than the first version is BMCN_EINVAL; a larger
 * one than this library knows is accepted if the rest is zero, and otherwise BMCN_E2BIG.
 */
typedef struct {
  /**
   * sizeof(bmcn_options) of the caller.
   */
  size_t size;
  /**
   * One of bmcn_mode.
   */
  uint32_t mode;
  /**
   * Must be zero.
   */
  uint32_t reserved;
} bmcn_options;

/**
 * Runs the operator's recovery and returns one of bmcn_answer.
 *
 * This callback, like all of them, is called only inside bmcn_ctx_dispatch() or bmcn_ctx_run(), with no lock
 * held, and may call any function on the context, bmcn_ctx_free() included (but dispatching again is
 * BMCN_EBUSY).  It must not throw, longjmp or end the thread: that ends the process.  In loop mode it must not
 * block: while it runs nothing is received, no BMC is told anything and no deadline is kept.
 */
typedef int (*bmcn_recovery_fn)(void *user, const bmcn_recovery *recovery);

/**
 * Destroys a callback's pointer; called once, after the last possible call of the callback.
 */
typedef void (*bmcn_destroy_fn)(void *user);

/**
 * Is told of every new notice, whether it starts a recovery or not.
 */
typedef void (*bmcn_notice_fn)(void *user, const bmcn_notice *notice);

/**
 * Is told what the library would write into a log: one of bmcn_level and one line, valid until it returns.
 */
typedef void (*bmcn_log_fn)(void *user, int level, const char *line);

/**
 * Is told when what the heartbeat says of a server changes: its name, valid until it returns, one of
 * bmcn_verdict and one of bmcn_doubt.
 *
 * It is called as well, with the verdict that holds, when a server was seen to restart; bmcn_peer.restarts counts
 * that.
 */
typedef void (*bmcn_peer_fn)(void *user, const char *server, int verdict, int doubt);

/**
 * What the heartbeat says of one server.  Zero everything, then set `size`, before it is handed in.
 *
 * Times are CLOCK_BOOTTIME milliseconds.  Later versions append members; a shorter struct is filled as far
 * as it goes.
 */
typedef struct {
  /**
   * sizeof(bmcn_peer) of the caller.
   */
  size_t size;
  /**
   * One of bmcn_verdict.
   */
  int32_t verdict;
  /**
   * One of bmcn_doubt.
   */
  int32_t doubt;
  /**
   * Since when the verdict holds.
   */
  uint64_t since_ms;
  /**
   * When the BMC last answered; 0: never.
   */
  uint64_t heard_ms;
  /**
   * How often the server was seen to restart.
   */
  uint32_t restarts;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * The power, as the BMC told last: 1 on, 0 off, -1 not known.
   */
  int32_t power;
  /**
   * One of bmcn_pulse.
   */
  int32_t pulse;
  /**
   * One of bmcn_fed_by.
   */
  int32_t fed_by;
  /**
   * 1 if it is this server.
   */
  int32_t own;
  /**
   * How long ago the watchdog was fed, in milliseconds, when it was read last; -1: it is not fed.
   */
  int64_t fed_ms_ago;
  /**
   * How long the BMC's last answer took, in microseconds; 0: there was none.
   */
  uint64_t round_trip_us;
  /**
   * Rounds of questions without an answer since the last answer.
   */
  uint32_t misses;
  /**
   * One of bmcn_take_over, for the moment of this call: a yes does not keep.
   */
  int32_t take_over;
} bmcn_peer;

/**
 * Is told every step of a recovery.
 */
typedef void (*bmcn_progress_fn)(void *user, const bmcn_progress *progress);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Make an empty configuration.
 *
 * `*out` is written only on success; free it with bmcn_config_free().  Any thread.
 *
 * Returns BMCN_EINVAL if out is NULL.  Since 0.1.
 */
int bmcn_config_new(bmcn_config **out);

/**
 * Free a configuration; NULL is a no-op.  Contexts made from it go on without it.  Since 0.1.
 */
void bmcn_config_free(bmcn_config *config);

/**
 * Take the text of a file (see docs/configuration.md), in place of what was there, settings included.
 *
 * Nothing is judged yet.
 *
 * Returns BMCN_EINVAL, BMCN_EIO (the message says which file and why); then nothing has changed.  Since 0.1.
 */
int bmcn_config_read_file(bmcn_config *config,
                          const char *path);

/**
 * Take a text, in place of what was there, settings included.  `name`, which may be NULL, stands in
 * messages where a file's would.
 *
 * Returns BMCN_EINVAL.  Since 0.1.
 */
int bmcn_config_read_text(bmcn_config *config, const char *text, const char *name);

/**
 * Set one value, whatever the text says: `path` with dots as in "server.server1.bmc.address", `value` as it
 * would stand in the file ("\"192.168.0.11\"", "3", "true").
 *
 * Judged together with everything else.
 *
 * Returns BMCN_EINVAL if one of them is NULL or not UTF-8.  Since 0.1.
 */
int bmcn_config_set(bmcn_config *config,
                    const char *path,
                    const char *value);

/**
 * Judge the configuration, and what this host is like, in one pass.
 *
 * The findings, errors or not, become the message, one a line.  Returns how many there are if none is an
 * error, else BMCN_ECONFIG; BMCN_EINVAL.  Since 0.1.
 */
int bmcn_config_check(bmcn_config *config);

/**
 * Copy the message of the last failed call (of bmcn_ctx_new(), too, that was given this configuration), or
 * the findings of the last check, into `buffer`, cut to `size`, with a NUL.
 *
 * Returns the message's full length, so that a result of `size` or more means it was cut.  BMCN_EINVAL if
 * config is NULL, or `buffer` is NULL and `size` is not 0.  Any thread.  Since 0.1.
 */
int bmcn_config_message(const bmcn_config *config,
                        char *buffer,
                        size_t size);

/**
 * Begin a drill: this server's BMC is made to send a test alert, and every step is measured, up to the return of
 * the notice's callback.
 *
 * Nothing is recovered.  The steps are progress of stage BMCN_STAGE_DRILL; bmcn_ctx_drill_status() tells how it
 * stands.  A drill needs dispatching, as everything does.  Allowed inside a callback.  Any thread.
 *
 * Returns BMCN_EINVAL (not now, or never with this configuration: the context's message says why), BMCN_EFORK,
 * BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_drill(bmcn_ctx *ctx);

/**
 * Say how the drill stands that runs, or how the last one ended, and when the path was proven last.
 *
 * Any thread.  Returns BMCN_EINVAL (a NULL, a struct smaller than the first version), BMCN_E2BIG, BMCN_EFORK,
 * BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_drill_status(const bmcn_ctx *ctx,
                          bmcn_drill *out);

/**
 * Make a context.
 *
 * Binds the socket, opens the journal and, in thread mode, starts the library's thread.  Nothing is called
 * back yet: register, then dispatch.  `config` and `options` are copied; NULL options mean loop mode.  `*out`
 * is written only on success; free it with bmcn_ctx_free().  On failure the message is on `config`.  Any
 * thread.
 *
 * Returns BMCN_EINVAL (a bad option, `config` or `out` is NULL), BMCN_E2BIG, BMCN_ECONFIG (the message lists
 * every finding, one a line), BMCN_EIO (port taken, not permitted, ...: the message says who or what is in
 * the way).  Since 0.1.
 */
int bmcn_ctx_new(const bmcn_config *config,
                 const bmcn_options *options,
                 bmcn_ctx **out);

/**
 * Free a context; NULL is a no-op.
 *
 * Tells the BMC that we no longer listen, and waits at most a second for its answer.  Destructors run before
 * it returns, on this thread; inside a callback, or while another thread dispatches, that is put off: no
 * further callback starts, and all goes when that dispatch returns, on its thread.  bmcn_ctx_run() on another
 * thread returns BMCN_EINVAL.  In a forked child only the descriptors are closed, and no destructor runs.  A
 * recovery that goes on is not ended: the next start finds it in the journal, and tells the BMC that its end
 * is unknown.  The pointer is invalid afterwards, for every thread and signal handler.  Any thread.  Since 0.1.
 */
void bmcn_ctx_free(bmcn_ctx *ctx);

/**
 * Return the descriptor to poll for readability.
 *
 * The same until bmcn_ctx_free(); never read or close it, and poll it level-triggered.  Readable means that
 * dispatch has work, not that a notice is certain, and stays so while anything is undelivered.  Works on a
 * broken context.  Any thread.
 *
 * Returns BMCN_EINVAL, BMCN_EFORK.  Since 0.1.
 */
int bmcn_ctx_fd(const bmcn_ctx *ctx);

/**
 * Return the UDP port where traps are received, or 0 if no monitor listens on this server.  Any thread.
 *
 * Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_port(const bmcn_ctx *ctx);

/**
 * Call back for at most `max_events` events, without blocking, and return how many there were.
 *
 * Call it when the descriptor is readable, from one thread at a time.  What is left over keeps the
 * descriptor readable; 16 is a good number of events, 0 only looks.  Callbacks run in the order in which
 * things happened, but that in thread mode a recovery overtakes what is only news.
 *
 * Returns BMCN_EBUSY (inside a callback, or on two threads), BMCN_EINVAL (NULL, or freed inside a callback),
 * BMCN_EPANIC (call again; what this call had delivered before is not counted), BMCN_EFORK, BMCN_EBROKEN.
 * Since 0.1.
 */
int bmcn_ctx_dispatch(bmcn_ctx *ctx,
                      unsigned int max_events);

/**
 * Wait and dispatch until bmcn_ctx_stop(), for callers without a loop of their own.
 *
 * Where another thread dispatches meanwhile, it leaves the work to that one, and goes on when it has ended.
 *
 * Returns BMCN_OK when stopped; BMCN_EBUSY (inside a callback), BMCN_EINVAL (NULL, or freed meanwhile),
 * BMCN_EPANIC (call again), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_run(bmcn_ctx *ctx);

/**
 * Make bmcn_ctx_run() return; if it is not running, at once when it is next entered.
 *
 * Any thread, and inside a signal handler; not after bmcn_ctx_free().  In a loop of your own there is nothing
 * to stop, and the descriptor would stay readable.
 *
 * Returns BMCN_EINVAL, BMCN_EFORK.  Since 0.1.
 */
int bmcn_ctx_stop(bmcn_ctx *ctx);

/**
 * Register the recovery of one monitor, or with a NULL name of every monitor that has none of its own, in
 * place of what was there.
 *
 * `destroy`, which may be NULL, is called with `user` exactly once, after the last possible call of
 * `function`; if this call fails it is not called.  Allowed inside a callback.  Any thread.
 *
 * Returns BMCN_EINVAL (no such monitor, `function` is NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_on_recovery(bmcn_ctx *ctx,
                         const char *monitor,
                         bmcn_recovery_fn function,
                         void *user,
                         bmcn_destroy_fn destroy);

/**
 * Register what is told of every new notice, in place of what was there; `destroy` as in
 * bmcn_ctx_on_recovery().  Any thread.
 *
 * Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_on_notice(bmcn_ctx *ctx, bmcn_notice_fn function, void *user, bmcn_destroy_fn destroy);

/**
 * Register what is told the log's lines, in place of what was there; `destroy` as in
 * bmcn_ctx_on_recovery().  Any thread.
 *
 * Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_on_log(bmcn_ctx *ctx, bmcn_log_fn function, void *user, bmcn_destroy_fn destroy);

/**
 * Complete a recovery whose callback returned BMCN_LATER: `answer` is BMCN_DONE, or BMCN_FAILED, for which
 * any other number but BMCN_LATER counts.
 *
 * Any thread, and inside a callback.
 *
 * Returns BMCN_ESTALE (it is over: completed already, or beyond its deadline), BMCN_EINVAL (BMCN_LATER),
 * BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_complete(bmcn_ctx *ctx,
                      uint64_t token,
                      int answer);

/**
 * Return a counter, one of bmcn_counter; BMCN_EINVAL if there is no such counter.
 *
 * Any thread.  Returns BMCN_EFORK, BMCN_EBROKEN, too.  Since 0.1.
 */
int64_t bmcn_ctx_count(const bmcn_ctx *ctx, int counter);

/**
 * Return how many datagrams were dropped for one reason, by the number that bmcn_drop_name() names;
 * BMCN_EINVAL if there is no such reason.
 *
 * Any thread.  Returns BMCN_EFORK, BMCN_EBROKEN, too.  Since 0.1.
 */
int64_t bmcn_ctx_drops(const bmcn_ctx *ctx, int reason);

/**
 * Copy the message of the last failed call on this context, by whatever thread, into `buffer`, cut to `size`, with a NUL.
 *
 * Returns the message's full length, so that a result of `size` or more means it was cut.  Works on a
 * broken context.  BMCN_EINVAL if ctx is NULL, or `buffer` is NULL and `size` is not 0; BMCN_EFORK.
 * Any thread.  Since 0.1.
 */
int bmcn_ctx_message(const bmcn_ctx *ctx,
                     char *buffer,
                     size_t size);

/**
 * Register what is told when what the heartbeat says of a server changes, and when a server was seen to restart,
 * in place of what was there; `destroy` as in bmcn_ctx_on_recovery().  Any thread.
 *
 * Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_on_peer(bmcn_ctx *ctx,
                     bmcn_peer_fn function,
                     void *user,
                     bmcn_destroy_fn destroy);

/**
 * Write what the heartbeat says of one server.
 *
 * Any thread, at any rate: nothing is asked of the BMC for it.
 *
 * Returns BMCN_EINVAL (no such server, or it has no BMC; a NULL), BMCN_E2BIG, BMCN_EFORK, BMCN_EBROKEN.
 * Since 0.1.
 */
int bmcn_ctx_peer(const bmcn_ctx *ctx,
                  const char *server,
                  bmcn_peer *out);

/**
 * Copy the name of a server that has a BMC, by its place (from 0) in the configuration, as
 * bmcn_ctx_message() copies; BMCN_EINVAL behind the last one.  Any thread.  Since 0.1.
 */
int bmcn_ctx_peer_name(const bmcn_ctx *ctx, unsigned int place, char *buffer, size_t size);

/**
 * Take down what the heartbeat says of every server that has a BMC, in the configuration's order.
 *
 * All of it is of one moment.  `*out` is written only on success; free it with bmcn_peers_free().  It outlives
 * the context.  Any thread, at any rate.
 *
 * Returns BMCN_EINVAL (a NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_peers(const bmcn_ctx *ctx,
                   bmcn_peers **out);

/**
 * Return how many servers there are.  BMCN_EINVAL if peers is NULL.  Since 0.1.
 */
int bmcn_peers_count(const bmcn_peers *peers);

/**
 * Return a server's name, by its place from 0; valid until bmcn_peers_free().  NULL behind the last one, and if
 * peers is NULL.  Since 0.1.
 */
const char *bmcn_peers_name(const bmcn_peers *peers,
                            unsigned int place);

/**
 * Write what was said of a server, by its place from 0.  Only `take_over` is of now, not of then.
 *
 * Returns BMCN_EINVAL (behind the last one; a NULL; a struct smaller than the first version), BMCN_E2BIG.
 * Since 0.1.
 */
int bmcn_peers_get(const bmcn_peers *peers,
                   unsigned int place,
                   bmcn_peer *out);

/**
 * Free what bmcn_ctx_peers() made; NULL is a no-op.  Any thread.  Since 0.1.
 */
void bmcn_peers_free(bmcn_peers *peers);

/**
 * Say whether what a server runs may be taken over now, and copy the reason into `why`, cut to `size`, with a
 * NUL.
 *
 * Nothing is asked of the BMC for it: what it has said counts, and how long ago.  `why` may be NULL if `size` is 0;
 * 128 octets are enough for every reason of this version.  A *yes* is for now and does not keep: ask again before
 * you act, and never let a BMC be the only witness.  Any thread.
 *
 * Returns one of bmcn_take_over, of which BMCN_TAKE_OVER_YES alone is a yes; BMCN_EINVAL (no such server, or it has
 * no BMC; a NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_take_over(const bmcn_ctx *ctx,
                       const char *server,
                       char *why,
                       size_t size);

/**
 * Say that the application lives.
 *
 * Where the configuration says vouch = "application", this server's pulse is fed only while this is said at least
 * every `vouch_within`; say it from the code whose life matters, not from a timer beside it.  In loop mode the
 * feeding itself is done by dispatch.
 * Any thread, and inside a callback.
 *
 * Returns BMCN_EINVAL (nobody asks the application for its word: the context's message says so), BMCN_EFORK,
 * BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_vouch(bmcn_ctx *ctx);

/**
 * Copy what has become of this server's own pulse, in words for a person, as bmcn_ctx_message() copies; "" if it is
 * not fed, or if nothing is known yet.
 *
 * Returns the text's full length; BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Any thread.  Since 0.1.
 */
int bmcn_ctx_pulse(const bmcn_ctx *ctx,
                   char *buffer,
                   size_t size);

/**
 * Return what a notice means, one of bmcn_class; BMCN_EINVAL if notice is NULL.  Since 0.1.
 */
int bmcn_notice_class(const bmcn_notice *notice);

/**
 * Return how the sender was accepted, one of bmcn_trust; BMCN_EINVAL if notice is NULL.  Since 0.1.
 */
int bmcn_notice_trust(const bmcn_notice *notice);

/**
 * Return the notice's id, the same on every node and for every repetition; 0 if notice is NULL.  Since 0.1.
 */
uint64_t bmcn_notice_id(const bmcn_notice *notice);

/**
 * Return what the notice is about, the same for every notice of one fault but for the lowest octet, which is 1 where
 * it is over; 0 where that is not known, or if notice is NULL.  Since 0.1.
 */
uint64_t bmcn_notice_fault(const bmcn_notice *notice);

/**
 * Return the sentence a person reads, in UTF-8, valid as long as the notice; NULL if notice is NULL.  Since 0.1.
 */
const char *bmcn_notice_sentence(const bmcn_notice *notice);

/**
 * Return what failed, as far as the trap says; valid as long as the notice.  NULL if notice is NULL.  Since 0.1.
 */
const char *bmcn_notice_region(const bmcn_notice *notice);

/**
 * Return the name of the server whose BMC spoke; valid as long as the notice.  NULL if notice is NULL.
 * Since 0.1.
 */
const char *bmcn_notice_server(const bmcn_notice *notice);

/**
 * Return where the trap came from, as "ADDRESS:PORT"; valid as long as the notice.  NULL if notice is NULL.
 * Since 0.1.
 */
const char *bmcn_notice_source(const bmcn_notice *notice);

/**
 * Return the trap's OID in v2 form, as dotted decimals; valid as long as the notice.  NULL if notice is NULL.
 * Since 0.1.
 */
const char *bmcn_notice_trap_oid(const bmcn_notice *notice);

/**
 * Return a number of the platform event, one of bmcn_field.
 *
 * BMCN_EINVAL if notice is NULL, its trap is no platform event, or there is no such field.  Since 0.1.
 */
int64_t bmcn_notice_field(const bmcn_notice *notice,
                          int field);

/**
 * Write the 16 octets of the system GUID that the event names, in wire order.
 *
 * Returns BMCN_EINVAL, with nothing written, if notice or guid is NULL or the trap is no platform event.
 * Since 0.1.
 */
int bmcn_notice_guid(const bmcn_notice *notice,
                     uint8_t *guid);

/**
 * Keep a notice beyond its callback; free it with bmcn_notice_free().  NULL if notice is NULL.  Since 0.1.
 */
bmcn_notice *bmcn_notice_dup(const bmcn_notice *notice);

/**
 * Free a notice that bmcn_notice_dup() made; NULL is a no-op.  Any thread.  Since 0.1.
 */
void bmcn_notice_free(bmcn_notice *notice);

/**
 * Take over another configuration: all of it, or on an error nothing.
 *
 * At once, unless a recovery is between its record and its end: then as soon as the last has ended; another
 * reload takes the place of one that waits.  Callbacks, counters, open records, maintenance and what is known of
 * the servers stay; so does the socket, if the address does, and no trap is lost.  The journal's folders must be
 * the same.  `config` is copied; findings are on the context's message.  Allowed inside a callback.  Any thread.
 *
 * Returns one of bmcn_reload, or BMCN_ECONFIG (the message lists every finding, one a line), BMCN_EINVAL (another
 * folder for the journal, a NULL), BMCN_EIO (the new port is taken, not permitted, ...), BMCN_EFORK,
 * BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_reload(bmcn_ctx *ctx,
                    const bmcn_config *config);

/**
 * Let a held recovery go on, by the number of its record.
 *
 * Allowed inside a callback.  Any thread.  Returns BMCN_ESTALE (no recovery is about this record), BMCN_EINVAL (it
 * is not held; NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_release(bmcn_ctx *ctx,
                     uint64_t record);

/**
 * End a recovery, by the number of its record: one that runs has failed, its token is stale and its command
 * killed; one that is held or awaits its reset is closed.
 *
 * Allowed inside a callback.  Any thread.  Returns BMCN_ESTALE (no recovery is about this record), BMCN_EINVAL (the
 * BMC is being told of its end already; NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_cancel(bmcn_ctx *ctx,
                    uint64_t record);

/**
 * Say that the fault of a record is over, as the BMC itself would: what is held or awaits its reset is closed, and
 * what the recovery set in the cluster is taken back.
 *
 * Allowed inside a callback.  Any thread.  Returns BMCN_ESTALE (no recovery is about this record), BMCN_EINVAL (it
 * runs, or is just ending; NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_clear(bmcn_ctx *ctx,
                   uint64_t record);

/**
 * Switch maintenance on (not 0) or off (0): while it is on, new recoveries are held.
 *
 * What runs goes on; what is held stays held until it is released.  Outlives a restart and a boot.  Allowed inside
 * a callback.  Any thread.
 *
 * Returns BMCN_EIO (it holds, but cannot be written down, so that it ends with this context), BMCN_EINVAL,
 * BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_set_maintenance(bmcn_ctx *ctx,
                             int on);

/**
 * Return 1 if maintenance is on, 0 if it is off.
 *
 * Any thread.  Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_maintenance(const bmcn_ctx *ctx);

/**
 * Register what is told every step of a recovery, in place of what was there; `destroy` as in
 * bmcn_ctx_on_recovery().  The log's callback hears of each step, too.  Any thread.
 *
 * Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
 */
int bmcn_ctx_on_progress(bmcn_ctx *ctx,
                         bmcn_progress_fn function,
                         void *user,
                         bmcn_destroy_fn destroy);

/**
 * Return the id of the recovery's record in the journal; 0 if progress is NULL.  Since 0.1.
 */
uint64_t bmcn_progress_record(const bmcn_progress *progress);

/**
 * Return which step it was, one of bmcn_stage.  BMCN_EINVAL if progress is NULL.  Since 0.1.
 */
int bmcn_progress_stage(const bmcn_progress *progress);

/**
 * Return how loud it is, one of bmcn_level.  BMCN_EINVAL if progress is NULL.  Since 0.1.
 */
int bmcn_progress_level(const bmcn_progress *progress);

/**
 * Return how many microseconds after the trap it was.  BMCN_EINVAL if progress is NULL.  Since 0.1.
 */
int64_t bmcn_progress_after_us(const bmcn_progress *progress);

/**
 * Return the name of the monitor; valid as long as the progress.  NULL if progress is NULL.  Since 0.1.
 */
const char *bmcn_progress_monitor(const bmcn_progress *progress);

/**
 * Return what happened, as a person reads it; valid as long as the progress.  NULL if progress is NULL.
 * Since 0.1.
 */
const char *bmcn_progress_text(const bmcn_progress *progress);

/**
 * Return the token that completes this recovery with bmcn_ctx_complete(); 0, which is never a token, if
 * recovery is NULL.  A number: it may be kept and used on any thread.  Since 0.1.
 */
uint64_t bmcn_recovery_token(const bmcn_recovery *recovery);

/**
 * Return the id of the recovery's record in the journal; 0 if recovery is NULL.  Since 0.1.
 */
uint64_t bmcn_recovery_record(const bmcn_recovery *recovery);

/**
 * Return how many milliseconds the recovery may take, from when it fell due, which is just before its
 * callback unless dispatch was late; after that it has failed and the token is stale.  BMCN_EINVAL if recovery is NULL.  Since 0.1.
 */
int64_t bmcn_recovery_deadline_ms(const bmcn_recovery *recovery);

/**
 * Return what this attempt is to do: "failover" (move the target to another server), "restart" (start it again
 * here) or "stop_service" (stop the cluster service on this server); valid as long as the recovery.  NULL if
 * recovery is NULL.  Since 0.1.
 */
const char *bmcn_recovery_action(const bmcn_recovery *recovery);

/**
 * Return the number of this attempt, counted from 1 over the whole recovery: one that fails is followed by the
 * next, as the monitor's `restart` and `failover` say.  BMCN_EINVAL if recovery is NULL.  Since 0.1.
 */
int bmcn_recovery_attempt(const bmcn_recovery *recovery);

/**
 * Return the name of the monitor that matched; valid as long as the recovery.  NULL if recovery is NULL.
 * Since 0.1.
 */
const char *bmcn_recovery_monitor(const bmcn_recovery *recovery);

/**
 * Return what is to be moved, as the monitor's `target` names it, or ""; valid as long as the recovery.
 * NULL if recovery is NULL.  Since 0.1.
 */
const char *bmcn_recovery_target(const bmcn_recovery *recovery);

/**
 * Return the notice that started the recovery; valid as long as the recovery.  NULL if recovery is NULL.
 * Since 0.1.
 */
const bmcn_notice *bmcn_recovery_notice(const bmcn_recovery *recovery);

/**
 * Say in a few words what a result code means.
 *
 * The string is static.  Unknown codes have one, too.  Any thread.  Since 0.1.
 */
const char *bmcn_strerror(int code);

/**
 * Return the version of the library, as "major.minor.patch".
 *
 * The string is static.  Any thread.  Since 0.1.
 */
const char *bmcn_version(void);

/**
 * Return the name of a reason for dropping a datagram, or NULL if there is none of that number.
 *
 * Reasons are numbered from 0 without a gap; a number keeps its meaning.  The string is static.  Any
 * thread.  Since 0.1.
 */
const char *bmcn_drop_name(int reason);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BMCNOTICE_H */
