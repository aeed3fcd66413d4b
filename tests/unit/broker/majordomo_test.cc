// Majordomo and Paranoid Pirate on the state machine, frame by frame as the RFCs print them.
#include "harness.h"

namespace ym::test {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using Frames = std::vector<std::string>;

std::unique_ptr<Topology> services_on_demand(std::vector<std::string> queues = {}) {
    auto t = topology(std::move(queues));
    t->create = CreateSettings{"*", 1000, 1h, [](const std::string& name) { return queue_settings(name); }};
    return t;
}

class Majordomo : public testing::Test {
  protected:
    void ready(PeerId peer, const std::string& service = "echo") { bench.say(peer, {"", "MDPW01", "\1", service}); }
    void ask(PeerId peer, const std::string& body, const std::string& service = "echo") {
        bench.say(peer, {"", "MDPC01", service, body});
    }
    /// The token of the one request that `peer` got, whose body is `body`.
    std::string token(PeerId peer, const std::string& body) {
        const auto heard = bench.heard(peer);
        if (heard.size() != 1 || heard[0].size() < 6) {
            ADD_FAILURE() << "not one request: " << testing::PrintToString(heard);
            return {};
        }
        EXPECT_EQ(heard[0][2], "\2");
        EXPECT_EQ(heard[0][5], body);
        return heard[0][3];
    }
    void answer(PeerId peer, const std::string& token, const std::string& body) {
        bench.say(peer, {"", "MDPW01", "\3", token, "", body});
    }
    StatusReport status() { return bench.broker.status(bench.now.monotonic); }

    Bench bench{services_on_demand()};
};

TEST_F(Majordomo, a_request_goes_to_a_worker_and_its_reply_to_the_client) {
    ready(worker);
    ask(client, "hello");
    const std::string t = token(worker, "hello");
    answer(worker, t, "HELLO");
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "HELLO")));
    EXPECT_EQ(bench.queue("echo").ledger.acked, 1U);
}

TEST_F(Majordomo, a_request_waits_for_a_worker) {
    ask(client, "early");
    EXPECT_THAT(bench.heard(client), IsEmpty());
    ready(worker);
    token(worker, "early");
}

TEST_F(Majordomo, a_worker_has_one_request_at_a_time) {
    ready(worker);
    ask(client, "one");
    ask(client, "two");
    answer(worker, token(worker, "one"), "1");
    token(worker, "two");
}

TEST_F(Majordomo, a_body_of_several_frames_is_kept_both_ways) {
    ready(worker);
    bench.say(client, {"", "MDPC01", "echo", "a", "", "c"});
    const auto heard = bench.heard(worker);
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_THAT(heard[0], ElementsAre("", "MDPW01", "\2", testing::_, "", "a", "", "c"));
    bench.say(worker, {"", "MDPW01", "\3", heard[0][3], "", "x", "y"});
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "x", "y")));
}

TEST_F(Majordomo, a_request_or_a_reply_without_a_body_has_an_empty_one) {
    ready(worker);
    bench.say(client, {"", "MDPC01", "echo"});
    bench.say(worker, {"", "MDPW01", "\3", token(worker, ""), ""});
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "")));
}

TEST_F(Majordomo, the_envelope_of_a_request_stands_in_front_of_its_reply) {
    ready(worker);
    bench.say(client, {"7777", "", "MDPC01", "echo", "x"});
    answer(worker, token(worker, "x"), "y");
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("7777", "", "MDPC01", "echo", "y")));
}

TEST_F(Majordomo, the_dialect_is_that_of_the_request_not_of_the_peer) {
    ready(worker);
    bench.say(client, {"MDPC02", "\1", "echo", "a"});
    answer(worker, token(worker, "a"), "A");
    bench.say(client, {"", "MDPC02", "\2", "echo", "b"});
    answer(worker, token(worker, "b"), "B");
    ask(client, "c");
    answer(worker, token(worker, "c"), "C");
    EXPECT_THAT(bench.heard(client),
                ElementsAre(ElementsAre("MDPC02", "\3", "echo", "A"), ElementsAre("", "MDPC02", "\4", "B"),
                            ElementsAre("", "MDPC01", "echo", "C")));
}

