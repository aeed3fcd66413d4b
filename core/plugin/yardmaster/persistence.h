/* yardmaster/persistence.h: persistence/1, where batches of records are kept. C99, links against nothing.
 *
 * A store keeps, for each shard, a line of batches: opaque octets with ascending numbers. It never looks into them.
 * A shard has one owner at a time, who holds it under an epoch: a number that only grows, with each acquire().
 *
 * All calls but caps() are asynchronous. Each carries a ticket, chosen by the host and used once, and is answered by
 * exactly one complete() with that ticket, whatever happens. Calls come from one thread [store] and never wait: work
 * that takes time belongs to threads of the plugin. complete() may be called on any thread, on several at once, and
 * from inside the call that it answers.
 *
 * Appends of one shard complete in the order of their calls, many may be under way. Other calls complete when they
 * are done; what they see includes every append whose completion came before the call.
 *
 * Statuses:
 *   YM_OK       done. For append(): the batch is kept as caps() promises.
 *   YM_FULL     no room: nothing of it was kept. Every append that is under way behind it ends with YM_FULL too: none
 *               of them is kept, and the next one has the number of the first that was refused.
 *   YM_UNKNOWN  it may or may not have been done (a connection was lost). Every append that is under way ends with
 *               YM_UNKNOWN too. The host calls acquire() and goes on behind `through`.
 *   YM_FENCED   the shard has another owner, or the epoch is not the newest: the host drops the shard at once.
 *   YM_FAILED   the store is broken. Nothing may be told YM_OK afterwards. A failed sync is never tried again.
 *
 * Legal order: create caps (acquire (renew | append | read | fetch | reclaim)* release)* close destroy. */
#ifndef YARDMASTER_PERSISTENCE_H
#define YARDMASTER_PERSISTENCE_H

#include <yardmaster/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#define YM_PERSISTENCE_1 "persistence/1"

/* What survives. */
enum ym_durability {
    YM_DURABLE_NONE = 0,      /* nothing: memory alone */
    YM_DURABLE_DISK = 1,      /* the loss of power */
    YM_DURABLE_REPLICATED = 2 /* the loss of a machine */
};

typedef struct ym_store_caps {
    uint32_t size;            /* set by the host; the plugin fills in no more than this */
    int32_t durability;       /* of ym_durability */
    uint64_t batch_bytes_max; /* octets of one batch at most; at least 1 MiB */
    int32_t fenced;           /* 1: two owners of a shard, on two machines, can never both append */
} ym_store_caps;

/* What a completion tells. Members beyond the call's own are 0. Borrowed until complete() returns. */
typedef struct ym_completion {
    uint32_t size;
    uint32_t count;         /* read, fetch: of batches */
    const uint64_t* number; /* read, fetch: of each batch */
    const ym_text* octets;  /* read, fetch: of each batch; fetch: {NULL, 0} for one that is not kept */
    uint64_t epoch;         /* acquire: this one's */
    uint64_t through;       /* acquire: the highest number that is kept (0: none). read: where the answer ends; less
                               than the shard's highest: read on from through + 1 */
    ym_text why;            /* for a person, when the status is not YM_OK */
} ym_completion;

/* Takes the completions. Valid until destroy() returns. */
typedef struct ym_completions {
    uint32_t size;
    void* context;
    /* `what` may be NULL when there is nothing to tell. Returns soon and does not call back into the plugin. */
    void (*complete)(void* context, uint64_t ticket, ym_status status, const ym_completion* what);
} ym_completions;

/* get(YM_PERSISTENCE_1) */
typedef struct ym_persistence {
    uint32_t size;
    uint32_t setting_size;      /* sizeof(ym_setting) as the plugin knew it */
    const ym_setting* settings; /* static */

    /* An instance, for all shards of the process. `settings` fits the schema. NULL after refuse(). [config] */
    void* (*create)(const ym_host* host, const ym_value* settings, const ym_completions* completions);
    /* Ends the instance; after the completion of close(). [config] */
    void (*destroy)(void* self);

    /* Fills in what the store promises. Constant for an instance; never waits. [config] [store] */
    void (*caps)(void* self, ym_store_caps* caps);

    /* Becomes the owner of `shard` for `ttl_ns` nanoseconds, under a new epoch. `owner` names the process, for people;
     * an owner whose time is not over makes it YM_FENCED, except the same `owner`. Tells epoch and through. [store] */
    void (*acquire)(void* self, uint32_t shard, ym_text owner, uint64_t ttl_ns, uint64_t ticket);
    /* Stays the owner for `ttl_ns` nanoseconds from now. [store] */
    void (*renew)(void* self, uint32_t shard, uint64_t epoch, uint64_t ttl_ns, uint64_t ticket);
    /* Gives the shard up, after all appends have completed. [store] */
    void (*release)(void* self, uint32_t shard, uint64_t epoch, uint64_t ticket);

    /* Keeps batch `number`, one above the last one, or above `through` of acquire(). `octets`, 1 to batch_bytes_max of
     * them, stay borrowed until the completion. A batch is kept whole or not at all. The completion may come `wait_ns`
     * nanoseconds later than it could, so that the batch can share a commit with others; one with a `wait_ns` of 0
     * takes all that wait with it. [store] */
    void (*append)(void* self, uint32_t shard, uint64_t epoch, uint64_t number, ym_text octets, uint64_t wait_ns,
                   uint64_t ticket);

    /* Gives batches in order from `from` on, reclaimed ones left out: as many as `bytes_max` octets hold, but one at
     * least if there is one. [store] */
    void (*read)(void* self, uint32_t shard, uint64_t from, uint64_t bytes_max, uint64_t ticket);
    /* Gives `count` batches by number, in that order. `numbers` is borrowed until fetch() returns. [store] */
    void (*fetch)(void* self, uint32_t shard, const uint64_t* numbers, uint32_t count, uint64_t ticket);

    /* Batches first..last, both included, are not needed any more; they may go, now or later. Only what is oldest is
     * given up: `first` is the oldest batch that is left, or older. [store] */
    void (*reclaim)(void* self, uint32_t shard, uint64_t epoch, uint64_t first, uint64_t last, uint64_t ticket);

    /* Ends all work within `deadline_ns` nanoseconds; what is under way then completes with YM_UNKNOWN, before close
     * itself completes. No call but destroy() follows. [store] */
    void (*close)(void* self, uint64_t deadline_ns, uint64_t ticket);
} ym_persistence;

#ifdef __cplusplus
}
#endif

#endif
