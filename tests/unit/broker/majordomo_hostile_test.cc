// Majordomo peers that come again, speak YMP in turn, send too much, or never read: nobody else notices.
#include "harness.h"

namespace ym::test {
namespace {

using namespace std::string_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Frames = std::vector<std::string>;

/// A session key as the broker makes them for Majordomo peers.
std::string key(char number) {
    return "majordmo\0\0\0\0\0\0\0"s + number;
}

class MajordomoHostile : public testing::Test {
  protected:
    void use(std::unique_ptr<Topology> t) { bench.emplace(std::move(t)); }
    void ready(PeerId peer) { bench->say(peer, {"MDPW02", "\1", "echo"}); }
    void ask(PeerId peer, const std::string& body) { bench->say(peer, {"", "MDPC01", "echo", body}); }
    /// The token of the last request that the worker of 0.2 got.
    std::string token(PeerId peer) {
        std::string last;
        for (const Frames& frames : bench->heard(peer)) {
            if (frames[1] == "\2") last = frames[2];
        }
        EXPECT_FALSE(last.empty());
        return last;
    }
    void part(PeerId peer, const std::string& t, const std::string& body) {
        bench->say(peer, {"MDPW02", "\3", t, "", body});
    }
    void answer(PeerId peer, const std::string& t, const std::string& body) {
        bench->say(peer, {"MDPW02", "\4", t, "", body});
    }
    void lose(PeerId peer) {
        bench->events.emplace_back(PeerUnreachable{peer});
        bench->step();
    }
    StatusReport status() { return bench->broker.status(bench->now.monotonic); }

    std::optional<Bench> bench{std::in_place, topology({"echo"})};
};

TEST_F(MajordomoHostile, a_peer_that_says_hello_under_the_key_of_its_majordomo_session_has_one_session) {
    ready(worker);
    bench->hello(worker, key('\1'));
    EXPECT_EQ(status().peers.size(), 1U);
    EXPECT_EQ(bench->queue("echo").workers, 0U);
    for (int i = 0; i < 3; ++i) {  // signs of life of the YMP session alone
        bench->from(worker, [](wire::FrameWriter& w) { w.begin(wire::Verb::heartbeat, 0, {}, 0); });
        bench->advance(9s);
    }
    EXPECT_THAT(bench->forgotten, Not(Contains(worker)));
    EXPECT_EQ(status().peers.size(), 1U);
}

TEST_F(MajordomoHostile, the_parts_of_an_attempt_that_failed_are_no_part_of_the_reply) {
    ready(worker);
    ask(client, "x");
    part(worker, token(worker), "half of ");
    ready(other);
    lose(worker);
    const std::string t = token(other);
    part(other, t, "all of ");
    answer(other, t, "it");
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "all of ", "it")));
}

TEST_F(MajordomoHostile, the_parts_of_an_attempt_that_failed_do_not_stand_before_a_reply_in_one_piece) {
    ready(worker);
    ask(client, "x");
    part(worker, token(worker), "half");
    ready(other);
    lose(worker);
    answer(other, token(other), "whole");
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "whole")));
}

TEST_F(MajordomoHostile, parts_of_two_workers_at_one_request_are_not_mixed) {
    auto t = topology({"echo", "copy"});
    t->pipelines.emplace_back();
    t->pipelines[0].name = "both";
    t->pipelines[0].targets = {"echo", "copy"};
    t->pipelines[0].route = std::make_unique<Everywhere>(2);
    use(std::move(t));
    ready(worker);
    bench->say(other, {"MDPW02", "\1", "copy"});
    bench->say(client, {"", "MDPC01", "both", "x"});
    const std::string one = token(worker);
    const std::string two = token(other);
    part(worker, one, "1");
    part(other, two, "a");
    part(worker, one, "2");
    answer(worker, one, "3");
    answer(other, two, "b");
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "both", "1", "2", "3")));
}

TEST_F(MajordomoHostile, memory_of_requests_is_counted_and_given_back) {
    ready(worker);
    ask(client, "first");
    answer(worker, token(worker), "so that there is an extent for messages");
    bench->heard(client);
    const std::uint64_t before = status().memory;
    std::string tag(200, 'e');
    for (int i = 0; i < 100; ++i) bench->say(client, {tag, "", "MDPC01", "echo", "x"});
    EXPECT_GE(status().memory, before + 100 * tag.size());
    for (int i = 0; i < 100; ++i) {
        const std::string t = token(worker);
        part(worker, t, "some");
        answer(worker, t, "y");
    }
    EXPECT_EQ(bench->heard(client).size(), 100U);
    const std::uint64_t after = status().memory;
    ask(client, "x");
    lose(client);
    answer(worker, token(worker), "y");
    EXPECT_EQ(status().memory, after);
}

