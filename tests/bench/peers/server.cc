#include "bench/peers/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ym::bench {
namespace {

constexpr int listens_after_ms = 60'000;  // at most; a virtual machine has to start on two busy cores

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// What a server prints is kept beside its data, for who looks for a fault.
[[noreturn]] void execute(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                          const std::filesystem::path& folder) {
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    for (const std::string& one : environment) {
        const std::size_t equals = one.find('=');
        setenv(one.substr(0, equals).c_str(), one.c_str() + equals + 1, 1);
    }
    setenv("HOME", folder.c_str(), 1);
    const int terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    const int log = open((folder / "output").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    if (chdir(folder.c_str()) == 0) execvp(words.front(), words.data());
    dup2(terminal, STDERR_FILENO);
    broken(command.front(), std::strerror(errno));
}

/// As fork(); the new process ends with its parent.
pid_t fork_below() {
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) broken("fork", std::strerror(errno));
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) std::_Exit(1);
    return 0;
}

void attend(const Server& server, const std::filesystem::path& folder, Shared& shared) {
    const pid_t beside = server.beside.empty() ? -1 : fork_below();
    if (beside == 0) execute(server.beside, server.environment, folder);
    for (int waited_ms = 0; !is_listening(server.port); waited_ms += 20) {
        if (waited_ms > listens_after_ms) broken(server.command.front(), "does not listen");
        usleep(20'000);
    }
    server.declare();
    std::snprintf(shared.front, sizeof shared.front, "%s", server.port.c_str());
    std::memcpy(shared.back, shared.front, sizeof shared.back);
    shared.bound = true;
    while (!shared.stop) usleep(2000);
    if (beside < 0) return;
    kill(beside, SIGKILL);
    waitpid(beside, nullptr, 0);
}

}  // namespace

void broken(const std::string& who, const std::string& why) {
    std::fprintf(stderr, "bench: %s: %s\n", who.c_str(), why.c_str());
    std::_Exit(1);
}

std::string free_port() {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (bind(probe, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        broken("a free port", std::strerror(errno));
    }
    close(probe);
    return std::to_string(ntohs(address.sin_port));
}

bool is_listening(const std::string& port) {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(static_cast<std::uint16_t>(std::stoul(port)));
    const bool accepted = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    return accepted;
}

std::filesystem::path fresh_folder(const Folder& above) {
    for (const auto& before : std::filesystem::directory_iterator(above.path)) {
        std::error_code ignored;
        std::filesystem::remove_all(before.path(), ignored);
    }
    std::string name = (above.path / "run-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) broken("a folder", std::strerror(errno));
    return name;
}

void become(const Server& server, const std::filesystem::path& folder, Shared& shared) {
    if (fork_below() == 0) {
        attend(server, folder, shared);
        std::_Exit(0);
    }
    count_syncs(shared);
    execute(server.command, server.environment, folder);
}

}  // namespace ym::bench
