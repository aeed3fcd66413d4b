// What callgrind wrote about a program: instructions by thread, and by the library in which they were run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ym::bench {

struct ThreadCost {
    unsigned number = 0;                             // 1: the one of main()
    std::map<std::string, std::uint64_t> by_object;  // file name of a program or library -> instructions

    [[nodiscard]] std::uint64_t total() const;
};

/// Reads what `--separate-threads=yes` leaves behind: `name`-01, `name`-02 and so on, in `folder`. Empty: it left
/// nothing.
[[nodiscard]] std::vector<ThreadCost> read_callgrind(const std::filesystem::path& folder, const std::string& name);

}  // namespace ym::bench
