// The frames stand here as the RFCs print them, written by hand.
#include "wire/mdp.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "wire/parts.h"

namespace ym::mdp {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using Frames = std::vector<std::string>;

struct Read {
    Decoded decoded{};
    Message message;
    std::string why;
    std::vector<Octets> parts;
    Frames body;
    std::size_t envelope = 0;
};

template <class Decode>
Read read_with(const Frames& frames, Decode decode_it) {
    Read read;
    for (const std::string& frame : frames) read.parts.push_back(as_octets(frame));
    std::string_view why;
    read.decoded = decode_it(read.parts, read.message, why);
    read.why = std::string(why);
    for (const Octets part : read.message.body) read.body.emplace_back(ym::as_text(part));
    read.envelope = read.message.envelope.size();
    return read;
}

Read read(const Frames& frames) {
    return read_with(frames, [](auto&&... a) { return decode(a...); });
}

template <class Write>
Frames written(Write write) {
    Buffer out;
    write(out);
    Frames frames;
    wire::PartsCursor cursor(out.octets());
    Octets part;
    while (cursor.next(part)) frames.emplace_back(ym::as_text(part));
    EXPECT_TRUE(cursor.whole());
    return frames;
}

TEST(Mdp, a_request_of_0_1_has_the_service_and_a_body_of_any_frames) {
    const Frames frames{"", "MDPC01", "echo", "one", "", "three"};
    const Read r = read(frames);
    ASSERT_EQ(r.decoded, Decoded::message);
    EXPECT_EQ(r.message.dialect, Dialect::v01);
    EXPECT_EQ(r.message.side, Side::client);
    EXPECT_EQ(r.message.verb, Verb::request);
    EXPECT_EQ(r.message.service, "echo");
    EXPECT_THAT(r.body, ElementsAre("one", "", "three"));
    EXPECT_EQ(r.envelope, 1U);
}

TEST(Mdp, what_stands_in_front_of_the_empty_frame_belongs_to_the_envelope) {
    const Frames frames{"\0\0\0\7"s, "", "MDPC01", "echo", "x"};
    EXPECT_EQ(read(frames).envelope, 2U);
}

TEST(Mdp, the_second_octet_tells_the_dialects_of_0_2_apart) {
    const Frames specified{"MDPC02", "\1", "echo", "x"};
    const Frames shifted{"", "MDPC02", "\2", "echo", "x"};
    EXPECT_EQ(read(specified).message.dialect, Dialect::v02);
    EXPECT_EQ(read(specified).envelope, 0U);
    EXPECT_EQ(read(shifted).message.dialect, Dialect::v02_shifted);
    EXPECT_EQ(read(shifted).message.service, "echo");
}

TEST(Mdp, the_commands_of_workers_have_other_octets_in_each_version) {
    const auto verb = [](const char* header, char command) {
        const Frames frames{"", header, std::string(1, command), "token", "", "x"};
        return read(frames).message.verb;
    };
    EXPECT_EQ(verb("MDPW01", 1), Verb::ready);
    EXPECT_EQ(verb("MDPW01", 2), Verb::unknown);  // the broker's
    EXPECT_EQ(verb("MDPW01", 3), Verb::reply);
    EXPECT_EQ(verb("MDPW01", 4), Verb::heartbeat);
    EXPECT_EQ(verb("MDPW01", 5), Verb::disconnect);
    EXPECT_EQ(verb("MDPW01", 6), Verb::unknown);
    EXPECT_EQ(verb("MDPW02", 1), Verb::ready);
    EXPECT_EQ(verb("MDPW02", 3), Verb::partial);
    EXPECT_EQ(verb("MDPW02", 4), Verb::reply);
    EXPECT_EQ(verb("MDPW02", 5), Verb::heartbeat);
    EXPECT_EQ(verb("MDPW02", 6), Verb::disconnect);
    EXPECT_EQ(verb("MDPW02", 9), Verb::unknown);
}

TEST(Mdp, a_request_may_have_no_body_at_all) {
    const Frames frames{"", "MDPC01", "echo"};
    EXPECT_EQ(read(frames).decoded, Decoded::message);
    EXPECT_THAT(read(frames).body, ElementsAre());
}

TEST(Mdp, a_reply_may_have_no_body_at_all) {
    const Frames empty{"", "MDPW01", "\3", "token", ""};
    const Frames nothing{"", "MDPW01", "\3", "token"};
    EXPECT_EQ(read(empty).decoded, Decoded::message);
    EXPECT_EQ(read(nothing).decoded, Decoded::message);
    EXPECT_EQ(read(nothing).message.token, "token");
    EXPECT_THAT(read(empty).body, ElementsAre());
}

TEST(Mdp, what_is_meant_as_majordomo_and_is_none_is_malformed) {
    const std::vector<Frames> wrong = {
        {"", "MDPC01"},           // no service
        {"", "MDPC01", "", "x"},  // a service without a name
        {"", "MDPC01", std::string(256, 's'), "x"},
        {"", "MDPC02", "echo", "x"},         // no command
        {"", "MDPC02", "\1"},                // no service
        {"", "MDPW01"},                      // no command
        {"", "MDPW01", "\1"},                // READY without a service
        {"", "MDPW01", "\3"},                // REPLY without frames
        {"", "MDPW01", "\3", "token", "x"},  // no empty frame
        {"", "MDPC03", "\1", "echo", "x"},   // another protocol
        {""},
        {"a", "b", "", "c"},
    };
    for (const Frames& frames : wrong) {
        const Read r = read(frames);
        EXPECT_EQ(r.decoded, Decoded::malformed) << testing::PrintToString(frames);
        EXPECT_FALSE(r.why.empty());
    }
}

TEST(Mdp, what_has_neither_header_nor_empty_frame_is_foreign) {
    EXPECT_EQ(read({"x"}).decoded, Decoded::foreign);
    EXPECT_EQ(read({"a", "b", "c", "d", "e", "f", "g", "h", "", "MDPC01"}).decoded, Decoded::foreign);
}

TEST(Mdp, each_client_is_answered_in_its_own_dialect) {
    Buffer envelope;
    wire::append_part(envelope, as_octets("7"));
    wire::append_part(envelope, {});
    const auto to = [&](Dialect dialect, Verb verb) {
        return written([&](Buffer& out) { begin_to_client(out, dialect, envelope.octets(), verb, "echo"); });
    };
    EXPECT_THAT(to(Dialect::v01, Verb::reply), ElementsAre("7", "", "MDPC01", "echo"));
    EXPECT_THAT(to(Dialect::v02, Verb::partial), ElementsAre("7", "", "MDPC02", "\2", "echo"));
    EXPECT_THAT(to(Dialect::v02, Verb::reply), ElementsAre("7", "", "MDPC02", "\3", "echo"));
    EXPECT_THAT(to(Dialect::v02_shifted, Verb::partial), ElementsAre("7", "", "MDPC02", "\3"));
    EXPECT_THAT(to(Dialect::v02_shifted, Verb::reply), ElementsAre("7", "", "MDPC02", "\4"));
    EXPECT_THAT(to(Dialect::pirate_octets, Verb::reply), ElementsAre("7", ""));
}

TEST(Mdp, each_worker_is_spoken_to_in_its_own_dialect) {
    const auto to = [&](Dialect dialect, bool delimited, Verb verb) {
        return written([&](Buffer& out) { begin_to_worker(out, dialect, delimited, verb, "t"); });
    };
    EXPECT_THAT(to(Dialect::v01, true, Verb::request), ElementsAre("", "MDPW01", "\2", "t", ""));
    EXPECT_THAT(to(Dialect::v01, true, Verb::heartbeat), ElementsAre("", "MDPW01", "\4"));
    EXPECT_THAT(to(Dialect::v01, true, Verb::disconnect), ElementsAre("", "MDPW01", "\5"));
    EXPECT_THAT(to(Dialect::v02, false, Verb::request), ElementsAre("MDPW02", "\2", "t", ""));
    EXPECT_THAT(to(Dialect::v02, true, Verb::heartbeat), ElementsAre("", "MDPW02", "\5"));
    EXPECT_THAT(to(Dialect::v02, false, Verb::disconnect), ElementsAre("MDPW02", "\6"));
    EXPECT_THAT(to(Dialect::pirate_octets, false, Verb::heartbeat), ElementsAre("\2"));
    EXPECT_THAT(to(Dialect::pirate_words, false, Verb::heartbeat), ElementsAre("HEARTBEAT"));
    EXPECT_THAT(to(Dialect::pirate_words, false, Verb::request), ElementsAre("t", ""));
}

TEST(Mdp, a_pirate_says_ready_with_an_octet_or_a_word) {
    const auto pirate = [](const Frames& frames) {
        return read_with(frames, [](auto&&... a) { return decode_pirate_worker(a...); });
    };
    EXPECT_EQ(pirate({"\1"}).message.verb, Verb::ready);
    EXPECT_EQ(pirate({"\1"}).message.dialect, Dialect::pirate_octets);
    EXPECT_EQ(pirate({"HEARTBEAT"}).message.verb, Verb::heartbeat);
    EXPECT_EQ(pirate({"HEARTBEAT"}).message.dialect, Dialect::pirate_words);
    EXPECT_EQ(pirate({"?"}).message.verb, Verb::unknown);
    const Frames reply{"token", "", "x"};
    EXPECT_EQ(pirate(reply).message.verb, Verb::reply);
    EXPECT_EQ(pirate(reply).message.token, "token");
    EXPECT_THAT(pirate(reply).body, ElementsAre("x"));
}

TEST(Mdp, a_token_is_printable_and_another_one_for_each_delivery) {
    EXPECT_EQ(as_text(token_of(0)), "d0000000000000000");
    EXPECT_EQ(as_text(token_of(0x123456789abcdef0)), "d123456789abcdef0");
}

}  // namespace
}  // namespace ym::mdp
