/* A plugin that has no interface at all. */
#include <yardmaster/common.h>
static const void* get(const char* interface_id) {
    (void)interface_id;
    return NULL;
}
const ym_plugin ym_plugin_1[] = {{sizeof(ym_plugin), "no-interface", "1", "", get}, {0, NULL, NULL, NULL, NULL}};
