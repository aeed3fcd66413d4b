// Names and settings: which queues and pipelines there are, and what becomes of those that leave.
#include <algorithm>

#include "base/nearest.h"
#include "base/pattern.h"
#include "broker/machine.h"

namespace ym {

void Broker::Machine::on(SettingsChanged& event) {
    std::unique_ptr<Topology> old = std::move(topology_);  // retry policies live until the queues point at the new ones
    topology_ = std::move(event.topology);
    YM_CHECK(topology_ != nullptr && find_retry("default") != nullptr && !topology_->listeners.empty());
    // Every name first, since settings point at each other.
    for (const QueueSettings& settings : topology_->queues) intern(settings.name);
    for (const PipelineSettings& settings : topology_->pipelines) intern(settings.name);
    apply_queues(topology_->queues, topology_->create ? &*topology_->create : nullptr);
    apply_pipelines(topology_->pipelines);
    connect_addresses();
    for (Session& s : sessions_) {
        if (s.state != SessionState::connected) continue;
        s.accepted.widen(2 * limits(s.listener).unconfirmed);
        schedule(s);
    }
}

void Broker::Machine::apply_queues(std::vector<QueueSettings>& queues, const CreateSettings* create) {
    std::vector<bool> kept(addresses_.size(), false);
    for (QueueSettings& settings : queues) {
        kept[find(settings.name).value] = true;
        apply_queue(std::move(settings), false);
    }
    for (std::uint32_t i = 0; i < kept.size(); ++i) {
        if (!addresses_[i].queue || kept[i]) continue;
        Queue& q = *addresses_[i].queue;
        if (create != nullptr && fits_pattern(create->match, q.settings.name)) {
            apply_queue(create->make(q.settings.name), true);
            continue;
        }
        q.retry = find_retry(q.settings.retry);
        if (q.retry == nullptr) q.retry = find_retry("default");
        if (!q.orphan) {
            q.orphan = true;
            q.empty_since = now_.monotonic;
            notice(NoticeKind::queue_orphaned, q.settings.name, "left the settings; takes no message and drains",
                   q.live);
        }
        schedule(q);
    }
}

void Broker::Machine::apply_queue(QueueSettings&& settings, bool created) {
    const AddressId id = intern(settings.name);
    Address& address = addresses_[id.value];
    if (!address.queue) {
        address.queue = std::make_unique<Queue>();
        address.queue->address = id;
        ++queue_count_;
    }
    Queue& q = *address.queue;
    if (created && !q.created) ++created_count_;
    if (!created && q.created) --created_count_;
    q.orphan = false;
    q.created = created;
    q.empty_since = now_.monotonic;
    q.keeps = (settings.durable && options_.store_keeps) || (q.keeps && q.live > 0);
    q.retry = find_retry(settings.retry);
    YM_CHECK(q.retry != nullptr && settings.balance != nullptr);
    q.settings = std::move(settings);
    q.balance_columns.clear();
    for (const std::string& field : q.settings.balance->columns()) q.balance_columns.push_back(column_of(field));
    schedule(q);
    touch(q);
}

void Broker::Machine::apply_pipelines(std::vector<PipelineSettings>& pipelines) {
    for (Address& address : addresses_) address.pipeline.reset();
    for (PipelineSettings& settings : pipelines) {
        Address& address = addresses_[find(settings.name).value];
        address.pipeline = std::make_unique<Pipeline>();
        Pipeline& pipeline = *address.pipeline;
        for (const std::string& field : settings.route->columns()) pipeline.columns.push_back(column_of(field));
        pipeline.settings = std::move(settings);
    }
    // Targets may be queues on demand, which takes all pipelines to be known.
    for (std::uint32_t i = 0; i < addresses_.size(); ++i) {
        if (!addresses_[i].pipeline) continue;
        Pipeline& pipeline = *addresses_[i].pipeline;
        const PipelineSettings& settings = pipeline.settings;
        for (const AddressName& name : settings.targets) {
            const bool optional =
                std::find(settings.optional.begin(), settings.optional.end(), name) != settings.optional.end();
            pipeline.targets.push_back({find_or_create(name, true), optional});
            YM_CHECK(pipeline.targets.back().address != no_address);
        }
        if (settings.unmatched == Unmatched::forward) {
            pipeline.unmatched_to = find_or_create(settings.unmatched_to, true);
            YM_CHECK(pipeline.unmatched_to != no_address);
        }
    }
}

/// Queues that settings point at stay, and what is connected is one group.
void Broker::Machine::connect_addresses() {
    // By index: find_dead_to may make a queue, and with it an address.
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (!addresses_[i].queue) continue;
        Queue& q = *addresses_[i].queue;
        q.pinned = false;
        q.dead_to = find_dead_to(q);  // may be made by this
    }
    group_addresses();
    // Whether a queue may be removed depends on what points at it.
    for (Address& address : addresses_) {
        if (address.queue) schedule(*address.queue);
    }
}

