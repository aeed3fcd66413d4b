#include <string>
#include <vector>

#include "fuzz/lies_in.h"
#include "fuzz/one_input.h"
#include "wire/mdp.h"
#include "wire/parts.h"

namespace ym::fuzz {
namespace {

const char* check(std::span<const Octets> parts, Octets input, mdp::Decoded decoded, const mdp::Message& message,
                  std::string_view why, MajordomoCounts& counts) {
    ++counts.decoded.at(static_cast<std::size_t>(decoded));
    if (decoded == mdp::Decoded::malformed) return why.empty() ? "what is malformed is told" : nullptr;
    if (decoded == mdp::Decoded::foreign) return nullptr;
    ++counts.dialects.at(static_cast<std::size_t>(message.dialect));
    ++counts.verbs.at(static_cast<std::size_t>(message.verb));
    if (mdp::name_of(message.verb) == "unknown") return "a verb has a name";
    if (!lies_in(as_octets(message.service), input)) return "a service's name lies in the message";
    if (!lies_in(as_octets(message.token), input)) return "a token lies in the message";
    if (message.envelope.size() > mdp::envelope_max) return "an envelope has few frames";
    if (message.envelope.size() + message.body.size() > parts.size())
        return "envelope and body are frames of the message";
    if (!message.envelope.empty() && !message.envelope.back().empty()) return "an envelope ends with an empty frame";
    const bool names_service = message.verb == mdp::Verb::ready || message.verb == mdp::Verb::request;
    const bool pirate = message.dialect == mdp::Dialect::pirate_octets || message.dialect == mdp::Dialect::pirate_words;
    if (names_service && !pirate && message.service.empty()) return "a request and READY name a service";
    if (message.service.size() > mdp::service_max || message.token.size() > mdp::token_max) return "names are short";
    return nullptr;
}

}  // namespace

const char* fuzz_one_majordomo(const std::uint8_t* data, std::size_t size, MajordomoCounts& counts) {
    const Octets input{reinterpret_cast<const std::byte*>(data), size};
    static std::vector<Octets> parts;  // kept for its memory
    parts.clear();
    wire::PartsCursor cursor(input);
    Octets part;
    while (cursor.next(part)) {
        if (!lies_in(part, input)) return "a part lies in the message";
        parts.push_back(part);
    }
    using Decode = mdp::Decoded (*)(std::span<const Octets>, mdp::Message&, std::string_view&);
    for (const Decode decode :
         {Decode{mdp::decode}, Decode{mdp::decode_pirate_client}, Decode{mdp::decode_pirate_worker}}) {
        mdp::Message message;
        std::string_view why;
        const mdp::Decoded decoded = decode(parts, message, why);
        if (const char* broken = check(parts, input, decoded, message, why, counts)) return broken;
    }
    return nullptr;
}

}  // namespace ym::fuzz