TEST_F(MajordomoHostile, a_request_that_could_not_be_sent_uses_up_no_attempt) {
    for (std::uint32_t i = 10; i < 20; ++i) ready(PeerId{i});
    ask(client, "x");
    for (int killed = 0; killed < 10; ++killed) {  // all at once; the first send to each shows it
        for (std::uint32_t i = 10; i < 20; ++i) {
            if (!bench->heard(PeerId{i}).empty()) bench->events.emplace_back(PeerUnreachable{PeerId{i}});
        }
        bench->step();
    }
    EXPECT_EQ(bench->queue("echo").workers, 0U);
    EXPECT_EQ(bench->queue("echo").live, 1U);
    for (int attempt = 0; attempt < 3; ++attempt) {
        EXPECT_EQ(bench->queue("echo").dead_letters.live, 0U);
        ready(worker);
        bench->advance(600ms);  // it had the request, and a sign of life that could not be sent
        lose(worker);
    }
    EXPECT_EQ(bench->queue("echo").dead_letters.live, 1U);
}

TEST_F(MajordomoHostile, an_envelope_is_no_place_for_a_body) {
    const std::string big(256, 'b');
    bench->say(client, {big, "", "MDPC01", "echo", "x"});
    EXPECT_EQ(status().malformed, 1U);
    EXPECT_EQ(bench->queue("echo").live, 0U);
    bench->say(client, {big.substr(1), "", "MDPC01", "echo", "x"});
    EXPECT_EQ(bench->queue("echo").live, 1U);
}

TEST_F(MajordomoHostile, a_reply_beyond_the_limit_is_refused_and_its_request_a_dead_letter) {
    for (const bool last : {true, false}) {
        auto t = topology({"echo"});
        t->listeners[0].frame = 1000;
        t->majordomo.reply_refusals = true;
        use(std::move(t));
        ready(worker);
        ask(client, "x");
        const std::string big(600, 'b');
        bench->say(worker, {"MDPW02", last ? "\4" : "\3", token(worker), "", big, big});
        EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", StartsWith("413 "))));
        EXPECT_EQ(bench->queue("echo").dead_letters.live, 1U);
        EXPECT_EQ(bench->queue("echo").in_flight, 0U);
        ready(last ? other : worker);
        ask(client, "y");
        ask(client, "z");
    }
}

TEST_F(MajordomoHostile, gathered_parts_are_within_the_brokers_memory) {
    auto t = topology({"echo"});
    t->majordomo.reply_refusals = true;
    t->memory_max = 4 << 20;
    use(std::move(t));
    ready(worker);
    ask(client, "x");
    const std::string t1 = token(worker);
    for (int i = 0; i < 10; ++i) part(worker, t1, std::string(1 << 20, 'b'));
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", StartsWith("507 "))));
    EXPECT_LE(status().memory, std::uint64_t{4 << 20});
}

TEST_F(MajordomoHostile, clients_that_went_away_unanswered_make_room_for_others) {
    auto t = topology({"echo"});
    t->listeners[0].peers = 3;
    use(std::move(t));
    for (std::uint32_t i = 10; i < 13; ++i) ask(PeerId{i}, "nobody answers");
    ask(client, "too early");  // the three may still be there
    EXPECT_EQ(status().refused, 1U);
    bench->advance(6s);
    ask(PeerId{11}, "still here");
    bench->advance(5s);
    ask(client, "in place of 10");
    bench->hello(other, "a YMP peer in place of 12");
    EXPECT_EQ(status().refused, 1U);
    EXPECT_EQ(status().peers.size(), 3U);
    EXPECT_THAT(bench->forgotten, Contains(PeerId{10}));
    EXPECT_THAT(bench->forgotten, Contains(PeerId{12}));
    EXPECT_THAT(bench->forgotten, Not(Contains(PeerId{11})));
    EXPECT_EQ(bench->got(other, wire::Verb::welcome).size(), 1U);
    ready(worker);  // no room: nobody is silent
    EXPECT_EQ(bench->queue("echo").workers, 0U);
}

TEST_F(MajordomoHostile, whatever_ends_a_request_is_told_if_so_set) {
    auto t = topology({"echo"});
    t->listeners[0].peers = 1;
    t->majordomo.reply_refusals = true;
    t->pipelines.emplace_back();
    t->pipelines[0].name = "drops";
    t->pipelines[0].targets = {"echo"};
    t->pipelines[0].route = std::make_unique<Everywhere>(1, std::vector<std::string>{"no such topic"});
    t->pipelines[0].unmatched = Unmatched::drop;
    use(std::move(t));
    bench->say(client, {"", "MDPC01", "drops", "x"});
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "drops", StartsWith("406 "))));
    ask(other, "no place for it");
    EXPECT_THAT(bench->heard(other), ElementsAre(ElementsAre("", "MDPC01", "echo", StartsWith("507 "))));
    EXPECT_THAT(bench->forgotten, Contains(other));
}

