// Feeds a million frames, many of them mutated, to real brokers: what a decoder lets pass, the state machine must
// survive.
#include <array>
#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "fuzz/majordomo_messages.h"
#include "fuzz/mutate.h"
#include "fuzz/one_input.h"
#include "fuzz/run.h"
#include "unit/wire/vectors.h"
#include "wire/ymp.h"

namespace {

using ym::Prng;
using ym::fuzz::BrokerCounts;
using ym::fuzz::ScriptStep;
using ym::wire::Field;
using ym::wire::FrameWriter;
using ym::wire::Verb;

constexpr std::uint64_t steps_of_a_game = 600;

/// What a peer would send if it followed the protocol, more or less.
class Peer {
  public:
    explicit Peer(std::uint32_t number) : session_(16, static_cast<char>('a' + number)) {}

    std::string frame(Prng& prng) {
        ym::Buffer buffer;
        FrameWriter writer(buffer);
        // The first octets of a game are HELLOs, most of the time; later ones resume.
        const std::uint64_t kind = sequence_ == 0 ? prng.below(2) : prng.below(14);
        if (kind == 0) {
            hello(writer, prng);
        } else if (kind < 7) {
            publish(writer, prng);
        } else if (kind < 11) {
            settle(writer, prng);
        } else {
            constexpr std::array<Verb, 4> bare{Verb::heartbeat, Verb::credit, Verb::drain, Verb::bye};
            const Verb verb = bare.at(prng.below(prng.chance(1, 8) ? 4 : 3));
            writer.begin(verb, 0, "", verb == Verb::credit ? prng.below(40) : 0);
        }
        return std::string(ym::as_text(writer.end()));
    }

  private:
    void hello(FrameWriter& writer, Prng& prng) {
        constexpr std::array<const char*, 6> queues{"orders", "orders-eu", "orders-us", "q-new", "by-topic", "odrers"};
        writer.begin(Verb::hello, 0, "fuzzer", prng.below(40));
        writer.begin_record(0, prng.below(3));
        if (!prng.chance(1, 20)) writer.field(Field::session, session_);
        for (std::uint64_t i = prng.below(4); i > 0; --i)
            writer.field(Field::queue, queues.at(prng.below(prng.chance(1, 4) ? 6 : 4)));
        if (prng.chance(1, 4)) writer.field(Field::bytes, prng.below(1000));
        sequence_ = sequence_ == 0 ? 1 : sequence_;
    }
    void publish(FrameWriter& writer, Prng& prng) {
        constexpr std::array<const char*, 6> addresses{"orders",   "orders-eu", "orders-us",
                                                       "by-topic", "q-new",     "ordres"};
        writer.begin(Verb::publish, 0, addresses.at(prng.below(6)), 0);
        for (std::uint64_t i = 1 + prng.below(4); i > 0; --i) {
            const bool again = prng.chance(1, 6);
            writer.begin_record(prng.chance(1, 3) ? 1 : 0, again ? prng.below(sequence_ + 40) : ++sequence_);
            if (prng.chance(1, 2)) writer.field(Field::topic, std::string(1, static_cast<char>(prng.below(4))));
            if (prng.chance(1, 4)) writer.field(Field::priority, prng.below(33));
            writer.body(ym::as_octets("body"));
        }
    }
    void settle(FrameWriter& writer, Prng& prng) {
        const std::uint8_t flags = prng.chance(1, 3) ? ym::wire::flag_tell_durable : 0;
        writer.begin(Verb::settle, flags, "", prng.chance(1, 2) ? 0 : prng.below(100));
        for (std::uint64_t i = 1 + prng.below(3); i > 0; --i) {
            // Most tags are settled once, in their order; the rest are guesses.
            const std::uint64_t tag = prng.chance(1, 3) ? prng.below(60) : ++tag_;
            writer.begin_record(static_cast<std::uint16_t>(prng.chance(1, 2) ? 0 : prng.below(9)), tag);
            if (prng.chance(1, 4)) writer.field(Field::through, tag + prng.below(5));
            if (prng.chance(1, 8)) writer.field(Field::retry_after_ms, prng.next() >> prng.below(64));
            writer.body(ym::as_octets("reply"));
        }
        if (tag_ > 20 && prng.chance(1, 20)) tag_ = 0;
    }

