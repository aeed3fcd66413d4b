// What all ledgers of a run say together. LEDGERS.md has the lines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ym::faults {

inline constexpr std::uint64_t never = ~std::uint64_t{0};

/// What its producer knows of one message.
struct Fate {
    std::uint64_t attempted = never;  // times in microseconds
    std::uint64_t confirmed = never;
    bool durable = false;  // what the confirm promised
    bool refused = false;
};

struct Producer {
    std::string name;
    std::vector<Fate> fates;  // by sequence; 0 is nobody
};

struct Delivery {
    std::uint32_t producer = 0;
    std::uint32_t run = 0;       // of a worker, see Run
    std::uint64_t sequence = 0;  // 0: its body was wrong
    std::uint64_t fence = 0;
    std::uint64_t since = 0;  // it was not handed out before, but for its way
    std::uint64_t time = 0;
    std::uint64_t acked = never;    // it was about to be
    std::uint64_t sent = never;     // the ack has left
    std::uint64_t settled = never;  // the broker said that the ack is durable
    std::uint64_t nacked = never;
    std::uint64_t lost = never;  // the broker said that the lease had ended
    std::uint32_t lease_ms = 0;
    bool dead = false;  // from a queue of dead letters
};

/// One process of a worker, from its start to the next one's of the same name.
struct Run {
    std::string worker;
    std::uint64_t started = 0;
    std::uint64_t ended = never;
    std::size_t first = 0;  // its deliveries, among all
    std::size_t count = 0;
};

/// One process of the broker.
struct Life {
    std::uint64_t started = 0;
    std::uint64_t killed = never;  // just before the signal was sent
    std::uint64_t gone = never;    // it had certainly ended
    bool power = false;            // what was not synced went with it
};

struct Sync {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

struct Books {
    std::vector<Producer> producers;
    std::vector<Delivery> deliveries;  // those of a run follow one another, in the order of their coming
    std::vector<Run> runs;
    std::vector<Life> lives;
    std::vector<Sync> syncs;         // that succeeded, of files of which none had failed in that life; by their begin
    bool has_syncs = false;          // somebody watched them
    std::uint64_t left = never;      // messages that the broker still had at the end
    std::vector<std::string> wrong;  // lines that no program of ours writes

    [[nodiscard]] std::string name(const Delivery& one) const {
        return producers[one.producer].name + " " + std::to_string(one.sequence);
    }
};

/// Reads every *.ledger of a folder.
Books read_books(const std::string& folder);

}  // namespace ym::faults
