#include "bench/job.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <string_view>
#include <thread>

#include "bench/count_syncs.h"

namespace ym::bench {
namespace {

using namespace std::chrono_literals;

enum class Kind { middle, peer };

pid_t spawn(Kind kind, const std::function<void()>& role) {
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed measurement leaves nothing behind
    // A message is to leave when it is due, not when the kernel finds it cheap to wake its producer.
    if (kind == Kind::peer) prctl(PR_SET_TIMERSLACK, 1UL);
    role();
    std::_Exit(0);
}

/// The figure, in KiB, behind `name` in /proc/PID/status, as MiB.
double status_mb(pid_t pid, std::string_view name) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name)) return std::strtod(line.c_str() + name.size(), nullptr) / 1024.0;
    }
    return 0;
}

template <class Condition>
bool wait_for(const Condition& condition, std::chrono::nanoseconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

void kill_at_once(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
}

/// Ends the middle; true if it ended as it should.
bool end_middle(pid_t pid, Ending ending) {
    int status = 0;
    if (ending == Ending::terminated) kill(pid, SIGTERM);
    if (ending != Ending::killed && wait_for([&] { return waitpid(pid, &status, WNOHANG) == pid; }, 30s)) {
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    kill_at_once(pid);
    return ending == Ending::killed;
}

struct Sums {
    std::uint64_t sum = 0, squares = 0;  // modulo 2^64
};

Sums expected(const Job& job) {
    Sums sums;
    for (unsigned producer = 0; producer < job.producers; ++producer) {
        for (std::uint64_t sequence = 0; sequence < job.each(); ++sequence) {
            const std::uint64_t number = stamp(producer, sequence);
            sums.sum += number;
            sums.squares += number * number;
        }
    }
    return sums;
}

/// The count that the library of count_syncs() writes to.
class SyncsFile {
  public:
    explicit SyncsFile(Shared& shared) {
        const std::string name = "/dev/shm/yardmaster-bench-" + std::to_string(getpid());
        path_ = name;
        name.copy(shared.syncs_file, sizeof shared.syncs_file - 1);
        file_ = open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        // A server may give up its rights and count as another user.
        if (file_ < 0 || fchmod(file_, 0666) != 0 || ftruncate(file_, sizeof(std::uint64_t)) != 0) std::abort();
    }
    ~SyncsFile() {
        close(file_);
        unlink(path_.c_str());
    }
    SyncsFile(const SyncsFile&) = delete;
    SyncsFile& operator=(const SyncsFile&) = delete;

    [[nodiscard]] std::uint64_t read() const {
        std::uint64_t count = 0;
        return pread(file_, &count, sizeof count, 0) == sizeof count ? count : 0;
    }

  private:
    std::string path_;
    int file_;
};

}  // namespace

std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

double cpu_seconds(pid_t pid) {
    // The first figure of schedstat is in ns; that of proc(5)'s stat is in ticks of 10 ms. Threads that ended are not
    // in it, and none of those that are measured has short ones.
    double ns = 0;
    std::error_code gone;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
        double of_thread = 0;
        std::ifstream(thread.path() / "schedstat") >> of_thread;
        ns += of_thread;
    }
    return ns / 1e9;
}

double peak_mb(pid_t pid) {
    return status_mb(pid, "VmHWM:");
}
double resident_mb(pid_t pid) {
    return status_mb(pid, "VmRSS:");
}

std::uint64_t Job::whole(std::uint64_t about) const {
    const std::uint64_t step = std::uint64_t{producers} * batch;
    return (about + step - 1) / step * step;
}

Folder::Folder(const std::filesystem::path& above) {
    if (!above.empty()) std::filesystem::create_directories(above);
    std::string name =
        ((above.empty() ? std::filesystem::temp_directory_path() : above) / "yardmaster-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
        std::perror("bench: a folder");
        std::exit(1);
    }
    path = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

void count_syncs(const Shared& shared) {
    setenv("LD_PRELOAD", YM_COUNT_SYNCS, 1);
    setenv(YM_SYNCS_FILE, shared.syncs_file, 1);
}

Run measure(const Job& job, const Roles& roles, unsigned timeout_s) {
    void* page = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || job.producers > producers_max) std::abort();
    auto& shared = *new (page) Shared{};
    const SyncsFile syncs_file(shared);
    shared.messages = job.messages;
    shared.confirms = roles.confirms;
    const auto syncs = [&] { return shared.syncs + syncs_file.read(); };

    const pid_t forked = spawn(Kind::middle, [&] { roles.middle(shared); });
    std::vector<pid_t> peers;
    const std::chrono::seconds start(roles.start_s);
    bool fine = wait_for([&] { return shared.bound.load(); }, start);
    const pid_t middle = shared.middle != 0 ? shared.middle.load() : forked;
    for (unsigned i = 0; fine && i < job.workers; ++i) {
        peers.push_back(spawn(Kind::peer, [&, i] { roles.worker(shared, i); }));
    }
    for (unsigned i = 0; fine && i < job.producers; ++i) {
        peers.push_back(spawn(Kind::peer, [&, i] { roles.producer(shared, i); }));
    }
    fine = fine && wait_for([&] { return shared.ready == job.workers + job.producers; }, start);
    std::this_thread::sleep_for(100ms);  // let the connections settle

    Run run;
    const auto load_seconds = [&] {
        double sum = 0;
        for (const pid_t peer : peers) sum += cpu_seconds(peer);
        return sum;
    };
    const double load_before = load_seconds();
    const double cpu_before = cpu_seconds(middle);
    const std::uint64_t syncs_before = syncs();
    const std::uint64_t began = now_ns();
    shared.go = true;
    fine = fine && wait_for([&] { return shared.ended != 0; }, std::chrono::seconds(timeout_s));
    run.syncs = syncs() - syncs_before;
    run.cpu = (cpu_seconds(middle) - cpu_before) * 1e6 / static_cast<double>(job.messages);
    run.load_cpu = (load_seconds() - load_before) * 1e6 / static_cast<double>(job.messages);
    const double seconds = static_cast<double>((fine ? shared.ended.load() : now_ns()) - began) / 1e9;
    run.resident_mb = peak_mb(middle);
    shared.stop = true;
    std::this_thread::sleep_for(20ms);
    for (const pid_t peer : peers) kill_at_once(peer);
    const bool left_well = end_middle(forked, roles.ending);

    run.rate = static_cast<double>(job.messages) / seconds;
    run.confirmed = shared.confirmed;
    run.settled = shared.settled;
    run.receipts = shared.receipts.read();
    run.confirms = shared.confirms_late.read();
    const Sums sums = expected(job);
    const bool once = run.settled == job.messages && shared.sum == sums.sum && shared.squares == sums.squares &&
                      (!roles.confirms || run.confirmed == job.messages);
    run.complete = fine && left_well && (roles.complete ? roles.complete(shared) : once);
    munmap(page, sizeof(Shared));
    return run;
}

}  // namespace ym::bench
