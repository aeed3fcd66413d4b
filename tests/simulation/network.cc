#include "network.h"

#include <algorithm>

namespace ym::simulation {

LineId Network::add_line() {
    lines_.emplace_back();
    return static_cast<LineId>(lines_.size() - 1);
}

void Network::connect(LineId line, Instant now) {
    Line& l = lines_[line];
    if (l.up) return;
    l.up = true;
    ++l.life;
    for (Parcel& parcel : l.held) schedule_in(line, now, std::move(parcel));
    l.held.clear();
}

void Network::cut(LineId line, Instant noticed) {
    Line& l = lines_[line];
    if (!l.up) return;
    l.up = false;
    ++l.life;
    l.to_broker.clear();
    l.to_peer.clear();
    if (l.has_id) {
        uses_[l.id.value].line = no_line;
        uses_[l.id.value].noticed = noticed;
        l.has_id = false;
    }
}

void Network::close(LineId line, Instant noticed) {
    cut(line, noticed);
    lines_[line].held.clear();
}

void Network::cut_all(Instant now) {
    for (LineId line = 0; line < lines_.size(); ++line) cut(line, now);
    uses_.clear();
    free_.clear();
}

PeerId Network::take_id(LineId line) {
    Line& l = lines_[line];
    if (l.has_id) return l.id;
    if (free_.empty()) {
        l.id = PeerId{static_cast<std::uint32_t>(uses_.size())};
        uses_.emplace_back();
    } else {
        l.id = free_.back();
        free_.pop_back();
    }
    l.has_id = true;
    uses_[l.id.value] = Use{line, Instant{}, false, true, ++generation_};
    return l.id;
}

PeerId Network::name_again(LineId line, Instant now) {
    const PeerId id = take_id(line);
    if (!lines_[line].up) {
        uses_[id.value].line = no_line;
        uses_[id.value].noticed = now;
        lines_[line].has_id = false;
    }
    return id;
}

Instant Network::arrival(Instant now, Instant& last) {
    // Most frames are quick and some are slow, so that lines overtake each other.
    const auto most = static_cast<std::uint64_t>(delay_.count());
    const std::uint64_t delay = 1 + prng_.below(prng_.chance(1, 4) ? most : 1 + most / 8);
    Instant at = now + Duration(static_cast<std::int64_t>(delay));
    const Duration rest = at.since_start % grain_;
    if (rest.count() != 0) at = at + (grain_ - rest);
    last = std::max(last, at);
    return last;
}

void Network::schedule_in(LineId line, Instant now, Parcel parcel) {
    Line& l = lines_[line];
    agenda_.add(arrival(now, l.last_in), What::frame_to_broker, line, l.life);
    l.to_broker.push_back(std::move(parcel));
}

void Network::send_to_broker(LineId line, Instant now, Octets frame, Octets second) {
    Parcel parcel{{frame.begin(), frame.end()}, frame.size(), {}};
    parcel.octets.insert(parcel.octets.end(), second.begin(), second.end());
    send_in(line, now, std::move(parcel));
}

void Network::send_frames_to_broker(LineId line, Instant now, const std::vector<std::string>& frames) {
    Parcel parcel;
    for (const std::string& frame : frames) {
        const Octets octets = as_octets(frame);
        parcel.octets.insert(parcel.octets.end(), octets.begin(), octets.end());
        parcel.frames.push_back(frame.size());
    }
    send_in(line, now, std::move(parcel));
}

void Network::send_in(LineId line, Instant now, Parcel parcel) {
    Line& l = lines_[line];
    if (!l.up) {
        l.held.push_back(std::move(parcel));
        return;
    }
    schedule_in(line, now, std::move(parcel));
}

void Network::send_to_peer(PeerId peer, Instant now, Octets frame) {
    if (peer.value >= uses_.size() || !uses_[peer.value].given) return;
    Use& use = uses_[peer.value];
    if (use.line == no_line) {
        if (use.told || now < use.noticed) return;
        use.told = true;
        agenda_.add(now, What::unreachable, peer.value, use.generation);
        return;
    }
    Line& l = lines_[use.line];
    agenda_.add(arrival(now, l.last_out), What::frame_to_peer, use.line, l.life);
    l.to_peer.emplace_back(frame.begin(), frame.end());
}

void Network::forget(PeerId peer) {
    if (peer.value >= uses_.size() || !uses_[peer.value].given) return;
    Use& use = uses_[peer.value];
    use.given = false;
    if (use.line != no_line) {
        // The connection stands: if its peer speaks again, the shell gives it a number anew.
        lines_[use.line].has_id = false;
        use.line = no_line;
    }
    free_.push_back(peer);
}

bool Network::still_unreachable(const Entry& entry, PeerId& peer) const {
    peer = PeerId{entry.who};
    return entry.who < uses_.size() && uses_[entry.who].given && uses_[entry.who].generation == entry.detail;
}

bool Network::arrived_at_broker(const Entry& entry, PeerId& from, Parcel& parcel) {
    Line& l = lines_[entry.who];
    if (l.life != entry.detail || l.to_broker.empty()) return false;
    from = take_id(entry.who);
    parcel = std::move(l.to_broker.front());
    l.to_broker.pop_front();
    return true;
}

bool Network::arrived_at_peer(const Entry& entry, FrameOctets& frame) {
    Line& l = lines_[entry.who];
    if (l.life != entry.detail || l.to_peer.empty()) return false;
    frame = std::move(l.to_peer.front());
    l.to_peer.pop_front();
    return true;
}

bool Network::quiet() const {
    return std::all_of(lines_.begin(), lines_.end(),
                       [](const Line& l) { return l.to_broker.empty() && l.to_peer.empty() && l.held.empty(); });
}

}  // namespace ym::simulation
