// What shall happen when, in virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "base/time.h"

namespace ym::simulation {

enum class What : std::uint8_t {
    frame_to_broker,  // who: line, detail: its life
    frame_to_peer,    // who: line, detail: its life
    line_restored,    // who: line, detail: its life
    unreachable,      // who: PeerId, detail: which of those that had the number; a send failed
    store_completes,
    store_acquired,
    store_fetched,  // detail: which fetch
    broker_starts,
    peer_wakes,  // who: peer, detail: its own token
    nemesis,     // detail: which fault
    inspection,
};

struct Entry {
    Instant at;
    std::uint64_t order = 0;  // first come, first served within one moment
    What what{};
    std::uint32_t who = 0;
    std::uint64_t detail = 0;

    friend bool operator>(const Entry& a, const Entry& b) { return a.at > b.at || (a.at == b.at && a.order > b.order); }
};

class Agenda {
  public:
    void add(Instant at, What what, std::uint32_t who = 0, std::uint64_t detail = 0) {
        entries_.push({at, ++order_, what, who, detail});
    }
    [[nodiscard]] Instant next() const { return entries_.empty() ? Instant::never() : entries_.top().at; }
    Entry take() {
        const Entry entry = entries_.top();
        entries_.pop();
        return entry;
    }

  private:
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> entries_;
    std::uint64_t order_ = 0;
};

}  // namespace ym::simulation
