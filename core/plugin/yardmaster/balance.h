/* yardmaster/balance.h: balance/1, which worker takes the next message of a queue. C99, links against nothing.
 *
 * Legal order: create (pick | gone)* destroy. Deterministic, as routing/1. */
#ifndef YARDMASTER_BALANCE_H
#define YARDMASTER_BALANCE_H

#include <yardmaster/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#define YM_BALANCE_1 "balance/1"

/* In place of a worker's index: the message waits. */
#define YM_NOBODY UINT32_MAX

/* The workers of the queue that have credit, as columns. They begin with the one after the worker that took the
 * queue's last message, so that a plugin without memory can serve them in turn. */
typedef struct ym_workers {
    uint32_t size;
    uint32_t count;            /* at most 256, but all of them if the plugin has gone() */
    const uint64_t* credit;    /* deliveries it would still take, at least 1 */
    const uint64_t* in_flight; /* deliveries of all queues that it has not settled */
    const uint64_t* idle_ns;   /* nanoseconds since its last delivery or settlement */
    const ym_text* session;    /* 16 octets: who it is, also after a reconnect */
    const ym_text* name;       /* its own, for people; may be empty */
} ym_workers;

/* The messages that are ready, first come first. */
typedef struct ym_ready {
    uint32_t size;
    uint32_t count;
    const ym_text* const* column; /* column[c][message]: the field of column(), in the order of the calls */
} ym_ready;

/* get(YM_BALANCE_1) */
typedef struct ym_balance {
    uint32_t size;
    uint32_t setting_size;      /* sizeof(ym_setting) as the plugin knew it */
    const ym_setting* settings; /* static */

    /* An instance for one queue. `settings` fits the schema. NULL after refuse(). [config] */
    void* (*create)(const ym_host* host, const ym_value* settings);
    /* Ends the instance. [config] */
    void (*destroy)(void* self);
    /* Writes picks[m], the index of a worker or YM_NOBODY, for each of ready->count messages. `picks` is the host's and
     * holds YM_NOBODY at first. An index out of range, or beyond the worker's credit, counts as YM_NOBODY. The first
     * message that nobody takes waits with those behind it, until something has changed. Any status but YM_OK, or a
     * call beyond `plugins.budget` of the settings file: the host serves the workers in turn. [shard] */
    ym_status (*pick)(void* self, const ym_workers* workers, const ym_ready* ready, uint32_t* picks);
    /* NULL, or: a worker of the queue has left, and whoever comes is another one. A worker that is only not among those
     * of pick() lives: it has no credit, or may still come back in time after a lost connection. [shard] */
    void (*gone)(void* self, ym_text session);
} ym_balance;

#ifdef __cplusplus
}
#endif

#endif
