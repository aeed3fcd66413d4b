/* yardmaster/retry.h: retry/1, what follows a failed attempt. C99, links against nothing.
 *
 * Legal order: create (decide* destroy). Deterministic, as routing/1. */
#ifndef YARDMASTER_RETRY_H
#define YARDMASTER_RETRY_H

#include <yardmaster/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#define YM_RETRY_1 "retry/1"

/* In place of a wait: no further attempt. */
#define YM_DEAD_LETTER UINT64_MAX

/* Why an attempt failed. A number beyond those here comes from a newer host: treat it as YM_NACK. */
enum ym_reason {
    YM_NACK = 0,          /* the worker said that it failed */
    YM_REJECT = 1,        /* the worker said: never again */
    YM_THROTTLED = 2,     /* the worker said: not now */
    YM_LEASE_EXPIRED = 3, /* no answer in time */
    YM_WORKER_LOST = 4    /* its session ended */
};
#define YM_REASON_COUNT 5

/* Failed attempts, as columns. */
typedef struct ym_failures {
    uint32_t size;
    uint32_t count;
    const int32_t* reason;          /* of ym_reason */
    const uint32_t* attempt;        /* the one that failed, from 1 */
    const uint64_t* age_ns;         /* nanoseconds since the message was accepted */
    const uint64_t* retry_after_ns; /* nanoseconds that the worker asked for; 0: it did not */
    const uint64_t* random;         /* uniform over 64 bits, for jitter */
} ym_failures;

/* get(YM_RETRY_1) */
typedef struct ym_retry {
    uint32_t size;
    uint32_t setting_size;      /* sizeof(ym_setting) as the plugin knew it */
    const ym_setting* settings; /* static */

    /* An instance for one entry of `retries`. `settings` fits the schema. NULL after refuse(). [config] */
    void* (*create)(const ym_host* host, const ym_value* settings);
    /* Ends the instance. [config] */
    void (*destroy)(void* self);
    /* Writes wait_ns[i], nanoseconds until the next attempt or YM_DEAD_LETTER, for each failure. `wait_ns` is the
     * host's. A wait beyond 365 days is cut to that. Any status but YM_OK counts as YM_DEAD_LETTER for all. A call that
     * takes longer than `plugins.budget` of the settings file is told and counted. [shard] */
    ym_status (*decide)(void* self, const ym_failures* failures, uint64_t* wait_ns);
} ym_retry;

#ifdef __cplusplus
}
#endif

#endif
