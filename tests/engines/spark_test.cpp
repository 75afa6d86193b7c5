// Needs a Spark, which tests/engines/spark.sh installs, and for some a cluster, which it starts.
#include <fanout/launch/spark.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fanout/engines.hpp>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <filesystem>
#include <fstream>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "small_tasks.hpp"
#include "support/matchers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

static spark on(const std::string& master, std::vector<std::string> conf = {}) {
    conf.insert(conf.end(), {"spark.executor.memory=600m", "spark.ui.enabled=false", "spark.driver.memory=600m"});
    return {.master = master, .conf = std::move(conf), .submit = told("SPARK_SUBMIT")};
}

static tcp workers(const spark& by, int wait_for = 1) {
    return {.workers = by, .listen = "127.0.0.1:0", .wait_for_workers = wait_for, .patience = 100s};
}

static std::string failure_of(const tcp& how) {
    try {
        parallel(2, how)(delayed(after_a_moment), first(20));
    } catch (const pool_broken& e) {
        return e.what();
    }
    return "it ran";
}

static long parent_of(long pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    std::string word;
    while (status >> word)
        if (word == "PPid:") break;
    long parent = 0;
    status >> parent;
    return parent;
}

static std::string name_of(long pid) {
    std::string name;
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/comm") >> std::ws, name);
    return name;
}

/// The executor of Spark that this worker is a child of: the Java process above it.
static long executor_of(long pid) {
    while (pid > 1 && name_of(pid) != "java") pid = parent_of(pid);
    return pid;
}

/// The processes of workers, by a task on each.
template <class Cluster>
static std::set<long> pids_of_workers(const Cluster& cluster) {
    const auto all = cluster(delayed([](int) {
                                 std::this_thread::sleep_for(20ms);
                                 return long(getppid());
                             }),
                             first(60));
    return {all.begin(), all.end()};
}

template <class Cluster>
static void wait_for_workers(const Cluster& cluster, std::size_t count) {
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (pids_of_workers(cluster).size() < count && std::chrono::steady_clock::now() < until) {
    }
    REQUIRE(pids_of_workers(cluster).size() == count);
}

// --- without a cluster
// -------------------------------------------------------------------------------------------------

TEST_CASE("masters that cannot place workers are refused", "[before]") {
    for (const char* each : {"local", "local[*]", "local[4]", "sc://host:15002"}) {
        INFO(each);
        CHECK_THROWS_AS(launcher(spark{.master = each}), std::invalid_argument);
    }
    CHECK_THROWS_AS(launcher(spark{.conf = {"spark.executor.cores"}}), std::invalid_argument);
    CHECK_THROWS_AS(parallel(tcp{.workers = on("spark://nowhere:7077")})(delayed(after_a_moment), first(3)),
                    std::invalid_argument);
}

TEST_CASE("a Spark that is set up for one machine only says so", "[before]") {
    const std::string why = failure_of(workers(on("")));
    CHECK_THAT(why, containing("this machine only"));
}

TEST_CASE("spark-submit that is not there", "[before]") {
    spark how = on("spark://127.0.0.1:17077");
    how.submit = "/no/such/spark-submit";
    const std::string why = failure_of(workers(how));
    CHECK_THAT(why, containing("`/no/such/spark-submit --deploy-mode"));
    CHECK_THAT(why, containing("pip install pyspark"));
}

TEST_CASE("Java that is not there", "[before]") {
    const std::string path = told("PATH"), home = told("JAVA_HOME");
    const std::filesystem::path tools = std::filesystem::path(told("SPARK_WORKER_DIR")).parent_path() / "no-java";
    std::filesystem::create_directories(tools);
    for (const char* each :
         {"bash", "sh", "env", "dirname", "python3", "readlink", "uname", "cat", "grep", "tr", "sed"})
        for (const char* folder : {"/usr/bin/", "/bin/"})
            if (std::error_code ignored; std::filesystem::exists(std::string(folder) + each))
                std::filesystem::create_symlink(std::string(folder) + each, tools / each, ignored);
    setenv("PATH", tools.c_str(), 1);
    unsetenv("JAVA_HOME");
    const std::string why = failure_of(workers(on("spark://127.0.0.1:17077")));
    setenv("PATH", path.c_str(), 1);
    if (!home.empty()) setenv("JAVA_HOME", home.c_str(), 1);
    CHECK_THAT(why, containing("Spark needs Java"));
}

