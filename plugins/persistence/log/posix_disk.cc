#include "posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

namespace ym::disklog {
namespace {

/// Of one write of zeros.
constexpr std::size_t zeros_bytes = std::size_t{1} << 20U;

Fault fault(int code, const std::string& call, const std::string& path) {
    return {code, call + " " + path + ": " + std::generic_category().message(code)};
}

class PosixFile : public File {
  public:
    PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
    ~PosixFile() override { ::close(descriptor_); }

    Fault write(std::uint64_t position, Octets octets) override {
        while (!octets.empty()) {
            const ::ssize_t done = ::pwrite(descriptor_, octets.data(), octets.size(), static_cast<::off_t>(position));
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) return fault(done < 0 ? errno : EIO, "pwrite", path_);
            octets = octets.subspan(static_cast<std::size_t>(done));
            position += static_cast<std::uint64_t>(done);
        }
        return {};
    }

    Fault write_parts(std::uint64_t position, std::span<const Octets> parts) override {
        while (!parts.empty()) {
            std::array<::iovec, 64> vectors{};
            const std::size_t count = std::min(parts.size(), vectors.size());
            std::size_t bytes = 0;
            for (std::size_t i = 0; i < count; ++i) {
                // The system only reads it.
                vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
                bytes += parts[i].size();
            }
            const ::ssize_t done =
                ::pwritev(descriptor_, vectors.data(), static_cast<int>(count), static_cast<::off_t>(position));
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) return fault(done < 0 ? errno : EIO, "pwritev", path_);
            auto written = static_cast<std::size_t>(done);
            if (written < bytes) {
                if (Fault failed = write_rest(position, parts.first(count), written)) return failed;
            }
            position += bytes;
            parts = parts.subspan(count);
        }
        return {};
    }

    /// Past the cache of the system, where the file system can: the zeros need not be copied, and keep nothing out of
    /// memory that is worth more.
    Fault write_zeros(std::uint64_t position, std::uint64_t bytes) override {
        alignas(block_bytes) static std::array<std::byte, zeros_bytes> zeros{};
        const int flags = ::fcntl(descriptor_, F_GETFL);
        bool direct = flags >= 0 && ::fcntl(descriptor_, F_SETFL, flags | O_DIRECT) == 0;
        Fault failed;
        while (bytes > 0 && !failed) {
            const std::uint64_t piece = std::min<std::uint64_t>(bytes, zeros.size());
            const ::ssize_t done =
                direct ? ::pwrite(descriptor_, zeros.data(), piece, static_cast<::off_t>(position)) : 0;
            if (done < 0 && errno != EINVAL && errno != EINTR) {
                failed = fault(errno, "pwrite", path_);
            } else if (done != static_cast<::ssize_t>(piece)) {
                if (std::exchange(direct, false)) ::fcntl(descriptor_, F_SETFL, flags);
                failed = write(position, Octets(zeros).first(piece));
            }
            position += piece;
            bytes -= piece;
        }
        if (direct) ::fcntl(descriptor_, F_SETFL, flags);
        return failed;
    }

    Fault read(std::uint64_t position, std::span<std::byte> octets, std::size_t& got) override {
        got = 0;
        while (got < octets.size()) {
            const ::ssize_t done =
                ::pread(descriptor_, octets.data() + got, octets.size() - got, static_cast<::off_t>(position + got));
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) return fault(errno, "pread", path_);
            if (done == 0) break;
            got += static_cast<std::size_t>(done);
        }
        return {};
    }

    Fault sync() override {
        // The size of a segment never changes once it has its name, so the times are all that is left out.
        return ::fdatasync(descriptor_) == 0 ? Fault{} : fault(errno, "fdatasync", path_);
    }

    Fault size(std::uint64_t& bytes) override {
        struct ::stat status {};
        if (::fstat(descriptor_, &status) != 0) return fault(errno, "fstat", path_);
        bytes = static_cast<std::uint64_t>(status.st_size);
        return {};
    }

    Fault allocate(std::uint64_t bytes) override {
        if (::fallocate(descriptor_, 0, 0, static_cast<::off_t>(bytes)) == 0) return {};
        const bool full = errno == ENOSPC || errno == EDQUOT;
        return full ? fault(errno, "fallocate", path_) : Fault{};
    }

  private:
    /// Of `parts`, which begin at `position`, the first `written` octets are there already.
    Fault write_rest(std::uint64_t position, std::span<const Octets> parts, std::size_t written) {
        for (const Octets part : parts) {
            const std::size_t there = std::min(written, part.size());
            if (Fault failed = write(position + there, part.subspan(there))) return failed;
            written -= there;
            position += part.size();
        }
        return {};
    }

    int descriptor_;
    std::string path_;
};

