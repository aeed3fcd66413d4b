#include "server/peers.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "base/prng.h"

namespace ym::server {
namespace {

TEST(Peers, GivesTheSameNumberForTheSameListenerAndRoutingId) {
    Peers peers(10, 1);
    const PeerId first = *peers.find_or_add(0, as_octets("one"));
    const PeerId second = *peers.find_or_add(0, as_octets("two"));
    EXPECT_NE(first, second);
    EXPECT_EQ(*peers.find_or_add(0, as_octets("one")), first);
    EXPECT_EQ(as_text(peers.routing_id(second)), "two");
}

TEST(Peers, KeepsListenersApart) {
    Peers peers(10, 1);
    const PeerId here = *peers.find_or_add(0, as_octets("one"));
    const PeerId there = *peers.find_or_add(1, as_octets("one"));
    EXPECT_NE(here, there);
    EXPECT_EQ(peers.listener(there), 1U);
}

TEST(Peers, GivesANumberOutAgainOnlyAfterItWasForgotten) {
    Peers peers(10, 1);
    const PeerId first = *peers.find_or_add(0, as_octets("one"));
    const PeerId second = *peers.find_or_add(0, as_octets("two"));
    peers.forget(first);
    EXPECT_FALSE(peers.knows(first));
    EXPECT_TRUE(peers.knows(second));
    EXPECT_EQ(*peers.find_or_add(0, as_octets("three")), first);
}

TEST(Peers, TurnsAwayTheOneBeyondTheBound) {
    Peers peers(2, 1);
    const PeerId first = *peers.find_or_add(0, as_octets("one"));
    (void)peers.find_or_add(0, as_octets("two"));
    EXPECT_FALSE(peers.find_or_add(0, as_octets("three")));
    EXPECT_TRUE(peers.find_or_add(0, as_octets("two")));
    peers.forget(first);
    EXPECT_TRUE(peers.find_or_add(0, as_octets("three")));
}

TEST(Peers, AgreesWithAnOrderedMapThroughManyComingsAndGoings) {
    Peers peers(3000, 7);
    Prng random(11);
    std::map<std::pair<std::uint32_t, std::string>, PeerId> model;
    for (int step = 0; step < 200'000; ++step) {
        const auto listener = static_cast<std::uint32_t>(random.below(2));
        const std::string id(1 + random.below(12), static_cast<char>('a' + random.below(20)));
        const std::string name = id + std::to_string(random.below(20));
        const auto known = model.find({listener, name});
        if (known != model.end() && random.chance(1, 3)) {
            peers.forget(known->second);
            model.erase(known);
        } else if (known != model.end()) {
            ASSERT_EQ(peers.find_or_add(listener, as_octets(name)), known->second);
        } else if (const auto added = peers.find_or_add(listener, as_octets(name))) {
            model[{listener, name}] = *added;
        }
        ASSERT_EQ(peers.size(), model.size());
    }
    for (const auto& [key, number] : model) ASSERT_EQ(as_text(peers.routing_id(number)), key.second);
}

}  // namespace
}  // namespace ym::server
