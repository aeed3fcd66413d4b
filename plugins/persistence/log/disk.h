// What the log asks of a disk: one folder and its files. The real one is PosixDisk; tests have one in memory that loses
// power and fails on demand.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "format.h"

namespace ym::disklog {

/// What went wrong, or nothing. `code` is of <cerrno>; 0 with a text: no system call failed, but it cannot go on.
struct Fault {
    int code = 0;
    std::string what;  // a sentence for a person

    explicit operator bool() const { return !what.empty(); }
    /// Whether space is what is missing, so that it may work later.
    [[nodiscard]] bool no_space() const;
};

/// An open file. read() and size() may be called on any thread, the others by one at a time.
class File {
  public:
    File() = default;
    virtual ~File() = default;
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    /// Writes all of it, or fails.
    virtual Fault write(std::uint64_t position, Octets octets) = 0;
    /// The same, of octets that stand in several places: in one call, where the disk can.
    virtual Fault write_parts(std::uint64_t position, std::span<const Octets> parts) {
        std::vector<std::byte> whole;
        for (const Octets part : parts) whole.insert(whole.end(), part.begin(), part.end());
        return write(position, whole);
    }
    /// Writes so many zeros: whole blocks of a file that nobody else uses yet.
    virtual Fault write_zeros(std::uint64_t position, std::uint64_t bytes) {
        return write(position, std::vector<std::byte>(bytes));
    }
    /// `got` is less than asked for at the end of the file only.
    virtual Fault read(std::uint64_t position, std::span<std::byte> octets, std::size_t& got) = 0;
    /// What was written survives the loss of power. A failed one is never tried again.
    virtual Fault sync() = 0;
    virtual Fault size(std::uint64_t& bytes) = 0;
    /// Finds out quickly whether there is space for a file of this size, where the disk can tell.
    virtual Fault allocate(std::uint64_t bytes) = 0;
};

/// One folder. Names are of files in it, "bad/..." of those in a folder below.
class Disk {
  public:
    Disk() = default;
    virtual ~Disk() = default;
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    /// Makes the folder if there is none, and takes its lock until unlock(). `held`: another process has it.
    virtual Fault lock(bool& held) = 0;
    virtual void unlock() = 0;
    /// A new, empty file; one of that name goes.
    virtual Fault create(const std::string& name, std::shared_ptr<File>& file) = 0;
    virtual Fault open(const std::string& name, std::shared_ptr<File>& file) = 0;
    virtual Fault rename(const std::string& from, const std::string& to) = 0;
    virtual Fault remove(const std::string& name) = 0;
    virtual Fault list(std::vector<std::string>& names) = 0;
    /// Names that were given, changed or taken survive the loss of power.
    virtual Fault sync_directory() = 0;
    virtual Fault make_directory(const std::string& name) = 0;
    /// A number that nobody can guess.
    virtual std::uint64_t random() = 0;
};

}  // namespace ym::disklog
