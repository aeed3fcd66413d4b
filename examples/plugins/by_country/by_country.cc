// A routing plugin as somebody outside this project would write it.
#include <map>
#include <string>
#include <yardmaster/routing.hpp>

/// Sends each message to the address of its country, and the rest to `other`.
class ByCountry {
  public:
    static constexpr ym_setting country[] = {
        {"*", YM_TARGET, nullptr, nullptr, "where this country's messages go", nullptr}, {}};
    static constexpr ym_setting settings[] = {
        {"field", YM_FIELD, "header.country", nullptr, "holds the country code", nullptr},
        {"countries", YM_MAP, nullptr, nullptr, "country code: queue or pipeline", country},
        {"other", YM_TARGET, nullptr, nullptr, "where all other messages go", nullptr},
        {}};

    explicit ByCountry(ym::Settings given) : field_(given["field"].column()), other_(given["other"].target()) {
        for (const auto& [code, to] : given["countries"]) {
            if (code.size() != 2) to.refuse("a country code has two letters");
            targets_.emplace(code, to.target());
        }
    }

    void route(ym::Batch batch, ym::Routes out) const {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            const auto found = targets_.find(batch.text(field_, i));
            out.add(i, found == targets_.end() ? other_ : found->second);
        }
    }

  private:
    std::uint32_t field_;
    ym_target other_;
    std::map<std::string, ym_target, std::less<>> targets_;
};

YM_ROUTING(ByCountry, "example.com/by-country", "1.0.0", "routes by a country code")
