#include <algorithm>

#include "fuzz/lies_in.h"
#include "fuzz/one_input.h"
#include "store/records.h"

namespace ym::fuzz {
namespace {

const char* check_record(const StoreRecord& record, Octets input) {
    for (const Octets part : {as_octets(record.name), record.session, record.fields, record.body, record.steps}) {
        if (!lies_in(part, input)) return "what a record shows lies in its batch";
    }
    for (const Content& content : record.more) {
        if (!lies_in(content.fields(), input) || !lies_in(content.body(), input))
            return "what a record shows lies in its batch";
    }
    if (record.queues.size() * 4 > input.size()) return "a record's queues lie in its batch";
    if (record.numbers.size() * 8 > input.size()) return "a record's numbers lie in its batch";
    return nullptr;
}

/// Reading all records at once says the same as reading one by one, and a fault adds none.
const char* check_at_once(Octets input, bool whole, std::uint64_t count) {
    static store::BatchRecords records;  // kept for its memory
    records.clear();
    for (int times = 0; times < 2; ++times) {
        const auto added = records.add(input);
        if (added.ok() != whole) return "a batch is whole, however it is read";
        if (!whole && added.error().text.empty()) return "a fault has a text";
    }
    if (records.records().size() != (whole ? 2 * count : 0)) return "all records of a whole batch are added";
    for (const StoreRecord& record : records.records()) {
        if (const char* broken = check_record(record, input)) return broken;
    }
    return nullptr;
}

}  // namespace

const char* fuzz_one_store(const std::uint8_t* data, std::size_t size, StoreCounts& counts) {
    const Octets input{reinterpret_cast<const std::byte*>(data), size};
    Result<store::BatchReader> opened = store::BatchReader::open(input);
    if (!opened.ok()) return opened.error().text.empty() ? "a fault has a text" : nullptr;
    ++counts.heads;
    store::BatchReader& reader = opened.value();
    static Buffer buffer;  // kept for its memory
    buffer.clear();
    store::BatchWriter writer(buffer);
    StoreRecord record;
    std::uint64_t read = 0;
    for (std::size_t steps = 0;; ++steps) {
        if (steps > size / 8 + 1) return "a reader comes to its end";
        const Result<bool> next = reader.next(record);
        if (!next.ok()) {
            ++counts.refused;
            const Result<bool> after = reader.next(record);
            if (after.ok()) return "a reader that failed is at its end";
            return check_at_once(input, false, read);
        }
        if (!next.value()) break;
        ++counts.records;
        ++read;
        if (const char* broken = check_record(record, input)) return broken;
        writer.add(record);
    }
    writer.finish(reader.head().epoch, reader.head().number);
    ++counts.rewritten;
    const Octets again = buffer.octets();
    const bool same = std::equal(again.begin(), again.end(), input.begin(), input.end());
    if (!same) return "a batch without a fault is written again as it was";
    return check_at_once(input, true, read);
}

}  // namespace ym::fuzz
