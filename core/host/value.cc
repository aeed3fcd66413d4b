#include "host/value.h"

#include <algorithm>
#include <utility>

#include "host/abi.h"

namespace ym::host {
namespace {

const ym_value nothing{};

std::string_view as_view(ym_text text) {
    return {text.data, text.size};
}

const ym_value* get(const ym_value* map, const char* key) {
    const auto found = std::find(map->keys.begin(), map->keys.end(), std::string_view(key));
    return found == map->keys.end() ? &nothing : &map->inside[static_cast<std::size_t>(found - map->keys.begin())];
}

std::size_t count(const ym_value* list_or_map) {
    return list_or_map->inside.size();
}

const ym_value* at(const ym_value* list_or_map, std::size_t index, ym_text* key) {
    if (index >= list_or_map->inside.size()) return &nothing;
    if (key != nullptr) *key = list_or_map->keys.empty() ? ym_text{} : as_ym_text(list_or_map->keys[index]);
    return &list_or_map->inside[index];
}

std::int32_t kind(const ym_value* value) {
    return value->kind;
}
std::int32_t given(const ym_value* value) {
    return value->given ? 1 : 0;
}
ym_text text(const ym_value* value) {
    return as_ym_text(value->text);
}
std::int64_t integer(const ym_value* value) {
    return value->integer;
}
double number(const ym_value* value) {
    return value->number;
}
ym_target target(const ym_value* value) {
    return value->target;
}

std::string found_in(const ym_value* value) {
    if (value == nullptr) return "these settings";
    switch (value->kind) {
        case YM_NOTHING: return "nothing";
        case YM_LIST: return "a list of " + std::to_string(value->inside.size());
        case YM_MAP: return "a map of " + std::to_string(value->inside.size());
        default: return value->text.empty() ? "an empty text" : std::string(value->text);
    }
}

}  // namespace

bool is_field(std::string_view name) {
    constexpr std::string_view header = "header.";
    if (name == "topic" || name == "type" || name == "key") return true;
    return name.size() > header.size() && name.substr(0, header.size()) == header;
}

InstanceHost::InstanceHost(std::string plugin, std::shared_ptr<const LogLine> log)
    : plugin_(std::move(plugin)), log_(std::move(log)) {
    table_ = {sizeof(ym_host),
              this,
              &InstanceHost::log_line,
              &get,
              &count,
              &at,
              &kind,
              &given,
              &text,
              &integer,
              &number,
              &target,
              &column,
              &refuse};
}

void InstanceHost::log(std::int32_t level, std::string_view line) {
    const std::uint64_t before = lines_.fetch_add(1, std::memory_order_relaxed);
    if (before >= log_all_below && before % log_each_after != 0) return;
    if (log_ != nullptr && *log_ != nullptr) (*log_)(level, plugin_, line);
}

void InstanceHost::log_line(void* context, std::int32_t level, ym_text line) {
    static_cast<InstanceHost*>(context)->log(level, as_view(line));
}

std::uint32_t InstanceHost::column(void* context, ym_text field) {
    auto* self = static_cast<InstanceHost*>(context);
    if (self->problems_ == nullptr) return UINT32_MAX;
    if (!is_field(as_view(field))) {
        self->refused_ = true;
        self->problems_->add("plugin.field", *self->settings_->node, "a column " + std::string(as_view(field)),
                             "topic, type, key or header.NAME", "the fault lies in the plugin " + self->plugin_);
        return UINT32_MAX;
    }
    const auto found = std::find(self->columns_.begin(), self->columns_.end(), as_view(field));
    if (found == self->columns_.end()) {
        self->columns_.emplace_back(as_view(field));
        return static_cast<std::uint32_t>(self->columns_.size() - 1);
    }
    return static_cast<std::uint32_t>(found - self->columns_.begin());
}

void InstanceHost::refuse(void* context, const ym_value* where, ym_text why) {
    auto* self = static_cast<InstanceHost*>(context);
    self->refused_ = true;
    if (self->problems_ == nullptr) return;
    settings::Problem problem;
    problem.id = "plugin.refused";
    if (where != nullptr && where->node != nullptr) {
        problem.place = where->node->place;
        problem.path = where->node->path;
    }
    problem.found = found_in(where);
    problem.expected = "what the plugin " + self->plugin_ + " takes";
    problem.hint = std::string(as_view(why));
    self->problems_->add(std::move(problem));
}

}  // namespace ym::host
