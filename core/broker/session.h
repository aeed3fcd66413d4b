// A peer's own lasting identity, and what the broker holds for it: as a producer, and as a worker.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/ring.h"
#include "base/time.h"
#include "broker/messages.h"
#include "broker/mutants.h"
#include "broker/sequences.h"
#include "wire/mdp.h"
#include "wire/ymp.h"

namespace ym {

/// One hand-over of a message to one worker, until it is settled.
struct Delivery {
    Slot slot = no_slot;
    AddressId queue;
    std::uint32_t attempts = 0;  // used up, this one included
    std::uint32_t parts = 0;     // of its reply, sent so far
    Instant granted;
    Instant deadline;
};

/// The deliveries of a session that are not settled, by tag. Tags are dense, so this is a ring; a straggler moves to a
/// side table when the ring has grown to four times what it holds (DESIGN section 6).
class Unacked {
  public:
    /// The tag of the delivery, one above the last.
    std::uint64_t add(const Delivery& delivery) {
        ring_.push_back(delivery);
        ++size_;
        trim();
        return last_tag();
    }
    [[nodiscard]] std::uint64_t last_tag() const { return first_ + ring_.size() - 1; }
    [[nodiscard]] std::uint64_t size() const { return size_; }
    /// The delivery of `tag`; nullptr when it is settled, or was never given. Valid until the next add() or erase().
    [[nodiscard]] Delivery* find(std::uint64_t tag) {
        if (tag >= first_) {
            if (tag - first_ >= ring_.size()) return nullptr;
            Delivery& delivery = ring_[static_cast<std::size_t>(tag - first_)];
            return delivery.slot == no_slot ? nullptr : &delivery;
        }
        const auto found = side_.find(tag);
        return found == side_.end() ? nullptr : &found->second;
    }
    void erase(std::uint64_t tag) {
        --size_;
        if (tag < first_) {
            side_.erase(tag);
            return;
        }
        ring_[static_cast<std::size_t>(tag - first_)].slot = no_slot;
        while (!ring_.empty() && ring_.front().slot == no_slot) pop();
    }
    /// Erases a run, none of which is settled.
    void erase(std::uint64_t first, std::uint64_t last) {
        if (first != first_) {
            for (std::uint64_t tag = first; tag <= last; ++tag) erase(tag);
            return;
        }
        const std::uint64_t count = last - first + 1;
        size_ -= count;
        first_ += count;
        ring_.pop_front(static_cast<std::size_t>(count));
        while (!ring_.empty() && ring_.front().slot == no_slot) pop();
    }
    /// Visits (tag, delivery), the lowest tag first. The visitor may not add or erase.
    template <class Visit>
    void for_each(Visit visit) {
        for (auto& [tag, delivery] : side_) visit(tag, delivery);
        for (std::size_t i = 0; i < ring_.size(); ++i) {
            if (ring_[i].slot != no_slot) visit(first_ + i, ring_[i]);
        }
    }
    /// The lowest tag at or above `tag` that is not settled; 0 if there is none. Looks no further than `last`.
    [[nodiscard]] std::uint64_t next(std::uint64_t tag, std::uint64_t last = ~std::uint64_t{0}) {
        if (tag < first_) {
            const auto found = side_.lower_bound(tag);
            if (found != side_.end()) return found->first <= last ? found->first : 0;
            tag = first_;
        }
        for (std::uint64_t i = tag - first_; i < ring_.size() && first_ + i <= last; ++i) {
            if (ring_[static_cast<std::size_t>(i)].slot != no_slot) return first_ + i;
        }
        return 0;
    }
    /// The delivery that next() names; nullptr if there is none. `tag` becomes its tag.
    [[nodiscard]] Delivery* seek(std::uint64_t& tag, std::uint64_t last) {
        tag = next(tag, last);
        return tag == 0 ? nullptr : find(tag);
    }

  private:
    static constexpr std::size_t span_min = 64;

    void pop() {
        ring_.pop_front();
        ++first_;
    }
    void trim() {
        while (ring_.size() > span_min && ring_.size() > 4 * (size_ - side_.size())) {
            if (ring_.front().slot != no_slot) side_.emplace(first_, ring_.front());
            pop();
            while (!ring_.empty() && ring_.front().slot == no_slot) pop();
        }
    }

    Ring<Delivery> ring_;
    std::uint64_t first_ = 1;  // tag of the ring's front
    std::map<std::uint64_t, Delivery> side_;
    std::uint64_t size_ = 0;
};

/// An answer to a run of sequences or tags, gathered until the step ends.
struct Answer {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    wire::Status status{};
    std::string text;  // why, for a person; empty when the status says all
    Duration retry_after{0};
};

/// Whose session: who it was authenticated as, and the 16 octets that it chose.
struct SessionKey {
    Principal principal;
    std::array<char, wire::session_bytes> octets{};

    friend bool operator==(const SessionKey&, const SessionKey&) = default;
    [[nodiscard]] std::string_view text() const { return {octets.data(), octets.size()}; }
};
struct SessionKeyHash {
    std::size_t operator()(const SessionKey& key) const {
        return std::hash<std::string_view>{}(key.text()) ^ key.principal.value;
    }
};

/// Names a session for as long as it is remembered; a later one in the same place has another generation.
struct SessionRef {
    std::uint32_t index = 0xffffffffU;
    std::uint32_t generation = 0;

