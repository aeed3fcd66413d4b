// Numbers that cannot be mixed up: each kind of id is a type of its own.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace ym {

/// An integer that names a thing of kind `Tag`. Ordered and hashable; no arithmetic.
template <class Tag, class Rep>
struct Id {
    using Value = Rep;
    Rep value{};

    friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

/// One connected endpoint, as the shell knows it: stands for a listener and a routing id. Reused after Effects::forget.
using PeerId = Id<struct PeerTag, std::uint32_t>;
/// Who a peer was authenticated as; 0 = anonymous.
using Principal = Id<struct PrincipalTag, std::uint32_t>;
/// A message of this shard, in order of acceptance, from 1. Never reused.
using MessageId = Id<struct MessageTag, std::uint64_t>;
/// A queue or pipeline of this shard; dense. Reused when the queue was removed, which takes that it is empty and that
/// the store is done with every record that names it.
using AddressId = Id<struct AddressTag, std::uint32_t>;

inline constexpr AddressId no_address{0xffffffffU};

}  // namespace ym

template <class Tag, class Rep>
struct std::hash<ym::Id<Tag, Rep>> {
    std::size_t operator()(ym::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
