#include "vandal.h"

namespace ym::simulation {

Vandal::Vandal(Surroundings& world, std::uint32_t index, std::string name) : Peer(world, index, std::move(name)) {}

void Vandal::on_start() {
    mad_ = prng_.chance(1, 3);
    alarm(up_to(200ms), Alarm::publish);
}

void Vandal::on_welcome(const Welcome& /*welcome*/, bool /*resumed*/) {}
void Vandal::on_frame(const wire::Frame& /*frame*/) {}

void Vandal::on_alarm(Alarm kind, std::uint64_t /*detail*/) {
    if (kind != Alarm::publish || world_.healing) return;
    for (std::uint64_t i = prng_.below(mad_ ? 40 : 3) + 1; i > 0; --i) spoil();
    if (prng_.chance(1, 30)) {
        die(up_to(1s));
        return;
    }
    alarm(up_to(200ms), Alarm::publish);
}

/// One octet after the other that a good peer could send, though of no use: no message can come of any part of it.
FrameOctets Vandal::valid_frame() {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    static constexpr wire::Verb verbs[] = {wire::Verb::publish,   wire::Verb::settle, wire::Verb::credit,
                                           wire::Verb::heartbeat, wire::Verb::drain,  wire::Verb::welcome,
                                           wire::Verb::deliver};
    const wire::Verb verb = verbs[prng_.below(std::size(verbs))];
    writer.begin(verb, 0, verb == wire::Verb::publish ? "no-such-address" : "", prng_.below(3));
    for (std::uint64_t i = prng_.below(3); i > 0; --i) {
        writer.begin_record(static_cast<std::uint16_t>(prng_.below(9)), prng_.below(100));
        if (prng_.chance(1, 2)) writer.field(wire::Field::topic, "order.new.eu");
        if (prng_.chance(1, 2)) writer.field(wire::Field::through, prng_.next());
        if (prng_.chance(1, 2)) writer.body(as_octets("vandal"));
    }
    const Octets frame = writer.end();
    return {frame.begin(), frame.end()};
}

void Vandal::spoil() {
    FrameOctets frame = valid_frame();
    const std::uint64_t kind = prng_.below(mad_ ? 3 : 6);
    if (kind <= 1) {
        world_.coverage.count(Fault::malformed_frame);
        // The verb stays, lest a PUBLISH is made of something else; the name's length may not grow into an address.
        for (std::uint64_t i = 1 + prng_.below(4); i > 0; --i) {
            const std::size_t at = prng_.below(frame.size());
            if (at == 4 || (at > 7 && at < 32)) continue;
            frame[at] = static_cast<std::byte>(prng_.next());
        }
    } else if (kind == 2) {
        world_.coverage.count(Fault::malformed_frame);
        frame.resize(prng_.below(frame.size()));
        if (frame.empty()) frame.push_back(std::byte{7});
    } else if (kind == 3) {
        world_.coverage.count(Fault::other_version);
        frame[3] = static_cast<std::byte>('2');
    } else if (kind == 4) {
        world_.coverage.count(Fault::empty_frame);
        frame.clear();
    }
    FrameOctets second;
    if (kind == 5) {
        world_.coverage.count(Fault::frame_of_many_parts);
        second.assign(7, std::byte{7});
    }
    send_octets(frame, second);
}

}  // namespace ym::simulation
