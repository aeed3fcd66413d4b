// The state of the broker and its steps, by subject: one source file each.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ring.h"
#include "broker/batches.h"
#include "broker/broker.h"
#include "broker/deadlines.h"
#include "broker/groups.h"
#include "broker/history.h"
#include "broker/holders.h"
#include "broker/keeping.h"
#include "broker/messages.h"
#include "broker/mutants.h"
#include "broker/parts.h"
#include "broker/queue.h"
#include "broker/replay.h"
#include "broker/session.h"
#include "wire/mdp.h"
#include "wire/ymp.h"

namespace ym {

/// The last body of a frame may stand in a ZeroMQ frame of its own: gives it to the last record. False if that one has
/// a body already.
[[nodiscard]] bool attach_body(const FrameReceived& event, const wire::Frame& frame, wire::Record& record);

class Broker::Machine : private Bounds {
  public:
    explicit Machine(const BrokerOptions& options);

    void step(Now now, std::span<Event> events, Effects& effects);
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] StatusReport status(Instant now);
    [[nodiscard]] std::vector<CopyStatus> copies();

  private:
    // step.cc: events, time
    void apply(Event& event);
    void run_due();
    void run_session(Session& session);
    void finish(Finish how);
    void check_drained();
    void begin_drain();

    // topology.cc: settings, names
    void on(SettingsChanged& event);
    void apply_queues(std::vector<QueueSettings>& queues, const CreateSettings* create);
    void apply_pipelines(std::vector<PipelineSettings>& pipelines);
    void apply_queue(QueueSettings&& settings, bool created);
    AddressId intern(const std::string& name);
    [[nodiscard]] AddressId find(std::string_view name) const;
    /// As find(), or a queue on demand; no_address if neither. No limit holds for those that settings name.
    AddressId find_or_create(std::string_view name, bool by_settings = false);
    /// Whether settings let a queue of this name be made when somebody asks for it; whether there may be no more of
    /// them.
    [[nodiscard]] bool on_demand(std::string_view name) const;
    [[nodiscard]] bool demand_is_full() const;
    /// What to say of a name that find_or_create() has no address for: nothing is called so, or not yet another one.
    [[nodiscard]] wire::Status no_address_status(std::string_view name) const;
    [[nodiscard]] std::string why_no_address(std::string_view name);
    [[nodiscard]] std::string nearest_name(std::string_view name);
    void remove_queue(Queue& queue);
    void connect_addresses();
    void group_addresses();
    void connect(std::uint32_t from, AddressId to);
    AddressId find_dead_to(const Queue& from);
    Queue& queue(AddressId address) { return *addresses_[address.value].queue; }
    [[nodiscard]] RetryPolicy* find_retry(std::string_view name) const;

    // peers.cc: who is there
    void on(const FrameReceived& event);
    void on(const PeerUnreachable& event);
    void on_hello(const FrameReceived& event, const wire::Frame& frame);
    void on_bye(Session& session);
    Session* join(const FrameReceived& event, const Hello& hello);
    Session& new_session();
    void attach(Session& session, const FrameReceived& event);
    bool read_hello(const FrameReceived& event, const wire::Frame& frame, Hello& hello);
    bool read_queue(PeerId peer, std::string_view name, std::uint32_t at, Hello& hello);
    void revive(Session& session);
    void welcome(Session& session, bool resumed);
    void detach(Session& session);
    void lose(Session& session, std::optional<FailureReason> reason);
    void end_leases(Session& session, std::optional<FailureReason> reason);
    void forget(Session& session);
    void subscribe(Session& session, const std::vector<AddressId>& queues);
    void unsubscribe(Session& session);
    void malformed(PeerId peer, const wire::DecodeError& error, std::string_view text);
    void error_to(PeerId peer, wire::Status status, std::string_view field, std::uint64_t at, std::string_view text);
    void forget_peer(PeerId peer);
    Peer& peer(PeerId id);
    [[nodiscard]] const ListenerSettings& limits(std::uint32_t listener) const;
    Session* session(SessionRef ref);
    void schedule(Session& session);
    void stranger(PeerId id);
    [[nodiscard]] Ring<PeerId>& strangers(std::uint32_t listener);
    [[nodiscard]] std::uint64_t& connected(std::uint32_t listener);
    void deny(PeerId id, Peer& peer);

