#include "bench/callgrind.h"

#include <cstdlib>
#include <fstream>

namespace ym::bench {
namespace {

/// "(7) /usr/lib/libzmq.so.5" names 7, and "(7)" means it again.
class Names {
  public:
    const std::string& of(const std::string& text) {
        const auto end = text.find(')');
        std::string& name = names_[text.substr(0, end + 1)];
        if (end != std::string::npos && end + 2 < text.size()) {
            name = std::filesystem::path(text.substr(end + 2)).filename().string();
        }
        return name;
    }

  private:
    std::map<std::string, std::string> names_;
};

bool is_cost(const std::string& line) {
    return !line.empty() && (std::isdigit(static_cast<unsigned char>(line[0])) != 0 || line[0] == '+' ||
                             line[0] == '-' || line[0] == '*');
}

/// The format is in valgrind's manual, "Callgrind Format Specification".
ThreadCost read_thread(const std::filesystem::path& file) {
    ThreadCost cost;
    Names objects;
    std::string object;
    bool of_a_call = false;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("thread: ")) {
            cost.number = static_cast<unsigned>(std::strtoul(line.c_str() + 8, nullptr, 10));
        } else if (line.starts_with("ob=")) {
            object = objects.of(line.substr(3));
        } else if (line.starts_with("cob=")) {
            objects.of(line.substr(4));
        } else if (line.starts_with("calls=")) {
            of_a_call = true;  // the next line is what was spent in what was called, which is counted there
        } else if (is_cost(line)) {
            const auto space = line.find(' ');
            if (!of_a_call && space != std::string::npos) {
                cost.by_object[object] += std::strtoull(line.c_str() + space, nullptr, 10);
            }
            of_a_call = false;
        }
    }
    return cost;
}

}  // namespace

std::uint64_t ThreadCost::total() const {
    std::uint64_t sum = 0;
    for (const auto& [object, instructions] : by_object) sum += instructions;
    return sum;
}

std::vector<ThreadCost> read_callgrind(const std::filesystem::path& folder, const std::string& name) {
    std::vector<ThreadCost> threads;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        if (file.path().filename().string().starts_with(name + "-")) threads.push_back(read_thread(file.path()));
    }
    return threads;
}

}  // namespace ym::bench
