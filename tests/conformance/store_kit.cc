#include "conformance/store_kit.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "conformance/kit.h"

namespace ym::conformance {

std::vector<Subject>& subjects() {
    static std::vector<Subject> all;
    return all;
}

void PrintTo(const Subject& subject, std::ostream* out) {
    *out << subject.name;
}

Duration& patience() {
    static Duration longest = 60s;
    return longest;
}

Ground::Ground() {
    std::string path = (std::filesystem::temp_directory_path() / "store.XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) std::abort();
    folder_ = path;
}
Ground::~Ground() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

Instance::Instance(const std::string& plugin, std::string settings, const std::string& folder) {
    for (std::size_t at = 0; (at = settings.find("DIR", at)) != std::string::npos; at += folder.size()) {
        settings.replace(at, 3, folder);
    }
    settings::Problems problems;
    store_ = registry().persistence(use_of(plugin, settings), problems);
    if (store_ == nullptr) {
        problem_ = problems.empty() ? "it gave no instance and no reason" : lines_of(problems).front();
        return;
    }
    store_->on_complete([this](const host::StoreCompletion& completion) { take(completion); });
}

Instance::~Instance() {
    if (made() && !closed_) close();
}

void Instance::take(const host::StoreCompletion& completion) {
    const std::lock_guard lock(mutex_);
    Told& told = told_[completion.ticket];
    EXPECT_TRUE(completion.ticket != 0 && completion.ticket <= ticket_) << "no call has ticket " << completion.ticket;
    EXPECT_FALSE(told.came) << "ticket " << completion.ticket << " is answered twice";
    EXPECT_TRUE(closing_ == 0 || !told_[closing_].came) << "an answer after the one of close()";
    told.came = true;
    told.status = completion.status;
    told.epoch = completion.epoch;
    told.through = completion.through;
    told.why = completion.why;
    told.order = count_++;
    for (std::uint32_t i = 0; i < completion.count; ++i) {
        const Octets octets = completion.batch(i);
        auto& batch = told.batches.emplace_back(completion.numbers[i], std::nullopt);
        if (octets.data() == nullptr) continue;
        batch.second.emplace(reinterpret_cast<const char*>(octets.data()), octets.size());
    }
    if (const auto append = appends_.find(completion.ticket); append != appends_.end()) {
        check_order(append->second, completion.ticket);
        // It is the host's again.
        std::memset(append->second.octets.data(), 0xdd, append->second.octets.size());
    }
    came_.notify_all();
}

void Instance::check_order(const Append& append, Ticket ticket) {
    Ticket& last = last_append_[append.shard];
    EXPECT_GT(ticket, last) << "appends of shard " << append.shard << " complete out of order";
    last = ticket;
}

Instance::Ticket Instance::begin_acquire(std::uint32_t shard, std::string_view owner, Duration ttl) {
    store_->acquire(shard, owner, ttl, ++ticket_);
    return ticket_;
}

Instance::Ticket Instance::begin_append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number,
                                        std::string octets, Duration wait) {
    const std::string* lent = nullptr;
    {
        const std::lock_guard lock(mutex_);
        Append& append = appends_[++ticket_];
        append.shard = shard;
        append.octets = std::move(octets);
        lent = &append.octets;
    }
    store_->append(shard, epoch, number, as_octets(*lent), wait, ticket_);
    return ticket_;
}

Instance::Ticket Instance::begin_release(std::uint32_t shard, std::uint64_t epoch) {
    store_->release(shard, epoch, ++ticket_);
    return ticket_;
}

Told Instance::wait(Ticket ticket) {
    std::unique_lock lock(mutex_);
    const bool came = came_.wait_for(lock, std::chrono::nanoseconds(patience().count()), [&] {
        const auto found = told_.find(ticket);
        return found != told_.end() && found->second.came;
    });
    EXPECT_TRUE(came) << "no answer to ticket " << ticket;
    return came ? told_[ticket] : Told{};
}

bool Instance::answered(Ticket ticket) {
    const std::lock_guard lock(mutex_);
    const auto found = told_.find(ticket);
    return found != told_.end() && found->second.came;
}

Told Instance::acquire(std::uint32_t shard, std::string_view owner, Duration ttl) {
    return wait(begin_acquire(shard, owner, ttl));
}
Told Instance::renew(std::uint32_t shard, std::uint64_t epoch, Duration ttl) {
    store_->renew(shard, epoch, ttl, ++ticket_);
    return wait(ticket_);
}
Told Instance::release(std::uint32_t shard, std::uint64_t epoch) {
    return wait(begin_release(shard, epoch));
}
Told Instance::append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, std::string octets,
                      Duration wait_for) {
    return wait(begin_append(shard, epoch, number, std::move(octets), wait_for));
}
Told Instance::read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max) {
    store_->read(shard, from, bytes_max, ++ticket_);
    return wait(ticket_);
}
Told Instance::fetch(std::uint32_t shard, const std::vector<std::uint64_t>& numbers) {
    {
        // Borrowed until fetch() returns, and not longer.
        std::vector<std::uint64_t> lent = numbers;
        store_->fetch(shard, lent, ++ticket_);
        std::fill(lent.begin(), lent.end(), 0xdddddddd);
    }
    return wait(ticket_);
}
Told Instance::reclaim(std::uint32_t shard, std::uint64_t epoch, std::uint64_t first, std::uint64_t last) {
    store_->reclaim(shard, epoch, first, last, ++ticket_);
    return wait(ticket_);
}

