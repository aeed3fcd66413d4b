// What `send` publishes: lines, records that end with NUL, or whole files.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace ym::cli {

/// Cuts a stream into records. Feed it what was read, then end it.
class RecordReader {
  public:
    using Take = std::function<void(std::string_view record)>;

    /// Records end with `separator`, which is no part of them; between two of it is an empty record.
    explicit RecordReader(char separator) : separator_(separator) {}

    void feed(std::string_view octets, const Take& take);
    /// What follows the last separator is a record too, if it is not empty.
    void end(const Take& take);

  private:
    char separator_;
    std::string rest_;
};

}  // namespace ym::cli
