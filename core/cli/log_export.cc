// `yardmaster log export`: reads the log twice. First what became of each message, then the messages that are left.
#include <cstdio>
#include <map>
#include <unordered_map>

#include "cli/exit_code.h"
#include "cli/log_command.h"
#include "cli/log_files.h"
#include "cli/record_text.h"
#include "store/records.h"

namespace ym::cli {
namespace {

/// Which messages are still to be done, by the records so far.
class Live {
  public:
    struct Message {
        std::uint64_t batch = 0;                     // of the record that tells of it
        std::uint32_t record = 0;                    // which one of the batch
        std::map<std::uint32_t, LiveCopy> copies{};  // by queue
    };

    void take(const StoreRecord& record, std::uint64_t batch, std::uint32_t index) {
        const std::uint64_t number = record.message.value;
        switch (record.kind) {
            case RecordKind::accepted: {
                Message& message = told_again(number, batch, index);
                for (const AddressId queue : record.queues) message.copies.try_emplace(queue.value);
                return;
            }
            case RecordKind::relocated: {
                Message& message = told_again(number, batch, index);
                std::map<std::uint32_t, LiveCopy> left;
                for (const AddressId queue : record.queues) left[queue.value] = message.copies[queue.value];
                message.copies = std::move(left);
                return;
            }
            case RecordKind::moved:
                settle(record.origin.value, record.from.value);
                told_again(number, batch, index).copies.try_emplace(record.queue.value);
                return;
            case RecordKind::settled: return settle(number, record.queue.value);
            case RecordKind::attempted:
                if (LiveCopy* copy = find(number, record.queue.value)) {
                    copy->attempts = std::max(copy->attempts, record.attempt);
                    copy->not_before_ms = record.at.since_epoch.count();
                }
                return;
            case RecordKind::dead:
                if (LiveCopy* copy = find(number, record.queue.value)) {
                    *copy = {record.attempt, 0, true, record.reason, record.at.since_epoch.count()};
                }
                return;
            default: return;
        }
    }
    /// The message, if this is the record to print it by.
    [[nodiscard]] const Message* at(std::uint64_t number, std::uint64_t batch, std::uint32_t index) const {
        const auto found = messages_.find(number);
        if (found == messages_.end()) return nullptr;
        return found->second.batch == batch && found->second.record == index ? &found->second : nullptr;
    }

  private:
    Message& told_again(std::uint64_t number, std::uint64_t batch, std::uint32_t index) {
        Message& message = messages_[number];
        message.batch = batch;
        message.record = index;
        return message;
    }
    LiveCopy* find(std::uint64_t number, std::uint32_t queue) {
        const auto message = messages_.find(number);
        if (message == messages_.end()) return nullptr;
        const auto copy = message->second.copies.find(queue);
        return copy == message->second.copies.end() ? nullptr : &copy->second;
    }
    void settle(std::uint64_t number, std::uint32_t queue) {
        const auto message = messages_.find(number);
        if (message == messages_.end()) return;
        message->second.copies.erase(queue);
        if (message->second.copies.empty()) messages_.erase(message);
    }

    std::unordered_map<std::uint64_t, Message> messages_;
};

/// Gives what the records of a shard that can be read say of each message; false if one cannot.
template <class Each>
bool each_record(const LogShard& shard, Progress& progress, std::string& failed, const Each& each) {
    bool fine = true;
    failed = each_batch(shard, progress, [&](std::uint64_t number, Octets octets) {
        Result<store::BatchReader> reader = store::BatchReader::open(octets);
        StoreRecord record;
        for (std::uint32_t index = 0; reader;) {
            const Result<bool> next = reader.value().next(record);
            if (next && next.value()) {
                for (std::size_t i = 0; i < messages_of(record); ++i) each(one_of(record, i), number, index++);
                continue;
            }
            if (!next) fine = false;
            return;
        }
        fine = false;
    });
    return fine;
}

/// False: something could not be read, and may be missing from what is printed.
bool export_shard(const LogShard& shard, const LogOptions& options, Progress& progress, std::string& failed) {
    Live live;
    QueueNames names;
    const bool fine =
        each_record(shard, progress, failed, [&](const StoreRecord& record, std::uint64_t batch, std::uint32_t index) {
            names.learn(record);
            live.take(record, batch, index);
        });
    if (!failed.empty()) return false;
    each_record(shard, progress, failed, [&](const StoreRecord& record, std::uint64_t batch, std::uint32_t index) {
        const Live::Message* message = live.at(record.message.value, batch, index);
        if (message == nullptr) return;
        std::map<std::uint32_t, LiveCopy> copies = message->copies;
        if (!options.queue.empty()) {
            std::erase_if(copies, [&](const auto& copy) { return names[AddressId{copy.first}] != options.queue; });
            if (copies.empty()) return;
        }
        std::printf("%s\n", json_of_live(shard.number, record, copies, names).c_str());
    });
    return fine;
}

}  // namespace

int log_export(const LogOptions& options) {
    const int code = each_shard(options.dir, [&](const LogShard& shard, Progress& progress, std::string& failed) {
        return export_shard(shard, options, progress, failed);
    });
    if (code == exit_failed)
        std::fprintf(stderr, "yardmaster: parts of the log cannot be read; see `yardmaster log verify`\n");
    return code;
}

}  // namespace ym::cli
