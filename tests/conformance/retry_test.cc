// retry/1: every retry plugin, and the decisions of each bundled one.
#include "conformance/kit.h"

namespace ym::conformance {
namespace {

constexpr Duration dead = RetryPolicy::dead_letter;

std::unique_ptr<RetryPolicy> make_retry(const std::string& id, const std::string& yaml) {
    settings::Problems problems;
    auto made = registry().retry(use_of(id, yaml), problems);
    EXPECT_TRUE(problems.empty()) << lines_of(problems).front();
    return made;
}

Duration decide(RetryPolicy& policy, const FailedAttempt& failure) {
    Duration wait{};
    policy.decide({&failure, 1}, {&wait, 1});
    return wait;
}

FailedAttempt nack(std::uint32_t attempt, Duration age = Duration(0)) {
    FailedAttempt failure;
    failure.attempt = attempt;
    failure.age = age;
    return failure;
}
FailedAttempt failed(FailureReason reason) {
    FailedAttempt failure;
    failure.reason = reason;
    return failure;
}

std::vector<FailedAttempt> random_failures(Prng& prng, std::size_t count) {
    std::vector<FailedAttempt> failures(count);
    for (FailedAttempt& failure : failures) {
        failure.reason = static_cast<FailureReason>(prng.below(failure_reason_count));
        failure.attempt = prng.chance(1, 10) ? UINT32_MAX : static_cast<std::uint32_t>(1 + prng.below(12));
        failure.age = Duration(static_cast<Duration::rep>(prng.below(std::uint64_t{1} << (prng.below(62) + 1U))));
        failure.retry_after = Duration(static_cast<Duration::rep>(prng.chance(1, 2) ? 0 : prng.below(1U << 30U)));
        failure.random = prng.next();
    }
    return failures;
}

class AnyRetry : public ::testing::TestWithParam<std::string> {};

TEST_P(AnyRetry, GivesTheSameAnswersHoweverBatchesAreCut) {
    const std::string settings = schema_of(YM_RETRY_1, GetParam()).sample(true);
    const auto whole = make_retry(GetParam(), settings);
    const auto cut = make_retry(GetParam(), settings);
    Prng prng(5);
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{10'000}}) {
        const auto failures = random_failures(prng, count);
        std::vector<Duration> waits(count);
        whole->decide(failures, waits);
        for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(decide(*cut, failures[i]), waits[i]);
    }
}

TEST_P(AnyRetry, EndsTheAttemptsOfEveryMessage) {
    const auto policy = make_retry(GetParam(), schema_of(YM_RETRY_1, GetParam()).sample(true));
    for (std::size_t reason = 0; reason < failure_reason_count; ++reason) {
        FailedAttempt failure = failed(static_cast<FailureReason>(reason));
        failure.attempt = UINT32_MAX;
        EXPECT_EQ(decide(*policy, failure), dead);
    }
}

INSTANTIATE_TEST_SUITE_P(Bundled, AnyRetry, ::testing::ValuesIn(ids_with(YM_RETRY_1)), test_name);

TEST(None, MakesEveryFailureADeadLetter) {
    const auto policy = make_retry("none", "{}");
    EXPECT_EQ(decide(*policy, nack(1)), dead);
    EXPECT_EQ(decide(*policy, failed(FailureReason::worker_lost)), dead);
}

TEST(Fixed, WaitsTheSameTimeUpToTheLastAttempt) {
    const auto policy = make_retry("fixed", "{delay: 3s, attempts: 3}");
    EXPECT_EQ(decide(*policy, nack(1)), 3s);
    EXPECT_EQ(decide(*policy, nack(2)), 3s);
    EXPECT_EQ(decide(*policy, nack(3)), dead);
    EXPECT_EQ(decide(*policy, failed(FailureReason::worker_lost)), 3s);
    EXPECT_EQ(decide(*policy, failed(FailureReason::reject)), dead);
}

TEST(Fixed, StartsNoAttemptBeyondTheAge) {
    const auto policy = make_retry("fixed", "{delay: 3s, age: 10s}");
    EXPECT_EQ(decide(*policy, nack(1, 7s)), 3s);
    EXPECT_EQ(decide(*policy, nack(1, 7s + 1ns)), dead);
    EXPECT_EQ(decide(*policy, nack(1, 11s)), dead);
}

TEST(Backoff, DoublesTheWaitUpToTheLongest) {
    const auto policy = make_retry("backoff", "{initial: 100ms, max: 1s, jitter: 0%, attempts: 100}");
    const std::vector<Duration> expected = {100ms, 200ms, 400ms, 800ms, 1s, 1s, 1s};
    for (std::uint32_t i = 0; i < expected.size(); ++i) EXPECT_EQ(decide(*policy, nack(i + 1)), expected[i]) << i;
}

TEST(Backoff, MultipliesByItsFactor) {
    const auto policy = make_retry("backoff", "{initial: 1s, factor: 1.5, max: 1h, jitter: 0%}");
    EXPECT_EQ(decide(*policy, nack(1)), 1s);
    EXPECT_EQ(decide(*policy, nack(2)), 1500ms);
    EXPECT_EQ(decide(*policy, nack(3)), 2250ms);
    const auto flat = make_retry("backoff", "{initial: 1s, factor: 1, max: 1h, jitter: 0%}");
    EXPECT_EQ(decide(*flat, nack(7)), 1s);
    const auto zero = make_retry("backoff", "{initial: 0s, jitter: 0%}");
    EXPECT_EQ(decide(*zero, nack(7)), 0s);
}

TEST(Backoff, TakesAListOfWaitsWhoseLastGoesOn) {
    const auto policy = make_retry("backoff", "{delays: [1s, 10s, 5m], jitter: 0%}");
    const std::vector<Duration> expected = {1s, 10s, 5min, 5min};
    for (std::uint32_t i = 0; i < expected.size(); ++i) EXPECT_EQ(decide(*policy, nack(i + 1)), expected[i]) << i;
}

TEST(Backoff, DrawsEachWaitFromItsJitter) {
    const auto policy = make_retry("backoff", "{initial: 1s, jitter: 20%}");
    Prng prng(6);
    Duration lowest = 1h;
    Duration highest{0};
    for (int i = 0; i < 10'000; ++i) {
        FailedAttempt failure = nack(1);
        failure.random = prng.next();
        const Duration wait = decide(*policy, failure);
        lowest = std::min(lowest, wait);
        highest = std::max(highest, wait);
    }
    EXPECT_GE(lowest, 800ms);
    EXPECT_LT(lowest, 801ms);
    EXPECT_LE(highest, 1200ms);
    EXPECT_GT(highest, 1199ms);
}

TEST(Backoff, EndsAfterItsAttemptsAndItsAge) {
    const auto policy = make_retry("backoff", "{}");
    EXPECT_NE(decide(*policy, nack(7)), dead);
    EXPECT_EQ(decide(*policy, nack(8)), dead);
    EXPECT_NE(decide(*policy, nack(1, 23h)), dead);
    EXPECT_EQ(decide(*policy, nack(1, 24h)), dead);
}

TEST(Backoff, HasAnAnswerOfItsOwnForAReason) {
    const auto policy = make_retry("backoff", "{jitter: 0%}");
    EXPECT_EQ(decide(*policy, failed(FailureReason::nack)), 500ms);
    EXPECT_EQ(decide(*policy, failed(FailureReason::reject)), dead);
    EXPECT_EQ(decide(*policy, failed(FailureReason::throttled)), 500ms);
    EXPECT_EQ(decide(*policy, failed(FailureReason::lease_expired)), 500ms);
    EXPECT_EQ(decide(*policy, failed(FailureReason::worker_lost)), 0s);

    const auto other =
        make_retry("backoff", "{jitter: 0%, reasons: {reject: {}, nack: dead_letter, lease_expired: {delay: 7s}}}");
    EXPECT_EQ(decide(*other, failed(FailureReason::nack)), dead);
    EXPECT_EQ(decide(*other, failed(FailureReason::reject)), 500ms);
    EXPECT_EQ(decide(*other, failed(FailureReason::lease_expired)), 7s);
    EXPECT_EQ(decide(*other, failed(FailureReason::worker_lost)), 0s);
}

TEST(Backoff, WaitsAtLeastAsLongAsTheWorkerAsked) {
    const auto policy = make_retry("backoff", "{jitter: 0%}");
    FailedAttempt failure = failed(FailureReason::throttled);
    failure.retry_after = 2min;
    EXPECT_EQ(decide(*policy, failure), 2min);
    failure.retry_after = 48h;
    EXPECT_EQ(decide(*policy, failure), dead);
}

TEST(Backoff, RefusesTwoWaysToSayTheWaits) {
    settings::Problems problems;
    EXPECT_EQ(registry().retry(use_of("backoff", "{delays: [1s], factor: 3}"), problems), nullptr);
    EXPECT_EQ(registry().retry(use_of("backoff", "{initial: 1h}"), problems), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ::testing::ElementsAre("test.yaml:1:16: use.initial: found 1h; expected what the plugin backoff takes; the "
                               "first wait is longer than max [plugin.refused]",
                               "test.yaml:1:29: use.factor: found 3; expected what the plugin backoff takes; delays "
                               "holds all waits; take one of the two out [plugin.refused]"));
}

TEST(Backoff, RefusesAReasonWithoutMeaning) {
    settings::Problems problems;
    EXPECT_EQ(registry().retry(use_of("backoff", "{reasons: {nack: never, throttled: {counts: false}}}"), problems),
              nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ::testing::ElementsAre("test.yaml:1:23: use.reasons.nack: found never; expected dead_letter [choice.unknown]",
                               "test.yaml:1:42: use.reasons.throttled.counts: found the unknown key counts; expected "
                               "delay [key.unknown]"));
}

}  // namespace
}  // namespace ym::conformance
