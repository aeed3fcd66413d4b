#include "server/table.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace ym::server {
namespace {

/// Letters, as a terminal counts them: octets that begin a character of UTF-8.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

/// `tenths` / 10 with one digit behind the point below 10, none above.
std::string short_decimal(std::uint64_t tenths) {
    if (tenths >= 100 || tenths % 10 == 0) return std::to_string((tenths + (tenths >= 100 ? 5 : 0)) / 10);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
    YM_CHECK(cells.size() == columns_.size());
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (const Column& column : columns_) widths.push_back(width(column.title));
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string text;
    const auto line = [&](auto cell) {
        std::string out;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string& content = cell(i);
            const std::string blanks(widths[i] - width(content), ' ');
            out += i == 0 ? "" : "  ";
            out += columns_[i].align == Align::right ? blanks + content : content + blanks;
        }
        out.erase(out.find_last_not_of(' ') + 1);
        text += out + "\n";
    };
    line([this](std::size_t i) -> const std::string& { return columns_[i].title; });
    for (const auto& row : rows_) line([&row](std::size_t i) -> const std::string& { return row[i]; });
    return text;
}

std::string rough_bytes(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    std::uint64_t divisor = 1;
    while (bytes / divisor >= 1024 && unit + 1 < units.size()) {
        divisor *= 1024;
        ++unit;
    }
    const std::uint64_t tenths = bytes / divisor * 10 + bytes % divisor * 10 / divisor;
    return short_decimal(tenths) + " " + units.at(unit);
}

std::string rough_duration(Duration duration) {
    const auto ns = static_cast<std::uint64_t>(std::max<Duration::rep>(duration.count(), 0));
    if (ns == 0) return "0";
    if (ns < 1'000'000) return short_decimal(ns / 100) + " us";
    if (ns < 1'000'000'000) return short_decimal(ns / 100'000) + " ms";
    const std::uint64_t seconds = ns / 1'000'000'000;
    if (seconds < 60) return short_decimal(ns / 100'000'000) + " s";
    const auto both = [](std::uint64_t large, const char* unit, std::uint64_t small, const char* small_unit) {
        return std::to_string(large) + unit + " " + std::to_string(small) + small_unit;
    };
    if (seconds < 3600) return both(seconds / 60, "m", seconds % 60, "s");
    if (seconds < 86400) return both(seconds / 3600, "h", seconds / 60 % 60, "m");
    return both(seconds / 86400, "d", seconds / 3600 % 24, "h");
}

std::string printable(std::string_view name) {
    std::string text(name);
    for (char& octet : text) {
        if (static_cast<unsigned char>(octet) < 0x20 || octet == 0x7f) octet = '?';
    }
    return text;
}

}  // namespace ym::server