void Broker::Machine::group_addresses() {
    groups_.begin(addresses_.size());
    for (std::uint32_t i = 0; i < addresses_.size(); ++i) {
        const Address& address = addresses_[i];
        if (address.queue) connect(i, address.queue->dead_to);
        if (!address.pipeline) continue;
        for (const PipelineTarget& target : address.pipeline->targets) connect(i, target.address);
        connect(i, address.pipeline->unmatched_to);
    }
    groups_are_old_ = false;
}

void Broker::Machine::connect(std::uint32_t from, AddressId to) {
    if (to == no_address) return;
    groups_.join(from, to.value);
    if (addresses_[to.value].queue && !addresses_[to.value].pipeline) queue(to).pinned = true;
}

AddressId Broker::Machine::find_dead_to(const Queue& from) {
    if (from.settings.dead_to.empty()) return no_address;
    const AddressId to = find_or_create(from.settings.dead_to, true);
    // A queue on demand may be the one that its own template names: its dead letters are kept beside it.
    if (to == no_address || to == from.address || addresses_[to.value].pipeline) return no_address;
    return to;
}

void Broker::Machine::remove_queue(Queue& q) {
    YM_CHECK(q.live == 0 && q.dead.empty() && q.subscribers == 0 && !q.pinned);
    notice(NoticeKind::queue_removed, q.settings.name, q.orphan ? "orphan has drained" : "on demand, idle");
    queue_deadlines_.set(q.address.value, Instant::never());
    if (q.active) {
        std::erase_if(active_, [&](const ActiveQueue& active) { return active.queue == q.address.value; });
        std::make_heap(active_.begin(), active_.end(), std::greater<>{});
    }
    if (q.number != no_address) {
        // The next start need not make it again, and ask what became of its books.
        if (q.keeps && store_open()) record(RecordKind::queue).queue = q.number;
        numbers_[q.number.value] = no_address;
    }
    --queue_count_;
    groups_are_old_ = true;  // it may have been what connected others; and its number comes to mean another queue
    if (q.created) --created_count_;
    Address& address = addresses_[q.address.value];
    // A pipeline may have taken over its name.
    if (!address.pipeline) {
        names_.erase(address.name);
        addresses_free_.push_back(q.address.value);
    }
    address.queue.reset();
}

AddressId Broker::Machine::intern(const std::string& name) {
    const auto found = names_.find(name);
    if (found != names_.end()) return found->second;
    AddressId id{static_cast<std::uint32_t>(addresses_.size())};
    if (addresses_free_.empty()) {
        addresses_.push_back({name, nullptr, nullptr});
        groups_.add();
    } else {
        id.value = addresses_free_.back();
        addresses_free_.pop_back();
        addresses_[id.value].name = name;
    }
    names_.emplace(name, id);
    return id;
}

AddressId Broker::Machine::find(std::string_view name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? no_address : found->second;
}

bool Broker::Machine::on_demand(std::string_view name) const {
    return topology_->create && !name.empty() && name.size() <= wire::name_bytes_max &&
           fits_pattern(topology_->create->match, name);
}

bool Broker::Machine::demand_is_full() const {
    return created_count_ >= topology_->create->max || queue_count_ >= topology_->queues_max;
}

wire::Status Broker::Machine::no_address_status(std::string_view name) const {
    const bool later = find(name) == no_address && on_demand(name);
    return later ? wire::Status::full : wire::Status::no_address;
}

std::string Broker::Machine::why_no_address(std::string_view name) {
    if (on_demand(name)) return "too many queues on demand (create.max, limits.queues)";
    std::string text = "no address '" + std::string(name) + "'";
    const std::string nearest = nearest_name(name);
    if (!nearest.empty()) text += "; is '" + nearest + "' meant?";
    return text;
}

AddressId Broker::Machine::find_or_create(std::string_view name, bool by_settings) {
    const AddressId id = find(name);
    if (id != no_address && (addresses_[id.value].queue || addresses_[id.value].pipeline)) return id;
    if (!on_demand(name) || (demand_is_full() && !by_settings)) return no_address;
    const std::string text(name);
    apply_queue(topology_->create->make(text), true);
    Queue& q = queue(find(text));
    q.dead_to = find_dead_to(q);
    connect(q.address.value, q.dead_to);
    notice(NoticeKind::queue_created, text, "on demand", created_count_);
    return q.address;
}

/// The name that may have been meant; empty if none is near. A search costs a thousand times what a good name does, so
/// a flood of wrong ones is told no more than that they are wrong.
std::string Broker::Machine::nearest_name(std::string_view name) {
    nearest_next_ = std::max(nearest_next_, now_.monotonic - nearest_burst);
    if (nearest_next_ > now_.monotonic) return {};
    nearest_next_ = nearest_next_ + nearest_every;
    constexpr std::size_t looked_at_max = 1024;
    Nearest nearest(name);
    std::size_t looked_at = 0;
    for (const Address& address : addresses_) {
        if (!address.queue && !address.pipeline) continue;
        nearest.offer(address.name);
        if (++looked_at == looked_at_max) break;
    }
    return std::string(nearest.best());
}

RetryPolicy* Broker::Machine::find_retry(std::string_view name) const {
    for (const NamedRetry& retry : topology_->retries) {
        if (retry.name == name) return retry.policy.get();
    }
    return nullptr;
}

}  // namespace ym
