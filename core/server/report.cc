#include "server/report.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <mutex>
#include <vector>

#include "server/status_json.h"
#include "server/table.h"

namespace ym::server {
namespace {

struct Words {
    std::string_view id;  // stable, for machines
    std::string_view text;
    Level level;
    bool by_peers;  // peers can cause it as often as they like
};

Words words(NoticeKind kind) {
    switch (kind) {
        case NoticeKind::peer_joined: return {"peer_joined", "peer joined", Level::info, true};
        case NoticeKind::peer_resumed: return {"peer_resumed", "peer came back", Level::info, true};
        case NoticeKind::peer_silent: return {"peer_silent", "peer is silent", Level::warning, true};
        case NoticeKind::peer_lost: return {"peer_lost", "peer lost", Level::warning, true};
        case NoticeKind::peer_left: return {"peer_left", "peer left", Level::info, true};
        case NoticeKind::peer_refused: return {"peer_refused", "peer refused", Level::warning, true};
        case NoticeKind::peer_ignored: return {"peer_ignored", "peer ignored from now on", Level::warning, true};
        case NoticeKind::queue_created: return {"queue_created", "queue created", Level::info, true};
        case NoticeKind::queue_removed: return {"queue_removed", "queue removed", Level::info, true};
        case NoticeKind::queue_orphaned:
            return {"queue_orphaned", "queue is no longer in the settings", Level::warning, false};
        case NoticeKind::message_dead: return {"message_dead", "message is a dead letter", Level::warning, true};
        case NoticeKind::policy_failed: return {"policy_failed", "a plugin failed", Level::error, true};
        case NoticeKind::store_unknown: return {"store_unknown", "the store lost an answer", Level::warning, false};
        case NoticeKind::store_acquired: return {"store_acquired", "the store is ours", Level::info, false};
        case NoticeKind::store_fenced: return {"store_fenced", "another broker owns the store", Level::error, false};
        case NoticeKind::store_replayed: return {"store_replayed", "read back", Level::info, false};
        case NoticeKind::store_failed: return {"store_failed", "the store failed", Level::error, false};
        case NoticeKind::drain_begun: return {"drain_begun", "draining", Level::info, false};
    }
    return {"unknown", "unknown notice", Level::warning, true};
}

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::trace: return spdlog::level::trace;
        case Level::debug: return spdlog::level::debug;
        case Level::info: return spdlog::level::info;
        case Level::warning: return spdlog::level::warn;
        case Level::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

/// Gives finished lines to a function.
class FunctionSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit FunctionSink(std::function<void(const std::string&)> take) : take_(std::move(take)) {}

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        while (line.size() > 0 && line[line.size() - 1] == '\n') line.resize(line.size() - 1);
        take_(std::string(line.data(), line.size()));
    }
    void flush_() override {}

  private:
    std::function<void(const std::string&)> take_;
};

std::string joined(const Notice& notice, std::string_view what) {
    std::string text(what);
    if (!notice.name.empty()) text += " '" + printable(notice.name) + "'";
    if (!notice.text.empty()) text += ": " + printable(notice.text);
    if (notice.count > 0) text += " (" + std::to_string(notice.count) + ")";
    return text;
}

}  // namespace

Result<Level> level_named(std::string_view name) {
    if (name == "trace") return Level::trace;
    if (name == "debug") return Level::debug;
    if (name == "info") return Level::info;
    if (name == "warning") return Level::warning;
    if (name == "error") return Level::error;
    return Failure{"unknown log level '" + std::string(name) + "'; expected trace, debug, info, warning or error"};
}

class Report::Sink {
  public:
    Sink(const ReportOptions& options, spdlog::sink_ptr sink)
        : json_(options.json), log_("yardmaster", std::move(sink)) {
        log_.set_level(to_spdlog(options.level));
        log_.flush_on(spdlog::level::trace);
        // UTC, so that lines of several machines can be laid side by side.
        const char* pattern =
            json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";
        log_.set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
    }

    void write(Level level, std::string_view id, std::string_view text, const Notice* notice) {
        const auto to = to_spdlog(level);
        if (!log_.should_log(to)) return;
        if (!json_) {
            log_.log(to, spdlog::string_view_t(text.data(), text.size()));
            return;
        }
        std::vector<std::pair<std::string_view, std::string_view>> members{{"event", id}, {"text", text}};
        if (notice != nullptr && !notice->name.empty()) members.emplace_back("name", notice->name);
        const std::string object = line_to_json(members);
        // The pattern writes the braces, and what stands before the members.
        log_.log(to, spdlog::string_view_t(object.data() + 1, object.size() - 2));
    }

  private:
    bool json_;
    spdlog::logger log_;
};

Report::Report(const ReportOptions& options) : options_(options) {
    spdlog::sink_ptr sink;
    if (options.sink) {
        sink = std::make_shared<FunctionSink>(options.sink);
    } else {
        sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    }
    sink_ = std::make_unique<Sink>(options, std::move(sink));
}

Report::~Report() {
    for (std::size_t index = 0; index < kind_count; ++index) tell_left_out(index);
}

void Report::line(Level level, std::string_view text) {
    sink_->write(level, "server", text, nullptr);
}

void Report::notice(const Notice& notice, Instant now) {
    const Words what = words(notice.kind);
    if (what.by_peers) {
        const auto index = static_cast<std::size_t>(notice.kind);
        Kind& kind = kinds_[index];
        if (now >= kind.window_end) {
            tell_left_out(index);
            kind.window_end = now + options_.window;
            kind.lines = 0;
        }
        if (kind.lines >= options_.burst) {
            ++kind.left_out;
            any_left_out_ = true;
            return;
        }
        ++kind.lines;
    }
    sink_->write(what.level, what.id, joined(notice, what.text), &notice);
}

void Report::tell_left_out(std::size_t index) {
    Kind& kind = kinds_[index];
    if (kind.left_out == 0) return;
    const Words what = words(static_cast<NoticeKind>(index));
    sink_->write(what.level, what.id, std::string(what.text) + ": " + std::to_string(kind.left_out) + " more like it",
                 nullptr);
    kind.left_out = 0;
}

void Report::summary(Instant now) {
    if (!any_left_out_) return;
    any_left_out_ = false;
    for (std::size_t index = 0; index < kind_count; ++index) {
        if (kinds_[index].left_out == 0) continue;
        if (now >= kinds_[index].window_end) {
            tell_left_out(index);
        } else {
            any_left_out_ = true;
        }
    }
}

}  // namespace ym::server
