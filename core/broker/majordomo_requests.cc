// Requests of Majordomo clients, and what they are answered. They have no deadline: each ends with its message, so a
// client gets one last reply for as long as it and the broker live.
#include "base/prng.h"
#include "broker/machine.h"
#include "wire/parts.h"

namespace ym {

using wire::Status;

std::string_view Broker::Machine::address_of_service(std::string_view service) const {
    const auto& services = topology_->majordomo.services;
    const auto found = services.find(service);
    return found == services.end() ? service : std::string_view(found->second);
}

void Broker::Machine::on_majordomo_request(const FrameReceived& event, const mdp::Message& m) {
    const bool known = peer(event.peer).state == PeerState::joined;
    Session* s = m.verb == mdp::Verb::request ? majordomo_session(event) : nullptr;
    if (s == nullptr) {
        ++(m.verb == mdp::Verb::request ? refused_ : malformed_);
        if (m.verb == mdp::Verb::request)
            refuse_request(event.peer, m, Status::full, "too many peers (listeners.*.limits.peers)");
        if (!known) forget_peer(event.peer);
        return;
    }
    s->last_heard = now_.monotonic;
    if (!known) s->name = std::string(mdp::name_of(m.dialect)) + " client";
    schedule(*s);
    if (m.service.starts_with(mdp::mmi_prefix)) return answer_mmi(*s, m);
    asking_ = &m;
    take_request(*s, event, m);
    asking_ = nullptr;
}

void Broker::Machine::take_request(Session& s, const FrameReceived& event, const mdp::Message& m) {
    clear_candidates();
    Candidate& c = candidates_.emplace_back();
    c.sequence = ++s.majordomo->sequence;
    c.wants_reply = true;
    const ListenerSettings& listener = limits(event.listener);
    if (total_size(m.body) > listener.frame)
        return refuse(s, c.sequence, Status::too_large, "beyond listeners.*.limits.frame");
    encode_body(m.body, c.fields, c.body);
    const std::string_view name =
        listener.protocol == Protocol::ymp ? address_of_service(m.service) : std::string_view(listener.to);
    const AddressId address = find_or_create(name);
    if (address == no_address) return refuse(s, c.sequence, no_address_status(name), why_no_address(name));
    route_random_ = mix64(load_be<std::uint64_t>(as_octets(s.key.text()).data() + 8));
    route(address);
    accept(s, c, addresses_[address.value].pipeline.get());
}

std::unique_ptr<MajordomoRequest> Broker::Machine::note_request(const mdp::Message& m) {
    auto request = std::make_unique<MajordomoRequest>();
    Buffer envelope;
    for (const Octets part : m.envelope) wire::append_part(envelope, part);
    request->dialect = m.dialect;
    request->envelope.assign(envelope.octets().begin(), envelope.octets().end());
    request->service = std::string(m.service);
    return request;
}

void Broker::Machine::majordomo_reply(MessageId message, Status status, AddressId from, std::uint64_t part_number,
                                      Octets fields, Octets body) {
    const auto found = requests_.find(message);
    Request& request = found->second;
    MajordomoRequest& how = *request.majordomo;
    Session* to = session(request.session);
    const bool part = status == Status::part;
    const bool gathers = how.dialect != mdp::Dialect::v02 && how.dialect != mdp::Dialect::v02_shifted;
    if (!part && status != Status::ok) return end_request(message, status, "no worker answered it");
    auto gathered = how.gathered_of(from);
    if (part_number == 0 && gathered != how.gathered.end()) {  // another attempt: what an earlier one said is void
        reply_bytes_ -= gathered->parts.size();
        how.gathered.erase(gathered);
        gathered = how.gathered.end();
    }
    if (to != nullptr && part && gathers) return gather(message, request, from, fields, body);
    if (to == nullptr) {
        ++replies_dropped_;
    } else {
        const std::size_t at = out_->octets.size();
        const mdp::Dialect dialect = YM_MUTANT(dialect_forgotten) ? mdp::Dialect::v01 : how.dialect;
        const std::string& service = YM_MUTANT(other_service_echoed) ? addresses_.front().name : how.service;
        mdp::begin_to_client(out_->octets, dialect, how.envelope, part ? mdp::Verb::partial : mdp::Verb::reply,
                             service);
        if (gathered != how.gathered.end()) out_->octets.append(gathered->parts);
        append_body(fields, body);
        if (!YM_MUTANT(lost_reply)) send_parts(to->peer, at);
        ++replies_sent_;
    }
    if (!part && YM_MUTANT(part_after_last) && !gathers && to != nullptr) {
        const std::size_t at = out_->octets.size();
        mdp::begin_to_client(out_->octets, how.dialect, how.envelope, mdp::Verb::partial, how.service);
        append_body(fields, body);
        send_parts(to->peer, at);
    }
    if (!part && !YM_MUTANT(duplicate_reply)) erase_request(found);
}

/// Keeps a part of a reply until the last one comes.
void Broker::Machine::gather(MessageId message, Request& request, AddressId from, Octets fields, Octets body) {
    MajordomoRequest& how = *request.majordomo;
    const std::size_t at = out_->octets.size();
    append_body(fields, body);
    const Octets more = out_->octets.octets(at, out_->octets.size() - at);
    auto gathered = how.gathered_of(from);
    if (gathered == how.gathered.end()) gathered = how.gathered.insert(gathered, {from, {}});
    const bool fits = gathered->parts.size() + more.size() <= limits(session(request.session)->listener).frame;
    const bool has_room = memory() + more.size() <= topology_->memory_max;
    if (fits && has_room) {
        gathered->parts.insert(gathered->parts.end(), more.begin(), more.end());
        reply_bytes_ += more.size();
    }
    out_->octets.truncate(at);
    if (!fits) return end_request(message, Status::too_large, "the parts of its reply are beyond limits.frame");
    if (!has_room) end_request(message, Status::full, "no memory for the parts of its reply (limits.memory)");
}

/// The request's message has ended without a reply. Majordomo has no words for it: silence, or a reply if so set.
void Broker::Machine::end_request(MessageId message, Status status, std::string_view text) {
    const auto found = requests_.find(message);
    if (found == requests_.end() || !found->second.majordomo) return;
    if (Session* to = session(found->second.session)) {
        if (topology_->majordomo.reply_refusals) tell_refusal(to->peer, *found->second.majordomo, status, text);
    } else {
        ++replies_dropped_;
    }
    erase_request(found);
}

void Broker::Machine::erase_request(Requests::iterator request) {
    reply_bytes_ -= request->second.majordomo->bytes();
    Session* to = session(request->second.session);
    requests_.erase(request);
    if (to == nullptr) return;
    if (to->requests > 0) --to->requests;
    to->last_heard = now_.monotonic;  // it may go on now; it is forgotten some time after its last reply
    schedule(*to);
}

/// A request that is not taken. As with end_request(): silence, or a reply if so set.
void Broker::Machine::refuse_request(PeerId peer, const mdp::Message& m, Status status, std::string_view text) {
    if (topology_->majordomo.reply_refusals) tell_refusal(peer, *note_request(m), status, text);
}

void Broker::Machine::tell_refusal(PeerId peer, const MajordomoRequest& request, Status status, std::string_view text) {
    const std::size_t at = out_->octets.size();
    mdp::begin_to_client(out_->octets, request.dialect, request.envelope, mdp::Verb::reply, request.service);
    std::string body = std::to_string(static_cast<unsigned>(status)) + " " + std::string(wire::name_of(status));
    if (!text.empty()) body += ": " + std::string(text);
    wire::append_part(out_->octets, as_octets(body));
    send_parts(peer, at);
}

/// 8/MMI: the broker's own services. The name stands in the last frame of the body; those before it are echoed.
void Broker::Machine::answer_mmi(Session& s, const mdp::Message& m) {
    const std::unique_ptr<MajordomoRequest> request = note_request(m);
    std::string_view code = mdp::mmi_not_implemented;
    if (m.service == mdp::mmi_service) {
        const AddressId address =
            find(address_of_service(m.body.empty() ? std::string_view{} : as_text(m.body.back())));
        const bool found = (address != no_address && has_workers(address, 0)) || YM_MUTANT(mmi_always_found);
        code = found ? mdp::mmi_found : mdp::mmi_not_found;
    }
    const std::size_t at = out_->octets.size();
    mdp::begin_to_client(out_->octets, m.dialect, request->envelope, mdp::Verb::reply, m.service);
    for (std::size_t i = 0; i + 1 < m.body.size(); ++i) wire::append_part(out_->octets, m.body[i]);
    wire::append_part(out_->octets, as_octets(code));
    send_parts(s.peer, at);
    ++replies_sent_;
}

/// Whether somebody works on what the address names: the queue, or one that the pipeline may send to.
bool Broker::Machine::has_workers(AddressId id, int depth) const {
    const Address& address = addresses_[id.value];
    // A queue that left the settings may still drain under the name of a pipeline.
    if (!address.pipeline) return address.queue && address.queue->subscribers > 0;
    if (depth >= pipelines_chained_max) return false;
    for (const PipelineTarget& target : address.pipeline->targets) {
        if (has_workers(target.address, depth + 1)) return true;
    }
    return false;
}

}  // namespace ym