TEST_F(Majordomo, partial_replies_reach_a_client_that_knows_them) {
    bench.say(worker, {"MDPW02", "\1", "echo"});
    bench.say(client, {"MDPC02", "\1", "echo", "x"});
    const auto heard = bench.heard(worker);
    ASSERT_THAT(heard, ElementsAre(ElementsAre("MDPW02", "\2", testing::_, "", "x")));
    bench.say(worker, {"MDPW02", "\3", heard[0][2], "", "1"});
    bench.say(worker, {"MDPW02", "\3", heard[0][2], "", "2"});
    bench.say(worker, {"MDPW02", "\4", heard[0][2], "", "3"});
    EXPECT_THAT(bench.heard(client),
                ElementsAre(ElementsAre("MDPC02", "\2", "echo", "1"), ElementsAre("MDPC02", "\2", "echo", "2"),
                            ElementsAre("MDPC02", "\3", "echo", "3")));
    // Nothing follows the last one.
    bench.say(worker, {"MDPW02", "\3", heard[0][2], "", "4"});
    EXPECT_THAT(bench.heard(client), IsEmpty());
    EXPECT_EQ(status().stale, 1U);
}

TEST_F(Majordomo, partial_replies_are_gathered_for_a_client_that_does_not_know_them) {
    bench.say(worker, {"MDPW02", "\1", "echo"});
    ask(client, "x");
    const std::string t = bench.heard(worker)[0][2];
    bench.say(worker, {"MDPW02", "\3", t, "", "1", "2"});
    EXPECT_THAT(bench.heard(client), IsEmpty());
    bench.say(worker, {"MDPW02", "\4", t, "", "3"});
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "1", "2", "3")));
}

TEST_F(Majordomo, what_a_worker_had_in_hand_goes_to_another_when_its_connection_is_gone) {
    ready(worker);
    ask(client, "x");
    const std::string first = token(worker, "x");
    ready(other);
    bench.events.emplace_back(PeerUnreachable{worker});
    bench.step();
    const std::string second = token(other, "x");
    EXPECT_NE(first, second);
    answer(other, second, "y");
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "y")));
}

TEST_F(Majordomo, what_a_worker_had_in_hand_goes_to_another_when_it_disconnects) {
    ready(worker);
    ask(client, "x");
    token(worker, "x");
    ready(other);
    bench.say(worker, {"", "MDPW01", "\5"});
    token(other, "x");
    EXPECT_THAT(bench.heard(worker), IsEmpty());
    EXPECT_THAT(bench.forgotten, testing::Contains(worker));
}

TEST_F(Majordomo, a_late_foreign_or_repeated_reply_reaches_no_client) {
    ready(worker);
    ready(other);
    ask(client, "x");
    const std::string t = token(worker, "x");
    answer(worker, "d0000000000000000", "foreign");
    answer(other, t, "not its own");
    EXPECT_THAT(bench.heard(client), IsEmpty());
    answer(worker, t, "y");
    answer(worker, t, "again");
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "y")));
    EXPECT_EQ(status().stale, 3U);
    EXPECT_THAT(bench.heard(worker), IsEmpty());  // it goes on working
    ask(client, "z");
    EXPECT_EQ(bench.heard(worker).size() + bench.heard(other).size(), 1U);
}

TEST_F(Majordomo, a_worker_that_says_ready_twice_is_sent_away_and_its_request_goes_on) {
    ready(worker);
    ask(client, "x");
    token(worker, "x");
    ready(worker);
    EXPECT_THAT(bench.heard(worker), ElementsAre(ElementsAre("", "MDPW01", "\5")));
    ready(other);
    token(other, "x");
}

TEST_F(Majordomo, a_known_worker_with_an_unknown_command_is_sent_away) {
    ready(worker);
    bench.say(worker, {"", "MDPW01", "\11"});
    EXPECT_THAT(bench.heard(worker), ElementsAre(ElementsAre("", "MDPW01", "\5")));
    EXPECT_EQ(status().malformed, 1U);
}

TEST_F(Majordomo, an_unknown_worker_learns_that_it_must_register) {
    const std::vector<Frames> signs = {{"", "MDPW01", "\4"}, {"", "MDPW01", "\3", "t", "", "x"}};
    for (const Frames& frames : signs) {
        bench.say(worker, frames);
        EXPECT_THAT(bench.heard(worker), ElementsAre(ElementsAre("", "MDPW01", "\5")));
    }
    bench.say(worker, {"MDPW02", "\5"});
    EXPECT_THAT(bench.heard(worker), ElementsAre(ElementsAre("MDPW02", "\6")));
    bench.say(worker, {"", "MDPW01", "\5"});
    bench.say(worker, {"", "MDPW01", "\11"});
    EXPECT_THAT(bench.heard(worker), IsEmpty());
}

TEST_F(Majordomo, nobody_may_work_on_the_brokers_own_services) {
    ready(worker, "mmi.service");
    EXPECT_THAT(bench.heard(worker), ElementsAre(ElementsAre("", "MDPW01", "\5")));
}

