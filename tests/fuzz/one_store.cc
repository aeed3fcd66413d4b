#include <algorithm>

#include "fuzz/lies_in.h"
#include "fuzz/one_input.h"
#include "store/records.h"

namespace ym::fuzz {
namespace {

const char* check_record(const StoreRecord& record, Octets input) {
    for (const Octets part : {as_octets(record.name), record.session, record.fields, record.body}) {
        if (!lies_in(part, input)) return "what a record shows lies in its batch";
    }
    if (record.queues.size() * 4 > input.size()) return "a record's queues lie in its batch";
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
    for (std::size_t steps = 0;; ++steps) {
        if (steps > size / 8 + 1) return "a reader comes to its end";
        const Result<bool> next = reader.next(record);
        if (!next.ok()) {
            ++counts.refused;
            const Result<bool> after = reader.next(record);
            return after.ok() && after.value() ? "a reader that failed is at its end" : nullptr;
        }
        if (!next.value()) break;
        ++counts.records;
        if (const char* broken = check_record(record, input)) return broken;
        writer.add(record);
    }
    writer.finish(reader.head().epoch, reader.head().number);
    ++counts.rewritten;
    const Octets again = buffer.octets();
    const bool same = std::equal(again.begin(), again.end(), input.begin(), input.end());
    return same ? nullptr : "a batch without a fault is written again as it was";
}

}  // namespace ym::fuzz
