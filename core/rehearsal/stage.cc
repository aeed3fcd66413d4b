#include "rehearsal/stage.h"

#include <array>
#include <deque>
#include <utility>

#include "base/check.h"
#include "store/records.h"

namespace ym::rehearsal {

std::string Got::text(wire::Field field) const {
    const auto found = fields.find(static_cast<std::uint8_t>(field));
    return found == fields.end() ? std::string() : found->second;
}

std::uint64_t Got::number_of(wire::Field field) const {
    return wire::as_u64(as_octets(text(field))).value_or(0);
}

Stage::Stage(BrokerOptions options, Now start, Watcher watcher)
    : options_(options), now_(start), watcher_(std::move(watcher)) {}

void Stage::start(std::unique_ptr<Topology> topology) {
    // What was not stored is gone with the broker that waited for it.
    for (const std::uint64_t batch : appended_) kept_.erase(batch);
    appended_.clear();
    fetches_.clear();
    events_.clear();
    acquires_ = false;
    finished_ = Finish::no;
    ++options_.boot;
    broker_ = std::make_unique<Broker>(options_);
    std::deque<store::BatchRecords> batches;  // lent until the step is over
    events_.emplace_back(SettingsChanged{std::move(topology)});
    for (const auto& [number, octets] : kept_) {
        const auto read = batches.emplace_back().add(octets.octets());
        YM_CHECK(read.ok());
        events_.emplace_back(StoreReplayed{number, batches.back().records()});
    }
    events_.emplace_back(StoreAcquired{++epoch_, stored_});
    play();
}

void Stage::change(std::unique_ptr<Topology> topology) {
    events_.emplace_back(SettingsChanged{std::move(topology)});
    play();
}

void Stage::drain() {
    events_.emplace_back(DrainRequested{});
    play();
}

void Stage::send(PeerId peer, const std::function<void(wire::FrameWriter&)>& write) {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    write(writer);
    const std::array<Octets, 1> parts{writer.end()};
    events_.emplace_back(FrameReceived{peer, {}, 0, parts});
    play();
}

void Stage::lose(PeerId peer) {
    events_.emplace_back(PeerUnreachable{peer});
    play();
}

void Stage::go_to(Instant at) {
    if (at > now_.monotonic) {
        // Whole milliseconds pass on the wall clock, and none of them gets lost between two calls.
        const auto ms = [](Instant t) { return std::chrono::duration_cast<std::chrono::milliseconds>(t.since_start); };
        now_.wall.since_epoch += ms(at) - ms(now_.monotonic);
        now_.monotonic = at;
    }
    play();
}

void Stage::pause_store(bool pauses) {
    pauses_ = pauses;
    answer();
    play();
}

void Stage::play() {
    do {
        effects_.clear();
        broker_->step(now_, events_, effects_);
        events_.clear();
        perform();
        watcher_.stepped();
        answer();
    } while (!events_.empty());
}

void Stage::perform() {
    if (!effects_.records.empty()) {
        appended_.push_back(effects_.batch);
        if (options_.store_keeps) {
            Buffer& octets = kept_[effects_.batch];
            store::BatchWriter writer(octets);
            for (const StoreRecord& record : effects_.records) writer.add(record);
            writer.finish(epoch_, effects_.batch);
        }
    }
    for (const Send& send : effects_.sends) show(send);
    for (const Notice& notice : effects_.notices) watcher_.noticed(notice);
    fetches_.insert(fetches_.end(), effects_.fetch.begin(), effects_.fetch.end());
    if (effects_.reclaim != 0) kept_.erase(kept_.begin(), kept_.upper_bound(effects_.reclaim));
    acquires_ = acquires_ || effects_.acquire;
    if (effects_.finish != Finish::no) finished_ = effects_.finish;
}

/// What the store says next. A batch that is fetched is lent for one step, so it is told alone.
void Stage::answer() {
    if (pauses_) return;
    if (std::exchange(acquires_, false)) events_.emplace_back(StoreAcquired{++epoch_, stored_});
    for (const std::uint64_t batch : std::exchange(appended_, {})) {
        stored_ = batch;
        events_.emplace_back(StoreCompleted{batch, StoreStatus::ok});
    }
    for (const std::uint64_t batch : std::exchange(fetches_, {})) {
        store::BatchRecords records;
        const auto read = records.add(kept_.at(batch).octets());
        YM_CHECK(read.ok());
        events_.emplace_back(BatchFetched{batch, records.records()});
        effects_.clear();
        broker_->step(now_, events_, effects_);
        events_.clear();
        perform();
        watcher_.stepped();
    }
}

void Stage::show(const Send& send) {
    if (send.parts) return;  // Majordomo: no peer of a rehearsal speaks it
    wire::Frame frame;
    YM_CHECK(!wire::parse_frame(effects_.octets.octets(send.at, send.size), frame));
    wire::RecordCursor cursor(frame);
    wire::Record record;
    bool any = false;
    while (cursor.next(record) == wire::RecordCursor::Step::record) {
        any = true;
        Got got{frame.verb, std::string(frame.name),           frame.number, record.code,
                record.id,  std::string(as_text(record.body)), {},           {}};
        wire::FieldCursor fields(record.fields);
        wire::FieldView field;
        while (fields.next(field)) {
            const auto header = field.tag == static_cast<std::uint8_t>(wire::Field::property)
                                    ? wire::as_property(field.value)
                                    : std::nullopt;
            if (header) got.headers[std::string(header->name)] = std::string(header->value);
            got.fields[field.tag] = std::string(as_text(field.value));
        }
        watcher_.got(send.peer, got);
    }
    if (!any) watcher_.got(send.peer, {frame.verb, std::string(frame.name), frame.number, 0, 0, {}, {}, {}});
}

}  // namespace ym::rehearsal
