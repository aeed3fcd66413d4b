/* yardmaster/routing.h: routing/1, which addresses a message goes to. C99, links against nothing.
 *
 * Legal order: create (route* destroy). A routing plugin is deterministic: the same calls in the same order give the
 * same answers, however the messages are cut into batches. Time, files and randomness of its own are not for it. */
#ifndef YARDMASTER_ROUTING_H
#define YARDMASTER_ROUTING_H

#include <yardmaster/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#define YM_ROUTING_1 "routing/1"

/* Messages, as columns. */
typedef struct ym_batch {
    uint32_t size;
    uint32_t count;               /* of messages; may be 0 */
    const ym_text* const* column; /* column[c][message]: the field of column(), in the order of the calls */
    const uint64_t* random;       /* one a message, uniform over 64 bits, the same when the message is sent again */
} ym_batch;

/* Takes the answers. */
typedef struct ym_routes {
    uint32_t size;
    void* context;
    /* `message` < count goes to `to`, a number that target() gave. Twice the same counts once. Another `to` makes this
     * message a failed one, whatever else is added for it; another `message` makes the whole call a failed one. During
     * route() only. */
    void (*add)(void* context, uint32_t message, ym_target to);
} ym_routes;

/* get(YM_ROUTING_1) */
typedef struct ym_routing {
    uint32_t size;
    uint32_t setting_size;      /* sizeof(ym_setting) as the plugin knew it */
    const ym_setting* settings; /* static */

    /* An instance for one pipeline. `settings` fits the schema. NULL after refuse(). [config] */
    void* (*create)(const ym_host* host, const ym_value* settings);
    /* Ends the instance. [config] */
    void (*destroy)(void* self);
    /* Names the addresses of each message. A message without add() is unmatched. Any status but YM_OK, or a call that
     * takes longer than `plugins.budget` of the settings file: what it added is discarded, and `on_failure` of the
     * settings file decides what becomes of the messages, as of one with a wrong add(). [shard] */
    ym_status (*route)(void* self, const ym_batch* batch, const ym_routes* routes);
} ym_routing;

#ifdef __cplusplus
}
#endif

#endif
