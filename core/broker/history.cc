#include "broker/history.h"

#include <algorithm>

#include "base/check.h"

namespace ym {
namespace {

constexpr std::size_t head_bytes = 16;  // before the texts of each attempt

/// The first octets of a text, without a piece of a character at its end.
std::string_view cut(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U; };
    std::size_t size = most;
    constexpr std::size_t character_max = 4;
    while (size > most - character_max && continues(size)) --size;
    return text.substr(0, continues(size) ? most : size);
}

void append(std::string& history, const PastAttempt& attempt) {
    const std::string_view worker = cut(attempt.worker, Histories::worker_bytes_max);
    const std::string_view error = cut(attempt.error, Histories::error_bytes_max);
    const std::size_t from = history.size();
    history.resize(from + head_bytes);
    auto* at = reinterpret_cast<std::byte*>(history.data() + from);
    store_be(at, static_cast<std::uint64_t>(attempt.at.since_epoch.count()));
    store_be(at + 8, attempt.attempt);
    at[12] = static_cast<std::byte>(attempt.reason);
    at[13] = static_cast<std::byte>(worker.size());
    store_be(at + 14, static_cast<std::uint16_t>(error.size()));
    history += worker;
    history += error;
}

std::size_t count_of(Octets history) {
    HistoryCursor cursor(history);
    PastAttempt attempt;
    std::size_t count = 0;
    while (cursor.next(attempt)) ++count;
    return count;
}

/// Leaves the last ones.
void shorten(std::string& history) {
    std::size_t count = count_of(as_octets(history));
    std::size_t from = 0;
    for (; count > Histories::attempts_max; --count) {
        const auto* at = reinterpret_cast<const std::byte*>(history.data() + from);
        from += head_bytes + static_cast<std::size_t>(at[13]) + load_be<std::uint16_t>(at + 14);
    }
    history.erase(0, from);
}

}  // namespace

bool HistoryCursor::next(PastAttempt& attempt) {
    if (left_.size() < head_bytes) return false;
    const std::byte* at = left_.data();
    const auto worker_bytes = static_cast<std::size_t>(at[13]);
    const std::size_t error_bytes = load_be<std::uint16_t>(at + 14);
    if (left_.size() < head_bytes + worker_bytes + error_bytes) return false;
    attempt.at = WallTime{std::chrono::milliseconds(static_cast<std::int64_t>(load_be<std::uint64_t>(at)))};
    attempt.attempt = load_be<std::uint32_t>(at + 8);
    attempt.reason = static_cast<FailureReason>(at[12]);
    if (static_cast<std::size_t>(attempt.reason) >= failure_reason_count) return false;
    attempt.worker = as_text(left_.subspan(head_bytes, worker_bytes));
    attempt.error = as_text(left_.subspan(head_bytes + worker_bytes, error_bytes));
    left_ = left_.subspan(head_bytes + worker_bytes + error_bytes);
    return true;
}

bool is_history(Octets octets) {
    HistoryCursor cursor(octets);
    PastAttempt attempt;
    while (cursor.next(attempt)) {
    }
    return cursor.whole();
}

void Histories::add(MessageId message, AddressId queue, const PastAttempt& attempt) {
    const auto [at, is_new] = map_.try_emplace({message, queue});
    if (is_new) bytes_ += octets_around;
    bytes_ -= at->second.size();
    append(at->second, attempt);
    shorten(at->second);
    bytes_ += at->second.size();
}

void Histories::load(MessageId message, AddressId queue, Octets history) {
    const auto [at, is_new] = map_.try_emplace({message, queue}, as_text(history));
    YM_CHECK(is_new && is_history(history));
    shorten(at->second);
    bytes_ += octets_around + at->second.size();
}

Octets Histories::of(MessageId message, AddressId queue) const {
    const auto found = map_.find({message, queue});
    return found == map_.end() ? Octets{} : as_octets(found->second);
}

void Histories::forget(MessageId message, AddressId queue) {
    const auto found = map_.find({message, queue});
    if (found != map_.end()) erase(found);
}

void Histories::erase(Map::iterator at) {
    bytes_ -= octets_around + at->second.size();
    map_.erase(at);
}

void Histories::keep_within(std::uint64_t bytes) {
    for (; bytes_ > bytes; ++lost_) erase(map_.begin());
}

}  // namespace ym
