// Feeds a million mutated batches to the reader of what a persistence plugin gives back: a disk may lie too.
#include <array>
#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "broker/history.h"
#include "fuzz/mutate.h"
#include "fuzz/one_input.h"
#include "fuzz/run.h"
#include "store/records.h"

namespace {

/// Batches of none to six records of every kind.
std::vector<std::string> make_corpus() {
    constexpr std::array<ym::AddressId, 2> queues{ym::AddressId{3}, ym::AddressId{4}};
    ym::StoreRecord queue;
    queue.kind = ym::RecordKind::queue;
    queue.queue = queues[0];
    queue.name = "orders";
    ym::StoreRecord accepted;
    accepted.kind = ym::RecordKind::accepted;
    accepted.message = ym::MessageId{7};
    accepted.queues = queues;
    accepted.session = ym::as_octets("0123456789abcdef");
    accepted.fields = ym::as_octets(std::string_view("\x81\x00\x01t", 4));
    accepted.body = ym::as_octets("one pair of shoes");
    ym::StoreRecord settled;
    settled.kind = ym::RecordKind::settled;
    settled.outcome = ym::Outcome::acked;
    ym::StoreRecord attempted;
    attempted.kind = ym::RecordKind::attempted;
    attempted.attempt = 2;
    ym::Histories histories;
    histories.add({}, {}, {{}, 2, ym::FailureReason::nack, "worker", "no such city"});
    attempted.history = histories.of({}, {});

    ym::StoreRecord moved = accepted;
    moved.kind = ym::RecordKind::moved;
    moved.queues = {};
    moved.origin = ym::MessageId{6};
    moved.reason = ym::FailureReason::queue_full;

    ym::StoreRecord dead = attempted;
    dead.kind = ym::RecordKind::dead;
    ym::StoreRecord relocated = accepted;
    relocated.kind = ym::RecordKind::relocated;
    constexpr std::array<std::uint64_t, 5> numbers{1, 2, 3, 4, 5};
    ym::StoreRecord ledger;
    ledger.kind = ym::RecordKind::ledger;
    ledger.queue = queues[1];
    ledger.numbers = numbers;
    ym::StoreRecord window = ledger;
    window.kind = ym::RecordKind::window;
    window.session = accepted.session;
    ym::StoreRecord totals = ledger;
    totals.kind = ym::RecordKind::totals;

    const std::array<ym::StoreRecord, 10> kinds{queue, accepted,  settled, attempted, moved,
                                                dead,  relocated, ledger,  window,    totals};
    std::vector<std::string> corpus;
    for (std::size_t count = 0; count < 7; ++count) {
        for (std::size_t first = 0; first < kinds.size(); ++first) {
            ym::Buffer buffer;
            ym::store::BatchWriter writer(buffer);
            for (std::size_t i = 0; i < count; ++i) writer.add(kinds.at((first + i * i) % kinds.size()));
            writer.finish(3, 9);
            corpus.emplace_back(ym::as_text(buffer.octets()));
        }
    }
    return corpus;
}

int fuzz(const ym::fuzz::Run& run) {
    const std::vector<std::string> corpus = make_corpus();
    ym::fuzz::StoreCounts counts;
    const auto make = [&](ym::Prng& prng) {
        std::string input = ym::fuzz::mutated_octets(corpus, prng);
        // The head's length is mended most of the time, else hardly a mutation would come as far as the records.
        if (input.size() >= ym::store::batch_head_bytes && prng.chance(7, 8)) {
            ym::store_be(reinterpret_cast<std::byte*>(input.data()) + 20, static_cast<std::uint32_t>(input.size()));
        }
        return input;
    };
    const auto look = [&](const std::uint8_t* data, std::size_t size) {
        return ym::fuzz::fuzz_one_store(data, size, counts);
    };
    if (!feed(run, make, look)) return 1;
    std::printf("%" PRIu64 " batches: %" PRIu64 " good heads, %" PRIu64 " good records, %" PRIu64
                " with a fault behind the head, %" PRIu64 " written again as they were\n",
                run.count, counts.heads, counts.records, counts.refused, counts.rewritten);
    const bool reached = counts.refused >= run.count / 10 && counts.rewritten >= run.count / 10;
    if (!reached && run.count >= 1000) {
        std::printf("broken: too few batches came as far as their records; see tests/fuzz/mutate.cc\n");
        return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return ym::fuzz::program(argc, argv, 1'000'000, fuzz);
}
