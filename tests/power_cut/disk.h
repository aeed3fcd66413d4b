// A disk in memory for the log, and what of it is there after its power was cut: what was synced, and of all else some
// of it, in any order, whole or torn.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"
#include "log/disk.h"

namespace ym::power_cut {

using Content = std::vector<std::byte>;

/// One thing that was asked of the disk, in order.
struct Op {
    enum class Kind : std::uint8_t { write, sync, create, rename, remove, sync_names };
    Kind kind{};
    std::uint64_t file = 0;  // its number: names may change
    std::uint64_t position = 0;
    Content octets;
    std::string name;
    std::string to;
};

/// What there is: files by name.
using Image = std::map<std::string, Content>;

class MemoryDisk final : public disklog::Disk {
  public:
    explicit MemoryDisk(Image image, std::vector<Op>* trace = nullptr);

    [[nodiscard]] Image image() const;
    /// Numbers of the files that were there at first: 0, 1, ... in order of their names.
    [[nodiscard]] const std::map<std::string, std::uint64_t>& first_names() const { return first_; }

    disklog::Fault lock(bool& held) override;
    void unlock() override { locked_ = false; }
    disklog::Fault create(const std::string& name, std::shared_ptr<disklog::File>& file) override;
    disklog::Fault open(const std::string& name, std::shared_ptr<disklog::File>& file) override;
    disklog::Fault rename(const std::string& from, const std::string& to) override;
    disklog::Fault remove(const std::string& name) override;
    disklog::Fault list(std::vector<std::string>& names) override;
    disklog::Fault sync_directory() override;
    disklog::Fault make_directory(const std::string& name) override;
    std::uint64_t random() override { return prng_.next(); }

  private:
    class MemoryFile;
    struct Inode {
        std::uint64_t number = 0;
        Content content;
    };
    void note(Op op) const {
        if (trace_ != nullptr) trace_->push_back(std::move(op));
    }

    std::map<std::string, std::shared_ptr<Inode>> names_;
    std::map<std::string, std::uint64_t> first_;
    std::uint64_t next_ = 0;
    std::vector<Op>* trace_;
    bool locked_ = false;
    Prng prng_{0x6469736b};
};

/// How a cut leaves what was not synced.
enum class Cut : std::uint8_t { all_kept, none_kept, torn, dropped, reordered, count };
[[nodiscard]] const char* name_of(Cut cut);

/// Follows the operations of a disk, and makes images of what could be there if the power went now.
class Power {
  public:
    Power(Image first, const std::map<std::string, std::uint64_t>& names);

    void apply(const Op& op);
    /// Shows images; `extra` of them are drawn by chance.
    void cut(Prng& prng, std::uint32_t extra, const std::function<void(Cut, Image)>& show) const;

  private:
    /// Which of its sectors a write has put down: by a function of their index.
    using Keeps = std::function<bool(std::size_t write, std::size_t sector, std::size_t sectors)>;
    [[nodiscard]] Image make(std::size_t names, const Keeps& keeps) const;
    static void put(Content& content, const Op& write, std::size_t from, std::size_t to);

    std::map<std::uint64_t, Content> files_;      // synced
    std::map<std::string, std::uint64_t> names_;  // likewise
    std::vector<Op> writes_;                      // not synced
    std::vector<Op> renames_;                     // names given, changed, taken, and not synced
};

}  // namespace ym::power_cut
