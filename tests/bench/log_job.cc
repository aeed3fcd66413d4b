#include "bench/log_job.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "settings/node.h"
#include "settings/yaml_reader.h"
#include "store/records.h"

namespace ym::bench {
namespace {

std::atomic<std::uint64_t> syncs, writes, octets_written;

[[noreturn]] void fail(const std::string& why) {
    std::fprintf(stderr, "bench_log: %s\n", why.c_str());
    std::exit(1);
}

std::uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

double cpu_us() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval& time) { return double(time.tv_sec) * 1e6 + double(time.tv_usec); };
    return us(used.ru_utime) + us(used.ru_stime);
}

Buffer batch_of(std::uint32_t count, const StoreRecord& record) {
    Buffer octets;
    store::BatchWriter writer(octets);
    for (std::uint32_t i = 0; i < count; ++i) writer.add(record);
    writer.finish(1, 1);
    return octets;
}

Buffer puts_of(std::uint32_t count) {
    static const std::string body(put_octets, 'x');
    static const std::vector<AddressId> queues{AddressId{7}};
    StoreRecord record;
    record.kind = RecordKind::accepted;
    record.message = MessageId{1};
    record.queues = queues;
    record.session = as_octets("a session of 16.");
    record.sequence = 1;
    const std::size_t around = store::encoded_bytes(record);
    record.body = as_octets(std::string_view(body).substr(0, put_octets - around));
    if (store::encoded_bytes(record) != put_octets) fail("a put has another size than it should");
    return batch_of(count, record);
}

Buffer acks_of(std::uint32_t count) {
    StoreRecord record;
    record.kind = RecordKind::settled;
    record.message = MessageId{1};
    record.queue = AddressId{7};
    record.outcome = Outcome::acked;
    if (store::encoded_bytes(record) != ack_octets) fail("an ack has another size than it should");
    return batch_of(count, record);
}

/// What was counted, and how long it took, since it was made.
class Meter {
  public:
    [[nodiscard]] LogRun read() const {
        LogRun run;
        run.seconds = double(now_ns() - began_) / 1e9;
        run.cpu_us = cpu_us() - cpu_;
        const Counted now = counted();
        run.syncs = now.syncs - before_.syncs;
        run.writes = now.writes - before_.writes;
        run.octets_written = now.octets - before_.octets;
        return run;
    }

  private:
    const Counted before_ = counted();
    const double cpu_ = cpu_us();
    const std::uint64_t began_ = now_ns();
};

}  // namespace

Counted counted() {
    return {syncs, writes, octets_written};
}

LogBench::LogBench(const std::string& library, const std::string& dir) : begun_ns_(1U << 16U) {
    if (const auto failed = registry_.load(library, "log")) fail(failed->to_line());
    settings::Problems problems;
    const auto none = [](const char*) -> const char* { return nullptr; };
    const auto tree = settings::read_yaml("use: {dir: \"" + dir + "/log\"}", "bench", none, problems);
    if (!tree) fail("its settings cannot be read");
    settings::PluginUse use;
    use.plugin = "log";
    use.settings = *tree->find("use");
    store_ = registry_.persistence(use, problems);
    if (!store_) fail(to_line(problems.sorted().front()));
    store_->on_complete([this](const host::StoreCompletion& completion) { take(completion); });
    store_->acquire(0, "bench", 1h, acquire_ticket);
    answered_.wait(false);
}

LogBench::~LogBench() {
    answered_ = false;
    store_->close(60s, other_ticket);
    answered_.wait(false);
}

void LogBench::take(const host::StoreCompletion& completion) {
    if (completion.status != StoreStatus::ok) fail("the log said: " + std::string(completion.why));
    if (completion.ticket == acquire_ticket) {
        epoch_ = completion.epoch;
        next_ = completion.through + 1;
        through_ = completion.through;
    }
    if (completion.ticket >= other_ticket) {
        answered_ = true;
        return answered_.notify_all();
    }
    std::uint64_t& begun = begun_ns_[completion.ticket % begun_ns_.size()];
    if (begun != 0) confirm_ns_.push_back(now_ns() - begun);
    through_.store(completion.ticket, std::memory_order_release);
    through_.notify_one();
}

void LogBench::wait_until(std::uint64_t number) {
    for (std::uint64_t through = through_; through < number; through = through_) through_.wait(through);
}

