#include "majordomo_border.h"

#include <algorithm>

#include "witness.h"

namespace ym::simulation {
namespace {

/// Far above the numbers of other sessions.
constexpr SessionNumber first_session = 0x40000000U;
constexpr std::size_t reply_octets = 16;

std::uint64_t hex_of(std::string_view text) {
    std::uint64_t value = 0;
    for (const char c : text) value = value * 16 + static_cast<std::uint64_t>(c >= 'a' ? c - 'a' + 10 : c - '0');
    return value;
}

/// `d` and 16 hexadecimal digits.
bool is_token(const std::string& text) {
    return text.size() == 17 && text[0] == 'd' && std::all_of(text.begin() + 1, text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}  // namespace

void MajordomoBorder::wrong(const std::string& text) {
    witness_.violation("majordomo", text);
}

MajordomoState MajordomoBorder::state_of(const Known& known) const {
    if (!known.worker) return MajordomoState::unknown;
    return known.busy ? MajordomoState::busy : MajordomoState::idle;
}

void MajordomoBorder::begin_session(Known& known) {
    known.session = first_session + sessions_++;
    known.sequence = 0;
    witness_.book().session(known.session).joined = true;
    known.heard = known.spoken = witness_.now();
}

/// Its session has ended; what it had in hand goes on.
void MajordomoBorder::leave(Known& known, GoneWhy why) {
    if (known.worker) {
        const GoneFact fact{known.session, why};
        witness_.show(fact);
        witness_.book().on(fact, witness_.now());
    }
    Known left;
    left.owed = known.owed;
    // Who was none is told so for each thing that it said.
    constexpr std::uint64_t many = 100;
    left.tolerated = known.tolerated + (known.worker && !known.certain ? many : 0);
    known = std::move(left);
}

bool MajordomoBorder::received(PeerId peer, const Frames& frames) {
    Known& from = known_[peer.value];
    const Heard heard = hear(frames);
    if (heard.kind == Heard::Kind::foreign) return from.client || from.worker;
    if (heard.kind == Heard::Kind::malformed) {
        coverage_.count(MajordomoEvent::malformed, state_of(from));
        return true;
    }
    if (heard.kind == Heard::Kind::client) {
        on_client(from, heard);
    } else {
        on_worker(from, heard);
    }
    return true;
}

void MajordomoBorder::on_client(Known& from, const Heard& heard) {
    if (!from.client) begin_session(from);
    from.client = true;
    const Speech speech = !heard.is_v02 ? Speech::v01 : heard.code[0] == 1 ? Speech::v02 : Speech::shifted;
    coverage_.count_asked(speech);
    Asked asked{0, speech, heard.envelope, heard.rest[0], {heard.rest.begin() + 1, heard.rest.end()}, no_uid};
    if (!asked.service.starts_with("mmi.")) {
        const std::string body = join(asked.body);
        PublishFact fact;
        fact.session = from.session;
        fact.sequence = asked.sequence = ++from.sequence;
        fact.address = asked.service;
        fact.uid = asked.uid = messages_.recognise(as_octets(body)).value_or(no_uid);
        fact.wants_reply = true;
        fact.frame_bytes = fact.body_bytes = body.size();
        witness_.show(fact);
        witness_.book().on(fact);
    }
    from.asked.push_back(std::move(asked));
}

void MajordomoBorder::on_worker(Known& from, const Heard& heard) {
    const MajordomoState state = state_of(from);
    if (from.worker && heard.is_v02 != from.is_v02) return;
    from.heard = witness_.now();
    from.was_heard = true;
    if (from.worker) witness_.show(FrameFact{from.session, true, wire::Verb::heartbeat, 0});
    switch (heard.word) {
        case WorkerWord::ready: return on_ready(from, heard);
        case WorkerWord::partial:
        case WorkerWord::final: return on_answer(from, heard);
        case WorkerWord::heartbeat:
            coverage_.count(MajordomoEvent::heartbeat, state);
            if (!from.worker) ++from.owed;
            return;
        case WorkerWord::disconnect:
            coverage_.count(MajordomoEvent::disconnect, state);
            if (from.worker) leave(from);
            return;
        default:
            coverage_.count(MajordomoEvent::unknown_command, state);
            if (!from.worker) return;
            ++from.owed;
            leave(from);
    }
}

void MajordomoBorder::on_ready(Known& from, const Heard& heard) {
    const std::string& service = heard.rest[0];
    const Scene& scene = witness_.book().scene();
    const std::size_t queue = scene.find_queue(service);
    const bool own = service.starts_with("mmi.");
    coverage_.count(own ? MajordomoEvent::ready_mmi : MajordomoEvent::ready, state_of(from));
    if (from.worker) {
        ++from.owed;
        return leave(from);
    }
    const bool may_be_one = queue < scene.queues.size() && !own;
    if (!may_be_one) {
        ++from.owed;
        return;
    }
    begin_session(from);
    from.worker = true;
    from.certain = !scene.queues[queue].on_demand && service != "passing";
    from.is_v02 = heard.is_v02;
    from.delimited = !heard.envelope.empty();
    from.service = service;
    from.was_heard = true;
    witness_.show(WelcomeFact{{from.session, 0, 0, 0, ~0ULL}, 0, 0, ~0ULL, 0, 0});
}

void MajordomoBorder::on_answer(Known& from, const Heard& heard) {
    const bool last = heard.word == WorkerWord::final;
    const bool in_hand = from.busy && heard.rest[0] == from.token;
    const MajordomoState state = state_of(from);
    if (last) {
        coverage_.count(in_hand ? MajordomoEvent::final : MajordomoEvent::final_stale, state);
    } else {
        coverage_.count(in_hand ? MajordomoEvent::partial : MajordomoEvent::partial_stale, state);
    }
    if (!from.worker) {
        ++from.owed;
        return;
    }
    if (!in_hand) return;  // late, foreign or said twice
    const std::string body = join(heard.rest, 2 > heard.rest.size() ? heard.rest.size() : 2);
    SettleFact fact;
    fact.session = from.session;
    fact.tag = from.tag;
    fact.code = static_cast<std::uint16_t>(last ? wire::SettleCode::ack : wire::SettleCode::part);
    fact.majordomo = true;
    fact.body = as_octets(body);
    witness_.show(fact);
    witness_.book().on(fact, witness_.now());
    if (last) from.busy = false;
}

void MajordomoBorder::sent(PeerId peer, const Frames& frames) {
    Known& to = known_[peer.value];
    if (to.gone) return;
    const Heard heard = hear(frames);
    const std::size_t header = heard.envelope.size();
    const bool to_worker = header < frames.size() && frames[header].starts_with("MDPW");
    if (to_worker) return sent_to_worker(to, heard, frames);
    sent_to_client(to, frames);
}

void MajordomoBorder::sent_to_worker(Known& to, const Heard& heard, const Frames& frames) {
    const Frames rest(frames.begin() + static_cast<std::ptrdiff_t>(heard.envelope.size()) + 1, frames.end());
    if (rest.empty() || rest[0].size() != 1) return wrong("a worker is sent no command: " + describe(frames));
    const char code = rest[0][0];
    const char disconnect = heard.is_v02 ? 6 : 5;
    const char heartbeat = heard.is_v02 ? 5 : 4;
    if (code == disconnect && to.owed > 0) {
        --to.owed;
        coverage_.count_told(WorkerWord::disconnect, heard.is_v02);
        return;
    }
    if (code == disconnect && !to.worker && to.tolerated > 0) {
        --to.tolerated;
        return;
    }
    if (!to.worker) return wrong("what is no worker is sent " + describe(frames));
    if (heard.is_v02 != to.is_v02 || heard.envelope.empty() == to.delimited)
        wrong("a worker is not spoken to in its own way: " + describe(frames));
    if (code == 2) {
        coverage_.count_told(WorkerWord::request, to.is_v02);
        to.spoken = witness_.now();
        return sent_request(to, rest);
    }
    if (code == heartbeat) {
        coverage_.count_told(WorkerWord::heartbeat, to.is_v02);
        to.spoken = witness_.now();
        return;
    }
    if (code != disconnect) return wrong("a worker is sent an unknown command: " + describe(frames));
    coverage_.count_told(WorkerWord::disconnect, to.is_v02);
    const PeerLimits& limits = witness_.book().scene().limits;
    const Lease* lease = witness_.book().lease(to.session, to.tag);
    const bool overdue = to.busy && (lease == nullptr || !lease->live);
    const bool silent = !to.busy && witness_.now() - to.heard >= limits.heartbeat * limits.missed;
    if (overdue) coverage_.count(MajordomoEvent::lease_over, MajordomoState::busy);
    if (silent) coverage_.count(MajordomoEvent::silence, MajordomoState::idle);
    const bool may_end = options_.drain_midway || options_.drain_at_end;
    if (to.certain && !overdue && !silent && !may_end)
        wrong("a worker of '" + to.service + "' is sent away for nothing");
    leave(to);
}

void MajordomoBorder::sent_request(Known& to, const Frames& rest) {
    if (rest.size() < 4 || !rest[2].empty()) return wrong("a request without token and body: " + describe(rest));
    if (!is_token(rest[1])) wrong("a token of other octets: " + describe(rest));
    if (to.busy) wrong("a worker is given a second request");
    const std::string body = join(rest, 3);
    Book& book = witness_.book();
    DeliverFact fact;
    fact.session = to.session;
    fact.queue = book.scene().find_queue(to.service);
    fact.queue_name = to.service;
    fact.lease = options_.scene.busy_max;
    fact.tag = to.tag = book.session(to.session).leases.size() + 1;
    fact.fence = is_token(rest[1]) ? hex_of(std::string_view(rest[1]).substr(1)) : 0;
    fact.uid = messages_.recognise(as_octets(body)).value_or(no_uid);
    fact.fields_intact = true;
    fact.majordomo = true;
    book.expect(fact.uid, fact.queue);
    const CopyId id = fact.uid == no_uid || fact.queue >= book.queues() ? no_copy : book.find(fact.uid, fact.queue);
    fact.attempt = id == no_copy ? 1 : book.next_attempt(id);
    if (fact.uid != no_uid && rest.size() - 3 != messages_[fact.uid].frames)
        wrong("message " + std::to_string(fact.uid) + " is delivered in " + std::to_string(rest.size() - 3) +
              " frames");
    book.on(CreditFact{to.session, fact.tag, 0});
    book.session(to.session).bytes_credit = ~0ULL;
    witness_.show(fact);
    book.on(fact, witness_.now());
    to.busy = true;
    to.granted = witness_.now();
    to.token = rest[1];
}

void MajordomoBorder::sent_to_client(Known& to, const Frames& frames) {
    if (!to.client) return wrong("what is no client is sent " + describe(frames));
    const std::string text = describe(frames);
    // The one that it answers: their envelopes are told apart, or there is but one.
    const auto fits = [&](const Asked& asked) {
        const std::size_t header = asked.envelope.size();
        return frames.size() > header && std::equal(asked.envelope.begin(), asked.envelope.end(), frames.begin()) &&
               frames[header].starts_with("MDPC");
    };
    const auto echoes = [&](const Asked& asked) {
        return fits(asked) && asked.speech != Speech::shifted &&
               std::find(frames.begin() + static_cast<std::ptrdiff_t>(asked.envelope.size()), frames.end(),
                         asked.service) != frames.end();
    };
    auto found = std::find_if(to.asked.begin(), to.asked.end(), echoes);
    if (found == to.asked.end()) found = std::find_if(to.asked.begin(), to.asked.end(), fits);
    if (found == to.asked.end()) return wrong("a client is sent what it did not ask for: " + text);
    const Asked asked = *found;
    Frames rest(frames.begin() + static_cast<std::ptrdiff_t>(asked.envelope.size()), frames.end());
    if (rest[0] != (asked.speech == Speech::v01 ? "MDPC01" : "MDPC02")) return wrong("another version: " + text);
    rest.erase(rest.begin());
    bool last = true;
    if (asked.speech != Speech::v01) {
        const char part = asked.speech == Speech::v02 ? 2 : 3;
        if (rest.empty() || rest[0].size() != 1 || rest[0][0] < part || rest[0][0] > part + 1)
            return wrong("neither a part nor a last reply: " + text);
        last = rest[0][0] == part + 1;
        rest.erase(rest.begin());
    }
    coverage_.count_replied(asked.speech, last);
    if (asked.speech != Speech::shifted) {
        if (rest.empty() || rest[0] != asked.service)
            return wrong("service '" + asked.service + "' is not echoed: " + text);
        rest.erase(rest.begin());
    }
    if (rest.empty()) return wrong("an answer without a body: " + text);
    if (last) to.asked.erase(found);
    if (asked.service.starts_with("mmi.")) return own_service(asked, rest);
    replied(to, asked, rest, last);
}

void MajordomoBorder::replied(Known& to, const Asked& asked, const Frames& body, bool last) {
    const std::string whole = join(body);
    if (last && body.size() == 1 && whole.size() > 4 && whole[0] >= '1' && whole[0] <= '9' && whole[3] == ' ') {
        const auto status = static_cast<wire::Status>(std::stoi(whole.substr(0, 3)));
        coverage_.count(MajordomoEvent::refused, MajordomoState::unknown);
        if (!options_.scene.tell_refused) wrong("a client is told of a refusal that is to be silent: " + whole);
        if (status == wire::Status::too_old) {
            witness_.show(ReplyFact{to.session, asked.sequence, status, 0, {}});
        } else if (asked.uid != no_uid && whole.find("no queue takes it") == std::string::npos) {
            const AnswerFact fact{to.session, asked.sequence, status};
            witness_.show(fact);
            witness_.book().on(fact);
        }
        return;
    }
    // Replies are runs of 16 octets, however they were cut into frames: parts that were gathered, and the last.
    if (whole.size() % reply_octets != 0) return wrong("the reply to message " + std::to_string(asked.uid) + " is cut");
    std::size_t parts = whole.size() / reply_octets;
    const auto run = [&](std::size_t i) {
        return as_octets(std::string_view(whole).substr(i * reply_octets, reply_octets));
    };
    const bool ends = last && parts > 0 && messages_.is_reply(asked.uid, Messages::last_part, run(parts - 1));
    if (ends) --parts;
    for (std::size_t i = 0; i < parts; ++i) {
        std::uint64_t number = 0;
        while (number < 64 && !messages_.is_reply(asked.uid, number, run(i))) ++number;
        witness_.show(ReplyFact{to.session, asked.sequence, wire::Status::part, number, run(i)});
    }
    if (last) witness_.show(ReplyFact{to.session, asked.sequence, wire::Status::ok, 0, ends ? run(parts) : Octets{}});
}

/// 8/MMI: three octets, behind what stood in front of the name.
void MajordomoBorder::own_service(const Asked& asked, const Frames& body) {
    coverage_.count(MajordomoEvent::own_service, MajordomoState::unknown);
    const std::string name = asked.body.empty() ? "" : asked.body.back();
    if (!asked.body.empty() && !std::equal(body.begin(), body.end() - 1, asked.body.begin(), asked.body.end() - 1))
        return wrong("mmi does not echo what stood in front of the name: " + describe(body));
    const std::string& answer = body.back();
    if (asked.service != "mmi.service") {
        if (answer != "501") wrong(asked.service + " is answered " + answer);
        return;
    }
    if (answer != "200" && answer != "404") return wrong("mmi.service answers " + answer);
    const bool has_worker = std::any_of(known_.begin(), known_.end(), [&](const auto& known) {
        return known.second.worker && known.second.certain && known.second.service == name && !known.second.was_heard;
    });
    if (has_worker && answer == "404") wrong("mmi.service says that '" + name + "' has no worker, and it has");
    const Scene& scene = witness_.book().scene();
    const bool known = scene.find_queue(name) < scene.queues.size() || scene.find_pipeline(name) != nullptr;
    if (!known && answer == "200")
        wrong("mmi.service says that '" + name + "' has a worker, and there is no such name");
}

void MajordomoBorder::unreachable(PeerId peer) {
    const auto found = known_.find(peer.value);
    if (found == known_.end()) return;
    if (found->second.worker) coverage_.count(MajordomoEvent::connection_lost, state_of(found->second));
    // If its request was the last that it was sent, that send is the one that failed: it uses up no attempt.
    const bool is_unsent = found->second.busy && found->second.granted == found->second.spoken;
    leave(found->second, is_unsent ? GoneWhy::bye : GoneWhy::majordomo);
    found->second.owed = 0;
    found->second.gone = true;  // what the broker said to it before it learnt so still crosses the border
}

void MajordomoBorder::forgotten(PeerId peer) {
    const auto found = known_.find(peer.value);
    if (found == known_.end()) return;
    if (found->second.worker && found->second.certain)
        wrong("a worker of '" + found->second.service + "' is forgotten");
    if (found->second.client && !found->second.asked.empty() && options_.scene.tell_refused)
        wrong("client " + std::to_string(peer.value) + " that waits for an answer of '" +
              found->second.asked.front().service + "' is forgotten");
    known_.erase(found);
}

void MajordomoBorder::end_step() {
    const PeerLimits& limits = witness_.book().scene().limits;
    for (auto& [peer, known] : known_) {
        if (known.owed > 0) wrong("peer " + std::to_string(peer) + " is owed a DISCONNECT");
        known.owed = known.tolerated = 0;
        known.gone = false;
        known.was_heard = false;
        if (!known.worker || !known.certain) continue;
        if (witness_.now() - known.spoken > limits.heartbeat)
            wrong("a worker of '" + known.service + "' heard nothing for " +
                  std::to_string(to_ms(witness_.now() - known.spoken)) + "ms");
    }
}

void MajordomoBorder::broker_ended() {
    known_.clear();
}

/// Each request has its last reply, if its client is still there; where refusals are silent, unless it was refused.
void MajordomoBorder::end() {
    Book& book = witness_.book();
    for (const auto& [peer, known] : known_) {
        for (const Asked& asked : known.asked) {
            bool acked = options_.scene.tell_refused;
            for (std::size_t queue = 0; queue < book.queues() && asked.uid != no_uid; ++queue) {
                const CopyId id = book.find(asked.uid, queue);
                acked =
                    acked || (id != no_copy && book.copy(id).state == CopyState::acked && !book.copy(id).dead_letter);
            }
            if (acked) wrong("message " + std::to_string(asked.uid) + " of a Majordomo client got no last reply");
        }
    }
}

}  // namespace ym::simulation