TEST_F(Majordomo, hostile_and_unexpected_messages_disturb_nobody) {
    ready(worker);
    const std::vector<Frames> hostile = {
        {"x"},          {"", "MDPC01"},

        {"", "MDPW01"}, {"", "MDPW01", "\1"}, {"", "MDPW01", "\3"}, {"", "garbage"}, {"", "MDPC02", "\11", "echo", "x"},
        {"MDPX09"},     Frames(200, "x"),     Frames(200, "")};
    for (const Frames& frames : hostile) {
        bench.say(other, frames);
        bench.heard(other);
    }
    EXPECT_EQ(status().malformed, hostile.size());
    ask(client, "x");
    answer(worker, token(worker, "x"), "y");
    EXPECT_EQ(bench.heard(client).size(), 1U);
}

TEST_F(Majordomo, workers_get_signs_of_life_also_while_they_work) {
    ready(worker);
    ask(client, "x");
    token(worker, "x");
    bench.advance(3s);
    const auto heard = bench.heard(worker);
    EXPECT_GE(heard.size(), 3U);
    for (const Frames& frames : heard) EXPECT_THAT(frames, ElementsAre("", "MDPW01", "\4"));
}

TEST_F(Majordomo, a_busy_worker_may_be_silent_up_to_busy_max) {
    ready(worker);
    ask(client, "x");
    const std::string t = token(worker, "x");
    bench.advance(59min);
    answer(worker, t, "y");
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "y")));
    ask(client, "stuck");
    bench.heard(worker);
    bench.advance(61min);
    EXPECT_THAT(bench.heard(worker), testing::Contains(ElementsAre("", "MDPW01", "\5")));
    ready(other);
    token(other, "stuck");
}

TEST_F(Majordomo, an_idle_worker_that_is_silent_is_forgotten) {
    ready(worker);
    bench.advance(9900ms);
    EXPECT_EQ(bench.queue("echo").workers, 1U);
    bench.say(worker, {"", "MDPW01", "\4"});
    bench.advance(9900ms);
    EXPECT_EQ(bench.queue("echo").workers, 1U);
    bench.advance(200ms);
    EXPECT_EQ(bench.queue("echo").workers, 0U);
    EXPECT_THAT(bench.forgotten, testing::Contains(worker));
}

TEST_F(Majordomo, a_client_is_forgotten_some_time_after_its_last_reply) {
    ready(worker);
    ask(client, "x");
    for (int i = 0; i < 10; ++i) {
        bench.say(worker, {"", "MDPW01", "\4"});
        bench.advance(9s);
    }
    EXPECT_THAT(bench.forgotten, testing::Not(testing::Contains(client)));
    std::string t;
    for (const Frames& frames : bench.heard(worker)) {
        if (frames[2] == "\2") t = frames[3];
    }
    answer(worker, t, "y");
    bench.advance(9s);
    EXPECT_THAT(bench.forgotten, testing::Not(testing::Contains(client)));
    bench.advance(2s);
    EXPECT_THAT(bench.forgotten, testing::Contains(client));
}

TEST_F(Majordomo, mmi_tells_whether_a_service_has_a_worker) {
    ready(worker);
    bench.say(client, {"", "MDPC01", "mmi.service", "echo"});
    bench.say(client, {"", "MDPC01", "mmi.service", "first", "nobody"});
    bench.say(client, {"MDPC02", "\1", "mmi.other", "echo"});
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "mmi.service", "200"),
                                                 ElementsAre("", "MDPC01", "mmi.service", "first", "404"),
                                                 ElementsAre("MDPC02", "\3", "mmi.other", "501")));
}

TEST_F(Majordomo, a_native_worker_serves_a_majordomo_client) {
    bench.hello(worker, "w", 10, {"echo"});
    bench.say(client, {"", "MDPC01", "echo", "one"});
    bench.say(client, {"", "MDPC01", "echo", "a", "b"});
    const auto got = bench.got(worker, wire::Verb::deliver);
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].body, "one");
    EXPECT_EQ(got[1].body, "\0\0\0\1a\0\0\0\1b"s);
    EXPECT_TRUE(got[1].fields.contains(static_cast<std::uint8_t>(wire::Field::parts)));
    bench.settle(worker, wire::SettleCode::ack, 1, 10, "done");
    bench.settle(worker, wire::SettleCode::ack, 2, 10);
    EXPECT_THAT(bench.heard(client),
                ElementsAre(ElementsAre("", "MDPC01", "echo", "done"), ElementsAre("", "MDPC01", "echo", "")));
}

