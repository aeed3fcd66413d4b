#include "bench/peers/peers.h"

namespace ym::bench {

std::vector<PeerBroker> peer_brokers() {
    std::vector<PeerBroker> all;
#ifdef YM_BENCH_REDIS
    all.push_back({"redis streams", false, 200, 400'000, redis_roles});
    all.push_back({"redis, always", true, 200, 400'000, redis_roles});
#endif
#ifdef YM_BENCH_RABBIT
    const auto rabbit = [](RabbitQueue kind) { return [kind](const Job& job) { return rabbit_roles(job, kind); }; };
    all.push_back({"rabbitmq classic", true, 100, 100'000, rabbit(RabbitQueue::classic)});
    all.push_back({"rabbitmq quorum", true, 100, 100'000, rabbit(RabbitQueue::quorum)});
#endif
    return all;
}

}  // namespace ym::bench
