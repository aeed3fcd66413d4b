// The command that `work --exec` runs for each message.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ym::cli {

/// One run of a command: the body goes to its standard input, its standard output is kept. Never blocks: wait for fd()
/// to become readable, then call step().
class RunningCommand {
  public:
    using Environment = std::vector<std::pair<std::string, std::string>>;

    /// Starts it, with `environment` added to our own. With `show` its output goes to ours and is not kept. A single
    /// word is a line for the shell. When it cannot be started, it is done at once and failure() says why.
    RunningCommand(const std::vector<std::string>& words, const Environment& environment, std::string_view body,
                   bool show);
    ~RunningCommand();  // kills it if it still runs
    RunningCommand(const RunningCommand&) = delete;
    RunningCommand& operator=(const RunningCommand&) = delete;

    [[nodiscard]] int fd() const { return epoll_; }
    /// Moves octets, and looks whether it has ended.
    void step();
    [[nodiscard]] bool done() const { return done_; }
    /// After done(): empty when it exited with 0.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    [[nodiscard]] const std::string& output() const { return output_; }

  private:
    void start(const std::vector<std::string>& words, const Environment& environment, bool show);
    void write_body();
    void read_output();
    void reap();
    void watch(int fd, unsigned events) const;
    void forget(int& fd);

    pid_t pid_ = -1;
    int epoll_ = -1;
    int input_ = -1;    // we write
    int result_ = -1;   // we read
    int process_ = -1;  // readable when it has ended
    std::string body_;
    std::size_t written_ = 0;
    std::string output_;
    std::string failure_;
    bool done_ = false;
};

}  // namespace ym::cli
