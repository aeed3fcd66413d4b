/* Every message goes to one address. The smallest plugin, and in C: a start for others. */
#include <stdlib.h>
#include <string.h>
#include <yardmaster/routing.h>

typedef struct direct {
    ym_target to;
} direct;

static void* create(const ym_host* host, const ym_value* settings) {
    direct* self = malloc(sizeof *self);
    if (self == NULL) return NULL;
    self->to = host->target(host->get(settings, "to"));
    return self;
}

static void destroy(void* self) {
    free(self);
}

static ym_status route(void* self, const ym_batch* batch, const ym_routes* routes) {
    const ym_target to = ((const direct*)self)->to;
    uint32_t i;
    for (i = 0; i < batch->count; ++i) routes->add(routes->context, i, to);
    return YM_OK;
}

static const ym_setting settings[] = {
    {"to", YM_TARGET, NULL, NULL, "the queue or pipeline that takes every message", NULL},
    {NULL, 0, NULL, NULL, NULL, NULL},
};

static const ym_routing routing = {sizeof(ym_routing), sizeof(ym_setting), settings, create, destroy, route};

static const void* get(const char* interface_id) {
    return strcmp(interface_id, YM_ROUTING_1) == 0 ? &routing : NULL;
}

const ym_plugin ym_plugin_1[] = {
    {sizeof(ym_plugin), "direct", "1.0.0", "sends every message to one address", get},
    {0, NULL, NULL, NULL, NULL},
};
