#include "ledger.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace ym::faults {
namespace {

constexpr std::size_t crc_digits = 8;

std::string crc_of(std::string_view text) {
    const auto* octets = reinterpret_cast<const unsigned char*>(text.data());
    std::array<char, crc_digits + 1> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", crc32_gzip_refl(0, octets, text.size()));
    return {digits.data(), crc_digits};
}

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(3);
}

}  // namespace

std::uint64_t now_us() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

Ledger::Ledger(const std::string& path) : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (file_ < 0) fail(path.c_str());
    const off_t size = ::lseek(file_, 0, SEEK_END);
    char last = '\n';
    if (size > 0 && ::pread(file_, &last, 1, size - 1) != 1) fail(path.c_str());
    if (last != '\n') lines_.push_back('\n');  // a kill has cut the line before
}

Ledger::~Ledger() {
    sync();
    ::close(file_);
}

void Ledger::note(std::string_view kind, std::initializer_list<std::uint64_t> numbers) {
    note(kind, {}, numbers);
}

void Ledger::note(std::string_view kind, std::string_view words, std::initializer_list<std::uint64_t> numbers) {
    lines_.append(kind).append(" ").append(std::to_string(now_us()));
    if (!words.empty()) lines_.append(" ").append(words);
    for (const std::uint64_t number : numbers) lines_.append(" ").append(std::to_string(number));
    lines_.append(" .\n");
}

void Ledger::sync() {
    if (lines_.empty()) return;
    for (std::size_t done = 0; done < lines_.size();) {
        const ssize_t n = ::write(file_, lines_.data() + done, lines_.size() - done);
        if (n < 0) fail("the ledger");
        done += static_cast<std::size_t>(n);
    }
    if (::fdatasync(file_) != 0) fail("the ledger");
    lines_.clear();
}

std::string make_body(std::string_view producer, std::uint64_t sequence, std::size_t size) {
    std::string body(producer);
    body.append(" ").append(std::to_string(sequence)).append(" ");
    std::uint64_t letters = sequence * 0x9e3779b97f4a7c15U;
    while (body.size() + 1 + crc_digits < size) {
        letters = letters * 6364136223846793005U + 1442695040888963407U;
        body.push_back(static_cast<char>('a' + ((letters >> 40U) % 26)));
    }
    const std::string crc = crc_of(body);
    return body.append(" ").append(crc);
}

std::optional<Named> read_body(std::string_view body) {
    const std::size_t first = body.find(' ');
    if (first == std::string_view::npos || body.size() < crc_digits + 1) return std::nullopt;
    // What make_body() had when it took the checksum: all but the digits and the space before them.
    const std::size_t end = body.size() - crc_digits - 1;
    if (body[end] != ' ' || crc_of(body.substr(0, end)) != body.substr(end + 1)) return std::nullopt;
    Named named{body.substr(0, first), 0};
    const char* digits = body.data() + first + 1;
    const auto [stop, error] = std::from_chars(digits, body.data() + body.size(), named.sequence);
    if (error != std::errc() || *stop != ' ') return std::nullopt;
    if (make_body(named.producer, named.sequence, body.size()) != body) return std::nullopt;
    return named;
}

}  // namespace ym::faults