    friend bool operator==(const SessionRef&, const SessionRef&) = default;
};

enum class SessionState : std::uint8_t {
    free,  // the place is not in use
    connected,
    away,        // its connection is gone; it may come back within the grace
    remembered,  // lost, or said BYE: it holds nothing, but its sequences are still known
};

/// A reply that waits for its producer to come back.
struct HeldReply {
    std::uint64_t sequence = 0;
    bool last = false;
    Instant since;
    Duration keep{0};
    std::vector<std::byte> frame;
};

/// A last reply that was sent, as long as the connection that took it may turn out to have been dead.
struct SentReply {
    std::uint64_t use = 0;  // of the session, which it left in
    std::vector<std::byte> frame;
};
struct SentReplyDue {
    Instant at;
    std::uint64_t sequence = 0;
};

/// When to look at a run of leases that began together. They may have been settled or extended by then.
struct LeasesDue {
    Instant at;
    std::uint64_t first = 0;  // tag
    std::uint64_t last = 0;
    friend bool operator>(const LeasesDue& a, const LeasesDue& b) { return a.at > b.at; }
};

/// A queue's worker that the queue does not look at, and how far the queue was in the order of turns.
struct OutOfLine {
    std::uint64_t pass = 0;
    std::uint32_t subscription = 0;

    friend auto operator<=>(const OutOfLine&, const OutOfLine&) = default;
};

/// What a session holds besides when its peer speaks Majordomo or Paranoid Pirate.
struct MajordomoPeer {
    bool worker = false;  // said READY
    mdp::Dialect dialect{};
    bool delimited = true;       // an empty frame stands in front of a worker's messages
    std::uint64_t fence = 0;     // of the delivery that a worker has in hand
    std::uint64_t sequence = 0;  // requests of it so far
};

struct Session {
    SessionRef ref;
    SessionState state = SessionState::free;
    SessionKey key;
    std::string name;
    PeerId peer;  // while connected
    std::uint32_t listener = 0;
    Instant last_heard;
    Instant last_sent;
    Instant since;  // of the state
    bool silent = false;
    std::uint32_t stretch = 1;  // its heartbeat is that many of its listener's, as it was told
    bool leaving = false;       // said DRAIN: gets no new deliveries

    std::optional<MajordomoPeer> majordomo;

    // As a producer.
    SequenceWindow accepted;
    std::uint64_t unconfirmed = 0;  // accepted, not yet stored
    std::uint64_t body_bytes = 0;   // published in all
    std::uint64_t bytes_unconfirmed = 0;
    std::uint64_t requests = 0;    // waiting for a reply
    std::vector<Answer> confirms;  // of this step
    std::vector<HeldReply> held;   // while away
    Instant held_due = Instant::never();
    std::unordered_map<std::uint64_t, SentReply> sent_replies;  // not long ago, by sequence
    Ring<SentReplyDue> sent_replies_due;                        // in order
    std::uint64_t sent_reply_bytes = 0;
    std::uint64_t uses = 0;  // how often it said HELLO
    std::uint64_t published = 0;
    std::uint64_t window = 0;  // publish window of this connection; a window that was told never falls

    // As a worker.
    Unacked unacked;
    std::uint64_t credit = 0;  // highest tag that may be used
    std::uint64_t bytes_credit = ~std::uint64_t{0};
    std::uint64_t bytes_sent = 0;
    std::uint64_t acked = 0;
    std::vector<LeasesDue> leases_due;  // a heap: each lease stands in it, under a deadline that it had
    Instant last_worked;                // last delivery or settlement
    std::vector<std::uint32_t> subscriptions;
    std::vector<OutOfLine> out_of_line;  // a heap: those of them that no queue looks at, the least far first
    bool waits_for_line = false;         // has credit, and is out of line somewhere
    std::vector<Answer> lost;            // of this step
    std::vector<Answer> settled;         // of this step, for flag_tell_durable
    bool listed = false;                 // among the sessions with something to say at the step's end

    /// The last body may pass the credit, else one larger than all credit would never move (PROTOCOL section 6).
    [[nodiscard]] bool takes_bytes() const { return bytes_sent < bytes_credit || YM_MUTANT(bytes_credit_ignored); }
    [[nodiscard]] bool wants_delivery() const {
        const std::uint64_t overrun = YM_MUTANT(credit_overrun) ? 1 : 0;
        return state == SessionState::connected && (!silent || YM_MUTANT(silent_served)) && !leaving &&
               unacked.last_tag() < credit + overrun && takes_bytes();
    }
};

/// Adds an answer to a run, joined to the last one if it goes on from it.
inline void add_answers(std::vector<Answer>& answers, std::uint64_t first, std::uint64_t through, wire::Status status,
                        std::string_view text = {}, Duration retry_after = Duration{0}) {
    if (!answers.empty()) {
        Answer& last = answers.back();
        const bool same_text = last.text.size() == text.size() && (text.empty() || last.text == text);
        if (last.last + 1 == first && last.status == status && same_text && last.retry_after == retry_after) {
            last.last = through;
            return;
        }
    }
    answers.push_back({first, through, status, std::string(text), retry_after});
}

inline void add_answer(std::vector<Answer>& answers, std::uint64_t id, wire::Status status, std::string_view text = {},
                       Duration retry_after = Duration{0}) {
    add_answers(answers, id, id, status, text, retry_after);
}

}  // namespace ym
