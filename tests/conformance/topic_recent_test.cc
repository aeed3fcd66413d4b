// What the topic plugin remembers of topics that came before.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "topic_recent.h"

namespace {

std::string topic_of(unsigned number) {
    const std::string digits = std::to_string(number);
    return "order.new.c" + std::string(6 - digits.size(), '0') + digits;
}

/// Of `count` topics that differ in their last digits alone: how many are there after all were remembered.
unsigned kept(topic::Recent& recent, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        const std::string name = topic_of(i);
        recent.remember(recent.place_of(name), name, {i});
    }
    unsigned found = 0;
    for (unsigned i = 0; i < count; ++i) {
        const std::string name = topic_of(i);
        const topic::Recent::Entry* entry = recent.find(recent.place_of(name), name);
        if (entry == nullptr) continue;
        EXPECT_EQ(entry->targets[0], i);
        ++found;
    }
    return found;
}

TEST(TopicRecent, KeepsTopicsApartThatDifferInTheirLastOctets) {
    topic::Recent few(100);
    EXPECT_GE(kept(few, 1000), 900U);
    topic::Recent many(100'000);
    EXPECT_GE(kept(many, 100'000), 85'000U);
}

TEST(TopicRecent, RestsWhenTopicsDoNotComeAgain) {
    topic::Recent recent(1);
    unsigned looked = 0;
    for (unsigned i = 0; i < 100'000; ++i) {
        if (!recent.begin(1)) continue;
        ++looked;
        const std::string name = topic_of(i);
        const std::uint32_t place = recent.place_of(name);
        if (recent.find(place, name) == nullptr) recent.remember(place, name, {1});
    }
    EXPECT_LT(looked, 40'000U);
    EXPECT_GT(looked, 10'000U);
}

TEST(TopicRecent, GoesOnWhileTopicsComeAgain) {
    topic::Recent recent(1);
    for (unsigned i = 0; i < 100'000; ++i) {
        ASSERT_TRUE(recent.begin(1));
        const std::string name = topic_of(i % 1000);
        const std::uint32_t place = recent.place_of(name);
        if (recent.find(place, name) == nullptr) recent.remember(place, name, {1});
    }
}

}  // namespace
