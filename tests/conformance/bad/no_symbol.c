/* A shared library that is no plugin. */
#include <yardmaster/common.h>
extern YM_EXPORT const char something_else[];
const char something_else[] = "";
