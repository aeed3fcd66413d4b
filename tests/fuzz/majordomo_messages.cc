#include "fuzz/majordomo_messages.h"

#include <vector>

#include "wire/mdp.h"

namespace ym::fuzz {
namespace {

using Frames = std::vector<std::string>;

std::string one_of(Prng& prng, const Frames& choices) {
    return choices[prng.below(choices.size())];
}

std::string command(Prng& prng) {
    return std::string(1, static_cast<char>(prng.below(prng.chance(1, 8) ? 256 : 7)));
}

/// What a broker would give: most of the first deliveries of its first epoch.
std::string token(Prng& prng) {
    const mdp::Token printed = mdp::token_of((std::uint64_t{1} << 40U) + prng.below(40));
    return std::string(mdp::as_text(printed));
}

Frames whole_message(Prng& prng) {
    static const Frames services{"orders", "orders-eu", "by-topic", "q-mdp", "mmi.service", "mmi.x"};
    Frames frames;
    if (prng.chance(1, 8)) frames.push_back("1234");
    if (!prng.chance(1, 3)) frames.emplace_back();
    switch (prng.below(8)) {
        case 0: frames.insert(frames.end(), {"MDPC01", one_of(prng, services), "body"}); break;
        case 1: frames.insert(frames.end(), {"MDPC02", command(prng), one_of(prng, services), "body"}); break;
        case 2: frames.insert(frames.end(), {"MDPC02", "\1", one_of(prng, services), "body", "more"}); break;
        case 3:
            frames.insert(frames.end(), {prng.chance(1, 2) ? "MDPW01" : "MDPW02", "\1", one_of(prng, services)});
            break;
        case 4: frames.insert(frames.end(), {"MDPW01", "\3", token(prng), "", "reply"}); break;
        case 5:
            frames.insert(frames.end(), {"MDPW02", prng.chance(1, 2) ? "\3" : "\4", token(prng), "", "reply", ""});
            break;
        case 6: frames.insert(frames.end(), {prng.chance(1, 2) ? "MDPW01" : "MDPW02", command(prng)}); break;
        default: frames = {one_of(prng, {"\1", "\2", "READY", "HEARTBEAT", "x", ""})}; break;
    }
    return frames;
}

}  // namespace

std::string majordomo_message(Prng& prng) {
    Frames frames = whole_message(prng);
    for (std::uint64_t times = prng.chance(1, 3) ? 1 + prng.below(3) : 0; times > 0 && !frames.empty(); --times) {
        const std::size_t at = prng.below(frames.size());
        switch (prng.below(6)) {
            case 0: frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(at)); break;
            case 1: frames.insert(frames.begin() + static_cast<std::ptrdiff_t>(at), frames[at]); break;
            case 2: std::swap(frames[at], frames[prng.below(frames.size())]); break;
            case 3: frames[at].clear(); break;
            case 4: frames[at].append(prng.below(300), 'l'); break;
            default: frames[at] = std::string(prng.below(9), static_cast<char>(prng.next())); break;
        }
    }
    std::string octets;
    for (const std::string& frame : frames) {
        for (unsigned shift = 32; shift > 0; shift -= 8)
            octets.push_back(static_cast<char>(frame.size() >> (shift - 8)));
        octets += frame;
    }
    return octets;
}

}  // namespace ym::fuzz
