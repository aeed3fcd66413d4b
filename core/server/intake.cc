#include "server/intake.h"

namespace ym::server {

Intake::Intake(IntakeLimits limits) : limits_(limits) {
    // Room for a turn of ordinary messages, of two frames each.
    frames_.resize(limits_.messages * 2);
    items_.reserve(limits_.messages);
    parts_.reserve(frames_.size());
}

void Intake::read(Socket& socket, std::uint32_t listener, Peers& peers, Outbox& outbox) {
    std::uint64_t bytes = 0;
    for (std::size_t count = 0; count < limits_.messages && bytes < limits_.bytes; ++count) {
        if (!read_one(socket, listener, peers, outbox, bytes)) return;
    }
}

bool Intake::read_one(Socket& socket, std::uint32_t listener, Peers& peers, Outbox& outbox, std::uint64_t& bytes) {
    if (!socket.receive(scratch_)) return false;
    const std::optional<PeerId> peer = peers.find_or_add(listener, scratch_.octets());
    Item item{peer.value_or(PeerId{}), listener, used_, 0, false};
    std::uint64_t octets = 0;
    for (bool more = scratch_.more(); more;) {
        const bool keep = peer && item.parts < limits_.parts;
        // Frames are read as octets only after all reading is done, so they may move while this grows.
        if (keep && used_ == frames_.size()) frames_.resize(frames_.size() * 2);
        Message& into = keep ? frames_[used_] : scratch_;
        if (!socket.receive(into)) break;  // never: ZeroMQ hands a message over as a whole
        more = into.more();
        octets += into.octets().size();
        if (!keep) {
            item.cut = true;
            continue;
        }
        ++used_;
        ++item.parts;
    }
    bytes += octets;
    if (!peer) {
        ++turned_away_;
        return true;
    }
    outbox.heard(*peer);
    items_.push_back(item);
    return true;
}

void Intake::add_events(std::vector<Event>& events) {
    for (std::size_t at = 0; at < used_; ++at) parts_.push_back(frames_[at].octets());
    for (const Item& item : items_) {
        events.emplace_back(FrameReceived{item.peer, Principal{}, item.listener,
                                          std::span<const Octets>(parts_).subspan(item.first_part, item.parts),
                                          item.cut});
    }
}

void Intake::clear() {
    for (std::size_t at = 0; at < used_; ++at) frames_[at].reset();
    used_ = 0;
    items_.clear();
    parts_.clear();
}

}  // namespace ym::server
