#include "server/outbox.h"

#include <algorithm>

namespace ym::server {
namespace {

/// Octets that a parked message costs: its own, and the entry that holds it.
std::uint64_t cost(Octets octets) {
    return octets.size() + sizeof(Message) + sizeof(bool);
}

}  // namespace

Outbox::Line& Outbox::line(PeerId peer) {
    if (peer.value >= lines_.size()) lines_.resize(peer.value + std::size_t{1});
    return lines_[peer.value];
}

void Outbox::send(PeerId peer, Octets octets, bool parts) {
    Line& to = line(peer);
    if (to.unreachable) return;
    if (!to.parked.empty()) return park(peer, to, octets, parts);
    Socket& socket = sockets_[peers_.listener(peer)];
    const Octets routing_id = peers_.routing_id(peer);
    switch (parts ? socket.send_parts(routing_id, octets) : socket.send(routing_id, octets)) {
        case Sent::yes: return;
        case Sent::full: return park(peer, to, octets, parts);
        case Sent::gone: return give_up(peer, to);
    }
}

void Outbox::park(PeerId peer, Line& to, Octets octets, bool parts) {
    const std::uint64_t bytes = cost(octets);
    if (to.bytes + bytes > limits_.peer_bytes_max) return give_up(peer, to);
    while (parked_bytes_ + bytes > limits_.bytes_max) {
        // Who reads least pays, not who happens to be full for a moment.
        const auto most = std::max_element(waiting_.begin(), waiting_.end(), [this](PeerId a, PeerId b) {
            return lines_[a.value].bytes < lines_[b.value].bytes;
        });
        if (most == waiting_.end() || lines_[most->value].bytes <= to.bytes) return give_up(peer, to);
        const PeerId slowest = *most;
        give_up(slowest, lines_[slowest.value]);
    }
    if (to.parked.empty()) waiting_.push_back(peer);
    to.parked.push_back({Message(octets), parts});
    to.bytes += bytes;
    parked_bytes_ += bytes;
}

void Outbox::drop_parked(Line& of) {
    parked_bytes_ -= of.bytes;
    of.bytes = 0;
    of.next = 0;
    of.parked = std::vector<Parked>();
}

void Outbox::give_up(PeerId peer, Line& to) {
    drop_parked(to);
    waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), peer), waiting_.end());
    to.unreachable = true;
    unreachable_.push_back(peer);
}

bool Outbox::drain(PeerId peer, Line& from) {
    Socket& socket = sockets_[peers_.listener(peer)];
    const Octets routing_id = peers_.routing_id(peer);
    while (from.next < from.parked.size()) {
        Parked& parked = from.parked[from.next];
        const std::uint64_t bytes = cost(parked.octets.octets());
        const Sent sent = parked.parts ? socket.send_parts(routing_id, parked.octets.octets())
                                       : socket.send(routing_id, parked.octets);
        if (sent == Sent::full) return false;
        if (sent == Sent::gone) {
            from.unreachable = true;
            unreachable_.push_back(peer);
            break;
        }
        from.bytes -= bytes;
        parked_bytes_ -= bytes;
        ++from.next;
    }
    drop_parked(from);
    return true;
}

void Outbox::flush() {
    const auto done = [this](PeerId peer) { return drain(peer, lines_[peer.value]); };
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), done), waiting_.end());
}

void Outbox::forget(PeerId peer) {
    if (peer.value >= lines_.size()) return;
    Line& of = lines_[peer.value];
    if (!of.parked.empty()) {
        drop_parked(of);
        waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), peer), waiting_.end());
    }
    unreachable_.erase(std::remove(unreachable_.begin(), unreachable_.end(), peer), unreachable_.end());
    of.unreachable = false;
}

}  // namespace ym::server