TEST_F(Majordomo, a_majordomo_worker_serves_a_native_producer) {
    ready(worker);
    bench.hello(client, "p");
    bench.publish(client, "echo", 1, "x", {}, true);
    bench.publish(client, "echo", 2, "y");
    answer(worker, token(worker, "x"), "X");
    const auto replies = bench.got(client, wire::Verb::reply);
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].body, "X");
    EXPECT_EQ(replies[0].number, 1U);
    answer(worker, token(worker, "y"), "Y");
    EXPECT_THAT(bench.got(client, wire::Verb::reply), IsEmpty());
    EXPECT_EQ(bench.queue("echo").ledger.acked, 2U);
}

TEST(MajordomoSettings, the_reply_names_the_service_that_was_asked_for) {
    auto t = topology({"webhooks"});
    t->majordomo.services.emplace("Old Billing", "webhooks");
    Bench bench(std::move(t));
    bench.say(worker, {"", "MDPW01", "\1", "Old Billing"});
    bench.say(client, {"", "MDPC01", "Old Billing", "x"});
    const auto heard = bench.heard(worker);
    ASSERT_EQ(heard.size(), 1U);
    bench.say(worker, {"", "MDPW01", "\3", heard[0][3], "", "y"});
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "Old Billing", "y")));
    EXPECT_EQ(bench.queue("webhooks").ledger.acked, 1U);
}

TEST(MajordomoSettings, a_refused_request_is_silence_and_a_count_or_a_reply_if_so_set) {
    for (const bool tells : {false, true}) {
        auto t = topology({"small"});
        t->queues[0].limits.messages = 1;
        t->majordomo.reply_refusals = tells;
        Bench bench(std::move(t));
        bench.say(client, {"", "MDPC01", "small", "taken"});
        bench.say(client, {"", "MDPC01", "small", "too much"});
        bench.say(client, {"", "MDPC01", "smal", "no such"});
        EXPECT_EQ(bench.broker.status(bench.now.monotonic).refused, 2U);
        if (!tells) {
            EXPECT_THAT(bench.heard(client), IsEmpty());
            continue;
        }
        EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "small", testing::StartsWith("507 ")),
                                                     ElementsAre("", "MDPC01", "smal", testing::StartsWith("404 "))));
    }
}

TEST(MajordomoSettings, a_request_that_becomes_a_dead_letter_is_told_if_so_set) {
    auto t = topology({"echo"});
    t->majordomo.reply_refusals = true;
    Bench bench(std::move(t));
    bench.hello(worker, "w", 10, {"echo"});
    bench.say(client, {"", "MDPC01", "echo", "x"});
    bench.settle(worker, wire::SettleCode::reject, 1, 10);
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", testing::StartsWith("410 "))));
}

TEST(Pirate, requests_and_replies_cross_a_pair_of_ports) {
    auto t = topology({"thumbs"});
    t->listeners[0].protocol = Protocol::pirate_clients;
    t->listeners[0].to = "thumbs";
    t->listeners.push_back(t->listeners[0]);
    t->listeners[1].protocol = Protocol::pirate_workers;
    Bench bench(std::move(t));
    bench.say(worker, {"\1"}, 1);
    bench.say(other, {"READY"}, 1);
    bench.say(client, {"", "one"});
    bench.say(client, {"", "two"});
    const auto first = bench.heard(worker);
    const auto second = bench.heard(other);
    ASSERT_THAT(first, ElementsAre(ElementsAre(testing::_, "", "one")));
    ASSERT_THAT(second, ElementsAre(ElementsAre(testing::_, "", "two")));
    bench.say(worker, {first[0][0], "", "1"}, 1);
    bench.say(other, {second[0][0], "", "2"}, 1);
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "1"), ElementsAre("", "2")));
    bench.advance(600ms);
    EXPECT_THAT(bench.heard(worker), testing::Contains(ElementsAre("\2")));
    EXPECT_THAT(bench.heard(other), testing::Contains(ElementsAre("HEARTBEAT")));
}

TEST(Pirate, a_sign_of_life_of_an_unknown_worker_means_that_it_is_ready) {
    auto t = topology({"thumbs"});
    t->listeners[0].protocol = Protocol::pirate_workers;
    t->listeners[0].to = "thumbs";
    Bench bench(std::move(t));
    bench.say(worker, {"\2"});
    EXPECT_EQ(bench.queue("thumbs").workers, 1U);
    bench.say(worker, {"\2"});
    EXPECT_EQ(bench.queue("thumbs").workers, 1U);
}

}  // namespace
}  // namespace ym::test
