#include "power/sim_disk.h"

#include <algorithm>
#include <cerrno>

namespace ym::disklog {

class SimFile : public File {
  public:
    SimFile(SimDisk& disk, std::uint64_t inode) : disk_(disk), inode_(inode) {}

    Fault write(std::uint64_t position, Octets octets) override { return disk_.write(inode_, position, octets); }
    Fault read(std::uint64_t position, std::span<std::byte> octets, std::size_t& got) override {
        const std::lock_guard lock(disk_.mutex_);
        const std::vector<std::byte>& from = *disk_.inodes_.at(inode_).cache;
        got = position >= from.size() ? 0 : std::min<std::size_t>(octets.size(), from.size() - position);
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(std::min(position, from.size())), got, octets.begin());
        return {};
    }
    Fault sync() override { return disk_.sync(inode_); }
    Fault size(std::uint64_t& bytes) override {
        const std::lock_guard lock(disk_.mutex_);
        bytes = disk_.inodes_.at(inode_).cache->size();
        return {};
    }
    Fault allocate(std::uint64_t bytes) override {
        const std::lock_guard lock(disk_.mutex_);
        return disk_.used() + bytes > disk_.space ? Fault{ENOSPC, "allocate: no space"} : Fault{};
    }

  private:
    SimDisk& disk_;
    std::uint64_t inode_;
};

SimDisk::SimDisk(const Image& image, std::uint64_t seed) : random_(seed) {
    for (const auto& [name, content] : image) {
        inodes_[next_inode_] = {content, content, false};
        names_[name] = durable_names_[name] = next_inode_++;
    }
}

bool SimDisk::change() {
    if (before_change) before_change();
    return ++changes_ == fails_at;
}

Fault SimDisk::injected(const std::string& call) const {
    return {fails_with, call + " failed as call " + std::to_string(changes_)};
}

std::uint64_t SimDisk::used() const {
    std::uint64_t bytes = 0;
    for (const auto& [name, inode] : names_) bytes += inodes_.at(inode).cache->size();
    return bytes;
}

void SimDisk::apply(Content& content, std::uint64_t position, Octets octets) {
    if (content.use_count() > 1) content = std::make_shared<std::vector<std::byte>>(*content);
    if (content->size() < position + octets.size()) content->resize(position + octets.size());
    std::copy(octets.begin(), octets.end(), content->begin() + static_cast<std::ptrdiff_t>(position));
}

void SimDisk::apply(std::map<std::string, std::uint64_t>& names, const NameChange& change) {
    if (!change.from.empty()) names.erase(change.from);
    if (!change.to.empty()) names[change.to] = change.inode;
}

Fault SimDisk::write(std::uint64_t inode, std::uint64_t position, Octets octets) {
    const std::lock_guard lock(mutex_);
    const bool fails = change();
    if (fails && !partly) return injected("write");
    if (fails) octets = octets.first(octets.size() / 2);
    Content& cache = inodes_.at(inode).cache;
    if (position + octets.size() > cache->size() && used() + octets.size() > space) return {ENOSPC, "write: no space"};
    apply(cache, position, octets);
    pending_.push_back({inode, position, {octets.begin(), octets.end()}});
    return fails ? injected("write") : Fault{};
}

Fault SimDisk::sync(std::uint64_t inode) {
    const std::lock_guard lock(mutex_);
    const bool fails = change();
    // What a failed sync should have written is clean in the cache, and not on the disk.
    Inode& of = inodes_.at(inode);
    of.differs = of.differs || fails;
    if (!of.differs) of.durable = of.cache;
    for (const Pending& one : pending_) {
        if (of.differs && !fails && one.inode == inode) apply(of.durable, one.position, one.octets);
    }
    std::erase_if(pending_, [&](const Pending& write) { return write.inode == inode; });
    return fails ? injected("sync") : Fault{};
}

Fault SimDisk::lock(bool& held) {
    held = locked_;
    if (held) return {EWOULDBLOCK, "in use by another process"};
    locked_ = true;
    return {};
}

void SimDisk::unlock() {
    locked_ = false;
}

Fault SimDisk::create(const std::string& name, std::shared_ptr<File>& file) {
    const std::lock_guard lock(mutex_);
    if (change()) return injected("create");
    const auto nothing = std::make_shared<std::vector<std::byte>>();
    inodes_[next_inode_] = {nothing, nothing, false};
    name_changes_.push_back({"", name, next_inode_});
    apply(names_, name_changes_.back());
    file = std::make_shared<SimFile>(*this, next_inode_++);
    return {};
}

Fault SimDisk::open(const std::string& name, std::shared_ptr<File>& file) {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(name);
    if (found == names_.end()) return {ENOENT, "open: no file " + name};
    file = std::make_shared<SimFile>(*this, found->second);
    return {};
}

Fault SimDisk::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    if (change()) return injected("rename");
    name_changes_.push_back({from, to, names_.at(from)});
    apply(names_, name_changes_.back());
    return {};
}

Fault SimDisk::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (change()) return injected("remove");
    if (!names_.contains(name)) return {ENOENT, "remove: no file " + name};
    name_changes_.push_back({name, "", names_.at(name)});
    apply(names_, name_changes_.back());
    return {};
}

Fault SimDisk::list(std::vector<std::string>& names) {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, inode] : names_) names.push_back(name);
    return {};
}

Fault SimDisk::sync_directory() {
    const std::lock_guard lock(mutex_);
    if (change()) return injected("sync of the folder");
    durable_names_ = names_;
    name_changes_.clear();
    return {};
}

Fault SimDisk::make_directory(const std::string& /*name*/) {
    return {};
}

std::uint64_t SimDisk::random() {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    return random_ ^ (random_ >> 29U);
}

Image SimDisk::cut(std::size_t names, const std::function<bool(std::size_t write, std::size_t piece)>& keeps) const {
    std::map<std::uint64_t, Content> contents;
    for (const auto& [inode, of] : inodes_) contents[inode] = of.durable;
    for (std::size_t w = 0; w < pending_.size(); ++w) {
        const Pending& write = pending_[w];
        const Octets octets(write.octets);
        for (std::size_t at = 0, piece = 0; at < octets.size(); at += piece_bytes, ++piece) {
            if (!keeps(w, piece)) continue;
            apply(contents[write.inode], write.position + at,
                  octets.subspan(at, std::min<std::size_t>(piece_bytes, octets.size() - at)));
        }
    }
    std::map<std::string, std::uint64_t> kept = durable_names_;
    for (std::size_t i = 0; i < names; ++i) apply(kept, name_changes_[i]);
    Image image;
    for (const auto& [name, inode] : kept) image[name] = contents[inode];
    return image;
}

Image SimDisk::cache() const {
    Image image;
    for (const auto& [name, inode] : names_) image[name] = inodes_.at(inode).cache;
    return image;
}

void SimDisk::settle() {
    for (auto& [inode, of] : inodes_) of.durable = of.cache;
    durable_names_ = names_;
    name_changes_.clear();
    pending_.clear();
}

std::vector<std::byte>& SimDisk::octets_of(const std::string& name) {
    Inode& inode = inodes_.at(names_.at(name));
    inode.cache = std::make_shared<std::vector<std::byte>>(*inode.cache);
    inode.durable = inode.cache;
    return *inode.cache;
}

}  // namespace ym::disklog
