// Text for people: columns that line up, and quantities rounded to what one can grasp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace ym::server {

/// Columns as wide as their widest cell. Numbers stand to the right, texts to the left.
class Table {
  public:
    enum class Align : std::uint8_t { left, right };
    struct Column {
        std::string title;
        Align align = Align::right;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// One cell a column.
    void add(std::vector<std::string> cells);
    /// The title line and all rows, each with an end of line.
    [[nodiscard]] std::string text() const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

/// "0 B", "117 B", "1.5 KiB", "20 MiB".
[[nodiscard]] std::string rough_bytes(std::uint64_t bytes);
/// "0", "850 us", "12 ms", "3.4 s", "5m 20s", "2h 3m", "4d 1h".
[[nodiscard]] std::string rough_duration(Duration duration);
/// A name of a peer or queue, with octets that a terminal would act on shown as `?`.
[[nodiscard]] std::string printable(std::string_view name);

}  // namespace ym::server
