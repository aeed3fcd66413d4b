// The least that keeps octets on a disk: a file that was written once with zeros, so that a sync writes octets and
// nothing else; used from the front again.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace ym::bench {

class Disk {
  public:
    /// `octets`: what will be written in all, so that little needs no large file.
    Disk(const std::filesystem::path& folder, std::uint64_t octets)
        : size_(std::clamp<std::uint64_t>(octets, std::uint64_t{32} << 20U, std::uint64_t{128} << 20U)),
          file_(open((folder / "disk").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
        const std::vector<std::byte> zeros(1U << 20U);
        for (std::size_t at = 0; at < size_; at += zeros.size()) write(zeros.data(), zeros.size(), at);
        sync_file();
    }
    ~Disk() { close(file_); }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    void add(const void* octets, std::size_t count) {
        const auto* from = static_cast<const std::byte*>(octets);
        waiting_.insert(waiting_.end(), from, from + count);
    }
    /// False: there was nothing to write.
    bool sync() {
        if (waiting_.empty()) return false;
        constexpr std::size_t block = 4096;
        waiting_.resize((waiting_.size() + block - 1) / block * block);
        if (at_ + waiting_.size() > size_) at_ = 0;
        write(waiting_.data(), waiting_.size(), at_);
        sync_file();
        at_ += waiting_.size();
        waiting_.clear();
        return true;
    }

  private:
    void write(const std::byte* octets, std::size_t count, std::size_t at) {
        if (pwrite(file_, octets, count, static_cast<off_t>(at)) != static_cast<ssize_t>(count)) fail("a write");
    }
    void sync_file() {
        if (fdatasync(file_) != 0) fail("a sync");
    }
    [[noreturn]] static void fail(const char* what) {
        std::perror(what);
        std::_Exit(1);
    }

    std::size_t size_;
    int file_;
    std::size_t at_ = 0;
    std::vector<std::byte> waiting_;
};

}  // namespace ym::bench
