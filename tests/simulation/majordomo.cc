#include "majordomo.h"

#include <algorithm>
#include <array>

namespace ym::simulation {
namespace {

constexpr std::size_t envelope_max = 8;
constexpr std::size_t service_max = 255;

/// Octets of the commands of a worker, by WorkerWord; 0: the version has no such word.
constexpr std::array<char, worker_word_count> words_01 = {1, 2, 0, 3, 4, 5, 9};
constexpr std::array<char, worker_word_count> words_02 = {1, 2, 3, 4, 5, 6, 9};

bool is_octet(const std::string& frame) {
    return frame.size() == 1;
}

void hear_client(Heard& heard) {
    heard.kind = Heard::Kind::malformed;
    if (heard.is_v02) {
        if (heard.rest.empty() || !is_octet(heard.rest[0])) return;
        heard.code = heard.rest[0];
        heard.rest.erase(heard.rest.begin());
        if (heard.code[0] != 1 && heard.code[0] != 2) return;
    }
    if (heard.rest.empty() || heard.rest[0].empty() || heard.rest[0].size() > service_max) return;
    heard.kind = Heard::Kind::client;
}

void hear_worker(Heard& heard) {
    heard.kind = Heard::Kind::malformed;
    if (heard.rest.empty() || !is_octet(heard.rest[0])) return;
    heard.code = heard.rest[0];
    heard.rest.erase(heard.rest.begin());
    const auto& words = heard.is_v02 ? words_02 : words_01;
    const auto found = std::find(words.begin(), words.end(), heard.code[0]);
    heard.word = found == words.end() ? WorkerWord::unknown : static_cast<WorkerWord>(found - words.begin());
    // Only the broker says REQUEST.
    if (heard.word == WorkerWord::request) heard.word = WorkerWord::unknown;
    const bool is_answer = heard.word == WorkerWord::partial || heard.word == WorkerWord::final;
    const bool named = !heard.rest.empty() && heard.rest[0].size() <= service_max;
    if (is_answer && (!named || (heard.rest.size() > 1 && !heard.rest[1].empty()))) return;
    if (heard.word == WorkerWord::ready && (!named || heard.rest[0].empty())) return;
    heard.kind = Heard::Kind::worker;
}

}  // namespace

Frames client_request(Speech speech, const Frames& envelope, const std::string& service, const Frames& body) {
    Frames frames = envelope;
    frames.emplace_back(speech == Speech::v01 ? "MDPC01" : "MDPC02");
    if (speech != Speech::v01) frames.emplace_back(1, speech == Speech::v02 ? '\x01' : '\x02');
    frames.push_back(service);
    frames.insert(frames.end(), body.begin(), body.end());
    return frames;
}

Frames worker_command(bool is_v02, bool delimited, WorkerWord word, const Frames& behind) {
    Frames frames;
    if (delimited) frames.emplace_back();
    frames.emplace_back(is_v02 ? "MDPW02" : "MDPW01");
    frames.emplace_back(1, (is_v02 ? words_02 : words_01)[static_cast<std::size_t>(word)]);
    frames.insert(frames.end(), behind.begin(), behind.end());
    return frames;
}

Heard hear(const Frames& frames) {
    Heard heard;
    const auto is_header = [](const std::string& frame) { return frame.starts_with("MDP") && frame.size() == 6; };
    std::size_t at = 0;
    if (frames.empty() || !is_header(frames[0])) {
        while (at < frames.size() && at < envelope_max && !frames[at].empty()) ++at;
        if (at == frames.size() || at == envelope_max) return heard;
        ++at;
    }
    heard.kind = Heard::Kind::malformed;
    heard.envelope.assign(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(at));
    if (at == frames.size()) return heard;
    const std::string& header = frames[at];
    heard.rest.assign(frames.begin() + static_cast<std::ptrdiff_t>(at) + 1, frames.end());
    heard.is_v02 = header == "MDPC02" || header == "MDPW02";
    if (header == "MDPC01" || header == "MDPC02") hear_client(heard);
    if (header == "MDPW01" || header == "MDPW02") hear_worker(heard);
    return heard;
}

std::optional<Frames> unpack(Octets octets) {
    Frames frames;
    while (!octets.empty()) {
        if (octets.size() < 4) return std::nullopt;
        const std::size_t length = load_be<std::uint32_t>(octets.data());
        if (length > octets.size() - 4) return std::nullopt;
        frames.emplace_back(as_text(octets.subspan(4, length)));
        octets = octets.subspan(4 + length);
    }
    return frames;
}

std::string join(const Frames& frames, std::size_t from) {
    std::string whole;
    for (std::size_t i = from; i < frames.size(); ++i) whole += frames[i];
    return whole;
}

std::string describe(const Frames& frames) {
    std::string text;
    for (const std::string& frame : frames) {
        if (!text.empty()) text += " | ";
        const bool printable =
            std::all_of(frame.begin(), frame.end(), [](char c) { return c >= ' ' && c <= '~'; }) && frame.size() < 60;
        if (frame.size() == 1 && !printable) {
            text += "0" + std::to_string(static_cast<int>(frame[0]));
        } else {
            text += printable ? "'" + frame + "'" : std::to_string(frame.size()) + " octets";
        }
    }
    return text;
}

}  // namespace ym::simulation
