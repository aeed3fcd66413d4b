// What crosses the broker's border in Majordomo, taken apart into the same facts as YMP; and what Majordomo itself
// promises: the state table of workers, tokens that name the delivery, one request at a time, signs of life, one last
// reply for each request in the words of its client, and the broker's own services.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "base/id.h"
#include "coverage.h"
#include "facts.h"
#include "majordomo.h"
#include "options.h"

namespace ym::simulation {

class Witness;

class MajordomoBorder {
  public:
    MajordomoBorder(Witness& witness, const Options& options, const Messages& messages, Coverage& coverage)
        : witness_(witness), options_(options), messages_(messages), coverage_(coverage) {}

    /// False if it is no Majordomo, of a peer that speaks none.
    bool received(PeerId peer, const Frames& frames);
    void sent(PeerId peer, const Frames& frames);
    void unreachable(PeerId peer);
    void forgotten(PeerId peer);
    void end_step();
    void broker_ended();
    void end();

  private:
    /// A request that no last reply came for.
    struct Asked {
        std::uint64_t sequence = 0;
        Speech speech{};
        Frames envelope;
        std::string service;
        Frames body;  // of the broker's own services
        Uid uid = no_uid;
    };
    struct Known {
        bool client = false;
        bool worker = false;
        bool certain = false;  // the broker cannot have refused it as a worker
        SessionNumber session = 0;
        bool is_v02 = false;
        bool delimited = false;
        std::string service;
        bool busy = false;
        std::string token;
        std::uint64_t tag = 0;
        Instant heard, spoken;
        Instant granted;              // of the request in hand
        bool was_heard = false;       // in this step
        std::uint64_t owed = 0;       // DISCONNECTs
        std::uint64_t tolerated = 0;  // as `owed`, and may not come
        bool gone = false;            // its connection ended in this step
        std::uint64_t sequence = 0;
        std::deque<Asked> asked;
    };

    [[nodiscard]] MajordomoState state_of(const Known& known) const;
    void on_client(Known& from, const Heard& heard);
    void on_worker(Known& from, const Heard& heard);
    void on_ready(Known& from, const Heard& heard);
    void on_answer(Known& from, const Heard& heard);
    void sent_to_worker(Known& to, const Heard& heard, const Frames& frames);
    void sent_request(Known& to, const Frames& frames);
    void sent_to_client(Known& to, const Frames& frames);
    void replied(Known& to, const Asked& asked, const Frames& body, bool last);
    void own_service(const Asked& asked, const Frames& body);
    void leave(Known& known, GoneWhy why = GoneWhy::majordomo);
    void begin_session(Known& known);
    void wrong(const std::string& text);

    Witness& witness_;
    const Options& options_;
    const Messages& messages_;
    Coverage& coverage_;
    std::map<std::uint32_t, Known> known_;  // by PeerId
    SessionNumber sessions_ = 0;
};

}  // namespace ym::simulation