StoreStatus Instance::close(Duration deadline) {
    {
        const std::lock_guard lock(mutex_);
        closing_ = ++ticket_;
    }
    closed_ = true;
    store_->close(deadline, closing_);
    const Told told = wait(closing_);
    {
        const std::lock_guard lock(mutex_);
        for (Ticket ticket = 1; ticket < closing_; ++ticket) {
            EXPECT_TRUE(told_[ticket].came) << "ticket " << ticket << " has no answer though the store is closed";
        }
    }
    // An instance that never answered may still use what it was lent: better a leak than a crash.
    if (told.came) store_.reset();
    if (!told.came) [[maybe_unused]]
        auto* leaked = store_.release();
    return told.status;
}

std::string octets_of(std::uint32_t shard, std::uint64_t number, std::size_t size, std::uint64_t version) {
    Prng random((std::uint64_t{shard} << 56U) ^ (version << 40U) ^ number);
    std::string octets(size, '\0');
    for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
        const std::uint64_t eight = random.next();
        std::memcpy(octets.data() + at, &eight, std::min(sizeof eight, size - at));
    }
    return octets;
}

void Kept::acquired(const Told& told) {
    ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
    EXPECT_GT(told.epoch, epoch) << "each acquire gives a higher epoch";
    EXPECT_GE(told.through, through) << "a batch that was told to be kept is not";
    EXPECT_LE(told.through, through + unknown.size()) << "a batch that was never appended is kept";
    epoch = told.epoch;
    for (auto& [number, octets] : unknown) {
        if (number <= told.through) batches[number] = std::move(octets);
    }
    unknown.clear();
    through = told.through;
}

void Kept::check_read(Instance& store, std::uint32_t shard, std::uint64_t bytes_max) const {
    std::uint64_t expected = reclaimed + 1;  // the next that must be there
    std::uint64_t last = 0;
    for (std::uint64_t from = 1; true;) {
        const Told told = store.read(shard, from, bytes_max);
        ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
        std::uint64_t bytes = 0;
        for (const auto& [number, octets] : told.batches) {
            ASSERT_GT(number, last) << "a read gives batches in order";
            ASSERT_GE(number, from);
            ASSERT_TRUE(octets.has_value());
            if (number > reclaimed) {
                ASSERT_EQ(number, expected++) << "a batch is missing";
            }
            const auto found = batches.find(number);
            ASSERT_NE(found, batches.end()) << "batch " << number << " was never kept";
            ASSERT_TRUE(found->second == *octets) << "batch " << number << " has other octets";
            last = number;
            bytes += octets->size();
        }
        if (told.batches.size() > 1) {
            ASSERT_LE(bytes, bytes_max) << "a read gives more than it was asked for";
        }
        ASSERT_LE(told.through, through) << "a read ends behind the last batch";
        if (told.through == through) break;
        ASSERT_FALSE(told.batches.empty()) << "a read gives one batch at least, if there is one";
        ASSERT_EQ(told.through, last) << "a read that is not at the end says how far it came";
        from = told.through + 1;
    }
    ASSERT_EQ(expected, through + 1) << "a batch is missing at the end";
}

void Kept::check_fetch(Instance& store, std::uint32_t shard, const std::vector<std::uint64_t>& numbers) const {
    const Told told = store.fetch(shard, numbers);
    ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
    ASSERT_EQ(told.batches.size(), numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto& [number, octets] = told.batches[i];
        EXPECT_EQ(number, numbers[i]) << "a fetch answers in the order of the numbers";
        const auto found = batches.find(number);
        if (found == batches.end()) {
            EXPECT_FALSE(octets.has_value()) << "batch " << number << " was never kept";
        } else if (octets.has_value()) {
            EXPECT_TRUE(found->second == *octets) << "batch " << number << " has other octets";
        } else {
            EXPECT_LE(number, reclaimed) << "batch " << number << " is not there";
        }
    }
}

Instance& StoreCase::open(const Subject& subject, const std::string& settings) {
    store.reset();
    store = std::make_unique<Instance>(subject.plugin, settings.empty() ? subject.settings : settings, ground.folder());
    EXPECT_TRUE(store->made()) << store->problem();
    return *store;
}

void append_all(Instance& store, std::uint32_t shard, Kept& kept, const std::vector<std::size_t>& sizes) {
    for (const std::size_t size : sizes) {
        const std::uint64_t number = kept.through + 1;
        const Told told = store.append(shard, kept.epoch, number, octets_of(shard, number, size));
        ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
        kept.batches[number] = octets_of(shard, number, size);
        kept.through = number;
    }
}

std::vector<Subject> keeping_subjects() {
    std::vector<Subject> keeping;
    for (const Subject& subject : subjects()) {
        if (subject.keeps) keeping.push_back(subject);
    }
    return keeping;
}

std::vector<Subject> subjects_to_reopen() {
    std::vector<Subject> kept = keeping_subjects();
    std::erase_if(kept, [](const Subject& subject) { return subject.again; });
    return kept;
}

std::vector<Subject> subjects_with(std::string Subject::*settings) {
    std::vector<Subject> with;
    for (const Subject& subject : subjects()) {
        if (!(subject.*settings).empty()) with.push_back(subject);
    }
    return with;
}

std::string subject_name(const ::testing::TestParamInfo<Subject>& info) {
    return info.param.name;
}

}  // namespace ym::conformance