    // majordomo.cc: workers and clients that speak Majordomo or Paranoid Pirate
    void on_majordomo(const FrameReceived& event);
    void on_majordomo_worker(const FrameReceived& event, const mdp::Message& message);
    void on_majordomo_ready(const FrameReceived& event, const mdp::Message& message);
    void on_majordomo_answer(Session& session, const mdp::Message& message);
    Session* majordomo_session(const FrameReceived& event);
    [[nodiscard]] bool is_full(std::uint32_t listener);
    [[nodiscard]] bool is_given_up(const Session& session, std::uint32_t listener) const;
    void run_majordomo(Session& session);
    [[nodiscard]] Instant majordomo_deadline(Session& session) const;
    bool write_majordomo_request(Queue& queue, Session& worker, const Copy& copy);
    void idle_again(Session& worker);
    void take_back_unsent(Session& worker);
    void refuse_answer(Session& worker, std::uint64_t tag, bool last);
    void say_majordomo(Session& session, wire::Verb verb);
    void disconnect(PeerId peer, mdp::Dialect dialect, bool delimited);
    void dismiss(Session& session, bool tell);
    void begin_again(Session& session);
    void send_parts(PeerId peer, std::size_t at);
    void encode_body(std::span<const Octets> frames, Octets& fields, Octets& body);
    void append_body(Octets fields, Octets body);

    // majordomo_requests.cc: requests of Majordomo clients, and what they are answered
    void on_majordomo_request(const FrameReceived& event, const mdp::Message& message);
    void answer_mmi(Session& session, const mdp::Message& message);
    [[nodiscard]] bool has_workers(AddressId address, int depth) const;
    [[nodiscard]] std::string_view address_of_service(std::string_view service) const;
    [[nodiscard]] static std::unique_ptr<MajordomoRequest> note_request(const mdp::Message& message);
    void majordomo_reply(MessageId message, wire::Status status, AddressId from, std::uint64_t part, Octets fields,
                         Octets body);
    void gather(MessageId message, Request& request, AddressId from, Octets fields, Octets body);
    void refuse_request(PeerId peer, const mdp::Message& message, wire::Status status, std::string_view text);
    void tell_refusal(PeerId peer, const MajordomoRequest& request, wire::Status status, std::string_view text);
    void end_request(MessageId message, wire::Status status, std::string_view text);
    using Requests = std::unordered_map<MessageId, Request>;
    void erase_request(Requests::iterator request);
    void take_request(Session& session, const FrameReceived& event, const mdp::Message& message);

