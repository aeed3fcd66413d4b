/* A plugin for the ABI after this one. */
#include <yardmaster/common.h>
extern YM_EXPORT const char ym_plugin_2[];
const char ym_plugin_2[] = "a newer ABI";
