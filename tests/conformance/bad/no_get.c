/* An entry that lacks its function. */
#include <yardmaster/common.h>
const ym_plugin ym_plugin_1[] = {{sizeof(ym_plugin), "no-get", "1", "", NULL}, {0, NULL, NULL, NULL, NULL}};