/// Makes a folder, and those above it that are missing; each survives the loss of power.
Fault make_path(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0) {
        if (errno == EEXIST) return {};
        const std::size_t slash = path.find_last_of('/');
        if (errno != ENOENT || slash == std::string::npos || slash == 0) return fault(errno, "mkdir", path);
        if (Fault failed = make_path(path.substr(0, slash))) return failed;
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fault(errno, "mkdir", path);
    }
    const std::size_t slash = path.find_last_of('/');
    const std::string above = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    const int descriptor = ::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return fault(errno, "open", above);
    const int failed = ::fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    return failed == 0 ? Fault{} : fault(failed, "fsync", above);
}

}  // namespace

bool Fault::no_space() const {
    return code == ENOSPC || code == EDQUOT;
}

PosixDisk::~PosixDisk() {
    unlock();
}

Fault PosixDisk::lock(bool& held) {
    held = false;
    if (Fault failed = make_path(directory_)) return failed;
    const std::string name = path("LOCK");
    const int descriptor = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return fault(errno, "open", name);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const int code = errno;
        ::close(descriptor);
        held = code == EWOULDBLOCK;
        return held ? Fault{code, directory_ + " is in use by another process"} : fault(code, "flock", name);
    }
    lock_ = descriptor;
    return {};
}

void PosixDisk::unlock() {
    if (lock_ >= 0) ::close(lock_);
    lock_ = -1;
}

Fault PosixDisk::open_with(const std::string& name, int flags, std::shared_ptr<File>& file) {
    const int descriptor = ::open(path(name).c_str(), flags | O_CLOEXEC, 0600);
    if (descriptor < 0) return fault(errno, "open", path(name));
    file = std::make_shared<PosixFile>(descriptor, path(name));
    return {};
}

Fault PosixDisk::create(const std::string& name, std::shared_ptr<File>& file) {
    return open_with(name, O_RDWR | O_CREAT | O_TRUNC, file);
}

Fault PosixDisk::open(const std::string& name, std::shared_ptr<File>& file) {
    return open_with(name, O_RDWR, file);
}

Fault PosixDisk::open_to_read(const std::string& name, std::shared_ptr<File>& file) {
    return open_with(name, O_RDONLY, file);
}

Fault PosixDisk::rename(const std::string& from, const std::string& to) {
    return ::rename(path(from).c_str(), path(to).c_str()) == 0 ? Fault{} : fault(errno, "rename", path(from));
}

Fault PosixDisk::remove(const std::string& name) {
    return ::unlink(path(name).c_str()) == 0 ? Fault{} : fault(errno, "unlink", path(name));
}

Fault PosixDisk::list(std::vector<std::string>& names) {
    DIR* folder = ::opendir(directory_.c_str());
    if (folder == nullptr) return fault(errno, "opendir", directory_);
    errno = 0;
    while (const ::dirent* entry = ::readdir(folder)) names.emplace_back(entry->d_name);
    const int failed = errno;
    ::closedir(folder);
    return failed == 0 ? Fault{} : fault(failed, "readdir", directory_);
}

Fault PosixDisk::sync_directory() {
    const int descriptor = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return fault(errno, "open", directory_);
    const int failed = ::fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    return failed == 0 ? Fault{} : fault(failed, "fsync", directory_);
}

Fault PosixDisk::make_directory(const std::string& name) {
    return make_path(path(name));
}

std::uint64_t PosixDisk::random() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) {
        std::random_device device;
        number = (static_cast<std::uint64_t>(device()) << 32U) | device();
    }
    return number;
}

}  // namespace ym::disklog
