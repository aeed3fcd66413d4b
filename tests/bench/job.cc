#include "bench/job.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <sstream>
#include <thread>
#include <vector>

namespace ym::bench {
namespace {

using namespace std::chrono_literals;

pid_t spawn(const std::function<void()>& role) {
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed measurement leaves nothing behind
    role();
    std::_Exit(0);
}

/// User and system time of a process so far, in seconds; proc(5), fields 14 and 15 of stat.
double cpu_seconds(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(stat, line);
    const auto behind_name = line.rfind(')');
    if (behind_name == std::string::npos) return 0;
    std::istringstream fields(line.substr(behind_name + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double peak_mb(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024.0;
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

/// Ends one process: the middle by SIGTERM, if it knows how to leave, and everything else at once.
bool end(pid_t pid, bool politely) {
    int status = 0;
    if (politely) {
        kill(pid, SIGTERM);
        if (wait_for([&] { return waitpid(pid, &status, WNOHANG) == pid; }, 10s)) {
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return !politely;
}

std::uint64_t expected_sum(const Job& job) {
    std::uint64_t sum = 0;
    for (unsigned producer = 0; producer < job.producers; ++producer) {
        // Sum of stamp(producer, 0 .. each - 1), modulo 2^64 as the workers' own.
        sum += job.each() * stamp(producer, 0) + job.each() * (job.each() - 1) / 2;
    }
    return sum;
}

}  // namespace

std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

void Shared::count(std::atomic<std::uint64_t>& what, std::uint64_t messages_more) {
    what += messages_more;
    if (settled >= messages && (!confirms || confirmed >= messages)) {
        std::uint64_t not_yet = 0;
        ended.compare_exchange_strong(not_yet, now_ns());
    }
}

std::size_t latency_step(std::uint64_t ns) {
    const double octaves = std::log2(std::max(static_cast<double>(ns) / 1e3, 1.0));
    return std::min(static_cast<std::size_t>(octaves * 16), latency_steps - 1);
}

double latency_us(std::size_t step) {
    return std::exp2((static_cast<double>(step) + 0.5) / 16);
}

Pace::Pace(const Job& job, Shared& shared)
    : shared_(shared), interval_(job.rate == 0 ? 0 : 1'000'000'000 / job.rate), began_(now_ns()) {}

bool Pace::is_due(std::uint64_t sent) const {
    if (interval_ == 0 || now_ns() >= due(sent)) return true;
    constexpr timespec little{0, 20'000};
    nanosleep(&little, nullptr);
    return false;
}

void Pace::confirmed(std::uint64_t count) {
    if (interval_ == 0) return;
    const std::uint64_t now = now_ns();
    for (; count > 0; --count) ++shared_.latency[latency_step(now - due(confirmed_++))];
}

double Run::latency_of(double part) const {
    std::uint64_t all = 0;
    for (const std::uint64_t n : latency) all += n;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(all)));
    std::uint64_t seen = 0;
    for (std::size_t step = 0; step < latency.size(); ++step) {
        seen += latency[step];
        if (seen >= wanted && seen > 0) return latency_us(step);
    }
    return 0;
}

Run measure(const Job& job, const Roles& roles, unsigned timeout_s) {
    void* page = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) std::abort();
    auto& shared = *new (page) Shared{};
    shared.messages = job.messages;
    shared.confirms = roles.confirms;

    const pid_t middle = spawn([&] { roles.middle(shared); });
    std::vector<pid_t> peers;
    bool fine = wait_for([&] { return shared.bound.load(); }, 10s);
    for (unsigned i = 0; fine && i < job.workers; ++i) peers.push_back(spawn([&, i] { roles.worker(shared, i); }));
    for (unsigned i = 0; fine && i < job.producers; ++i) peers.push_back(spawn([&, i] { roles.producer(shared, i); }));
    fine = fine && wait_for([&] { return shared.ready == job.workers + job.producers; }, 10s);
    std::this_thread::sleep_for(100ms);  // let the connections settle

    Run run;
    const double cpu_before = cpu_seconds(middle);
    const std::uint64_t began = now_ns();
    shared.go = true;
    fine = fine && wait_for([&] { return shared.ended != 0; }, std::chrono::seconds(timeout_s));
    const double cpu_after = cpu_seconds(middle);
    const double seconds = static_cast<double>((fine ? shared.ended.load() : now_ns()) - began) / 1e9;
    run.resident_mb = peak_mb(middle);
    shared.stop = true;
    std::this_thread::sleep_for(20ms);
    for (const pid_t peer : peers) end(peer, false);
    const bool left_well = end(middle, roles.middle_leaves_itself);

    run.rate = static_cast<double>(job.messages) / seconds;
    run.cpu = (cpu_after - cpu_before) * 1e6 / static_cast<double>(job.messages);
    run.confirmed = shared.confirmed;
    run.settled = shared.settled;
    for (const auto& count : shared.latency) run.latency.push_back(count);
    run.complete = fine && left_well && run.settled == job.messages && shared.sum == expected_sum(job) &&
                   (!roles.confirms || run.confirmed == job.messages);
    munmap(page, sizeof(Shared));
    return run;
}

}  // namespace ym::bench
