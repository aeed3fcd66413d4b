// What is known of an earlier life while its batches are read. Queues stand here under the store's numbers.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "broker/policy.h"
#include "broker/status.h"

namespace ym {

struct Replay {
    /// A queue, by its number in the store.
    struct Books {
        std::string name;  // empty: not told yet
        Ledger ledger;
        DeadLedger dead;
        bool has_copies = false;
        bool is_nameless = false;  // the record of its name is gone
    };
    /// What was said of one queue's copy of a message, until it is settled.
    struct Note {
        std::uint32_t attempts = 0;
        WallTime at;  // not before; of a dead letter: since when
        FailureReason reason{};
        bool is_dead = false;
        std::string history{};
    };
    struct CopyKey {
        MessageId message;
        AddressId queue;
        friend bool operator==(const CopyKey&, const CopyKey&) = default;
    };
    struct CopyKeyHash {
        std::size_t operator()(const CopyKey& key) const {
            return std::hash<std::uint64_t>{}(key.message.value * 0x9e3779b97f4a7c15ULL ^ key.queue.value);
        }
    };

    static constexpr std::uint32_t numbers_max = 1U << 28U;

    /// nullptr: no store has so many queues.
    Books* books(AddressId number) {
        if (number.value >= numbers_max) return nullptr;
        if (number.value >= queues.size()) queues.resize(std::size_t{number.value} + 1);
        return &queues[number.value];
    }

    std::vector<Books> queues;  // by number
    std::unordered_map<CopyKey, Note, CopyKeyHash> notes;
    std::uint64_t history_bytes = 0;      // of all notes
    std::uint32_t session = 0xffffffffU;  // of the last record
    std::uint64_t span = 4096;            // of a session's window: what a producer may send again
};

}  // namespace ym
