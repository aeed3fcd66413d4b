#include "cli/work_command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace ym::cli {
namespace {

struct Pipe {
    Pipe() {
        if (pipe2(ends.data(), O_CLOEXEC) != 0) ends = {-1, -1};
    }
    std::array<int, 2> ends{-1, -1};
};

/// Our own environment and what is added to it, as exec takes it.
class Variables {
  public:
    explicit Variables(const RunningCommand::Environment& added) {
        for (const auto& [name, value] : added) {
            if (value.find('\0') == std::string::npos) texts_.push_back(name + "=" + value);
        }
        for (char** one = environ; *one != nullptr; ++one) pointers_.push_back(*one);
        for (std::string& text : texts_) pointers_.push_back(text.data());
        pointers_.push_back(nullptr);
    }
    [[nodiscard]] char** data() { return pointers_.data(); }

  private:
    std::vector<std::string> texts_;
    std::vector<char*> pointers_;
};

}  // namespace

RunningCommand::RunningCommand(const std::vector<std::string>& words, const Environment& environment,
                               std::string_view body, bool show)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), body_(body) {
    start(words, environment, show);
    if (!done_) step();
}

RunningCommand::~RunningCommand() {
    if (pid_ > 0) {
        kill(-pid_, SIGKILL);
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
    }
    for (int* fd : {&input_, &result_, &process_, &epoll_}) forget(*fd);
}

void RunningCommand::start(const std::vector<std::string>& words, const Environment& environment, bool show) {
    std::vector<std::string> line = words;
    if (words.size() == 1) line = {"/bin/sh", "-c", words.front()};
    std::vector<char*> arguments;
    arguments.reserve(line.size() + 1);
    for (std::string& word : line) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    Pipe input;
    Pipe result;
    Variables variables(environment);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.ends[0], STDIN_FILENO);
    if (!show) posix_spawn_file_actions_adddup2(&actions, result.ends[1], STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // A group of its own, so that whatever it starts can be ended with it; and no signal ignored or blocked by us.
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    const int error = posix_spawnp(&pid_, arguments[0], &actions, &attributes, arguments.data(), variables.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    ::close(input.ends[0]);
    ::close(result.ends[1]);
    input_ = input.ends[1];
    result_ = result.ends[0];
    if (error != 0) {
        pid_ = -1;
        failure_ = "cannot start " + line.front() + ": " + std::strerror(error);
        done_ = true;
        return;
    }
    process_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    for (const int fd : {input_, result_}) fcntl(fd, F_SETFL, O_NONBLOCK);
    watch(input_, EPOLLOUT);
    watch(result_, EPOLLIN);
    watch(process_, EPOLLIN);
}

void RunningCommand::watch(int fd, unsigned events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (fd >= 0) epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void RunningCommand::forget(int& fd) {
    if (fd >= 0) ::close(fd);  // epoll forgets what is closed
    fd = -1;
}

void RunningCommand::step() {
    if (done_) return;
    write_body();
    read_output();
    reap();
}

void RunningCommand::write_body() {
    while (input_ >= 0 && written_ < body_.size()) {
        const ssize_t count = ::write(input_, body_.data() + written_, body_.size() - written_);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0) break;  // it does not read its input, which is its right
        written_ += static_cast<std::size_t>(count);
    }
    forget(input_);
}

void RunningCommand::read_output() {
    std::array<char, 1U << 16U> octets{};
    while (result_ >= 0) {
        const ssize_t count = ::read(result_, octets.data(), octets.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) return forget(result_);
        output_.append(octets.data(), static_cast<std::size_t>(count));
    }
}

void RunningCommand::reap() {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return;
    pid_ = -1;
    done_ = true;
    read_output();  // what it wrote last; what its own children write later is not waited for
    if (WIFSIGNALED(status)) failure_ = "killed by signal " + std::to_string(WTERMSIG(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) failure_ = "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace ym::cli
