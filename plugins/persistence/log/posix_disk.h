// A folder of a file system.
#pragma once

#include "disk.h"

namespace ym::disklog {

class PosixDisk final : public Disk {
  public:
    explicit PosixDisk(std::string directory) : directory_(std::move(directory)) {}
    ~PosixDisk() override;

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

    /// Opens a file for reading only, as a tool does that must change nothing.
    Fault open_to_read(const std::string& name, std::shared_ptr<File>& file);

  private:
    [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
    Fault open_with(const std::string& name, int flags, std::shared_ptr<File>& file);

    std::string directory_;
    int lock_ = -1;
};

}  // namespace ym::disklog
