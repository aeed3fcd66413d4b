// What the processes of a run count, and when a message is due.
#include <poll.h>

#include <algorithm>
#include <cmath>

#include "bench/job.h"

namespace ym::bench {
namespace {

std::uint64_t interval_of(const Job& job) {
    return job.rate == 0 ? 0 : 1'000'000'000 / job.rate;
}

constexpr double steps_an_octave = 64;

std::size_t step_of(std::uint64_t ns) {
    const double octaves = std::log2(std::max(static_cast<double>(ns) / 1e3, 1.0));
    return std::min(static_cast<std::size_t>(octaves * steps_an_octave), Latency::steps - 1);
}

std::uint64_t late_by(std::uint64_t due) {
    const std::uint64_t now = now_ns();
    return now > due ? now - due : 0;
}

}  // namespace

void SharedLatency::add(std::uint64_t ns) {
    ++counts[step_of(ns)];
    for (std::uint64_t longest = longest_ns; longest < ns && !longest_ns.compare_exchange_weak(longest, ns);) {
    }
}

Latency SharedLatency::read() const {
    Latency latency;
    for (const auto& count : counts) latency.counts.push_back(count);
    latency.longest_ns = longest_ns;
    return latency;
}

double Latency::us(double part) const {
    if (part >= 1) return static_cast<double>(longest_ns) / 1e3;
    std::uint64_t all = 0;
    for (const std::uint64_t count : counts) all += count;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(all)));
    std::uint64_t seen = 0;
    for (std::size_t step = 0; step < counts.size(); ++step) {
        seen += counts[step];
        if (seen >= wanted && seen > 0) return std::exp2((static_cast<double>(step) + 0.5) / steps_an_octave);
    }
    return 0;
}

void Shared::count(std::atomic<std::uint64_t>& what, std::uint64_t messages_more) {
    what += messages_more;
    if (settled >= messages && (!confirms || confirmed >= messages)) {
        std::uint64_t not_yet = 0;
        ended.compare_exchange_strong(not_yet, now_ns());
    }
}

Pace::Pace(const Job& job, Shared& shared, unsigned producer)
    : shared_(shared), warm_up_(job.warm_up), interval_(interval_of(job)), began_(now_ns()) {
    shared.first_due[producer] = began_;
}

bool Pace::is_due(std::uint64_t sequence, int descriptor) const {
    if (interval_ == 0) return true;
    const std::uint64_t due = began_ + sequence * interval_;
    const std::uint64_t now = now_ns();
    if (now >= due) return true;
    pollfd item{descriptor, POLLIN, 0};
    const timespec wait{static_cast<time_t>((due - now) / 1'000'000'000),
                        static_cast<long>((due - now) % 1'000'000'000)};
    ppoll(&item, 1, &wait, nullptr);
    return false;
}

void Pace::confirmed(std::uint64_t count) {
    for (std::uint64_t i = 0; interval_ != 0 && i < count; ++i) {
        const std::uint64_t sequence = confirmed_ + i;
        if (sequence >= warm_up_) shared_.confirms_late.add(late_by(began_ + sequence * interval_));
    }
    confirmed_ += count;
    shared_.count(shared_.confirmed, count);
}

Receipts::Receipts(const Job& job, Shared& shared)
    : shared_(shared), warm_up_(job.warm_up), interval_(interval_of(job)) {}

void Receipts::take(std::uint64_t number) {
    ++count_;
    sum_ += number;
    squares_ += number * number;
    if (interval_ == 0) return;
    const std::uint64_t producer = (number >> 40U) - 1;
    const std::uint64_t sequence = number & ((std::uint64_t{1} << 40U) - 1);
    if (producer >= producers_max || sequence < warm_up_) return;
    shared_.receipts.add(late_by(shared_.first_due[producer] + sequence * interval_));
}

void Receipts::settled() {
    shared_.sum += sum_;
    shared_.squares += squares_;
    shared_.count(shared_.settled, count_);
    count_ = sum_ = squares_ = 0;
}

}  // namespace ym::bench
