#include <fanout/launch/external.hpp>
#include <fanout/tcp/cluster.hpp>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/fake_peer.hpp"

using namespace fanout;
using namespace fanout::detail;
using namespace std::chrono_literals;

/// A cluster on loopback that starts nobody.
struct waiting_cluster {
    explicit waiting_cluster(heartbeat::rhythm rhythm = {}, bool plain = false) {
        how.workers = external{.quiet = true};
        how.listen = "127.0.0.1:0";
        how.key = key;
        how.plain = plain;
        how.rhythm = rhythm;
        it.emplace(how, 1);
    }
    address at() const { return address::parse(it->addresses()); }

    secret_key key = secret_key::fresh();
    cluster_settings how;
    std::optional<cluster> it;
};

static std::unique_ptr<fake_peer> good_worker(const waiting_cluster& of, int slots = 1) {
    auto worker = std::make_unique<fake_peer>(of.at());
    REQUIRE(worker->introduce(&of.key));
    worker->say_hello(own_identity(), slots);
    const auto answer = worker->receive();
    REQUIRE(answer);
    REQUIRE(answer->type == frame_type::welcome);
    return worker;
}

TEST_CASE("who has the key and is the same build is welcome, and leaves when he likes") {
    waiting_cluster some;
    CHECK(some.it->worker_count() == 0);
    auto first = good_worker(some);
    auto second = good_worker(some);
    CHECK(some.it->wait_for_workers(2, 10s));
    second.reset();
    while (some.it->worker_count() == 2) CHECK(some.it->wait_for_workers(1, 1s));
    CHECK(some.it->worker_count() == 1);
    CHECK(!some.it->wait_for_workers(2, 1ms));
}

TEST_CASE("who says that he leaves is told that it was heard: nothing more comes after that") {
    waiting_cluster some;
    auto worker = good_worker(some);
    worker->send(frame_type::drain, 0, packed(drain_message{"signal"}));
    const auto answer = worker->receive();
    REQUIRE(answer);
    CHECK(answer->type == frame_type::drained);
}

TEST_CASE("another build is rejected, and told why") {
    waiting_cluster some;
    fake_peer worker(some.at());
    REQUIRE(worker.introduce(&some.key));
    worker.say_hello("another build");
    const auto answer = worker.receive();
    REQUIRE(answer);
    REQUIRE(answer->type == frame_type::reject);
    const auto no = unpacked<reject_message>(answer->payload);
    CHECK(no.exit_code == 78);
    CHECK(no.why.find("another build") != no.why.npos);
    CHECK(no.why.find(own_identity()) != no.why.npos);
    CHECK(no.why.find("copy this very file") != no.why.npos);
    CHECK(no.why.find("fake:/fake/program") != no.why.npos);
    CHECK(worker.is_closed_by_other_side());
    CHECK(some.it->worker_count() == 0);
}

TEST_CASE("a file that was changed after it was linked is rejected, though its build-id is the same") {
    waiting_cluster some;
    fake_peer worker(some.at());
    REQUIRE(worker.introduce(&some.key));
    hello_message hello;
    hello.identity = own_identity();
    hello.places = callable_code::hash_of_places() + 1;
    worker.send(frame_type::hello, 0, packed(hello));
    const auto answer = worker.receive();
    REQUIRE(answer);
    REQUIRE(answer->type == frame_type::reject);
    CHECK(unpacked<reject_message>(answer->payload).why.find("changed after it was linked") != std::string::npos);
}

TEST_CASE("strangers are turned away, and good workers come in beside them") {
    waiting_cluster some;
    fake_peer http(some.at()), other_job(some.at()), garbage(some.at()), without_key(some.at()), wrong_key(some.at());
    http.send_raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(http.is_closed_by_other_side());
    garbage.send_raw(std::string(100'000, '\xa5'));
    CHECK(garbage.is_closed_by_other_side());
    CHECK(!without_key.introduce(nullptr) + without_key.is_closed_by_other_side() >= 1);
    const secret_key other = secret_key::fresh();
    CHECK((!wrong_key.introduce(&other) || wrong_key.is_closed_by_other_side()));

    const auto worker = good_worker(some);
    CHECK(some.it->worker_count() == 1);
}

TEST_CASE("who has the key but does not say hello, or says too much, is turned away") {
    waiting_cluster some;
    {
        fake_peer worker(some.at());
        REQUIRE(worker.introduce(&some.key));
        worker.send(frame_type::result, 0, "something");
        CHECK(!worker.receive());
    }
    {
        fake_peer worker(some.at());
        REQUIRE(worker.introduce(&some.key));
        worker.send(frame_type::hello, 0, std::string(5000, 'x'));
        CHECK(!worker.receive());
    }
    {
        fake_peer worker(some.at());
        REQUIRE(worker.introduce(&some.key));
        worker.send(frame_type::hello, 0, "nonsense");
        CHECK(!worker.receive());
    }
    CHECK(some.it->worker_count() == 0);
}

TEST_CASE("who does not prove who he is in time is turned away, however slowly he speaks") {
    heartbeat::rhythm hasty;
    hasty.handshake = 200ms;
    waiting_cluster some(hasty);
    fake_peer silent(some.at()), slow(some.at());
    slow.send_raw("FAN");
    CHECK(silent.is_closed_by_other_side());
    CHECK(slow.is_closed_by_other_side());
}

TEST_CASE("a worker of which nothing is heard is given up") {
    heartbeat::rhythm hasty;
    hasty.beat = 50ms;
    hasty.patience = 300ms;
    waiting_cluster some(hasty);
    auto worker = good_worker(some);
    const auto until = clock::now() + 20s;
    while (some.it->worker_count() == 1 && clock::now() < until) some.it->wait_for_workers(2, 10ms);
    CHECK(some.it->worker_count() == 0);
}

TEST_CASE("of those who have not proved who they are there are 64 at most, and room again when they have gone") {
    waiting_cluster some;
    std::vector<std::unique_ptr<fake_peer>> crowd;
    for (int i = 0; i < 64; ++i) {
        crowd.push_back(std::make_unique<fake_peer>(some.at()));
        CHECK(!crowd.back()->receive_raw().empty());  // its preface: it is in
    }
    fake_peer one_more(some.at());
    CHECK(one_more.is_closed_by_other_side());
    crowd.clear();
    const auto until = clock::now() + 10s;
    for (bool welcome = false; !welcome && clock::now() < until;) {
        fake_peer worker(some.at());
        try {
            welcome = worker.introduce(&some.key);
        } catch (const std::runtime_error&) {
        }
        if (!welcome) continue;
        worker.say_hello(own_identity());
        CHECK(worker.receive()->type == frame_type::welcome);
    }
}

TEST_CASE("200 workers that come in the same second are all let in") {
    waiting_cluster some;
    std::vector<std::unique_ptr<fake_peer>> all;
    for (int i = 0; i < 200; ++i) all.push_back(good_worker(some));
    CHECK(some.it->wait_for_workers(200, 10s));
}

TEST_CASE("at its end a cluster tells its workers") {
    std::unique_ptr<fake_peer> worker;
    {
        waiting_cluster some;
        worker = good_worker(some);
    }
    const auto last = worker->receive();
    REQUIRE(last);
    CHECK(last->type == frame_type::shutdown);
    CHECK(!worker->receive());
}
