#include "server/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "unit/server/wires.h"

namespace ym::server {
namespace {

// libzmq 4.3.4 ended the whole process when its own heartbeat came round for a connection that it had stopped to read,
// since its queue was full, and whose peer had gone. Takes the time in which the heartbeat would have come.
TEST(Socket, OutlivesAPeerThatFillsItsQueueAndDiesWhileNobodyReads) {
    Folder folder;
    Context context;
    Socket router = Socket::router(context, {.receive_messages_max = 4});
    ASSERT_TRUE(router.bind(folder.endpoint("main")).ok());
    {
        Dealer dealer(folder.endpoint("main"), "w1");
        for (int i = 0; i < 200; ++i) dealer.send({std::string(1000, 'x')});
        ASSERT_TRUE(wait_readable(router));
        std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until the queue is full, which nothing tells
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2400));
    Message message;
    EXPECT_TRUE(router.receive(message));
}

}  // namespace
}  // namespace ym::server