    // publish.cc: messages in
    void on_publish(Session& session, const FrameReceived& event, const wire::Frame& frame);
    bool refuse_unread(Session& session, const wire::DecodeError& error, const wire::Record& record,
                       std::uint64_t window);
    bool read_candidate(Session& session, const wire::Record& record, Candidate& candidate);
    bool admit(Session& session, const wire::Record& record, std::uint64_t window);
    void recognise(Session& session, std::uint64_t sequence, bool wants_reply);
    void route(AddressId address);
    void route_pipeline(const Pipeline& pipeline, std::span<const std::uint32_t> messages, bool optional, int depth);
    void add_target(Candidate& candidate, AddressId queue, bool optional);
    void unmatched(const Pipeline& pipeline, Candidate& candidate, bool optional, int depth);
    void fill_columns(const Pipeline& pipeline, std::span<const std::uint32_t> messages, RouteScratch& scratch);
    void follow(const Pipeline& pipeline, RouteScratch& scratch, bool optional, int depth);
    void prefetch_target(const Candidate& soon, const Candidate& now) const;
    [[nodiscard]] std::size_t alike(std::size_t first) const;
    bool accept_run(Session& session, std::span<const Candidate> run);
    void accept(Session& session, Candidate& candidate, const Pipeline* pipeline);
    static void count_optional_full(Queue& queue);
    [[nodiscard]] bool may_store_for(const Queue& queue) const;
    [[nodiscard]] static bool has_room_for(const Queue& queue, std::uint64_t messages, std::uint64_t bytes);
    bool can_take(const Queue& queue, std::uint64_t bytes) const;
    void make_room(Queue& queue, std::uint64_t bytes);
    [[nodiscard]] bool check_targets(Session& session, Candidate& candidate, std::uint32_t& copies, bool& stored);
    Slot store_message(const Candidate& candidate);
    [[nodiscard]] Holders::Set holders_of(const Candidate& candidate);
    void enqueue(Queue& queue, Slot first, std::uint32_t count, bool stored);
    void arrive(Queue& queue, Slot first, std::uint32_t count);
    void make_ready(Queue& queue, Lane& lane, Slot first, std::uint32_t count);
    void make_ready(const StoringCopy& copy);
    void confirm(Session& session, std::uint64_t first, std::uint64_t last, std::uint64_t body_bytes, bool stored);
    void clear_candidates();
    void refuse(Session& session, std::uint64_t sequence, wire::Status status, std::string_view text,
                Duration retry_after = Duration{0});

    // dispatch.cc: messages out
    void dispatch();
    [[nodiscard]] bool step_is_full() const;
    std::uint64_t hand_out(Queue& queue, std::uint64_t most);
    [[nodiscard]] bool has_front(Queue& queue);
    std::size_t gather_workers(Queue& queue, std::uint64_t& credit);
    std::uint64_t show_messages(Queue& queue, std::uint64_t count);
    std::uint64_t deliver(Queue& queue, std::uint64_t count);
    void prefetch_messages(Queue& queue, std::uint64_t count);
    void write_deliveries(Queue& queue, const Hand& hand);
    void give(Queue& queue, Session& worker, const Copy& copy, wire::FrameWriter& writer);
    std::uint64_t lease(Queue& queue, Session& worker, const Copy& copy, Duration lease);
    /// Of the last delivery: grows with each, and across restarts.
    [[nodiscard]] std::uint64_t fence() const { return (std::uint64_t{epoch_} << fence_counter_bits) | fence_; }
    void touch(Queue& queue);
    void update_wants(Session& session);
    void let_in_line(Session& session);
    bool let_more_in_line();
    void leave_line(std::uint32_t subscription, std::uint64_t given);
    void put_out_of_line(std::uint32_t subscription, std::uint64_t given);
    void link_worker(std::uint32_t subscription);
    void unlink_worker(std::uint32_t subscription);
    [[nodiscard]] std::uint64_t allowed(Queue& queue);
    [[nodiscard]] bool deliverable_while_draining(const Queue& queue) const;

    // settle.cc: answers of workers
    void on_settle(Session& session, const FrameReceived& event, const wire::Frame& frame);
    void on_credit(Session& session, const FrameReceived& event, const wire::Frame& frame);
    void settle_range(Session& session, const wire::Record& record, std::uint64_t last, const WorkersWords& words,
                      bool tell);
    void settle(Session& session, std::uint64_t tag, std::uint64_t through, Delivery& delivery,
                const wire::Record& record, const WorkersWords& words);
    void ack(Session& session, std::uint64_t first, std::uint64_t last, const wire::Record& record);
    static std::uint64_t run_of(Session& session, std::uint64_t first, std::uint64_t last);
    Copy end_lease(Session& session, std::uint64_t tag, const Delivery& delivery);
    void expire_leases(Session& session);
    void fail_lease(Session& session, std::uint64_t tag, FailureReason reason, std::string_view why = {});
    static void watch_leases(Session& session, const LeasesDue& leases);
    [[nodiscard]] static Instant first_lease_due(Session& session);
    void extend(Delivery& delivery);

