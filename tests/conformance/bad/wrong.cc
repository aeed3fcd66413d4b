// Plugins that load well and behave badly, one of each kind of fault.
#include <cstring>
#include <stdexcept>
#include <yardmaster/balance.hpp>
#include <yardmaster/retry.hpp>
#include <yardmaster/routing.hpp>

namespace {

constexpr ym_setting target[] = {{"to", YM_TARGET, nullptr, nullptr, "where to", nullptr}, {}};

struct Throws {
    static constexpr const ym_setting* settings = target;
    explicit Throws(ym::Settings given) : to(given["to"].target()) {}
    void route(ym::Batch /*batch*/, ym::Routes out) const {
        out.add(0, to);
        throw std::runtime_error("thrown on purpose");
    }
    ym_target to;
};

struct WrongTarget {
    static constexpr const ym_setting* settings = target;
    explicit WrongTarget(ym::Settings given) : to(given["to"].target()) {}
    void route(ym::Batch batch, ym::Routes out) const {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            out.add(i, to);
            if (i == 1) out.add(i, to + 1);
        }
    }
    ym_target to;
};

struct WrongMessage {
    static constexpr const ym_setting* settings = target;
    explicit WrongMessage(ym::Settings given) : to(given["to"].target()) {}
    void route(ym::Batch batch, ym::Routes out) const { out.add(batch.count(), to); }
    ym_target to;
};

struct ThrowsWhenMade {
    static constexpr const ym_setting* settings = target;
    explicit ThrowsWhenMade(ym::Settings /*given*/) { throw std::runtime_error("cannot be made"); }
    void route(ym::Batch /*batch*/, ym::Routes /*out*/) const {}
};

struct WrongColumn {
    static constexpr const ym_setting* settings = target;
    explicit WrongColumn(ym::Settings given) : column(given.column("header.")) {}
    void route(ym::Batch /*batch*/, ym::Routes /*out*/) const {}
    std::uint32_t column;
};

struct PicksNobodyElse {
    static constexpr ym_setting settings[] = {{}};
    explicit PicksNobodyElse(ym::Settings /*given*/) {}
    void pick(ym::Workers /*workers*/, ym::Picks picks) const {
        if (picks.count() > 0) picks.give(0, 7);
        throw std::runtime_error("no pick");
    }
};

struct CannotDecide {
    static constexpr ym_setting settings[] = {{}};
    explicit CannotDecide(ym::Settings /*given*/) {}
    static std::uint64_t decide(const ym::Failed& failed) {
        if (failed.attempt > 1) throw std::runtime_error("no decision");
        return YM_DEAD_LETTER - 1;
    }
};

/// A wrong default, and a kind that this host does not know.
struct WrongSchema {
    static constexpr ym_setting settings[] = {
        {"delay", YM_DURATION_NS, "soon", nullptr, "", nullptr}, {"later", 99, nullptr, nullptr, "", nullptr}, {}};
    explicit WrongSchema(ym::Settings /*given*/) {}
    static std::uint64_t decide(const ym::Failed& /*failed*/) { return 0; }
};

/// An exception that leaves the plugin, which the ABI forbids.
const void* get_raw_throw(const char* interface_id) {
    static const ym_routing table = {
        sizeof(ym_routing),
        sizeof(ym_setting),
        target,
        [](const ym_host* host, const ym_value* given) -> void* {
            return const_cast<ym_value*>(host->get(given, "to"));
        },
        [](void* /*self*/) {},
        [](void* /*self*/, const ym_batch* /*batch*/, const ym_routes* /*routes*/) -> ym_status {
            throw std::runtime_error("without a wrapper");
        }};
    return std::strcmp(interface_id, YM_ROUTING_1) == 0 ? &table : nullptr;
}

}  // namespace

YM_PLUGINS(YM_ROUTING_ENTRY(Throws, "throws", "1", ""), YM_ROUTING_ENTRY(WrongTarget, "wrong-target", "1", ""),
           YM_ROUTING_ENTRY(WrongMessage, "wrong-message", "1", ""),
           YM_ROUTING_ENTRY(ThrowsWhenMade, "throws-when-made", "1", ""),
           YM_ROUTING_ENTRY(WrongColumn, "wrong-column", "1", ""),
           YM_BALANCE_ENTRY(PicksNobodyElse, "picks-nobody-else", "1", ""),
           YM_RETRY_ENTRY(CannotDecide, "cannot-decide", "1", ""), YM_RETRY_ENTRY(WrongSchema, "wrong-schema", "1", ""),
           {sizeof(ym_plugin), "raw-throw", "1", "", &get_raw_throw})