TEST_F(MajordomoHostile, a_worker_that_comes_again_under_its_old_name_in_another_version_registers_anew) {
    bench->say(worker, {"", "MDPW01", "\1", "echo"});
    ask(client, "x");
    bench->heard(worker);
    ready(worker);
    EXPECT_THAT(bench->heard(worker), ElementsAre(ElementsAre("MDPW02", "\6")));
    ready(worker);
    answer(worker, token(worker), "y");
    EXPECT_EQ(bench->heard(client).size(), 1U);
}

TEST_F(MajordomoHostile, a_majordomo_peer_that_is_ignored_stands_among_the_strangers_of_its_own_listener) {
    auto t = topology({"echo"});
    t->listeners[0].peers = 1;
    t->listeners.push_back(t->listeners[0]);
    use(std::move(t));
    bench->say(worker, {"MDPW02", "\1", "echo"}, 1);
    for (int i = 0; i < 200; ++i) bench->say(worker, {"YMP1 is not like this"}, 1);
    EXPECT_EQ(bench->queue("echo").workers, 0U);
    bench->say(client, {"a stranger"}, 0);
    bench->say(other, {"another"}, 0);
    EXPECT_THAT(bench->forgotten, Not(Contains(worker)));
    bench->say(other, {"one more"}, 1);
    bench->say(PeerId{4}, {"and one"}, 1);
    EXPECT_THAT(bench->forgotten, Contains(worker));
}

TEST_F(MajordomoHostile, mmi_looks_at_what_a_request_would_go_to) {
    ready(worker);
    bench->say(client, {"", "MDPC01", "mmi.service", "echo"});
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "mmi.service", "200")));
    auto t = topology({"moved"});
    t->pipelines.emplace_back();
    t->pipelines[0].name = "echo";
    t->pipelines[0].targets = {"moved"};
    t->pipelines[0].route = std::make_unique<Everywhere>(1);
    bench->events.emplace_back(SettingsChanged{std::move(t)});
    bench->step();
    bench->say(client, {"", "MDPC01", "mmi.service", "echo"});
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "mmi.service", "404")));
}

TEST_F(MajordomoHostile, a_peer_that_speaks_ymp_and_majordomo_in_turn_is_one_peer) {
    auto t = topology({"echo"});
    t->listeners[0].peers = 1;
    use(std::move(t));
    for (int turn = 0; turn < 5; ++turn) {
        bench->hello(worker, "y", 10, {"echo"});
        EXPECT_EQ(bench->got(worker, wire::Verb::welcome).size(), 1U);
        ready(worker);  // a peer that said HELLO speaks YMP
        EXPECT_THAT(bench->heard(worker), IsEmpty());
        bench->from(worker, [](wire::FrameWriter& w) { w.begin(wire::Verb::bye, 0, {}, 0); });
        bench->step();
        ready(worker);
        bench->publish(worker, "echo", 1, "x");
        EXPECT_EQ(bench->queue("echo").workers, 1U);
        EXPECT_EQ(bench->queue("echo").live, 0U);
    }
    bench->say(worker, {"MDPW02", "\6"});
    ask(client, "there is room for it");
    EXPECT_EQ(bench->queue("echo").live, 1U);
    EXPECT_EQ(status().peers.size(), 1U);
}

TEST_F(MajordomoHostile, a_body_of_empty_frames_is_not_a_million_sends) {
    const auto parts = [](std::size_t count) { return std::string(count * wire::part_head_bytes, '\0'); };
    const auto body = [&](wire::FrameWriter& w, std::size_t count) {
        w.raw_field(static_cast<std::uint8_t>(wire::Field::parts), {});
        w.body(as_octets(parts(count)));
    };
    const auto publish = [&](std::uint64_t sequence, std::size_t count) {
        bench->from(other, [&](wire::FrameWriter& w) {
            w.begin(wire::Verb::publish, 0, "echo", 0);
            w.begin_record(0, sequence);
            body(w, count);
        });
        bench->step();
    };
    bench->hello(other, "p");
    publish(1, wire::parts_max + 1);
    EXPECT_EQ(status().refused, 1U);
    publish(2, wire::parts_max);
    EXPECT_EQ(bench->queue("echo").live, 1U);
    bench->hello(worker, "w", 10, {"echo"});
    ask(client, "x");
    bench->from(worker, [&](wire::FrameWriter& w) {
        w.begin(wire::Verb::settle, 0, "", 10);
        w.begin_record(static_cast<std::uint16_t>(wire::SettleCode::ack), 2);
        body(w, wire::parts_max + 1);
    });
    bench->step();
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", parts(wire::parts_max + 1))));
}

