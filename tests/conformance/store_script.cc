#include "conformance/store_script.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <sstream>

namespace ym::conformance {
namespace {

/// What happened, in the order in which it did.
struct Fact {
    enum class Kind : char { epoch = 'e', begun = 'b', kept = 'k', reclaimed = 'r' };

    Kind kind{};
    std::uint32_t shard = 0;
    std::uint64_t number = 0;
    std::size_t size = 0;
};

void note(Known& known, const Fact& fact) {
    Kept& kept = known[fact.shard];
    switch (fact.kind) {
        case Fact::Kind::epoch:
            EXPECT_GT(fact.number, kept.epoch);
            kept.epoch = fact.number;
            return;
        case Fact::Kind::begun: kept.unknown[fact.number] = octets_of(fact.shard, fact.number, fact.size); return;
        case Fact::Kind::kept:
            kept.batches.insert(kept.unknown.extract(fact.number));
            kept.through = fact.number;
            return;
        case Fact::Kind::reclaimed: kept.reclaimed = fact.number; return;
    }
}

/// Plays the steps on an instance, and tells what is so.
class Player {
  public:
    using Tell = std::function<void(const Fact&)>;

    Player(Instance& store, Tell tell) : store_(store), tell_(std::move(tell)) {}

    void step(int step) {
        switch (step) {
            case 0: return acquire(0);
            case 1: return append(0, {100});
            case 2: return append(0, {1, 5000, 4096, 70'000, 300});
            case 3: return acquire(1);
            case 4: return append(1, {10, 20'000, 30});
            case 5: return append(0, {1U << 20U});
            case 6: return renew(0);
            case 7: return append(0, {100, 200, 300}, 10ms);
            case 8: return reclaim(0, 3);
            case 9: return append(0, std::vector<std::size_t>(20, 150));
            case 10: return acquire(0);
            case 11: return append(0, {9000, 9000, 9000, 9000});
            case 12: return reclaim(0, owned_[0].through - 1);
            case 13: return release(1);
            case 14: return acquire(1);
            case 15: return append(1, {400, 400});
            case 16: return reclaim(0, owned_[0].through);
            case 17: return append(0, {700, 1U << 20U, 700});
            case 18: return reclaim(1, 2);
            default: release(0); return release(1);
        }
    }
    /// Begins appends of shard 0 that the end may come in between.
    void begin_burst() {
        if (owned_[0].epoch == 0) acquire(0);
        begin(0, std::vector<std::size_t>(30, 3000), 0s);
    }
    /// Waits for the first `count` appends that are under way.
    void finish(std::size_t count) {
        for (; count > 0 && !under_way_.empty(); --count) {
            const auto [ticket, shard, number] = under_way_.front();
            under_way_.erase(under_way_.begin());
            const StoreStatus status = store_.wait(ticket).status;
            EXPECT_TRUE(status == StoreStatus::ok || status == StoreStatus::unknown);
            if (status != StoreStatus::ok) continue;
            owned_[shard].through = number;
            tell_({Fact::Kind::kept, shard, number});
        }
    }

  private:
    struct Owned {
        std::uint64_t epoch = 0;
        std::uint64_t through = 0;
    };
    struct UnderWay {
        Instance::Ticket ticket;
        std::uint32_t shard;
        std::uint64_t number;
    };

    void acquire(std::uint32_t shard) {
        const Told told = store_.acquire(shard);
        EXPECT_EQ(told.status, StoreStatus::ok) << told.why;
        EXPECT_EQ(told.through, owned_[shard].through);
        owned_[shard].epoch = told.epoch;
        tell_({Fact::Kind::epoch, shard, told.epoch});
    }
    void renew(std::uint32_t shard) { EXPECT_EQ(store_.renew(shard, owned_[shard].epoch).status, StoreStatus::ok); }
    void release(std::uint32_t shard) {
        EXPECT_EQ(store_.release(shard, owned_[shard].epoch).status, StoreStatus::ok);
        owned_[shard].epoch = 0;
    }
    void begin(std::uint32_t shard, const std::vector<std::size_t>& sizes, Duration wait) {
        std::uint64_t number = owned_[shard].through;
        for (const std::size_t size : sizes) {
            tell_({Fact::Kind::begun, shard, ++number, size});
            const auto ticket =
                store_.begin_append(shard, owned_[shard].epoch, number, octets_of(shard, number, size), wait);
            under_way_.push_back({ticket, shard, number});
        }
    }
    void append(std::uint32_t shard, const std::vector<std::size_t>& sizes, Duration wait = 0s) {
        begin(shard, sizes, wait);
        finish(sizes.size());
    }
    void reclaim(std::uint32_t shard, std::uint64_t last) {
        tell_({Fact::Kind::reclaimed, shard, last});
        EXPECT_EQ(store_.reclaim(shard, owned_[shard].epoch, 1, last).status, StoreStatus::ok);
    }

    Instance& store_;
    Tell tell_;
    std::map<std::uint32_t, Owned> owned_;
    std::vector<UnderWay> under_way_;
};

void play_here(const Subject& subject, const std::string& folder, int last, const Player::Tell& tell,
               const std::function<void(Instance&, Player&)>& end) {
    Instance store(subject.plugin, subject.settings, folder);
    ASSERT_TRUE(store.made()) << store.problem();
    Player player(store, tell);
    for (int step = 0; step <= last; ++step) player.step(step);
    player.begin_burst();
    end(store, player);
}

/// Starts this program again, with more words, its output in a pipe.
pid_t start_child(const std::vector<std::string>& more, FILE*& output) {
    std::vector<std::string> words = words_of_this_process();
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t child = -1;
    if (posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ) != 0) child = -1;
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output = fdopen(ends[0], "r");
    return child;
}

Known play_in_child(const Subject& subject, const std::string& folder, int last) {
    Known known;
    FILE* output = nullptr;
    const pid_t child =
        start_child({"--play", std::to_string(last), "--subject", subject.name, "--folder", folder}, output);
    EXPECT_GT(child, 0);
    if (child <= 0) return known;
    char kind = 0;
    Fact fact;
    while (std::fscanf(output, " %c %u %lu %zu", &kind, &fact.shard, &fact.number, &fact.size) == 4) {
        fact.kind = static_cast<Fact::Kind>(kind);
        note(known, fact);
    }
    EXPECT_TRUE(std::feof(output)) << "the child says something else than facts: a check failed there";
    std::fclose(output);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended with status " << status;
    return known;
}

}  // namespace

std::vector<std::string>& words_of_this_process() {
    static std::vector<std::string> words;
    return words;
}

void play_as_child(const Subject& subject, const std::string& folder, int last) {
    const auto tell = [](const Fact& fact) {
        std::ostringstream line;
        line << static_cast<char>(fact.kind) << ' ' << fact.shard << ' ' << fact.number << ' ' << fact.size << '\n';
        const std::string text = line.str();
        if (write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::_Exit(2);
    };
    play_here(subject, folder, last, tell, [&](Instance&, Player& player) {
        player.finish(static_cast<std::size_t>(last) % 5);
        kill(getpid(), SIGKILL);
    });
    std::_Exit(1);
}

Known play(const Subject& subject, const std::string& folder, int last, Ending ending) {
    if (ending == Ending::killed) return play_in_child(subject, folder, last);
    Known known;
    play_here(
        subject, folder, last, [&](const Fact& fact) { note(known, fact); },
        [&](Instance& store, Player& player) {
            if (ending == Ending::cut) store.close(0s);
            player.finish(SIZE_MAX);
        });
    return known;
}

}  // namespace ym::conformance
