#include "cli/send_input.h"

namespace ym::cli {

void RecordReader::feed(std::string_view octets, const Take& take) {
    for (std::size_t at = 0; at < octets.size();) {
        const std::size_t end = octets.find(separator_, at);
        if (end == std::string_view::npos) {
            rest_.append(octets.substr(at));
            return;
        }
        if (rest_.empty()) {
            take(octets.substr(at, end - at));
        } else {
            rest_.append(octets.substr(at, end - at));
            take(rest_);
            rest_.clear();
        }
        at = end + 1;
    }
}

void RecordReader::end(const Take& take) {
    if (!rest_.empty()) take(rest_);
    rest_.clear();
}

}  // namespace ym::cli