    // retry.cc: what follows a failed attempt
    void fail(const Session& worker, const Copy& copy, AddressId queue, FailureReason reason,
              const WorkersWords& words = {});
    void decide_failures();
    void return_copy(Queue& queue, const Copy& copy, Duration wait);
    void give_back(Queue& queue, Copy copy);
    void put_in_place(Queue& queue, const Copy& copy);
    void dead_letter(Queue& queue, const Copy& copy, FailureReason reason);
    void settled(Queue& queue, Slot slot, Outcome outcome);
    bool move_dead(Queue& from, Queue& to, const Copy& copy, FailureReason reason);
    void record_move(const MovingCopy& moving);
    void drop_dead(Queue& queue);
    [[nodiscard]] bool may_remove(const Queue& queue) const;
    [[nodiscard]] Instant remove_at(const Queue& queue) const;
    void schedule(Queue& queue);
    void run_queue(Queue& queue);

    // reply.cc: requests
    void expect_reply(Session& session, MessageId message, std::uint64_t sequence, std::uint32_t copies,
                      const Pipeline* pipeline);
    void unanswered(Slot slot);
    void reply(MessageId message, wire::Status status, AddressId from, std::uint64_t part, Octets fields, Octets body);
    void expire_requests();
    void flush_held(Session& session);
    void remember_reply(Session& session, std::uint64_t sequence, Octets frame);
    void reply_again(Session& session, std::uint64_t sequence);
    void forget_sent_reply(Session& session);
    [[nodiscard]] Duration sent_reply_keep(const Session& session) const;
    void expire_replies(Session& session);
    /// Octets in memory of bodies, fields, histories, and of replies that are kept: what limits.memory bounds.
    [[nodiscard]] std::uint64_t memory() const { return messages_.memory() + reply_bytes_ + histories_.memory(); }

    // storing.cc: the store
    void on(const StoreCompleted& event);
    void on(const StoreAcquired& event);
    StoreRecord& record(RecordKind kind);
    StoreRecord& record_of(Queue& queue, RecordKind kind);
    void record_message(const Session& session, const Candidate& candidate, Slot slot);
    [[nodiscard]] bool record_behind(const Session& session, const Candidate& candidate, Slot slot);
    void record_settled(Queue& queue, MessageId message, Outcome outcome);
    PendingBatch& batch() { return batch_open_ ? pending_.back() : open_batch(); }
    PendingBatch& open_batch();
    void name_queue(Queue& queue);
    [[nodiscard]] Queue& queue_of(const StoreRecord& record);
    [[nodiscard]] PendingBatch* pending(std::uint64_t number);
    void complete(PendingBatch& pending);
    void refuse_batch(PendingBatch& pending);
    void refuse_copy(Queue& queue, Slot slot);
    void close_empty_batch();
    void seal_batch();
    void show_lists(PendingBatch& pending);
    void release_held();
    [[nodiscard]] bool store_open() const;
    [[nodiscard]] bool holds_records() const { return !held_.records.empty() || !held_.moved.empty(); }

    // replay.cc: what the store kept of an earlier life
    void on(const StoreReplayed& event);
    [[nodiscard]] bool replay_record(const StoreRecord& record);
    [[nodiscard]] bool replay_messages(const StoreRecord& record, std::span<const AddressId> numbers);
    bool replay_message(const StoreRecord& record, MessageId id, std::uint64_t bytes, Holders::Set holders);
    bool replay_settled(const StoreRecord& record);
    void replay_settled(Replay::Books& books, AddressId number, MessageId message, Outcome outcome);
    bool replay_note(const StoreRecord& record, Replay::Books& books);
    void replay_history(const StoreRecord& record, Replay::Note& note);
    SequenceWindow* replay_session(const StoreRecord& record);
    void finish_replay();
    void replay_holders();
    void replay_queue(std::uint32_t number, const Replay::Books& books);
    void replay_copy(Queue& queue, Slot slot);
    [[nodiscard]] Instant to_instant(WallTime at) const;

