// What one process of a fault run did, in a file of lines that is appended to and synced; LEDGERS.md has the lines.
//
// A line ends with " .", so that the one that a kill has cut is recognised. Ranges stand for what follows one another,
// which keeps the ledger of millions of messages small.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ym::faults {

/// Microseconds of the clock that all processes of this machine share, and that nobody sets.
std::uint64_t now_us();

class Ledger {
  public:
    /// Appends to `path`, behind what an earlier process of the same name has left there. Exits when it cannot.
    explicit Ledger(const std::string& path);
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// Notes "KIND TIME NUMBERS... ."; nothing is safe before sync().
    void note(std::string_view kind, std::initializer_list<std::uint64_t> numbers = {});
    void note(std::string_view kind, std::string_view words, std::initializer_list<std::uint64_t> numbers);
    /// Everything that was noted is on the disk.
    void sync();

  private:
    int file_ = -1;
    std::string lines_;
};

/// Takes single numbers, gives ranges of those that follow one another.
class Ranges {
  public:
    void add(std::uint64_t number) { add(number, number); }
    void add(std::uint64_t first, std::uint64_t last) {
        if (!ranges_.empty() && ranges_.back().last + 1 == first) {
            ranges_.back().last = last;
        } else {
            ranges_.push_back({first, last});
        }
    }
    struct Range {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };
    [[nodiscard]] const std::vector<Range>& all() const { return ranges_; }
    void clear() { ranges_.clear(); }

  private:
    std::vector<Range> ranges_;
};

/// The body of a message names it: "PRODUCER SEQUENCE filler CRC32".
std::string make_body(std::string_view producer, std::uint64_t sequence, std::size_t size);
struct Named {
    std::string_view producer;
    std::uint64_t sequence = 0;
};
/// Nothing if the body is not one that make_body() has made, octet for octet.
std::optional<Named> read_body(std::string_view body);

}  // namespace ym::faults
