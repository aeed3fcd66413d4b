/* A plugin for the draft before this ABI. */
#include <yardmaster/common.h>
extern YM_EXPORT const char ym_plugin_0[];
const char ym_plugin_0[] = "an older ABI";