    // keeping.cc: what the store holds that still counts
    void keep_in(Slot slot, std::uint64_t batch);
    void leave_batch(Slot slot);
    [[nodiscard]] bool is_stored(std::uint64_t batch) const;
    void drop_copy(AddressId holder, Slot slot);
    Slot split(Queue& from, Queue& to, Slot slot);
    void measure_batch(std::uint64_t number, std::span<const StoreRecord> records);
    void show_message(StoreRecord& record, Slot slot) const;
    void tend_store();
    [[nodiscard]] bool is_read_below(std::uint64_t number) const;
    void relocate_more(std::uint64_t end);
    void relocate(const BatchFetched& event, std::uint64_t bytes);
    void write_relocated();
    void relocate_message(MessageId id);
    void relocate_note(const StoreRecord& old);
    void write_snapshot();
    void add_books(const Queue& queue, const Storing& storing);
    void complete_relocation(PendingBatch& pending);
    void refuse_relocation(PendingBatch& pending);

    // paging.cc: bodies that are in the store alone
    void on(const BatchFetched& event);
    [[nodiscard]] bool is_memory_high() const;
    void spare(Slot slot);
    void page_out_spared();
    [[nodiscard]] bool is_kept(Slot slot) const;
    Fetching& fetch(std::uint64_t batch);
    void want(Queue& queue, Slot slot);
    void look_ahead(Queue& queue);
    void load(Slot slot, WallTime accepted, Octets fields, Octets body, std::uint64_t batch);

    // answers.cc: what a step tells its peers
    void say(Session& session);
    void flush_answers();
    void flush_lost();
    void flush_session(Session& session);
    void write_confirms(Session& session, const std::vector<Answer>& answers, bool settled);
    void write_lost(Session& session);
    void send(Session& session, std::size_t at);
    void send_bare(Session& session, wire::Verb verb, std::uint64_t number = 0);
    [[nodiscard]] Duration heartbeat(const Session& session) const;
    [[nodiscard]] std::uint32_t stretch_for(std::uint32_t listener, std::uint64_t peers) const;
    void send_heartbeat(Session& session);
    std::uint64_t publish_window(Session& session) const;
    [[nodiscard]] std::uint64_t bytes_window(const Session& session) const;
    void notice(NoticeKind kind, std::string name, std::string text, std::uint64_t count = 0);

    void on(DrainRequested& event);
    void on(const AdminCommand& event);
    [[nodiscard]] QueueStatus status_of(const Queue& queue, Instant now) const;
    [[nodiscard]] PeerStatus status_of(Session& session) const;
    [[nodiscard]] Instant accepted_at(Slot slot) const;
    void add_plugins(StatusReport& report) const;

    BrokerOptions options_;
    Now now_;
    Instant started_;
    bool started_known_ = false;
    Effects* out_ = nullptr;
    std::unique_ptr<Topology> topology_;

    std::deque<Address> addresses_;
    std::unordered_map<std::string, AddressId, TextHash, std::equal_to<>> names_;
    std::uint64_t queue_count_ = 0;
    std::uint64_t created_count_ = 0;
    Instant nearest_next_;  // when a search is due at `nearest_every`
    std::vector<std::uint32_t> addresses_free_;
    Groups groups_;  // by address
    bool groups_are_old_ = false;

    std::vector<Peer> peers_;
    std::vector<Ring<PeerId>> strangers_;   // by listener
    std::vector<std::uint64_t> connected_;  // by listener
    std::deque<Session> sessions_;
    std::vector<std::uint32_t> sessions_free_;
    std::unordered_map<SessionKey, std::uint32_t, SessionKeyHash> by_key_;
    Ring<SessionRef> remembered_;
    std::vector<Subscription> subscriptions_;
    std::vector<std::uint32_t> subscriptions_free_;
    std::vector<std::uint32_t> talkative_;  // sessions with answers in this step

