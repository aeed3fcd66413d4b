#include "power/history.h"

#include <algorithm>
#include <cstring>

namespace ym::disklog {

void fill(std::uint64_t number, std::span<std::byte> octets) {
    std::uint64_t state = number * 0x9E3779B97F4A7C15U + octets.size();
    for (std::size_t at = 0; at < octets.size(); at += 8) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        const std::uint64_t word = state ^ (state >> 31U);
        std::memcpy(octets.data() + at, &word, std::min<std::size_t>(8, octets.size() - at));
    }
}

Driven::Driven(SimDisk& disk, LogOptions options, History before)
    : log(disk, std::move(options)), history(std::move(before)), disk_(disk) {}

Fault Driven::recover() {
    bool held = false;
    if (Fault failed = log.recover(held)) return failed;
    history.epoch = log.epoch();
    return {};
}

Fault Driven::append(std::span<const std::uint32_t> sizes) {
    std::vector<std::vector<std::byte>> octets;
    for (const std::uint32_t size : sizes) {
        history.bytes.push_back(size);
        fill(history.attempted(), octets.emplace_back(size));
    }
    std::vector<Batch> frame;
    for (std::size_t next = 0; next < octets.size();) {
        frame.clear();
        std::uint64_t bytes = 0;
        for (std::size_t i = next; i < octets.size(); ++i) {
            bytes += octets[i].size();
            if (frame_bytes_of(frame.size() + 1, bytes) > log.room()) break;
            frame.push_back({log.next_number() + frame.size(), octets[i]});
        }
        if (frame.empty()) {
            if (!log.may_roll(true)) {
                if (Fault failed = prepare()) return failed;
            }
            if (Fault failed = log.roll()) return failed;
            history.confirmed = log.next_number() - 1;  // rolling syncs
            continue;
        }
        if (Fault failed = log.append(frame)) return failed;
        next += frame.size();
    }
    return {};
}

Fault Driven::sync() {
    if (Fault failed = log.sync()) return failed;
    history.confirmed = log.next_number() - 1;
    return {};
}

Fault Driven::prepare() {
    SegmentMaker maker = log.make_segment();
    if (Fault failed = maker.run()) {
        log.not_made();
        return failed;
    }
    log.made(maker.take());
    return {};
}

Fault Driven::reclaim(std::uint64_t last) {
    history.reclaimed = std::max(history.reclaimed, last);
    log.reclaim(last);
    return {};
}

Fault Driven::mark() {
    if (!log.may_mark()) return {};
    if (Fault failed = log.mark()) return failed;
    history.confirmed = log.next_number() - 1;
    return {};
}

Fault Driven::new_epoch() {
    if (Fault failed = log.new_epoch()) return failed;
    history.confirmed = log.next_number() - 1;
    history.epoch = log.epoch();
    return {};
}

namespace {

std::string number_text(std::string_view what, std::uint64_t number) {
    return std::string(what) + " " + std::to_string(number);
}

/// The octets of a batch, kept: a test asks for the same few a hundred thousand times.
const std::vector<std::byte>& expected_octets(std::uint64_t number, std::uint32_t bytes) {
    static thread_local std::map<std::pair<std::uint64_t, std::uint32_t>, std::vector<std::byte>> kept;
    std::vector<std::byte>& octets = kept[{number, bytes}];
    if (octets.empty()) {
        octets.resize(bytes);
        fill(number, octets);
    }
    return octets;
}

/// Whether batches are those of the history, and which of them.
std::string check_batches(const Answer& answer, const History& history, Recovered& found) {
    for (std::size_t i = 0; i < answer.numbers.size(); ++i) {
        const std::uint64_t number = answer.numbers[i];
        if (i > 0 && number != answer.numbers[i - 1] + 1) return number_text("there is a hole before batch", number);
        if (number == 0 || number > history.attempted()) return number_text("nobody ever gave batch", number);
        const std::vector<std::byte>& expected = expected_octets(number, history.bytes[number - 1]);
        const Octets batch = answer.batches[i];
        if (batch.size() != expected.size() || std::memcmp(batch.data(), expected.data(), batch.size()) != 0) {
            return number_text("other octets in batch", number);
        }
    }
    found.batches = answer.numbers.size();
    found.first = answer.numbers.empty() ? 0 : answer.numbers.front();
    const std::uint64_t last = answer.numbers.empty() ? history.reclaimed : answer.numbers.back();
    if (last < history.confirmed) return number_text("lost, though confirmed: batch", last + 1);
    if (!answer.numbers.empty() && found.first > history.reclaimed + 1) {
        return number_text("lost, though never reclaimed: batch", history.reclaimed + 1);
    }
    return {};
}

}  // namespace

std::string check(SimDisk& disk, const History& history, Recovered& found, const LogOptions& options) {
    found = Recovered{};
    Log log(disk, options);
    bool held = false;
    if (const Fault failed = log.recover(held)) return "it does not start: " + failed.what;
    found.epoch = log.epoch();
    found.through = log.next_number() - 1;
    if (found.epoch <= history.epoch) return number_text("the epoch was there before:", found.epoch);
    if (found.through < history.confirmed) return number_text("it goes on behind batch", found.through);
    if (found.through > history.attempted()) return number_text("it goes on behind batch", found.through);
    Answer answer;
    if (const Fault failed = read_batches(log.index(), 1, UINT32_MAX, answer))
        return "it cannot be read: " + failed.what;
    if (answer.through != found.through) return number_text("reading ends at batch", answer.through);
    return check_batches(answer, history, found);
}

}  // namespace ym::disklog
