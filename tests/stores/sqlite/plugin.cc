// A store of batches on SQLite, for tests: another mind than the log, and one that can be told to fail.
#include <cstring>

#include "store.h"

extern "C" YM_EXPORT const ym_plugin ym_plugin_1[] = {
    {sizeof(ym_plugin), "sqlite", "1.0.0", "keeps batches in a table of SQLite; for tests",
     [](const char* interface_id) -> const void* {
         return std::strcmp(interface_id, YM_PERSISTENCE_1) == 0 ? &sqlite_store::table : nullptr;
     }},
    {0, nullptr, nullptr, nullptr, nullptr},
};
