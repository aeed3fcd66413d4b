#include "cli/message_json.h"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace ym::cli {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& object, const std::string& name, std::string_view octets) {
    const std::string text(octets);
    if (is_utf8(text)) {
        object[name] = text;
    } else {
        object[name + "_hex"] = hex(octets);
    }
}

/// Broken texts of a peer must not end the program: they are shown with replacement marks.
std::string line(const Json& object) {
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const client::Delivery& delivery) {
    Json object{{"queue", delivery.queue}, {"tag", delivery.tag}, {"attempt", delivery.attempt}};
    for (const auto& [name, value] : delivery.fields()) put(object, name, value);
    for (const auto& [name, value] : delivery.headers()) put(object["headers"], name, value);
    put(object, "body", delivery.body());
    return line(object);
}

std::string to_json(const client::Answer& answer) {
    Json object{{"sequence", answer.sequence}, {"status", answer.status}};
    if (!answer.text.empty()) object["text"] = answer.text;
    return line(object);
}

std::string to_json(const client::Reply& reply) {
    Json object{{"reply_to", reply.sequence}, {"status", reply.status}, {"index", reply.index}};
    if (!reply.text.empty()) object["text"] = reply.text;
    if (client::is_taken(reply.status)) put(object, "body", reply.body);
    return line(object);
}

bool is_utf8(const std::string& text) {
    try {
        (void)Json(text).dump();
        return true;
    } catch (const Json::type_error&) {  // the library's word for octets that are not UTF-8
        return false;
    }
}

std::string hex(std::string_view octets) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    text.reserve(octets.size() * 2);
    for (const char octet : octets) {
        text.push_back(digits[static_cast<unsigned char>(octet) >> 4U]);
        text.push_back(digits[static_cast<unsigned char>(octet) & 0xfU]);
    }
    return text;
}

std::string base64(std::string_view octets) {
    constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((octets.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < octets.size(); at += 3) {
        std::uint32_t three = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            three = three << 8U | (at + i < octets.size() ? static_cast<unsigned char>(octets[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            text.push_back(at + i > octets.size() ? '=' : digits[three >> (18U - 6U * i) & 0x3fU]);
        }
    }
    return text;
}

}  // namespace ym::cli
