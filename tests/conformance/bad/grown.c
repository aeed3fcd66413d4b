/* A plugin built with headers of a later version of the same ABI: every struct has grown at its end. */
#include <string.h>
/* That version's header declares the symbol as an array of its own type. */
#define ym_plugin_1 ym_plugin_1_as_it_was
#include <yardmaster/routing.h>
#undef ym_plugin_1

typedef struct later_setting {
    ym_setting now;
    const char* since;
} later_setting;
typedef struct later_routing {
    ym_routing now;
    void (*later)(void);
} later_routing;
typedef struct later_plugin {
    ym_plugin now;
    const char* author;
} later_plugin;

static ym_target targets[2];

static void* create(const ym_host* host, const ym_value* settings) {
    targets[0] = host->target(host->get(settings, "first"));
    targets[1] = host->target(host->get(settings, "second"));
    return targets;
}
static void destroy(void* self) {
    (void)self;
}
static ym_status route(void* self, const ym_batch* batch, const ym_routes* routes) {
    uint32_t i;
    for (i = 0; i < batch->count; ++i) routes->add(routes->context, i, ((ym_target*)self)[1]);
    return YM_OK;
}

static const later_setting settings[] = {
    {{"first", YM_TARGET, NULL, NULL, "an address", NULL}, "1.0"},
    {{"second", YM_TARGET, NULL, NULL, "another", NULL}, "1.1"},
    {{NULL, 0, NULL, NULL, NULL, NULL}, NULL},
};
static const later_routing routing = {
    {sizeof(later_routing), sizeof(later_setting), &settings[0].now, create, destroy, route}, NULL};
static const void* get(const char* interface_id) {
    return strcmp(interface_id, YM_ROUTING_1) == 0 ? &routing : NULL;
}
static const void* get_none(const char* interface_id) {
    (void)interface_id;
    return NULL;
}

extern YM_EXPORT const later_plugin ym_plugin_1[];
const later_plugin ym_plugin_1[] = {
    {{sizeof(later_plugin), "grown-none", "1", "", get_none}, "nobody"},
    {{sizeof(later_plugin), "grown", "1", "", get}, "nobody"},
    {{0, NULL, NULL, NULL, NULL}, NULL},
};
