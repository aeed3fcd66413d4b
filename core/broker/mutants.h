// Planted bugs, by which the tests show that the simulator's checkers find what they are there to find.
// In the product YM_MUTANT(...) is the literal `false`, and nothing of this reaches the library. The tests compile
// the broker a second time with YM_MUTANTS, and there one bug at a time can be switched on.
#pragma once

#ifdef YM_MUTANTS

#include <cstdint>

// name, and what the broker then does wrong.
#define YM_MUTANT_LIST(X)                                                                                  \
    X(early_confirm, "confirms a durable message before the store has completed its batch")                \
    X(dropped_requeue, "forgets a message that a failed attempt should have brought back")                 \
    X(stale_ack_applied, "lets an ack settle a message whose lease has ended")                             \
    X(fence_reused, "gives two deliveries the same fence")                                                 \
    X(refused_sequence_is_duplicate, "remembers a refused sequence as if it had been taken")               \
    X(credit_overrun, "delivers one message more than the worker's window allows")                         \
    X(bytes_credit_ignored, "delivers beyond the octets that the worker allows")                           \
    X(lost_place, "puts a returned message behind all others")                                             \
    X(duplicate_reply, "sends the last reply of a request twice")                                          \
    X(lost_reply, "forgets a reply that is due")                                                           \
    X(live_lease_expired, "ends a lease in the middle of its time")                                        \
    X(confirm_wrong_producer, "confirms to another producer than the one that published")                  \
    X(dedupe_forgotten_on_resume, "forgets which sequences were taken when their session comes back")      \
    X(optional_refuses, "refuses a publish because an optional queue is full")                             \
    X(confirmed_on_acquire, "takes every batch in flight for stored when the shard is acquired again")     \
    X(settled_twice, "tells the store twice that a message has left its queue")                            \
    X(body_cut, "delivers a body without its last octet")                                                  \
    X(dead_uncounted, "forgets to count dead letters")                                                     \
    X(late_wake, "wants to be called again a second too late")                                             \
    X(overtakes_stored, "hands out a message before one of its queue that the store is still asked about") \
    X(moved_number_kept, "gives a dead letter no number of its own in the queue that it goes on in")       \
    X(name_told_once, "takes the name of a queue for stored before it is")                                 \
    X(first_dead_answers, "answers a request 410 though another queue may still answer it")                \
    X(stale_token_taken, "lets a Majordomo worker answer with the token of another delivery")              \
    X(stray_dismisses, "sends a Majordomo worker away for an answer that is late")                         \
    X(second_request, "gives a Majordomo worker a second request before it has answered the first")        \
    X(part_keeps_lease, "does not begin the lease anew with a part of a Majordomo worker's reply")         \
    X(busy_not_told, "sends no sign of life to a Majordomo worker that is busy")                           \
    X(unknown_worker_ignored, "does not send DISCONNECT to a Majordomo worker that it does not know")      \
    X(departed_request_lost, "forgets the request of a Majordomo worker that leaves")                      \
    X(other_service_echoed, "echoes another service than the Majordomo client asked for")                  \
    X(dialect_forgotten, "answers every Majordomo client in the words of 0.1")                             \
    X(part_after_last, "sends a Majordomo client a part behind its last reply")                            \
    X(mmi_always_found, "says of every service that it has a worker")                                      \
    X(strangers_ignored, "does not answer who has not said HELLO")                                         \
    X(silent_served, "gives deliveries to a peer that has been silent for too long")                       \
    X(batch_read_twice, "counts what a batch of the store settles each time that it is read")              \
    X(attempts_forgotten, "forgets at a start how many attempts were used up")                             \
    X(delay_forgotten, "hands out at a start what has to wait")                                            \
    X(books_begin_anew, "begins the books of its queues anew at a start")                                  \
    X(dead_come_alive, "takes dead letters for messages at a start")                                       \
    X(notes_left_behind, "gives up what old batches say of single copies")                                 \
    X(windows_left_behind, "gives up what old batches say of sequences")                                   \
    X(reclaimed_too_far, "gives up one batch too many")                                                    \
    X(snapshot_too_early, "writes down books without what is under way")                                   \
    X(history_forgotten, "forgets at a start which attempts failed, and why")                              \
    X(error_cut, "keeps the error of a worker without its first octet")                                    \
    X(page_cut, "brings a body back from the store without its last octet")

namespace ym::mutants {

enum class Name : std::uint8_t {
    none,
#define YM_MUTANT_NAME(name, text) name,
    YM_MUTANT_LIST(YM_MUTANT_NAME)
#undef YM_MUTANT_NAME
};

/// The one that is switched on. Set before a broker is made.
inline Name active = Name::none;

}  // namespace ym::mutants

#define YM_MUTANT(name) (::ym::mutants::active == ::ym::mutants::Name::name)

#else

#define YM_MUTANT(name) false

#endif