    Holders holders_;
    Messages messages_;
    Histories histories_;
    bool memory_short_ = false;  // a message was refused for it since the last step
    std::uint64_t next_message_ = 1;
    std::uint64_t fence_ = 0;
    std::uint32_t epoch_ = 0;
    Deadlines session_deadlines_;
    Deadlines queue_deadlines_;

    Requests requests_;
    std::vector<RequestDue> requests_due_;  // a heap, the earliest first
    std::uint64_t reply_bytes_ = 0;         // of replies that are kept

    StoreState store_state_ = StoreState::ready;
    Instant store_full_until_;
    bool store_short_ = false;  // the store was full, and has taken no publish since
    bool held_go_ = false;      // this step's batch holds what a full store has not taken: no publish may spoil it
    std::uint64_t last_batch_ = 0;
    Ring<PendingBatch> pending_;  // appended, in order; the last may still be open
    bool batch_open_ = false;
    std::vector<PendingBatch> batch_spare_;
    HeldRecords held_;
    RecordLists lists_;
    std::vector<AddressId> numbers_;  // queues by their numbers in the store
    std::unique_ptr<Replay> replay_;  // until all is read
    Batches batches_;
    Reclaiming reclaiming_;
    Relocation relocation_;
    std::unordered_map<std::uint64_t, Fetching> fetching_;

    bool draining_ = false;
    Instant drain_until_ = Instant::never();
    Finish finished_ = Finish::no;

    // Scratch of one step, kept for its memory.
    Buffer set_fields_;
    const mdp::Message* asking_ = nullptr;  // the Majordomo request that is being taken
    Buffer majordomo_body_;
    Buffer majordomo_fields_;
    std::uint64_t majordomo_sessions_ = 0;
    std::vector<SessionRef> given_up_;  // Majordomo clients that may make room for others, the most silent last
    Instant given_up_next_;             // when they may be looked for again
    std::vector<Candidate> candidates_;
    std::vector<Target> targets_;
    std::vector<AddressId> holding_;  // queues of one message
    std::vector<MessageId> wanted_;
    std::vector<MessageId> spared_;
    std::vector<Storing> storing_;                              // by address
    std::vector<AddressId> optional_full_;                      // of one message: optional targets that cannot take it
    std::uint64_t route_random_ = 0;                            // of the frame's producer
    std::vector<std::unique_ptr<RouteScratch>> route_scratch_;  // by depth of the chain
    std::vector<ActiveQueue> active_;              // a heap, the least far first: queues with something to hand out
    std::vector<std::uint32_t> waiting_for_line_;  // sessions
    std::vector<std::uint32_t> let_in_;
    std::uint64_t step_deliveries_ = 0;
    std::size_t step_octets_at_ = 0;    // where those of its deliveries begin
    std::uint64_t pass_ = 0;            // of the queue that had the last turn
    std::vector<AddressId> reluctant_;  // queues whose policy gave a message to nobody: asked again at the next change
    std::vector<WorkerView> views_;
    std::vector<Slot> next_slots_;                      // messages that are shown to a balance policy
    std::vector<std::vector<std::string_view>> shown_;  // their fields
    std::vector<const std::string_view*> shown_pointers_;
    std::vector<Hand> hands_;  // by view
    std::vector<std::uint32_t> picks_;
    std::vector<Failed> failed_;
    std::vector<FailedAttempt> attempts_;
    std::vector<Duration> waits_;
    std::vector<Taken> taken_;
    std::vector<std::uint64_t> expired_;
    // Counters that belong to no queue.
    std::uint64_t duplicates_ = 0, refused_ = 0, dropped_unmatched_ = 0, malformed_ = 0, stale_ = 0;
    std::uint64_t replies_sent_ = 0, replies_dropped_ = 0;
};

}  // namespace ym
