#include "settings/variables.h"

#include <algorithm>

namespace ym::settings {
namespace {

bool is_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

void replace_variables(Node& node, Variable variable, std::size_t& room, Problems& problems) {
    if (node.scalar.find('$') == std::string::npos) return;
    const auto refuse = [&](const char* id, std::string found, std::string expected, std::string hint) {
        problems.add(id, node, std::move(found), std::move(expected), std::move(hint));
        node.broken = true;
    };
    const std::string_view text = node.scalar;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view rest = text.substr(at);
        if (!rest.starts_with("$$") && !rest.starts_with("${")) {
            out += rest.front();
            at += 1;
            continue;
        }
        if (rest[1] == '$') {
            out += '$';
            at += 2;
            continue;
        }
        const std::size_t end = rest.find('}');
        const std::string_view inside = rest.substr(2, end == std::string_view::npos ? end : end - 2);
        const std::size_t mark = inside.find(":-");
        const std::string name(inside.substr(0, mark));
        if (end == std::string_view::npos || !is_name(name))
            return refuse("variable.syntax", std::string(rest.substr(0, std::min<std::size_t>(end, 40))),
                          "${VARIABLE} or ${VARIABLE:-otherwise}", "write $$ for a dollar sign itself");
        const char* const value = variable(name.c_str());
        std::string_view replacement;
        if (mark != std::string_view::npos && (value == nullptr || *value == '\0')) {
            replacement = inside.substr(mark + 2);
        } else if (value != nullptr) {
            replacement = value;
        } else {
            return refuse("variable.unset", "${" + name + "}, which is not set", "a variable of the environment",
                          "set it, or write ${" + name + ":-otherwise}");
        }
        if (replacement.size() > room)
            return refuse("variable.size",
                          "values of variables with more than " + std::to_string(yaml_octets_max) + " octets",
                          "a smaller environment", {});
        room -= replacement.size();
        out += replacement;
        at += end + 1;
    }
    node.scalar = std::move(out);
}

}  // namespace ym::settings
