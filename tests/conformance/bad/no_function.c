/* A table without its function. */
#include <yardmaster/balance.h>
static const ym_balance balance = {sizeof(ym_balance), sizeof(ym_setting), NULL, NULL, NULL, NULL, NULL};
static const void* get(const char* interface_id) {
    (void)interface_id;
    return &balance;
}
const ym_plugin ym_plugin_1[] = {{sizeof(ym_plugin), "no-function", "1", "", get}, {0, NULL, NULL, NULL, NULL}};
