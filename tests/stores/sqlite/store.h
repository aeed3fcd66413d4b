// The table of the store, for libraries that export it as it is, or wrapped.
#pragma once

#include <yardmaster/persistence.h>

namespace sqlite_store {

extern const ym_persistence table;

}  // namespace sqlite_store
