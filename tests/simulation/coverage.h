// What happened in the runs, counted: a simulator that never meets a fault shows nothing about it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "broker/effect.h"
#include "majordomo.h"
#include "wire/ymp.h"

namespace ym::simulation {

#define YM_SIMULATION_FAULTS(X)    \
    X(line_cut_short)              \
    X(line_cut_long)               \
    X(line_cut_silent)             \
    X(frame_before_hello)          \
    X(producer_died)               \
    X(worker_died)                 \
    X(worker_hung)                 \
    X(worker_left)                 \
    X(worker_rested)               \
    X(session_resumed)             \
    X(session_lost)                \
    X(resent_unanswered)           \
    X(resent_confirmed)            \
    X(resent_refused)              \
    X(beyond_window)               \
    X(below_window)                \
    X(spoiled_record)              \
    X(oversized_body)              \
    X(unknown_address)             \
    X(lied_settled_again)          \
    X(lied_tag_never_given)        \
    X(lied_endless_range)          \
    X(lied_unknown_code)           \
    X(lied_credit_lowered)         \
    X(stale_settlement)            \
    X(lease_expired)               \
    X(malformed_frame)             \
    X(other_version)               \
    X(empty_frame)                 \
    X(frame_of_many_parts)         \
    X(redelivered)                 \
    X(dead_by_count)               \
    X(moved_to_dead_queue)         \
    X(optional_dropped)            \
    X(oldest_dropped)              \
    X(unmatched_dropped)           \
    X(store_late)                  \
    X(store_many_in_flight)        \
    X(store_full)                  \
    X(store_unknown_landed)        \
    X(store_unknown_lost)          \
    X(store_fenced)                \
    X(store_failed)                \
    X(store_full_behind_full)      \
    X(store_batch_waits)           \
    X(store_fetched)               \
    X(store_fetched_late)          \
    X(store_reclaimed)             \
    X(broker_crashed)              \
    X(crash_within_step)           \
    X(crash_kept_in_flight)        \
    X(crash_lost_in_flight)        \
    X(crash_in_replay)             \
    X(replayed_twice)              \
    X(replayed_given_up)           \
    X(settings_changed_by_crash)   \
    X(twin_compared)               \
    X(recovered_ready)             \
    X(recovered_waiting)           \
    X(recovered_dead)              \
    X(recovered_orphan)            \
    X(recovered_on_demand)         \
    X(recovered_unconfirmed)       \
    X(duplicate_of_earlier_life)   \
    X(told_durable)                \
    X(settings_changed)            \
    X(queue_removed_with_messages) \
    X(queue_on_demand)             \
    X(memory_short)                \
    X(drained_midway)              \
    X(drained_at_end)              \
    X(broker_restarted)            \
    X(wall_clock_jumped)           \
    X(request)                     \
    X(reply_to_absent_producer)    \
    X(balance_of_books_checked)    \
    X(error_told)                  \
    X(cut_elsewhere)               \
    X(replayed)

enum class Fault : std::uint8_t {
#define YM_NAME(name) name,
    YM_SIMULATION_FAULTS(YM_NAME)
#undef YM_NAME
        count
};

/// What a Majordomo worker does, or what happens to it, and in which state; a cell that cannot be is marked so in the
/// table.
enum class MajordomoState : std::uint8_t { unknown, idle, busy, count };
#define YM_SIMULATION_MAJORDOMO(X) \
    X(ready)                       \
    X(ready_mmi)                   \
    X(final)                       \
    X(final_stale)                 \
    X(partial)                     \
    X(partial_stale)               \
    X(heartbeat)                   \
    X(disconnect)                  \
    X(unknown_command)             \
    X(malformed)                   \
    X(connection_lost)             \
    X(silence)                     \
    X(lease_over)                  \
    X(refused)                     \
    X(own_service)
enum class MajordomoEvent : std::uint8_t {
#define YM_NAME(name) name,
    YM_SIMULATION_MAJORDOMO(YM_NAME)
#undef YM_NAME
        count
};

[[nodiscard]] const char* name_of(RecordKind kind);

class Coverage {
  public:
    void count(MajordomoEvent event, MajordomoState state) {
        ++majordomo_[static_cast<std::size_t>(event)][static_cast<std::size_t>(state)];
    }
    void count_asked(Speech speech) { ++asked_[static_cast<std::size_t>(speech)]; }
    void count_replied(Speech speech, bool last) { ++replied_[static_cast<std::size_t>(speech)][last ? 1 : 0]; }
    void count_told(WorkerWord word, bool is_v02) { ++told_[is_v02 ? 1 : 0][static_cast<std::size_t>(word)]; }
    void count(Fault fault) { ++faults_[static_cast<std::size_t>(fault)]; }
    void count_in(wire::Verb verb) { ++verbs_in_[static_cast<std::size_t>(verb) % verbs_in_.size()]; }
    void count_out(wire::Verb verb) { ++verbs_out_[static_cast<std::size_t>(verb) % verbs_out_.size()]; }
    void count_settle(std::uint16_t code);
    void count_answer(wire::Verb verb, std::uint16_t status);
    /// Of a batch that is appended; or that is read back.
    void count(RecordKind kind, bool replayed) {
        ++records_[replayed ? 1 : 0][static_cast<std::size_t>(kind) % record_count];
    }
    void count(NoticeKind kind) { ++notices_[static_cast<std::size_t>(kind)]; }
    void add(const Coverage& other);
    [[nodiscard]] std::uint64_t of(Fault fault) const { return faults_[static_cast<std::size_t>(fault)]; }

    /// One line a thing, and whether none of those that must happen is 0.
    [[nodiscard]] std::string table(bool& complete) const;

  private:
    void majordomo_table(const std::function<void(const std::string&, std::uint64_t)>& line) const;

    static constexpr std::size_t verb_count = 32;
    static constexpr std::size_t settle_count = 8;
    static constexpr std::size_t notice_count = static_cast<std::size_t>(NoticeKind::drain_begun) + 1;
    static constexpr std::size_t answer_count = 27;
    static constexpr std::size_t record_count = static_cast<std::size_t>(RecordKind::totals) + 1;

    std::array<std::uint64_t, static_cast<std::size_t>(Fault::count)> faults_{};
    std::array<std::uint64_t, verb_count> verbs_in_{};
    std::array<std::uint64_t, verb_count> verbs_out_{};
    std::array<std::uint64_t, settle_count> settles_{};
    std::array<std::uint64_t, notice_count> notices_{};
    std::array<std::uint64_t, answer_count> answers_{};
    std::array<std::array<std::uint64_t, record_count>, 2> records_{};
    std::array<std::array<std::uint64_t, static_cast<std::size_t>(MajordomoState::count)>,
               static_cast<std::size_t>(MajordomoEvent::count)>
        majordomo_{};
    std::array<std::uint64_t, speech_count> asked_{};
    std::array<std::array<std::uint64_t, 2>, speech_count> replied_{};
    std::array<std::array<std::uint64_t, worker_word_count>, 2> told_{};
};

}  // namespace ym::simulation
