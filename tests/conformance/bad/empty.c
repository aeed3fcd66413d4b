/* A plugin library without a plugin. */
#include <yardmaster/common.h>
const ym_plugin ym_plugin_1[] = {{0, NULL, NULL, NULL, NULL}};