TEST_F(MajordomoHostile, requests_end_well_whatever_the_store_says) {
    auto t = topology({"echo"});
    t->queues[0].durable = true;
    t->majordomo.reply_refusals = true;
    BrokerOptions options;
    options.store_keeps = true;
    bench.emplace(std::move(t), options);
    ready(worker);
    ask(client, "refused");
    ask(other, "refused, and away by then");
    lose(other);
    for (const StoreStatus result : {StoreStatus::full, StoreStatus::full}) {
        bench->events.emplace_back(StoreCompleted{bench->batches.front(), result});
        bench->batches.erase(bench->batches.begin());
        bench->step();
    }
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", StartsWith("507 "))));
    EXPECT_EQ(bench->queue("echo").live, 0U);
    bench->advance(200ms);
    ask(client, "unknown for a time");
    bench->complete(bench->batches.front(), StoreStatus::unknown);
    lose(worker);
    ready(worker);
    bench->events.emplace_back(StoreAcquired{2, bench->batches.front()});
    bench->step();
    answer(worker, token(worker), "y");
    EXPECT_THAT(bench->heard(client), ElementsAre(ElementsAre("", "MDPC01", "echo", "y")));
    Bench::balanced(bench->queue("echo"));
    bench->advance(11s);
    EXPECT_THAT(bench->forgotten, Contains(client));
}

TEST_F(MajordomoHostile, a_drain_waits_for_majordomo_workers_and_says_goodbye) {
    ready(worker);
    ask(client, "x");
    ask(client, "y");
    bench->events.emplace_back(DrainRequested{});
    bench->step();
    ask(client, "too late");
    answer(worker, token(worker), "X");
    EXPECT_EQ(bench->finish, Finish::no);
    answer(worker, token(worker), "Y");
    EXPECT_EQ(bench->finish, Finish::drained);
    EXPECT_EQ(bench->heard(client).size(), 2U);
    EXPECT_THAT(bench->heard(worker), Contains(ElementsAre("MDPW02", "\6")));
}

TEST_F(MajordomoHostile, no_deadline_comes_round_without_end) {
    ready(worker);
    bench->say(other, {"", "MDPW01", "\1", "echo"});
    ask(client, "x");
    ask(worker, "a worker that is a client, too");
    int steps = 0;
    const Instant until = bench->now.monotonic + 2h;
    while (bench->broker.next_deadline() <= until && steps < 100'000) {
        ASSERT_GE(bench->broker.next_deadline(), bench->now.monotonic);
        bench->set_time(bench->broker.next_deadline());
        bench->step();
        ++steps;
    }
    EXPECT_LE(steps, 2 * 2 * 3600 * 2);  // signs of life twice a second to each of two workers, for an hour and more
}

class PirateHostile : public testing::Test {
  protected:
    static std::unique_ptr<Topology> ports() {
        auto t = topology({"thumbs"});
        t->listeners[0].protocol = Protocol::pirate_clients;
        t->listeners[0].to = "thumbs";
        t->listeners.push_back(t->listeners[0]);
        t->listeners[1].protocol = Protocol::pirate_workers;
        t->listeners.emplace_back();
        return t;
    }
    Bench bench{ports()};
};

TEST_F(PirateHostile, a_request_of_several_frames_does_not_jam_a_worker_that_cannot_read_it) {
    bench.say(worker, {"\1"}, 1);
    bench.say(client, {"", "two", "frames"}, 0);
    bench.say(client, {"", "one"}, 0);
    bench.advance(0ms);
    const auto heard = bench.heard(worker);
    ASSERT_THAT(heard, ElementsAre(ElementsAre(testing::_, "", "one")));
    EXPECT_EQ(bench.queue("thumbs").dead_letters.live, 1U);
    bench.say(worker, {heard[0][0], "", "1"}, 1);
    EXPECT_THAT(bench.heard(client), ElementsAre(ElementsAre("", "1")));
    Bench::balanced(bench.queue("thumbs"));
}

TEST_F(PirateHostile, a_worker_of_another_kind_takes_several_frames_at_the_same_address) {
    bench.say(worker, {"MDPW02", "\1", "thumbs"}, 2);
    bench.say(client, {"", "two", "frames"}, 0);
    EXPECT_THAT(bench.heard(worker), ElementsAre(ElementsAre("MDPW02", "\2", testing::_, "", "two", "frames")));
}

TEST_F(PirateHostile, a_worker_that_was_started_again_hears_what_it_says_now) {
    bench.say(worker, {"\1"}, 1);
    bench.say(worker, {"READY"}, 1);
    bench.advance(600ms);
    EXPECT_THAT(bench.heard(worker), ElementsAre(ElementsAre("HEARTBEAT")));
}

}  // namespace
}  // namespace ym::test
