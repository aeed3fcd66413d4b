// routing/1: every routing plugin, with batches that are empty, large, and full of odd fields.
#include <algorithm>
#include <set>

#include "conformance/kit.h"

namespace ym::conformance {
namespace {

/// Messages with random fields for the columns that a policy reads.
class Messages {
  public:
    Messages(std::size_t columns, std::uint32_t count, Prng& prng, std::size_t size_max) {
        texts_.resize(columns);
        for (auto& texts : texts_) {
            for (std::uint32_t m = 0; m < count; ++m) texts.push_back(field(prng, size_max));
        }
        for (auto& texts : texts_) {
            auto& views = views_.emplace_back();
            // One in eight is missing, which is not the same as empty.
            for (const std::string& text : texts) views.push_back(prng.chance(1, 8) ? std::string_view() : text);
        }
        for (std::uint32_t m = 0; m < count; ++m) random_.push_back(prng.next());
    }

    /// Routes messages [first, last) and gives the sorted targets of each.
    [[nodiscard]] std::vector<std::set<std::uint32_t>> route(RoutingPolicy& policy, std::uint32_t first,
                                                             std::uint32_t last, std::size_t targets) const {
        struct Sink final : RouteSink {
            void fail(std::uint32_t message) override { ADD_FAILURE() << "message " << message << " failed"; }
            void add(std::uint32_t message, AddressId to) override { rows.at(message).insert(to.value); }
            std::vector<std::set<std::uint32_t>> rows;
        } sink;
        sink.rows.resize(last - first);
        std::vector<const std::string_view*> columns;
        columns.reserve(views_.size());
        for (const auto& views : views_) columns.push_back(views.data() + first);
        RouteBatch batch;
        batch.count = last - first;
        batch.columns = columns;
        batch.random = random_.data() + first;
        EXPECT_TRUE(policy.route(batch, sink));
        for (const auto& row : sink.rows) {
            for (const std::uint32_t to : row) EXPECT_LT(to, targets);
        }
        return sink.rows;
    }

  private:
    static std::string field(Prng& prng, std::size_t size_max) {
        std::string text(prng.below(size_max + 1), ' ');
        for (char& c : text) c = prng.chance(1, 4) ? '.' : static_cast<char>(prng.below(256));
        return text;
    }

    std::vector<std::vector<std::string>> texts_;
    std::vector<std::vector<std::string_view>> views_;
    std::vector<std::uint64_t> random_;
};

class AnyRouting : public ::testing::TestWithParam<std::string> {
  protected:
    RoutingInstance make() {
        settings::Problems problems;
        RoutingInstance made =
            make_routing(use_of(GetParam(), schema_of(YM_ROUTING_1, GetParam()).sample(true)), problems);
        EXPECT_TRUE(problems.empty()) << lines_of(problems).front();
        return made;
    }
};

TEST_P(AnyRouting, TakesBatchesOfAnySize) {
    const RoutingInstance made = make();
    Prng prng(1);
    for (const std::uint32_t count : {0U, 1U, 100U, 10'000U, 0U, 3U}) {
        const Messages messages(made.policy->columns().size(), count, prng, 40);
        EXPECT_EQ(messages.route(*made.policy, 0, count, made.targets.size()).size(), count);
    }
}

TEST_P(AnyRouting, TakesEmptyAndHugeFields) {
    const RoutingInstance made = make();
    Prng prng(2);
    for (const std::size_t size_max : {std::size_t{0}, std::size_t{65'535}, std::size_t{1} << 20U}) {
        const Messages messages(made.policy->columns().size(), 5, prng, size_max);
        EXPECT_EQ(messages.route(*made.policy, 0, 5, made.targets.size()).size(), 5U);
    }
}

TEST_P(AnyRouting, GivesTheSameAnswersInTwoInstances) {
    const RoutingInstance one = make();
    const RoutingInstance other = make();
    Prng prng(3);
    for (int round = 0; round < 20; ++round) {
        const Messages messages(one.policy->columns().size(), 200, prng, 12);
        EXPECT_EQ(messages.route(*one.policy, 0, 200, one.targets.size()),
                  messages.route(*other.policy, 0, 200, other.targets.size()));
    }
}

TEST_P(AnyRouting, GivesTheSameAnswersHoweverBatchesAreCut) {
    const RoutingInstance whole = make();
    const RoutingInstance cut = make();
    Prng prng(4);
    constexpr std::uint32_t count = 500;
    const Messages messages(whole.policy->columns().size(), count, prng, 12);
    const auto expected = messages.route(*whole.policy, 0, count, whole.targets.size());
    std::vector<std::set<std::uint32_t>> found;
    for (std::uint32_t first = 0; first < count;) {
        const auto last = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, first + prng.below(40)));
        for (auto& row : messages.route(*cut.policy, first, last, cut.targets.size())) found.push_back(std::move(row));
        first = last;
    }
    EXPECT_EQ(found, expected);
}

INSTANTIATE_TEST_SUITE_P(Bundled, AnyRouting, ::testing::ValuesIn(ids_with(YM_ROUTING_1)), test_name);

}  // namespace
}  // namespace ym::conformance
