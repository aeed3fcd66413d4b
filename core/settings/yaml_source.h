// The text of a YAML file as octets: places in it, what stands there, and what a person meant by what YAML refuses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "settings/node.h"

namespace ym::settings {

/// A text and the starts of its lines. Offsets beyond the end are the end.
class Source {
  public:
    Source(std::string_view text, std::string file);

    [[nodiscard]] Place place(std::size_t offset) const;
    [[nodiscard]] char at(std::size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
    [[nodiscard]] std::string_view text() const { return text_; }
    /// From `offset` to the end of its line, blanks at the end left out, at most 40 octets.
    [[nodiscard]] std::string rest_of_line(std::size_t offset) const;
    [[nodiscard]] bool starts(std::size_t offset, std::string_view with) const {
        return offset <= text_.size() && text_.substr(offset).starts_with(with);
    }
    /// The first offset from `offset` that is neither blank nor tab.
    [[nodiscard]] std::size_t skip_blanks(std::size_t offset) const;
    /// Behind the quote that closes the one at `offset`; npos if its line ends before.
    [[nodiscard]] std::size_t quote_end(std::size_t offset) const;

    static constexpr std::size_t npos = std::string_view::npos;

  private:
    std::string_view text_;
    std::string file_;
    std::vector<std::size_t> lines_;
    // Places are mostly asked for in order, and a line may be megabytes long: counting goes on where it stopped.
    mutable std::size_t counted_line_ = 0;
    mutable std::size_t counted_to_ = 0;
    mutable std::uint32_t counted_ = 0;
};

/// What can be seen without parsing: octets that are no text, tabs where indentation is meant. False: not worth
/// parsing.
[[nodiscard]] bool check_text(const Source& source, Problems& problems);

/// Where a comment begins behind `offset` in the same line; npos if there is none.
[[nodiscard]] std::size_t comment_in_line(const Source& source, std::size_t offset);

/// The problem behind an error of yaml-cpp: its words, where it gave up, and where the last value stood that it had
/// understood.
[[nodiscard]] Problem explain(const Source& source, std::size_t offset, std::size_t understood,
                              std::string_view message);

}  // namespace ym::settings
