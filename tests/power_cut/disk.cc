#include "disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ym::power_cut {
namespace {

constexpr std::size_t sector_bytes = 512;

}  // namespace

class MemoryDisk::MemoryFile final : public disklog::File {
  public:
    MemoryFile(const MemoryDisk& disk, std::shared_ptr<Inode> inode) : disk_(disk), inode_(std::move(inode)) {}

    disklog::Fault write(std::uint64_t position, disklog::Octets octets) override {
        Content& content = inode_->content;
        if (content.size() < position + octets.size()) content.resize(position + octets.size());
        std::copy(octets.begin(), octets.end(), content.begin() + static_cast<std::ptrdiff_t>(position));
        disk_.note({Op::Kind::write, inode_->number, position, {octets.begin(), octets.end()}, {}, {}});
        return {};
    }
    disklog::Fault read(std::uint64_t position, std::span<std::byte> octets, std::size_t& got) override {
        const Content& content = inode_->content;
        got = position >= content.size() ? 0 : std::min<std::size_t>(octets.size(), content.size() - position);
        if (got > 0) std::memcpy(octets.data(), content.data() + position, got);
        return {};
    }
    disklog::Fault sync() override {
        disk_.note({Op::Kind::sync, inode_->number, 0, {}, {}, {}});
        return {};
    }
    disklog::Fault size(std::uint64_t& bytes) override {
        bytes = inode_->content.size();
        return {};
    }
    disklog::Fault allocate(std::uint64_t /*bytes*/) override { return {}; }

  private:
    const MemoryDisk& disk_;
    std::shared_ptr<Inode> inode_;
};

MemoryDisk::MemoryDisk(Image image, std::vector<Op>* trace) : trace_(trace) {
    for (auto& [name, content] : image) {
        first_[name] = next_;
        names_[name] = std::make_shared<Inode>(Inode{next_++, std::move(content)});
    }
}

Image MemoryDisk::image() const {
    Image image;
    for (const auto& [name, inode] : names_) image[name] = inode->content;
    return image;
}

disklog::Fault MemoryDisk::lock(bool& held) {
    held = locked_;
    locked_ = true;
    return {};
}

disklog::Fault MemoryDisk::create(const std::string& name, std::shared_ptr<disklog::File>& file) {
    auto inode = std::make_shared<Inode>(Inode{next_++, {}});
    names_[name] = inode;
    note({Op::Kind::create, inode->number, 0, {}, name, {}});
    file = std::make_shared<MemoryFile>(*this, std::move(inode));
    return {};
}

disklog::Fault MemoryDisk::open(const std::string& name, std::shared_ptr<disklog::File>& file) {
    const auto found = names_.find(name);
    if (found == names_.end()) return {ENOENT, "no file " + name};
    file = std::make_shared<MemoryFile>(*this, found->second);
    return {};
}

disklog::Fault MemoryDisk::rename(const std::string& from, const std::string& to) {
    const auto found = names_.find(from);
    if (found == names_.end()) return {ENOENT, "no file " + from};
    std::shared_ptr<Inode> inode = found->second;
    names_.erase(found);
    names_[to] = std::move(inode);
    note({Op::Kind::rename, 0, 0, {}, from, to});
    return {};
}

disklog::Fault MemoryDisk::remove(const std::string& name) {
    if (names_.erase(name) == 0) return {ENOENT, "no file " + name};
    note({Op::Kind::remove, 0, 0, {}, name, {}});
    return {};
}

disklog::Fault MemoryDisk::list(std::vector<std::string>& names) {
    for (const auto& [name, inode] : names_) {
        if (name.find('/') == std::string::npos) names.push_back(name);
    }
    return {};
}

disklog::Fault MemoryDisk::sync_directory() {
    note({Op::Kind::sync_names, 0, 0, {}, {}, {}});
    return {};
}

disklog::Fault MemoryDisk::make_directory(const std::string& /*name*/) {
    return {};
}

const char* name_of(Cut cut) {
    static constexpr const char* names[] = {"power cut, all written", "power cut, nothing unsynced",
                                            "power cut, torn write", "power cut, dropped write",
                                            "power cut, sectors by chance"};
    return names[static_cast<std::size_t>(cut)];
}