// --- a cluster of three executors, which spark-submit starts itself
// ----------------------------------------------------

TEST_CASE("workers on three executors; a worker and an executor are killed, and nothing is lost", "[local-cluster]") {
    const auto cluster = parallel(3, workers(on("local-cluster[3,1,1024]"), 1));
    CHECK(cluster(delayed(after_a_moment), first(100)) == first(100));
    wait_for_workers(cluster, 3);

    std::thread killer([worker = *pids_of_workers(cluster).begin()] {
        std::this_thread::sleep_for(200ms);  // somewhere in the middle of the call
        kill(static_cast<pid_t>(worker), SIGKILL);
    });
    CHECK(cluster(delayed(after_a_moment), first(300)) == first(300));
    killer.join();
    wait_for_workers(cluster, 3);

    const long executor = executor_of(*pids_of_workers(cluster).begin());
    REQUIRE(executor > 1);
    std::thread other([executor] {
        std::this_thread::sleep_for(200ms);
        kill(static_cast<pid_t>(executor), SIGKILL);
    });
    CHECK(cluster(delayed(after_a_moment), first(300)) == first(300));
    other.join();
    wait_for_workers(cluster, 3);
}

// --- a master and two workers of one core each
// -------------------------------------------------------------------------

TEST_CASE("a cluster of daemons, whose executors each take one worker; the third waits for room", "[standalone]") {
    const auto cluster = parallel(3, workers(on(told("spark_master")), 2));
    CHECK(cluster(delayed(after_a_moment), first(200)) == first(200));
    CHECK(pids_of_workers(cluster).size() == 2);
}

TEST_CASE("a driver that is ended from outside ends the call, and no worker is left", "[standalone]") {
    std::set<long> before;
    std::string why;
    {
        const auto cluster = parallel(2, workers(on(told("spark_master")), 2));
        CHECK(cluster(delayed(after_a_moment), first(20)) == first(20));
        before = pids_of_workers(cluster);
        std::thread killer([] {
            const auto driver = detail::ask(
                {"bash", "-c", "pgrep -f 'org.apache.spark.deploy.SparkSubmit.*--name fanout' | xargs kill -KILL"});
        });
        try {
            cluster(delayed(after_a_moment), first(2000));
        } catch (const pool_broken& e) {
            why = e.what();
        }
        killer.join();
    }
    CHECK_THAT(why, containing("Spark's application has ended"));
    const auto until = std::chrono::steady_clock::now() + 20s;
    for (const long each : before)
        while (kill(static_cast<pid_t>(each), 0) == 0 && name_of(each).find("engines_spark") != std::string::npos &&
               std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(10ms);
    for (const long each : before) CHECK_THAT(name_of(each), !containing("engines_spark"));
}

TEST_CASE("dynamic allocation brings an executor for each worker", "[standalone]") {
    const auto cluster = parallel(
        2, workers(on(told("spark_master"),
                      {"spark.dynamicAllocation.enabled=true", "spark.dynamicAllocation.shuffleTracking.enabled=true",
                       "spark.dynamicAllocation.initialExecutors=0", "spark.executor.cores=1"}),
                   2));
    CHECK(cluster(delayed(after_a_moment), first(100)) == first(100));
    CHECK(pids_of_workers(cluster).size() == 2);
}

TEST_CASE("executors that no machine has room for are said", "[standalone]") {
    auto how = workers(on(told("spark_master"), {}));
    spark greedy = on(told("spark_master"));
    greedy.conf.push_back("spark.executor.memory=50g");
    how.workers = greedy;
    how.wait_for_workers = {};
    how.patience = 25s;
    const std::string why = failure_of(how);
    CHECK_THAT(why, containing("no room for the workers"));
}

TEST_CASE("a node that is lost costs no result", "[standalone]") {
    const auto cluster = parallel(2, workers(on(told("spark_master")), 2));
    CHECK(cluster(delayed(after_a_moment), first(20)) == first(20));
    std::thread killer([] { kill(std::atoi(told("spark_node").c_str()), SIGKILL); });
    CHECK(cluster(delayed(after_a_moment), first(300)) == first(300));
    killer.join();
}
