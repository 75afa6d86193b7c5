// Needs a Slurm of four nodes with two CPUs each around it, which tests/engines/slurm.sh starts.
#include <fanout/launch/slurm.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fanout/engines.hpp>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
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

static std::string node() { return told("SLURMD_NODENAME"); }

/// Runs for a moment, and says where.
static std::string where(int) {
    std::this_thread::sleep_for(20ms);
    return node();
}

static std::string said_by(const std::string& shell) { return detail::ask({"bash", "-c", shell}, 30s).output; }

static void wait_until(const std::string& shell) {
    const auto until = std::chrono::steady_clock::now() + 40s;
    while (said_by(shell) != "yes" && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(50ms);
    INFO(shell);
    REQUIRE(said_by(shell) == "yes");
}

static std::string failure_of(const tcp& how, int n_jobs = 2) {
    try {
        parallel(n_jobs, how)(delayed(after_a_moment), first(2000));
    } catch (const pool_broken& e) {
        return e.what();
    }
    return "it ran";
}

/// Leaves a mark for each execution of a task; in the folder of the tests, which all nodes see.
static void mark(const std::string& file) { std::ofstream(file, std::ios::app) << "x" << std::flush; }
static std::size_t marks_in(const std::string& file) {
    std::ifstream all(file, std::ios::ate);
    return all ? static_cast<std::size_t>(all.tellg()) : 0;
}

/// Each task but one only leaves its mark; that one has its worker told something, which may take the task's own
/// children with it.
template <class Tell>
static int marked(int i, const char* file, Tell tell) {
    mark(file);
    std::this_thread::sleep_for(20ms);
    if (i == 30) static_cast<void>(system(("setsid " + tell() + " &").c_str()));
    return i;
}

/// This worker among those of the array job.
static std::string element() { return told("SLURM_ARRAY_JOB_ID") + "_" + told("SLURM_ARRAY_TASK_ID"); }

static std::set<std::string> nodes_of(const std::vector<std::string>& all) { return {all.begin(), all.end()}; }

// --- in an allocation of three nodes with two CPUs each
// ----------------------------------------------------------------

TEST_CASE("all CPUs of the allocation, one worker for each node", "[inside][hosts]") {
    const auto cluster = parallel(-1, tcp{.workers = slurm{}, .wait_for_workers = 3});
    const auto places = cluster(delayed(where), first(120));
    CHECK(nodes_of(places).size() == 3);
    const auto workers = cluster(delayed([](int) {
                                     std::this_thread::sleep_for(20ms);
                                     return std::pair(long(getppid()), long(getpid()));
                                 }),
                                 first(120));
    std::set<long> parents, slots;
    for (const auto& [parent, slot] : workers) {
        parents.insert(parent);
        slots.insert(slot);
    }
    CHECK(parents.size() == 3);
    CHECK(slots.size() == 6);
}

TEST_CASE("engine{} finds the allocation", "[inside]") {
    CHECK(nodes_of(parallel(tcp{.workers = engine{}, .wait_for_workers = 3})(delayed(where), first(60))).size() == 3);
}

TEST_CASE("workers with so many slots as were asked for, several on a node", "[inside]") {
    const auto cluster = parallel(6, tcp{.workers = slurm{}, .slots = 1, .wait_for_workers = 6});
    const auto parents = cluster(delayed([](int) {
                                     std::this_thread::sleep_for(20ms);
                                     return long(getppid());
                                 }),
                                 first(60));
    CHECK(std::set<long>(parents.begin(), parents.end()).size() == 6);
}

TEST_CASE("more slots than the allocation has", "[inside]") {
    CHECK_THROWS_AS(parallel(7, tcp{.workers = slurm{}})(delayed(after_a_moment), first(20)), std::invalid_argument);
    CHECK_THROWS_AS(parallel(4, tcp{.workers = slurm{}, .slots = 4})(delayed(after_a_moment), first(20)),
                    std::invalid_argument);
}

TEST_CASE("a worker that is killed is replaced, and nothing is lost", "[inside][hosts]") {
    const auto cluster = parallel(-1, tcp{.workers = slurm{}, .wait_for_workers = 3});
    const auto results = cluster(delayed([](int i) {
                                     std::this_thread::sleep_for(20ms);
                                     // Only the first attempt of one task, by the mark it leaves.
                                     if (i == 30 && !std::ifstream("killed")) {
                                         std::ofstream("killed") << "once";
                                         kill(getppid(), SIGKILL);
                                     }
                                     return i;
                                 }),
                                 first(200));
    CHECK(results == first(200));
    CHECK(std::ifstream("killed").good());
    CHECK(nodes_of(cluster(delayed(where), first(200))).size() == 3);
}

TEST_CASE("a worker that is told to leave finishes what it runs: no task runs twice", "[inside]") {
    const auto cluster = parallel(-1, tcp{.workers = slurm{}, .wait_for_workers = 3});
    CHECK(cluster(delayed([](int i) {
                      return marked(i, "step", [] {
                          return "scancel --signal=TERM " + told("SLURM_JOB_ID") + "." + told("SLURM_STEP_ID");
                      });
                  }),
                  first(200)) == first(200));
    CHECK(marks_in("step") == 200);
    CHECK(nodes_of(cluster(delayed(where), first(200))).size() == 3);
}

TEST_CASE("the program can be shipped to nodes that do not see it", "[inside][hosts]") {
    const auto programs = parallel(tcp{.workers = slurm{.ship_program = true}, .wait_for_workers = 3})(
        delayed([](int) { return detail::own_path(); }), first(30));
    for (const std::string& each : programs) CHECK_THAT(each, containing("/tmp/fanout-" + told("SLURM_JOB_ID")));
}

TEST_CASE("srun that is not there, or refuses, is shown with its command", "[inside]") {
    const std::string path = told("PATH");
    setenv("PATH", "/nowhere", 1);
    const std::string missing = failure_of({.workers = slurm{}});
    setenv("PATH", path.c_str(), 1);
    CHECK_THAT(missing, containing("srun is not in PATH"));
    const std::string refused = failure_of({.workers = slurm{.arguments = {"--constraint=gold"}}});
    CHECK_THAT(refused, containing("srun: error"));
    CHECK_THAT(refused, containing("--constraint=gold"));
}

TEST_CASE("nodes that do not reach the coordinator say where they looked", "[inside]") {
    // A worker without a network, which gives up after half a minute.
    const std::string lost =
        failure_of({.workers = slurm{.arguments = {"unshare", "--net"}}, .listen = "127.0.0.1:0", .patience = 40s}, 1);
    CHECK_THAT(lost, containing("there is no coordinator at 127.0.0.1:"));
    CHECK_THAT(lost, containing("give tcp as .listen an address"));
}

TEST_CASE("a program that ends at once is not started for ever", "[inside]") {
    const std::string why = failure_of({.workers = slurm{.program = "/bin/false"}});
    CHECK_THAT(why, containing("exit code 1"));
    CHECK_THAT(why, containing("/bin/false --fanout-worker"));
}

TEST_CASE("an allocation that ends while tasks run", "[inside]") {
    const std::string own = told("SLURM_JOB_ID"), nodes = told("SLURM_JOB_NODELIST");
    const std::string other =
        said_by("unset ${!SLURM_JOB@}; salloc -Q --no-shell -N1 -c1 2>&1; squeue -h -t R -o %A | sort -n | tail -n 1");
    setenv("SLURM_JOB_ID", other.c_str(), 1);
    setenv("SLURM_JOB_NODELIST", said_by("squeue -h -j " + other + " -o %N").c_str(), 1);
    std::thread canceller([&] {
        wait_until("[[ $(squeue -h -s -j " + other + ") == *fanout* ]] && echo yes");
        said_by("scancel " + other);
    });
    const std::string why = failure_of({.workers = slurm{}}, 1);
    canceller.join();
    setenv("SLURM_JOB_ID", own.c_str(), 1);
    setenv("SLURM_JOB_NODELIST", nodes.c_str(), 1);
    CHECK_THAT(why, containing("job " + other + " has ended"));
}

TEST_CASE("nothing is left of the steps", "[inside]") {
    {
        CHECK(parallel(tcp{.workers = slurm{}})(delayed(after_a_moment), first(20)) == first(20));
    }
    wait_until("[[ $(squeue -h -s -j " + told("SLURM_JOB_ID") + ") == *fanout* ]] || echo yes");
}

TEST_CASE("workers begin to leave before the time of the job is up", "[time]") {
    const auto lines =
        parallel(tcp{.workers = slurm{}})(delayed([](int) {
                                              std::ifstream line("/proc/" + std::to_string(getppid()) + "/cmdline");
                                              std::string word;
                                              while (std::getline(line, word, '\0'))
                                                  if (word == "--lifetime") {
                                                      std::getline(line, word, '\0');
                                                      return std::atoi(word.c_str());
                                                  }
                                              return -1;
                                          }),
                                          first(1));
    CHECK(lines[0] > 30);
    CHECK(lines[0] <= 95);  // two minutes, less the time that a worker gives to what it runs
}

TEST_CASE("a batch script's own allocation", "[batch]") {
    CHECK(nodes_of(parallel(-1, tcp{.workers = engine{}, .wait_for_workers = 2})(delayed(where), first(100))).size() ==
          2);
}

TEST_CASE("a node that is lost costs no result, and the call goes on without it", "[node]") {
    const auto cluster = parallel(-1, tcp{.workers = slurm{}});
    while (nodes_of(cluster(delayed(where), first(120))).size() < 3) {
    }
    std::thread killer([] { said_by(told("fanout_kill_node") + " n2"); });
    const auto results = cluster(delayed(after_a_moment), first(600));
    killer.join();
    CHECK(results == first(600));
    const auto rest = nodes_of(cluster(delayed(where), first(120)));
    CHECK(rest.count("n2") == 0);
    CHECK(rest.size() == 2);
}

// --- outside
// -----------------------------------------------------------------------------------------------------------

static const std::string our_jobs = "squeue -h -n fanout -o '%A %K'";

TEST_CASE("workers are submitted as an array job, and gone with the call", "[outside][hosts]") {
    {
        const auto cluster = parallel(3, tcp{.workers = slurm{.time = "5"}, .wait_for_workers = 3});
        CHECK(cluster(delayed(after_a_moment), first(100)) == first(100));
        CHECK(said_by("squeue -h -r -n fanout -o '%T %l' | sort | uniq -c | tr -s ' '") == " 3 RUNNING 5:00");
    }
    wait_until("[[ -z $(" + our_jobs + ") ]] && echo yes");
}

TEST_CASE("workers with several slots each", "[outside]") {
    const auto workers = parallel(4, tcp{.workers = slurm{}, .slots = 2, .wait_for_workers = 2})(
        delayed([](int) {
            std::this_thread::sleep_for(20ms);
            return std::pair(long(getppid()), std::atoi(told("SLURM_CPUS_PER_TASK").c_str()));
        }),
        first(100));
    std::set<long> parents;
    for (const auto& [parent, cpus] : workers) {
        parents.insert(parent);
        CHECK(cpus == 2);
    }
    CHECK(parents.size() == 2);
}

TEST_CASE("a partition that does not exist is said in Slurm's words", "[outside]") {
    const std::string why = failure_of({.workers = slurm{.partition = "nowhere"}});
    CHECK_THAT(why, containing("invalid partition specified: nowhere"));
    CHECK_THAT(why, containing("`sbatch --parsable"));
    CHECK_THAT(why, containing("--partition=nowhere"));
}

TEST_CASE("workers that never get their turn are shown as Slurm sees them", "[outside]") {
    const std::string why = failure_of({.workers = slurm{.arguments = {"--begin=now+1hour"}}, .patience = 6s});
    CHECK_THAT(why, containing("PENDING (BeginTime)"));
    CHECK_THAT(why, containing(".patience"));
}

TEST_CASE("without an allocation n_jobs has to be said", "[outside]") {
    CHECK_THROWS_AS(parallel(tcp{.workers = slurm{}})(delayed(after_a_moment), first(3)), std::invalid_argument);
}

TEST_CASE("a submitted worker that is killed is replaced", "[outside][hosts]") {
    const auto cluster = parallel(2, tcp{.workers = slurm{}, .wait_for_workers = 2});
    for (int call = 0; call < 2; ++call) {
        const auto parents = cluster(delayed([](int) { return long(getppid()); }), first(20));
        for (const long each : parents) kill(static_cast<pid_t>(each), SIGKILL);
    }
    CHECK(cluster(delayed(after_a_moment), first(50)) == first(50));
}

TEST_CASE("a worker that is requeued leaves in peace, and comes back", "[outside]") {
    const auto cluster = parallel(2, tcp{.workers = slurm{}, .wait_for_workers = 2});
    CHECK(cluster(delayed([](int i) { return marked(i, "requeued", [] { return "scontrol requeue " + element(); }); }),
                  first(200)) == first(200));
    CHECK(marks_in("requeued") == 200);
    wait_until("[[ $(squeue -h -r -n fanout -t R | wc -l) == 2 ]] && echo yes");
    const auto restarts = cluster(delayed([](int) {
                                      std::this_thread::sleep_for(50ms);
                                      return std::atoi(told("SLURM_RESTART_COUNT").c_str());
                                  }),
                                  first(400));
    CHECK(std::set<int>(restarts.begin(), restarts.end()) == std::set<int>{0, 1});
}

TEST_CASE("a submitted worker that is told to leave finishes what it runs: no task runs twice", "[outside]") {
    const auto cluster = parallel(2, tcp{.workers = slurm{}, .wait_for_workers = 2});
    CHECK(cluster(delayed([](int i) {
                      return marked(i, "told", [] { return "scancel --full --signal=TERM " + element(); });
                  }),
                  first(200)) == first(200));
    CHECK(marks_in("told") == 200);
}

TEST_CASE("the workers' job that somebody cancels ends the call", "[outside]") {
    std::thread canceller([] {
        wait_until("[[ $(squeue -h -r -n fanout -t R | wc -l) == 2 ]] && echo yes");
        said_by("scancel -n fanout");
    });
    const std::string why = failure_of({.workers = slurm{}});
    canceller.join();
    CHECK_THAT(why, containing("of slurm has ended"));
    CHECK_THAT(why, containing("`sbatch"));
}

TEST_CASE("more workers than the cluster has room for: some wait, and another user's job after them", "[outside]") {
    {
        const auto cluster = parallel(10, tcp{.workers = slurm{}, .wait_for_workers = 8});
        CHECK(cluster(delayed(after_a_moment), first(20)) == first(20));
        const std::string other = said_by(
            "cd /tmp && sbatch --parsable --uid=nobody --gid=nogroup -N4 --exclusive --output=/dev/null "
            "--job-name=other --wrap true");
        CHECK_THAT(other, !containing("error"));
        CHECK(cluster(delayed(after_a_moment), first(400)) == first(400));
        CHECK(said_by("squeue -h -n other -o '%T %u'") == "PENDING nobody");
        CHECK(said_by("squeue -h -r -n fanout -o %T | sort | uniq -c | tr -s ' ' | tr '\\n' ';'") ==
              " 2 PENDING; 8 RUNNING;");
    }
    wait_until("[[ -z $(squeue -h) ]] && echo yes");
}
