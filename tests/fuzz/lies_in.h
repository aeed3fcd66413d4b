// Whether what a decoder shows is part of what it was given.
#pragma once

#include <functional>

#include "base/bytes.h"

namespace ym::fuzz {

/// Whether `part` is octets of `whole`. An empty part may stand anywhere in it, its end included.
inline bool lies_in(Octets part, Octets whole) {
    if (part.data() == nullptr) return part.empty();
    const std::less_equal<> not_behind;  // of pointers into different arrays too
    return not_behind(whole.data(), part.data()) && not_behind(part.data() + part.size(), whole.data() + whole.size());
}

}  // namespace ym::fuzz
