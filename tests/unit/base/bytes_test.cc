#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ym {
namespace {

template <class T>
std::string stored(T value) {
    std::array<std::byte, sizeof(T)> octets{};
    store_be(octets.data(), value);
    return std::string(as_text(octets));
}

TEST(NetworkOrder, PutsTheHighestOctetFirst) {
    EXPECT_EQ(stored(std::uint8_t{0x12}), "\x12");
    EXPECT_EQ(stored(std::uint16_t{0x1234}), "\x12\x34");
    EXPECT_EQ(stored(std::uint32_t{0x12345678}), "\x12\x34\x56\x78");
    EXPECT_EQ(stored(std::uint64_t{0x123456789abcdef0}), "\x12\x34\x56\x78\x9a\xbc\xde\xf0");
}

TEST(NetworkOrder, IsReadBackAtAnyAlignment) {
    std::array<std::byte, 16> octets{};
    for (std::size_t at = 0; at < 8; ++at) {
        store_be(octets.data() + at, std::uint64_t{0xfedcba9876543210});
        EXPECT_EQ(load_be<std::uint64_t>(octets.data() + at), 0xfedcba9876543210U);
        EXPECT_EQ(load_be<std::uint32_t>(octets.data() + at), 0xfedcba98U);
        EXPECT_EQ(load_be<std::uint16_t>(octets.data() + at), 0xfedcU);
        EXPECT_EQ(load_be<std::uint8_t>(octets.data() + at), 0xfeU);
    }
}

TEST(Octets, AreATextAndBackWithoutACopy) {
    const std::string text("a\0b", 3);
    const Octets octets = as_octets(text);
    EXPECT_EQ(octets.size(), 3U);
    EXPECT_EQ(as_text(octets).data(), text.data());
    EXPECT_EQ(as_text(octets), text);
}

TEST(Buffer, KeepsWhatItHoldsWhenItGrows) {
    Buffer buffer;
    std::string wanted;
    for (unsigned i = 0; i < 1000; ++i) {
        const std::string piece(i % 37, static_cast<char>('a' + i % 26));
        buffer.append(as_octets(piece));
        wanted += piece;
    }
    EXPECT_EQ(as_text(buffer.octets()), wanted);
    EXPECT_EQ(as_text(buffer.octets(5, 10)), wanted.substr(5, 10));
}

TEST(Buffer, GrowsByMoreThanTwiceItsSizeAtOnce) {
    Buffer buffer;
    buffer.append(as_octets("ab"));
    std::byte* at = buffer.grow(100'000);
    at[99'999] = std::byte{7};
    EXPECT_EQ(buffer.size(), 100'002U);
    EXPECT_EQ(as_text(buffer.octets(0, 2)), "ab");
    EXPECT_EQ(buffer.data()[100'001], std::byte{7});
}

TEST(Buffer, KeepsItsMemoryWhenCleared) {
    Buffer buffer;
    buffer.grow(5000);
    const std::byte* memory = buffer.data();
    buffer.clear();
    EXPECT_TRUE(buffer.empty());
    buffer.grow(5000);
    EXPECT_EQ(buffer.data(), memory);
}

TEST(Buffer, IsCutAndGoesOnFromThere) {
    Buffer buffer;
    buffer.append(as_octets("abcdef"));
    buffer.truncate(2);
    buffer.append_be(std::uint16_t{0x7879});
    buffer.append({});
    EXPECT_EQ(as_text(buffer.octets()), "abxy");
}

TEST(Buffer, IsEmptyBeforeAnythingIsPutIn) {
    Buffer buffer;
    EXPECT_TRUE(buffer.empty());
    EXPECT_TRUE(buffer.octets().empty());
    buffer.append({});
    EXPECT_EQ(buffer.size(), 0U);
}

}  // namespace
}  // namespace ym
