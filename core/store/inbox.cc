#include "store/inbox.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ym::store {
namespace {

constexpr std::size_t spare_copies_max = 4;

}  // namespace

std::unique_ptr<BatchCopies> Inbox::copy(const host::StoreCompletion& completion) {
    std::unique_ptr<BatchCopies> made;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!spare_.empty()) {
            made = std::move(spare_.back());
            spare_.pop_back();
        }
    }
    if (!made) made = std::make_unique<BatchCopies>();
    made->octets.clear();
    made->batches.clear();
    std::size_t sum = 0;
    for (std::uint32_t i = 0; i < completion.count; ++i) {
        const Octets batch = completion.batch(i);
        made->batches.push_back({completion.numbers[i], sum, batch.size(), batch.data() != nullptr});
        sum += batch.size();
    }
    std::byte* at = made->octets.grow(sum);
    for (std::uint32_t i = 0; i < completion.count; ++i) {
        const Octets batch = completion.batch(i);
        if (batch.empty()) continue;
        std::memcpy(at, batch.data(), batch.size());
        at += batch.size();
    }
    return made;
}

bool Inbox::put(const host::StoreCompletion& completion) {
    Answer answer{completion.ticket, completion.status, completion.epoch, completion.through,
                  std::string(completion.why)};
    // Copied before the lock is taken: other threads of the plugin go on meanwhile.
    if (completion.count > 0) answer.copies = copy(completion);
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        answers_.push_back(std::move(answer));
    }
    arrived_.notify_one();
    return !any_.exchange(true, std::memory_order_acq_rel);
}

bool Inbox::take(std::vector<Answer>& answers) {
    if (!any_.exchange(false, std::memory_order_acq_rel)) return false;
    answers.clear();
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(answers_, answers);
    return !answers.empty();
}

void Inbox::recycle(std::unique_ptr<BatchCopies> copies) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (spare_.size() < spare_copies_max && copies->octets.size() <= spare_octets_max_) {
        spare_.push_back(std::move(copies));
    }
}

void Inbox::limit_spare(std::size_t octets) {
    const std::lock_guard<std::mutex> lock(mutex_);
    spare_octets_max_ = octets;
    spare_.clear();
}

bool Inbox::wait_for(std::uint64_t ticket, Duration patience) {
    std::unique_lock<std::mutex> lock(mutex_);
    return arrived_.wait_for(lock, patience, [this, ticket] {
        return std::any_of(answers_.begin(), answers_.end(), [ticket](const Answer& a) { return a.ticket == ticket; });
    });
}

}  // namespace ym::store
