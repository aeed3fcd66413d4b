// A line of a script: words, and texts in quotes.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ym::scenario {

/// A script that cannot be understood. Never frozen as golden output.
class ScriptError final : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Words are taken from a line until it is empty; whatever is missing, left or no number is a ScriptError.
class Line {
  public:
    explicit Line(std::string_view text);

    [[nodiscard]] bool empty() const { return words_.empty(); }
    /// The first word; `what` says what it should have been.
    std::string take(std::string_view what);
    std::uint64_t take_number(std::string_view what);
    /// True, and gone, if `word` stands in the line.
    bool has(std::string_view word);
    /// What follows `word`; both are gone then.
    std::optional<std::string> after(std::string_view word);
    std::optional<std::uint64_t> number_after(std::string_view word);
    /// All words that are left and not in quotes.
    std::vector<std::string> words();
    /// All texts in quotes.
    std::vector<std::string> texts();
    void expect_end() const;

  private:
    struct Word {
        std::string text;
        bool quoted = false;
    };

    std::vector<std::string> take_all(bool quoted);

    std::vector<Word> words_;
};

}  // namespace ym::scenario