    std::string session_;
    std::uint64_t sequence_ = 0;
    std::uint64_t tag_ = 0;
};

void add_frame(std::string& script, std::uint32_t peer, const std::string& frame, ScriptStep kind) {
    script.push_back(static_cast<char>(kind));
    script.push_back(static_cast<char>(peer));
    for (unsigned shift = 32; shift > 0; shift -= 8) script.push_back(static_cast<char>(frame.size() >> (shift - 8)));
    script += frame;
}

std::string game(const std::vector<std::string>& corpus, Prng& prng) {
    std::vector<Peer> peers;
    for (std::uint32_t i = 0; i < 8; ++i) peers.emplace_back(i);
    std::string script;
    for (std::uint64_t i = 0; i < steps_of_a_game; ++i) {
        const auto number = static_cast<std::uint32_t>(prng.below(8));
        const std::uint64_t kind = prng.below(100);
        if (kind < 20) {
            add_frame(script, number, ym::fuzz::majordomo_message(prng), ScriptStep::majordomo);
        } else if (kind < 85) {
            std::string frame = prng.chance(1, 20) ? ym::fuzz::mutated_frame(corpus, prng) : peers[number].frame(prng);
            if (prng.chance(1, 6)) ym::fuzz::mutate_frame(frame, corpus, 1 + prng.below(2), 80'000, prng);
            const bool flagged = frame.size() > 5 && (static_cast<unsigned char>(frame[5]) & 1U) != 0;
            const bool with_body = flagged != prng.chance(1, 100);
            add_frame(script, number, frame, with_body ? ScriptStep::frame_and_body : ScriptStep::frame);
        } else if (kind < 90) {
            script.push_back(static_cast<char>(ScriptStep::time));
            script.push_back(static_cast<char>(prng.below(prng.chance(1, 20) ? 256 : 10)));
        } else if (kind < 91) {
            script.push_back(static_cast<char>(ScriptStep::unreachable));
            script.push_back(static_cast<char>(number));
        } else {
            script.push_back(static_cast<char>(prng.chance(1, 10) ? ScriptStep::store_full : ScriptStep::stored));
        }
    }
    return script;
}

/// False if the brokers never said something that they should have: then the run shows less than it says.
bool print(const BrokerCounts& counts) {
    bool reached = true;
    std::printf("%" PRIu64 " frames in; out:", counts.frames_in);
    for (const Verb verb : {Verb::welcome, Verb::confirm, Verb::deliver, Verb::lost, Verb::reply, Verb::error,
                            Verb::heartbeat, Verb::bye}) {
        const std::uint64_t count = counts.verbs_out.at(static_cast<std::size_t>(verb));
        std::printf(" %s %" PRIu64, std::string(name_of(verb)).c_str(), count);
        reached = reached && count > 0;
    }
    std::printf("\nstatuses:");
    constexpr std::array<std::size_t, 14> statuses{200, 206, 208, 400, 404, 406, 409,
                                                   410, 413, 426, 428, 429, 504, 507};
    for (const std::size_t status : statuses) {
        const std::uint64_t count = counts.statuses_out.at(status);
        std::printf(" %zu: %" PRIu64, status, count);
        reached = reached && count > 0;
    }
    std::printf("\n%" PRIu64 " Majordomo messages in, %" PRIu64 " requests and %" PRIu64 " replies out\n",
                counts.majordomo_in, counts.majordomo_requests, counts.majordomo_replies);
    return reached && counts.majordomo_requests > 0 && counts.majordomo_replies > 0;
}

int fuzz(const ym::fuzz::Run& run) {
    std::vector<std::string> corpus;
    for (const auto& vector : ym::wire::test::read_vectors(YM_VECTORS)) corpus.push_back(vector.octets);
    BrokerCounts counts;
    const auto make = [&](Prng& prng) { return game(corpus, prng); };
    const auto look = [&](const std::uint8_t* data, std::size_t size) {
        return ym::fuzz::fuzz_one_broker(data, size, counts);
    };
    if (!feed(run, make, look)) return 1;
    const bool reached = print(counts);
    if (!reached && run.count >= 1000) {
        std::printf("broken: a verb or status was never seen; see Peer in tests/fuzz/fuzz_broker.cc\n");
        return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return ym::fuzz::program(argc, argv, 2700, fuzz);
}
