#include "status_text.h"

#include <sstream>

#include "store/records.h"

namespace ym::simulation {
namespace {

void write(std::ostringstream& out, const QueueStatus& q) {
    const Ledger& l = q.ledger;
    out << "queue " << q.name << ": durable " << q.durable << " orphan " << q.orphan << " created " << q.created
        << " group " << q.group << " accepted " << l.accepted << " moved_in " << l.moved_in << " acked " << l.acked
        << " dead " << l.dead << " expired " << l.expired << " deleted " << l.deleted << " moved_out " << l.moved_out
        << " dropped";
    for (const std::uint64_t n : l.dropped) out << " " << n;
    out << " dead letters " << q.dead_letters.in << " " << q.dead_letters.dropped << " " << q.dead_letters.live
        << " live " << q.live << " ready " << q.ready << " waiting " << q.waiting << " in_flight " << q.in_flight
        << " storing " << q.storing << " bytes " << q.bytes << " delivered " << q.delivered << " redelivered "
        << q.redelivered << " refused " << q.refused << " oldest " << q.oldest.count() << " processed " << q.processed
        << " workers " << q.workers << " failures";
    for (const std::uint64_t n : q.failures) out << " " << n;
    out << "\n";
}

}  // namespace

std::string to_text(const StatusReport& status) {
    std::ostringstream out;
    out << "draining " << status.draining << " epoch " << status.epoch << " duplicates " << status.duplicates
        << " refused " << status.refused << " unmatched " << status.dropped_unmatched << " malformed "
        << status.malformed << " stale " << status.stale << " replies " << status.replies_sent << " "
        << status.replies_dropped << "\n";
    for (const QueueStatus& q : status.queues) write(out, q);
    for (const PeerStatus& p : status.peers) {
        out << "peer " << p.name << " " << p.session << " connected " << p.connected << " credit " << p.credit
            << " in_flight " << p.in_flight << " published " << p.published << " acked " << p.acked << " unconfirmed "
            << p.unconfirmed << "\n";
    }
    return out.str();
}

std::string to_text(const Effects& effects) {
    std::ostringstream out;
    for (const Send& send : effects.sends) {
        const Octets octets = effects.octets.octets(send.at, send.size);
        out << "to peer " << send.peer.value << (send.parts ? " parts " : " ")
            << std::hash<std::string_view>{}(as_text(octets)) << "\n";
    }
    for (const StoreRecord& record : effects.records) {
        Buffer buffer;
        store::BatchWriter writer(buffer);
        writer.add(record);
        out << "record of kind " << static_cast<int>(record.kind) << ", message " << record.message.value << ", queue "
            << record.queue.value << ", "
            << std::hash<std::string_view>{}(as_text(buffer.octets()).substr(store::batch_head_bytes)) << "\n";
    }
    out << "batch " << effects.batch << " may_wait " << effects.may_wait << " reclaim " << effects.reclaim
        << " acquire " << effects.acquire << " finish " << static_cast<int>(effects.finish) << " fetch";
    for (const std::uint64_t batch : effects.fetch) out << " " << batch;
    out << "\nforget";
    for (const PeerId peer : effects.forget) out << " " << peer.value;
    out << "\n";
    for (const Notice& notice : effects.notices) {
        out << "notice " << static_cast<int>(notice.kind) << " " << notice.name << ": " << notice.text << " "
            << notice.count << "\n";
    }
    return out.str();
}

std::string first_difference(const std::string& a, const std::string& b) {
    std::istringstream left(a);
    std::istringstream right(b);
    for (;;) {
        std::string x;
        std::string y;
        const bool more = static_cast<bool>(std::getline(left, x));
        const bool other = static_cast<bool>(std::getline(right, y));
        if (!more && !other) return "nothing";
        if (more != other || x != y) return "'" + x + "', or '" + y + "'";
    }
}

}  // namespace ym::simulation
