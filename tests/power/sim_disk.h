// A disk in memory that loses power and fails on demand. What was written stands in the cache at once; what survives is
// what was synced, and of the rest whatever a test chooses.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "log/disk.h"

namespace ym::disklog {

using Content = std::shared_ptr<std::vector<std::byte>>;  // shared until it is written to

/// Names and octets: what a disk holds when it has no power.
using Image = std::map<std::string, Content>;

class SimDisk : public Disk {
  public:
    SimDisk() = default;
    /// With power again.
    explicit SimDisk(const Image& image, std::uint64_t seed = 1);

    Fault lock(bool& held) override;
    void unlock() override;
    Fault create(const std::string& name, std::shared_ptr<File>& file) override;
    Fault open(const std::string& name, std::shared_ptr<File>& file) override;
    Fault rename(const std::string& from, const std::string& to) override;
    Fault remove(const std::string& name) override;
    Fault list(std::vector<std::string>& names) override;
    Fault sync_directory() override;
    Fault make_directory(const std::string& name) override;
    std::uint64_t random() override;

    /// Called before each call that changes something, and may ask for images. All calls are one at a time.
    std::function<void()> before_change;

    /// Every call that changes something has a number, from 1. This one fails: with this code, and a write after
    /// `partly` of its octets. A sync that fails forgets what it should have synced: later ones say that all is well.
    std::uint64_t fails_at = 0;
    int fails_with = 0;
    bool partly = false;
    /// Octets that files may have in all; files beyond are refused for want of space.
    std::uint64_t space = UINT64_MAX;
    [[nodiscard]] std::uint64_t changes() const { return changes_; }
    [[nodiscard]] bool failed() const { return changes_ >= fails_at && fails_at != 0; }

    // What a power cut now would leave.

    /// One un-synced write. Those of one file are in order.
    struct Pending {
        std::uint64_t inode;
        std::uint64_t position;
        std::vector<std::byte> octets;
    };
    [[nodiscard]] const std::vector<Pending>& pending() const { return pending_; }
    [[nodiscard]] std::size_t pending_names() const { return name_changes_.size(); }
    /// What `keeps(write, piece)` lets through, in pieces of 512 octets, and the first `names` changes of names.
    [[nodiscard]] Image cut(std::size_t names,
                            const std::function<bool(std::size_t write, std::size_t piece)>& keeps) const;
    /// What another process sees after this one is killed: the cache.
    [[nodiscard]] Image cache() const;
    /// The contents of each file can be shared between the cache and what is durable; not after this.
    static constexpr std::uint64_t piece_bytes = 512;

    /// Forgets nothing, but takes all as durable. For tests that begin here.
    void settle();
    /// Changes what stands on the disk and in the cache behind the log's back.
    [[nodiscard]] std::vector<std::byte>& octets_of(const std::string& name);

  private:
    friend class SimFile;
    struct Inode {
        Content cache;
        Content durable;
        bool differs;  // a sync failed: the cache shows what is not on the disk
    };
    struct NameChange {
        std::string from;  // empty: created
        std::string to;    // empty: removed
        std::uint64_t inode;
    };
    /// Counts a call. True if it is the one that fails.
    bool change();
    [[nodiscard]] Fault injected(const std::string& call) const;
    Fault write(std::uint64_t inode, std::uint64_t position, Octets octets);
    Fault sync(std::uint64_t inode);
    [[nodiscard]] std::uint64_t used() const;
    static void apply(Content& content, std::uint64_t position, Octets octets);
    static void apply(std::map<std::string, std::uint64_t>& names, const NameChange& change);

    std::recursive_mutex mutex_;
    std::map<std::uint64_t, Inode> inodes_;
    std::uint64_t next_inode_ = 1;
    std::map<std::string, std::uint64_t> names_;
    std::map<std::string, std::uint64_t> durable_names_;
    std::vector<NameChange> name_changes_;
    std::vector<Pending> pending_;
    std::uint64_t changes_ = 0;
    std::uint64_t random_ = 1;
    bool locked_ = false;
};

}  // namespace ym::disklog
