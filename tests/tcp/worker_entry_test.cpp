#include <fanout/tcp/worker_entry.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/fake_peer.hpp"
#include "support/matchers.hpp"
#include "support/program_by_hand.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace fanout::detail;
using namespace std::chrono_literals;

static std::optional<worker_command> parsed(std::vector<const char*> words) {
    words.insert(words.begin(), "program");
    return worker_command::parse(static_cast<int>(words.size()), words.data());
}

static std::string refusal(const std::vector<const char*>& words) {
    try {
        static_cast<void>(parsed(words));
        return "";
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
}

/// A worker that is started by hand.
class worker_by_hand : public program_by_hand {
public:
    explicit worker_by_hand(std::vector<std::string> words, const std::string& input = "")
        : program_by_hand(as_worker(std::move(words)), input) {}

private:
    static std::vector<std::string> as_worker(std::vector<std::string> words) {
        words.insert(words.begin(), "--fanout-worker");
        return words;
    }
};

static std::string unused_address() {
    const descriptor socket = listen_at({"127.0.0.1", "0"}, true);
    return "127.0.0.1:" + port_of(socket);
}

static cluster_settings by_hand(const secret_key& key) {
    cluster_settings how;
    how.workers = external{.quiet = true};
    how.listen = "127.0.0.1:0";
    how.key = key;
    return how;
}

TEST_CASE("a program that was started as itself goes on as itself") {
    CHECK(!parsed({}));
    CHECK(!parsed({"--verbose"}));
    CHECK(!parsed({"file", "--fanout-worker", "host:1"}));
}

TEST_CASE("what a worker was started with is understood") {
    const auto plain = parsed({"--fanout-worker", "a:1,b:2", "--plain", "--slots", "3", "--grace", "7", "--reconnect",
                               "9", "--parent", "123", "--lifetime", "60"});
    REQUIRE(plain);
    CHECK(plain->coordinator.size() == 2);
    CHECK(plain->settings.slots == 3);
    CHECK(plain->settings.grace == 7s);
    CHECK(plain->reconnect == 9s);
    CHECK(plain->settings.parent == 123);
    CHECK(plain->settings.end_of_life.has_value());
    CHECK(plain->talk.security == security_mode::plain);
}

TEST_CASE("what makes no sense is refused in plain words") {
    CHECK_THAT(refusal({"--fanout-worker"}), containing("needs the address"));
    CHECK_THAT(refusal({"--fanout-worker", "nonsense", "--plain"}), containing("no address"));
    CHECK_THAT(refusal({"--fanout-worker", "a:1", "--plain", "--slots", "0"}), containing("--slots 0 makes no sense"));
    CHECK_THAT(refusal({"--fanout-worker", "a:1", "--plain", "--slots", "two"}), containing("--slots two"));
    CHECK_THAT(refusal({"--fanout-worker", "a:1", "--plain", "--slots"}), containing("needs a value"));
    CHECK_THAT(refusal({"--fanout-worker", "a:1", "--plain", "--colour", "red"}), containing("no option of a worker"));
    CHECK_THAT(refusal({"--fanout-worker", "a:1"}), containing("key of the coordinator is missing"));
    CHECK_THAT(refusal({"--fanout-worker", "a:1", "--key-file", "/no/such/file"}), containing("/no/such/file"));
}

TEST_CASE("a worker has at most as many slots as its processes can be told apart") {
    STATIC_REQUIRE(most_slots == claims::most_workers);
    CHECK(parsed({"--fanout-worker", "host:1", "--plain", "--slots", "65533"})->settings.slots == most_slots);
    CHECK_THAT(refusal({"--fanout-worker", "host:1", "--plain", "--slots", "65534"}),
               containing("65534 makes no sense"));
    CHECK_THROWS_WITH(parallel(1, tcp{.slots = 65534})(delayed([](int i) { return i; }), std::vector{1}),
                      containing("slots = 65534 has no meaning; give 1 to 65533"));
}

TEST_CASE("a key that others can read, or that is none, is refused") {
    char path[] = "/tmp/fanout-test-key-XXXXXX";
    close(mkstemp(path));
    std::ofstream(path) << secret_key::fresh().text() << '\n';
    CHECK(refusal({"--fanout-worker", "a:1", "--key-file", path}) == "");
    chmod(path, 0640);
    CHECK_THAT(refusal({"--fanout-worker", "a:1", "--key-file", path}), containing("others may read"));
    chmod(path, 0600);
    std::ofstream(path) << "too short\n";
    CHECK_THAT(refusal({"--fanout-worker", "a:1", "--key-file", path}), containing("64 hexadecimal digits"));
    unlink(path);
}

TEST_CASE("a worker without a coordinator tries for a while, and ends with 75") {
    worker_by_hand alone({unused_address(), "--plain", "--reconnect", "0"});
    CHECK(alone.exit_code() == 75);
    worker_by_hand patient({unused_address(), "--plain", "--reconnect", "1"});
    CHECK(patient.exit_code() == 75);
    worker_by_hand lost({"no.such.host.invalid:1", "--plain", "--reconnect", "0"});
    CHECK(lost.exit_code() == 75);
    CHECK_THAT(lost.words(), containing("there is no coordinator at no.such.host.invalid:1"));
}

TEST_CASE("a command line that makes no sense ends with 78") {
    CHECK(worker_by_hand({"127.0.0.1:1", "--plain", "--slots", "0"}).exit_code() == 78);
}

TEST_CASE("a worker with another key ends with 77") {
    cluster on(by_hand(secret_key::fresh()), 1);
    worker_by_hand wrong({on.addresses(), "--key-fd", "0"}, secret_key::fresh().text() + "\n");
    CHECK(wrong.exit_code() == 77);
    CHECK_THAT(wrong.words(), containing("the key of the coordinator is another one"));
    CHECK(on.worker_count() == 0);
}

TEST_CASE("a worker that finds another job at the address does not work for it, and says both numbers") {
    const secret_key key = secret_key::fresh();
    cluster on(by_hand(key), 1);
    const std::string mine = "00000000000000000000000000000abc";
    worker_by_hand wrong({on.addresses(), "--key-fd", "0", "--reconnect", "0", "--job", mine}, key.text() + "\n");
    CHECK(wrong.exit_code() == 75);
    CHECK_THAT(wrong.words(), containing("the address belongs to another job: I was started for " + mine));
    CHECK(on.worker_count() == 0);
}

/// What a worker says to whoever answers like this.
static std::string words_to_one_who_says(const std::string& answer) {
    const descriptor listener = listen_at({"127.0.0.1", "0"}, true);
    worker_by_hand worker({"127.0.0.1:" + port_of(listener), "--key-fd", "0", "--reconnect", "0"},
                          secret_key::fresh().text() + "\n");
    pollfd there{listener.number(), POLLIN, 0};
    REQUIRE(poll(&there, 1, 20'000) == 1);
    const fake_peer other(descriptor(accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC)));
    other.send_raw(answer);
    CHECK(other.is_closed_by_other_side());
    CHECK(worker.exit_code() == 75);
    return worker.words();
}

TEST_CASE("who is no coordinator at all is called by his name") {
    CHECK_THAT(words_to_one_who_says("HTTP/1.1 400 Bad Request\r\n\r\n"), containing("the other side speaks HTTP"));
    CHECK_THAT(words_to_one_who_says("SSH-2.0-OpenSSH_9.2\r\n"), containing("the other side speaks SSH"));
    CHECK_THAT(words_to_one_who_says("220 mail.example ESMTP\r\n"), containing("does not speak fanout's protocol"));
}

TEST_CASE("a coordinator with another key, or none, is not believed") {
    const descriptor listener = listen_at({"127.0.0.1", "0"}, true);
    worker_by_hand worker({"127.0.0.1:" + port_of(listener), "--key-fd", "0", "--reconnect", "0"},
                          secret_key::fresh().text() + "\n");
    pollfd there{listener.number(), POLLIN, 0};
    REQUIRE(poll(&there, 1, 20'000) == 1);
    const fake_peer rogue(descriptor(accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC)));
    preface plain;
    plain.from = role::coordinator;
    plain.security = security_mode::plain;
    rogue.send_raw(plain.bytes());
    CHECK(rogue.is_closed_by_other_side());
    CHECK(worker.exit_code() == 75);
}

TEST_CASE("a worker that was started before its coordinator finds it, and ends when it is told to") {
    const secret_key key = secret_key::fresh();
    cluster_settings how = by_hand(key);
    how.listen = unused_address();
    worker_by_hand early({how.listen, "--key-fd", "0"}, key.text() + "\n");
    std::this_thread::sleep_for(300ms);
    {
        cluster on(how, 1);
        CHECK(on.wait_for_workers(1, 30s));
    }
    CHECK(early.exit_code() == 0);
}

TEST_CASE("a worker whose coordinator is gone without a word tries to find it again, and then ends") {
    const secret_key key = secret_key::fresh();
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t coordinator = fork();
    if (coordinator == 0) {
        cluster on(by_hand(key), 1);
        const std::string at = on.addresses();
        static_cast<void>(!write(ends[1], at.data(), at.size()));
        on.wait_for_workers(1, 30s);
        static_cast<void>(!write(ends[1], "!", 1));
        pause();
    }
    char at[100] = {};
    REQUIRE(read(ends[0], at, sizeof at - 1) > 0);
    worker_by_hand worker({at, "--key-fd", "0", "--reconnect", "1"}, key.text() + "\n");
    char there = 0;
    REQUIRE(read(ends[0], &there, 1) == 1);
    kill(coordinator, SIGKILL);
    waitpid(coordinator, nullptr, 0);
    CHECK(worker.exit_code() == 75);
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("a worker that is asked to leave leaves") {
    const secret_key key = secret_key::fresh();
    cluster on(by_hand(key), 1);
    worker_by_hand worker({on.addresses(), "--key-fd", "0"}, key.text() + "\n");
    REQUIRE(on.wait_for_workers(1, 30s));
    SECTION("by SIGTERM") { kill(worker.pid(), SIGTERM); }
    SECTION("by SIGHUP") { kill(worker.pid(), SIGHUP); }
    CHECK(worker.exit_code() == 0);
}

/// How a worker ends that is asked to leave while it is at a task of so many milliseconds.
static int exit_code_of_a_worker_that_leaves(int milliseconds) {
    const std::string file = "/tmp/fanout-test-leave-" + std::to_string(getpid());
    const std::string begun = file + "-begun";
    const std::string at = unused_address();
    struct path {
        char text[64] = {};
    } note;
    begun.copy(note.text, sizeof note.text - 1);
    std::vector<fanout::outcome<int>> outcomes;
    std::jthread caller([&] {
        const tcp how{.workers = external{.key_file = file, .quiet = true}, .retries = 0, .listen = at};
        outcomes = parallel(1, how).outcomes(delayed([note](int time) {
                                                 close(open(note.text, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
                                                 usleep(static_cast<unsigned>(time) * 1000);
                                                 return time;
                                             }),
                                             std::vector{milliseconds});
    });
    struct stat about{};
    while (stat(file.c_str(), &about) != 0 || about.st_size < 64) std::this_thread::sleep_for(1ms);
    worker_by_hand worker({at, "--key-file", file, "--grace", "1"});
    while (stat(begun.c_str(), &about) != 0) std::this_thread::sleep_for(1ms);
    kill(worker.pid(), SIGTERM);
    const int code = worker.exit_code();
    caller.join();
    unlink(begun.c_str());
    CHECK(outcomes.at(0).has_value() == (code == 0));
    return code;
}

TEST_CASE("a worker that is asked to leave waits for what runs, but only so long") {
    CHECK(exit_code_of_a_worker_that_leaves(200) == 0);
    CHECK(exit_code_of_a_worker_that_leaves(60'000) == 143);
}

TEST_CASE("a worker that is asked to leave before it could say who it is says nothing") {
    const descriptor listener = listen_at({"127.0.0.1", "0"}, true);
    worker_by_hand worker({"127.0.0.1:" + port_of(listener), "--plain"});
    pollfd there{listener.number(), POLLIN, 0};
    REQUIRE(poll(&there, 1, 30'000) == 1);
    const fake_peer coordinator{descriptor(accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC))};
    std::string said = coordinator.receive_raw();
    kill(worker.pid(), SIGTERM);
    std::this_thread::sleep_for(500ms);
    preface mine;
    mine.from = role::coordinator;
    mine.security = security_mode::plain;
    coordinator.send_raw(mine.bytes());
    for (std::string more; !(more = coordinator.receive_raw()).empty();) said += more;
    CHECK(said.size() == preface::size);
    CHECK(worker.exit_code() == 0);
}

TEST_CASE("a worker that hangs on its input ends with it") {
    const secret_key key = secret_key::fresh();
    cluster on(by_hand(key), 1);
    worker_by_hand worker({on.addresses(), "--key-fd", "0", "--exit-on-stdin-eof"}, key.text() + "\n");
    REQUIRE(on.wait_for_workers(1, 30s));
    CHECK(!worker.has_ended());
    worker.close_input();
    CHECK(worker.exit_code() == 0);
}

TEST_CASE("a worker whose parent has changed ends") {
    const secret_key key = secret_key::fresh();
    cluster on(by_hand(key), 1);
    worker_by_hand worker({on.addresses(), "--key-fd", "0", "--parent", "1"}, key.text() + "\n");
    CHECK(worker.exit_code() == 75);
}

TEST_CASE("a worker that has lived long enough leaves") {
    const secret_key key = secret_key::fresh();
    cluster on(by_hand(key), 1);
    worker_by_hand worker({on.addresses(), "--key-fd", "0", "--lifetime", "1"}, key.text() + "\n");
    CHECK(worker.exit_code() == 0);
}

TEST_CASE("an engine that tells all processes of a worker to leave ends no task") {
    const auto tell_all = [](int i) {
        raise(SIGTERM);
        raise(SIGUSR1);
        return i;
    };
    CHECK(parallel(2, tcp{.retries = 0})(delayed(tell_all), std::vector{1, 2, 3}) == std::vector{1, 2, 3});
    // A program that a task starts is told as ever.
    const auto child = [](int) { return system("kill -TERM $$; sleep 60"); };
    CHECK(parallel(1, tcp{})(delayed(child), std::vector{1}).front() == SIGTERM);
}
