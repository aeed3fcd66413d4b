/* The first failure is the last: every message that fails becomes a dead letter. */
#include <string.h>
#include <yardmaster/retry.h>

/* There is nothing to remember, but an instance has to be something. */
static char instance;

static void* create(const ym_host* host, const ym_value* settings) {
    (void)host;
    (void)settings;
    return &instance;
}

static void destroy(void* self) {
    (void)self;
}

static ym_status decide(void* self, const ym_failures* failures, uint64_t* wait_ns) {
    uint32_t i;
    (void)self;
    for (i = 0; i < failures->count; ++i) wait_ns[i] = YM_DEAD_LETTER;
    return YM_OK;
}

static const ym_setting settings[] = {{NULL, 0, NULL, NULL, NULL, NULL}};

static const ym_retry retry = {sizeof(ym_retry), sizeof(ym_setting), settings, create, destroy, decide};

static const void* get(const char* interface_id) {
    return strcmp(interface_id, YM_RETRY_1) == 0 ? &retry : NULL;
}

const ym_plugin ym_plugin_1[] = {
    {sizeof(ym_plugin), "none", "1.0.0", "no further attempt: a message that fails is a dead letter", get},
    {0, NULL, NULL, NULL, NULL},
};
