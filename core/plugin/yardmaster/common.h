/* yardmaster/common.h: what all kinds of plugins share: texts, settings, the host, the one exported symbol.
 *
 * A plugin is a shared library that links against nothing of Yardmaster. It exports one symbol, `ym_plugin_1`, whose
 * name carries the major of this ABI. Interfaces ("routing/1") are found by their id, compared whole. Every struct that
 * crosses begins with its `size`, as its writer knew it, and only grows at the end; arrays that cross are columns, or
 * the size of an element is told.
 *
 * Each function says on which thread it is called:
 *   [config]  one call at a time in the whole process; before traffic, or between two batches when a queue is made
 *             on demand
 *   [shard]   the thread of the shard that owns the instance; an instance is never shared
 *   [store]   the thread of the shard's store
 * Whatever is passed is borrowed until the function returns, unless it says otherwise; nothing is freed across. No
 * exception may leave a plugin. C99 and C++17; needs the C standard headers only. Version 0 (draft) until 1.0. */
#ifndef YARDMASTER_COMMON_H
#define YARDMASTER_COMMON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Octets, with no NUL at the end. A missing text is {NULL, 0}. The layout is frozen. */
typedef struct ym_text {
    const char* data;
    size_t size;
} ym_text;

/* What a call came to. Only persistence/1 knows the difference between those that are not YM_OK. */
typedef int32_t ym_status;
enum {
    YM_OK = 0,
    YM_FULL = 1,    /* no room: nothing was stored, later calls may succeed */
    YM_UNKNOWN = 2, /* it cannot be said whether it was stored */
    YM_FENCED = 3,  /* another owner has a higher epoch */
    YM_FAILED = 4   /* it did not work, and trying again will not help */
};

/* Kinds of settings, as they stand in YAML. */
enum ym_kind {
    YM_NOTHING = 0,     /* of a value: neither given nor defaulted */
    YM_TEXT = 1,        /* range "1..255": octets */
    YM_INTEGER = 2,     /* -7, 2000, 10k, 1M; range "0..100" */
    YM_NUMBER = 3,      /* 2, 2.5; range "1..10" */
    YM_BOOL = 4,        /* true, false */
    YM_DURATION_NS = 5, /* 500ms, 1h30m: integer() gives nanoseconds; range "1ms..12h" */
    YM_BYTES = 6,       /* 64MiB: integer() gives octets; range "4KiB.." */
    YM_SHARE = 7,       /* 20%: number() gives 0.2; range "0%..100%" */
    YM_CHOICE = 8,      /* one of the words of the range: "all|first" */
    YM_TARGET = 9,      /* an address (queue or pipeline): target() and text(); proven to exist */
    YM_FIELD = 10,      /* "topic", "type", "key", "header.NAME": text(), for column() */
    YM_LIST = 11,       /* inside[0] describes each item, its key is "*"; range "1..10": how many */
    YM_MAP = 12         /* inside: its keys; a range of words "dead_letter" allows one of these in place of a map */
};

/* One key of a plugin's settings. A static array, ended by key == NULL. */
typedef struct ym_setting {
    const char* key;       /* "*": any key that the array does not name; "@": the same, and the key is an address,
                              which target() of its value gives */
    int32_t kind;          /* of ym_kind */
    const char* otherwise; /* the default: a scalar, "[a, b]" of scalars, "{}" (the defaults inside), or "~" for
                              YM_NOTHING; NULL: required. Not used for "*" and "@" */
    const char* range;     /* or NULL: any */
    const char* doc;       /* one sentence for the reference */
    const struct ym_setting* inside; /* of a list or map, else NULL */
} ym_setting;

/* A checked value of the settings tree. It is the host's, and gone when create() returns. */
typedef struct ym_value ym_value;

/* An address that the settings name, as the host numbers it for this instance: 0, 1, 2, ... */
typedef uint32_t ym_target;

enum ym_level { YM_DEBUG = 0, YM_INFO = 1, YM_WARNING = 2, YM_ERROR = 3 };

/* What the host does for an instance. Valid until destroy() returns. */
typedef struct ym_host {
    uint32_t size;
    void* context; /* first argument where one is asked for */

    /* Writes a line to the broker's log, under the plugin's name. The host leaves out lines of one
     * that never stops. Any thread. */
    void (*log)(void* context, int32_t level, ym_text line);

    /* Reading settings: during create() only [config]. None of these fails for a value of the kind it is for; for
     * others they give an empty answer. */
    const ym_value* (*get)(const ym_value* map, const char* key); /* never NULL for a key of the schema */
    size_t (*count)(const ym_value* list_or_map);
    const ym_value* (*at)(const ym_value* list_or_map, size_t index, ym_text* key); /* in the order of the file; key
                                                                                       may be NULL */
    int32_t (*kind)(const ym_value* value);  /* YM_CHOICE when a word stands in place of a map */
    int32_t (*given)(const ym_value* value); /* 1: the settings file says it; 0: it is the default */
    ym_text (*text)(const ym_value* value);
    int64_t (*integer)(const ym_value* value); /* YM_BOOL: 0 or 1 */
    double (*number)(const ym_value* value);
    ym_target (*target)(const ym_value* value); /* of YM_TARGET, or of a value whose key is one */

    /* Says that the instance reads this field, and returns the number of its column in every batch. routing/1 and
     * balance/1, during create() only [config]. UINT32_MAX, and the instance is refused, if it names no field. One that
     * finds out only later which fields it wants, such as a script, lets its settings list them. */
    uint32_t (*column)(void* context, ym_text field);

    /* Says, as a sentence, why a value that fits the schema is still wrong: shown as file:line:column with the value.
     * The instance will not be used, whatever create() returns. During create() only [config]. */
    void (*refuse)(void* context, const ym_value* where, ym_text why);
} ym_host;

/* One plugin of a library. */
typedef struct ym_plugin {
    uint32_t size;       /* sizeof(ym_plugin): also the step from one entry of the array to the next */
    const char* id;      /* "example.com/by-country"; names without a domain are those of bundled plugins */
    const char* version; /* its own: "1.0.0" */
    const char* doc;     /* one sentence */
    /* The table of an interface, static, or NULL when the plugin has none of that id. [config] */
    const void* (*get)(const char* interface_id);
} ym_plugin;

#if defined(__GNUC__)
#define YM_EXPORT __attribute__((visibility("default")))
#else
#define YM_EXPORT
#endif

/* The one exported symbol, to be defined by the plugin; ended by an entry with id == NULL. */
extern YM_EXPORT const ym_plugin ym_plugin_1[];

#ifdef __cplusplus
}
#endif

#endif