Power::Power(Image first, const std::map<std::string, std::uint64_t>& names) : names_(names) {
    for (const auto& [name, number] : names) files_[number] = std::move(first[name]);
}

void Power::put(Content& content, const Op& write, std::size_t from, std::size_t to) {
    const std::size_t at = static_cast<std::size_t>(write.position);
    if (content.size() < at + to) content.resize(at + to);
    std::copy(write.octets.begin() + static_cast<std::ptrdiff_t>(from),
              write.octets.begin() + static_cast<std::ptrdiff_t>(to),
              content.begin() + static_cast<std::ptrdiff_t>(at + from));
}

void Power::apply(const Op& op) {
    const auto change = [this](const Op& asked) {
        if (asked.kind == Op::Kind::create) names_[asked.name] = asked.file;
        if (asked.kind == Op::Kind::remove) names_.erase(asked.name);
        if (asked.kind != Op::Kind::rename) return;
        const auto found = names_.find(asked.name);
        if (found == names_.end()) return;
        const std::uint64_t file = found->second;
        names_.erase(found);
        names_[asked.to] = file;
    };
    switch (op.kind) {
        case Op::Kind::write: writes_.push_back(op); return;
        case Op::Kind::sync:
            files_[op.file];
            for (const Op& write : writes_) {
                if (write.file == op.file) put(files_[op.file], write, 0, write.octets.size());
            }
            std::erase_if(writes_, [&](const Op& write) { return write.file == op.file; });
            return;
        case Op::Kind::sync_names:
            for (const Op& rename : renames_) change(rename);
            renames_.clear();
            return;
        default: renames_.push_back(op);
    }
}

/// With the first `names` changes of names, and of each write the sectors that it keeps.
Image Power::make(std::size_t names, const Keeps& keeps) const {
    Power now = *this;
    now.renames_.resize(names);
    now.apply({Op::Kind::sync_names, 0, 0, {}, {}, {}});
    for (std::size_t i = 0; i < writes_.size(); ++i) {
        const Op& write = writes_[i];
        const std::size_t sectors = (write.octets.size() + sector_bytes - 1) / sector_bytes;
        for (std::size_t s = 0; s < sectors; ++s) {
            if (!keeps(i, s, sectors)) continue;
            const std::size_t to = std::min(write.octets.size(), (s + 1) * sector_bytes);
            put(now.files_[write.file], write, s * sector_bytes, to);
        }
    }
    Image image;
    for (const auto& [name, file] : now.names_) image[name] = std::move(now.files_[file]);
    return image;
}

void Power::cut(Prng& prng, std::uint32_t extra, const std::function<void(Cut, Image)>& show) const {
    const std::size_t all = renames_.size();
    const std::size_t last = writes_.size();
    show(Cut::all_kept, make(all, [](auto, auto, auto) { return true; }));
    show(Cut::none_kept, make(0, [](auto, auto, auto) { return false; }));
    for (std::size_t names = 1; names <= all; ++names) {
        show(Cut::none_kept, make(names, [](auto, auto, auto) { return false; }));
    }
    if (last == 0) return;
    for (std::size_t torn = 0; torn < last; ++torn) {
        const std::size_t sectors = (writes_[torn].octets.size() + sector_bytes - 1) / sector_bytes;
        const std::size_t cuts[] = {1, sectors / 2, sectors - 1};
        for (std::size_t i = 0; i < std::size(cuts); ++i) {
            if (cuts[i] == 0 || cuts[i] >= sectors || (i > 0 && cuts[i] <= cuts[i - 1])) continue;
            show(Cut::torn, make(all, [&](std::size_t write, std::size_t sector, auto) {
                     return write < torn || (write == torn && sector < cuts[i]);
                 }));
        }
    }
    for (std::size_t dropped = 0; dropped < last; ++dropped) {
        show(Cut::dropped, make(all, [&](std::size_t write, auto, auto) { return write != dropped; }));
    }
    for (std::uint32_t i = 0; i < extra; ++i) {
        const std::uint64_t odds = 1 + prng.below(8);
        show(Cut::reordered, make(prng.below(all + 1), [&](auto, auto, auto) { return prng.chance(odds, 9); }));
    }
}

}  // namespace ym::power_cut