void LogBench::append(Octets octets, Duration wait) {
    given_since_reclaim_ += octets.size();
    begun_ns_[next_ % begun_ns_.size()] = wait.count() == 0 ? now_ns() : 0;
    store_->append(0, epoch_, next_, octets, wait, next_);
    ++next_;
}

void LogBench::reclaim() {
    given_since_reclaim_ = 0;
    answered_ = false;
    store_->reclaim(0, epoch_, 1, through_, other_ticket);
    answered_.wait(false);
}

void LogBench::warm_up() {
    static_cast<void>(run({1000, 16, 2000}));
}

LogRun LogBench::run(const LogJob& job) {
    constexpr std::uint64_t reclaim_every = std::uint64_t{16} << 20U;
    constexpr Duration acks_wait = 50ms;
    const Buffer puts = puts_of(job.batch);
    const Buffer acks = acks_of(job.batch);
    confirm_ns_.clear();
    confirm_ns_.reserve(job.steps);
    const Meter meter;
    for (std::uint64_t step = 0; step < job.steps; ++step) {
        append(puts.octets(), 0ns);
        // Two batches a step; that of puts which is `window` steps back is to be done before the next one.
        const std::uint64_t last = next_ - 1;
        if (last > 2 * (job.window - 1)) wait_until(last - 2 * (job.window - 1));
        append(acks.octets(), acks_wait);
        if (given_since_reclaim_ >= reclaim_every) reclaim();
    }
    wait_until(next_ - 2);  // the last puts; the acks behind them still wait
    LogRun run = meter.read();
    wait_until(next_ - 1);
    run.octets_given = job.steps * (puts.size() + acks.size());
    std::ranges::sort(confirm_ns_);
    run.p50_us = double(confirm_ns_[confirm_ns_.size() / 2]) / 1e3;
    run.p99_us = double(confirm_ns_[confirm_ns_.size() * 99 / 100]) / 1e3;
    reclaim();
    return run;
}

BareBench::BareBench(const std::string& file)
    : descriptor_(open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)), octets_(file_bytes) {
    if (descriptor_ < 0 || pwrite(descriptor_, octets_.data(), file_bytes, 0) != ssize_t{file_bytes} ||
        fdatasync(descriptor_) != 0) {
        fail("cannot write " + file);
    }
    std::ranges::fill(octets_, std::byte{'x'});
}

BareBench::~BareBench() {
    ::close(descriptor_);
}

LogRun BareBench::run(const LogRun& log) {
    const std::uint64_t at_once = std::min(file_bytes, (log.octets_given / log.syncs + 4095) / 4096 * 4096);
    const Meter meter;
    for (std::uint64_t i = 0; i < log.syncs; ++i) {
        if (position_ + at_once > file_bytes) position_ = 0;
        const auto written = pwrite(descriptor_, octets_.data(), at_once, static_cast<off_t>(position_));
        if (written != static_cast<ssize_t>(at_once) || fdatasync(descriptor_) != 0) fail("a bare write failed");
        position_ += at_once;
    }
    LogRun run = meter.read();
    run.octets_given = log.octets_given;
    return run;
}

}  // namespace ym::bench

// In place of those of the C library, for the whole process.
extern "C" {

int fdatasync(int descriptor) {
    ym::bench::syncs.fetch_add(1, std::memory_order_relaxed);
    return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}

int fsync(int descriptor) {
    ym::bench::syncs.fetch_add(1, std::memory_order_relaxed);
    return static_cast<int>(syscall(SYS_fsync, descriptor));
}

ssize_t pwrite(int descriptor, const void* octets, std::size_t count, off_t position) {
    ym::bench::writes.fetch_add(1, std::memory_order_relaxed);
    ym::bench::octets_written.fetch_add(count, std::memory_order_relaxed);
    return syscall(SYS_pwrite64, descriptor, octets, count, position);
}

ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t position) {
    ym::bench::writes.fetch_add(1, std::memory_order_relaxed);
    for (int i = 0; i < count; ++i) {
        ym::bench::octets_written.fetch_add(parts[i].iov_len, std::memory_order_relaxed);
    }
    // The system takes the position in two halves; here the first is all of it.
    return syscall(SYS_pwritev, descriptor, parts, count, position, 0);
}
}
