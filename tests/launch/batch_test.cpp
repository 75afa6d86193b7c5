#include <fanout/launch/batch.hpp>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <fanout/launch/engine.hpp>
#include <fanout/tcp.hpp>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/becomes_true.hpp"
#include "support/matchers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

/// A scheduler whose commands are shell scripts in a folder that stands first in PATH. `submit` starts the workers'
/// script as often as it is asked to, and notes how it was called; `cancel` ends them; `look` fails when all are gone.
class fake_scheduler {
public:
    fake_scheduler(const std::string& submit, const std::string& cancel, const std::string& look, int parts,
                   const std::string& answer, const std::string& gone) {
        char name[] = "/tmp/fanout-test-XXXXXX";
        folder_ = mkdtemp(name);
        script(submit, "echo \"$@\" > " + folder_ +
                           "/submitted\n"
                           "for last; do :; done\n"
                           "if [ -n \"$(grep '^executable = ' \"$last\")\" ]; then\n"
                           "    cp \"$last\" " +
                           folder_ +
                           "/description\n"
                           "    last=$(sed -n 's/^executable = //p' \"$last\")\n"
                           "fi\n"
                           "cp \"$last\" " +
                           folder_ +
                           "/script\n"
                           "for part in $(seq " +
                           std::to_string(parts) +
                           "); do\n"
                           "    \"$last\" > \"$(dirname \"$last\")/log-$part\" 2>&1 < /dev/null &\n"
                           "    echo $! >> " +
                           folder_ + "/parts\ndone\necho '" + answer + "'\n");
        script(cancel, "echo \"$@\" > " + folder_ + "/cancelled\n" + "for part in $(cat " + folder_ +
                           "/parts); do kill $part 2>/dev/null; done; true\n");
        script(look, "for part in $(cat " + folder_ +
                         "/parts); do if kill -0 $part 2>/dev/null; then echo some RUN; exit 0; fi; done\n"
                         "echo '" +
                         gone + "' >&2; exit 1\n");
        const char* const path = std::getenv("PATH");
        path_ = path ? path : "";
        setenv("PATH", (folder_ + ":" + path_).c_str(), 1);
    }
    ~fake_scheduler() {
        setenv("PATH", path_.c_str(), 1);
        std::filesystem::remove_all(folder_);
    }

    void script(const std::string& name, const std::string& text) const {
        const std::string whole = folder_ + "/" + name;
        std::ofstream(whole) << "#!/bin/sh\n" << text;
        chmod(whole.c_str(), 0700);
    }

    /// What stands in a file, once it is there.
    std::string noted(const std::string& name) const {
        std::ifstream file(folder_ + "/" + name);
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }

    const std::string& folder() const { return folder_; }

private:
    std::string folder_, path_;
};

template <class Scheduler>
static Scheduler with_wishes(const fake_scheduler& fake) {
    Scheduler how;
    how.partition = "short";
    how.account = "project1";
    how.time = "01:00";
    how.memory = "2G";
    how.constraint = "fast";
    how.arguments = {"--own"};
    how.folder = fake.folder();
    return how;
}

template <class Scheduler>
static void runs_on(const Scheduler& how) {
    std::vector<int> expected(100);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(parallel(2, tcp{.workers = how, .listen = "127.0.0.1:0"})(delayed([](int i) { return i; }),
                                                                    std::views::iota(0, 100)) == expected);
}

static void left_nothing(const fake_scheduler& fake) {
    for (const auto& each : std::filesystem::directory_iterator(fake.folder()))
        CHECK_THAT(each.path().string(), !containing(".fanout-"));
}

TEST_CASE("PBS") {
    const fake_scheduler fake("qsub", "qdel", "qstat", 2, "1234[].server", "qstat: Unknown Job Id 1234[].server");
    runs_on(with_wishes<pbs>(fake));
    CHECK_THAT(fake.noted("submitted"), containing("-J 0-1 -r y -N fanout -j oe -o " + fake.folder()));
    CHECK_THAT(fake.noted("submitted"), containing("-l select=1:ncpus=1 -q short -A project1 -l walltime=01:00 -l "
                                                   "mem=2G --own"));
    CHECK(fake.noted("cancelled") == "1234[].server\n");
    left_nothing(fake);
}

TEST_CASE("LSF") {
    const fake_scheduler fake("bsub", "bkill", "bjobs", 2, "Job <77> is submitted to queue <short>.",
                              "No unfinished job found");
    runs_on(with_wishes<lsf>(fake));
    CHECK_THAT(fake.noted("submitted"), containing("-J fanout[1-2] -r -n 1 -R span[hosts=1] -o " + fake.folder()));
    CHECK_THAT(fake.noted("submitted"), containing("-q short -P project1 -W 01:00 -M 2G -R fast --own /bin/sh "));
    CHECK(fake.noted("cancelled") == "77\n");
    left_nothing(fake);
}

TEST_CASE("SGE") {
    const fake_scheduler fake("qsub", "qdel", "qstat", 2, "5.1-2:1", "Following jobs do not exist");
    runs_on(with_wishes<sge>(fake));
    CHECK_THAT(fake.noted("submitted"), containing("-terse -t 1-2 -r y -N fanout -j y -o " + fake.folder()));
    CHECK_THAT(fake.noted("submitted"), containing("-q short -A project1 -l h_rt=01:00 -l h_vmem=2G -l fast --own"));
    CHECK(fake.noted("cancelled") == "5\n");
    left_nothing(fake);
}

TEST_CASE("HTCondor") {
    const fake_scheduler fake("condor_submit", "condor_rm", "condor_q", 2, "45.0 - 45.1", "");
    runs_on(with_wishes<htcondor>(fake));
    CHECK_THAT(fake.noted("submitted"), containing("-terse --own " + fake.folder()));
    const std::string description = fake.noted("description");
    CHECK_THAT(description, containing("request_cpus = 1\nrequest_memory = 2G\nrequirements = fast\n"
                                       "accounting_group = project1\n+MaxRuntime = 01:00\n"));
    CHECK_THAT(description, containing("queue 2\n"));
    CHECK(fake.noted("cancelled") == "45\n");
    left_nothing(fake);
}

TEST_CASE("the key is in a file of the owner's, and not in the script") {
    const fake_scheduler fake("qsub", "qdel", "qstat", 1, "5.1-1:1", "do not exist");
    const auto modes = parallel(1, tcp{.workers = with_wishes<sge>(fake), .listen = "127.0.0.1:0"})(
        delayed([](int) {
            std::ifstream line("/proc/" + std::to_string(getppid()) + "/cmdline");
            std::string word, file;
            while (std::getline(line, word, '\0'))
                if (word == "--key-file") std::getline(line, file, '\0');
            struct stat about{};
            return stat(file.c_str(), &about) == 0 ? int(about.st_mode & 0777) : -1;
        }),
        std::vector{1});
    CHECK(modes.front() == 0600);
    const std::string script = fake.noted("script");
    CHECK_THAT(script, containing("--key-file"));
    CHECK(script.find_first_of("0123456789abcdef") != script.npos);
    CHECK_THAT(script, !containing("FANOUT_KEY="));
}

TEST_CASE("a worker that dies is started again by its script") {
    const fake_scheduler fake("qsub", "qdel", "qstat", 2, "5.1-2:1", "do not exist");
    const auto cluster = parallel(2, tcp{.workers = with_wishes<sge>(fake), .listen = "127.0.0.1:0"});
    for (int call = 0; call < 2; ++call) {
        const auto parents = cluster(delayed([](int) { return long(getppid()); }), std::views::iota(0, 20));
        for (const long each : parents) kill(static_cast<pid_t>(each), SIGKILL);
    }
    CHECK(cluster(delayed([](int i) { return i; }), std::vector{1, 2}) == std::vector{1, 2});
}

template <class Scheduler>
static std::string failure_on(const Scheduler& how) {
    try {
        parallel(2, tcp{.workers = how, .listen = "127.0.0.1:0", .patience = 20s})(delayed([](int i) { return i; }),
                                                                                   std::vector{1, 2});
    } catch (const pool_broken& e) {
        return e.what();
    }
    return "it ran";
}

TEST_CASE("what the scheduler says is shown, with the command") {
    const fake_scheduler fake("bsub", "bkill", "bjobs", 0, "", "");
    fake.script("bsub", "echo 'nowhere: No such queue. Job not submitted.' >&2; exit 255\n");
    auto how = with_wishes<lsf>(fake);
    how.partition = "nowhere";
    const std::string said = failure_on(how);
    CHECK_THAT(said, containing("nowhere: No such queue. Job not submitted."));
    CHECK_THAT(said, containing("`bsub -J 'fanout[1-2]'"));
    CHECK_THAT(said, containing("-q nowhere"));
    fake.script("bsub", "echo 'how nice of you to ask'\n");
    CHECK_THAT(failure_on(how), containing("how nice of you to ask"));
    left_nothing(fake);
}

TEST_CASE("a scheduler that is not installed is said") {
    const char* const path = std::getenv("PATH");
    const std::string before = path ? path : "";
    setenv("PATH", "/nowhere", 1);
    const std::string said = failure_on(htcondor{.folder = "/tmp"});
    setenv("PATH", before.c_str(), 1);
    CHECK_THAT(said, containing("`condor_submit -terse"));
    CHECK_THAT(said, containing("No such file"));
}

TEST_CASE("a job whose workers all end at once is an error, with what they said") {
    const fake_scheduler fake("qsub", "qdel", "qstat", 2, "5.1-2:1", "do not exist");
    auto how = with_wishes<sge>(fake);
    how.program = "/no/such/program";
    const std::string said = failure_on(how);
    CHECK_THAT(said, containing("job 5 of sge has ended"));
    CHECK_THAT(said, containing("/no/such/program"));
}

TEST_CASE("a program that is killed leaves neither its job nor its key behind") {
    const fake_scheduler fake("qsub", "qdel", "qstat", 0, "5.1-2:1", "");
    fake.script("qstat", "echo all of them wait\n");
    const pid_t program = fork();
    if (program == 0) {
        failure_on(with_wishes<sge>(fake));  // nobody ever comes
        _exit(0);
    }
    CHECK(becomes_true([&] { return !fake.noted("submitted").empty(); }));
    std::this_thread::sleep_for(500ms);  // for the answer to be read
    CHECK(fake.noted("cancelled").empty());
    kill(program, SIGKILL);
    waitpid(program, nullptr, 0);
    CHECK(becomes_true([&] { return fake.noted("cancelled") == "5\n"; }));
    CHECK(becomes_true([&] {
        for (const auto& each : std::filesystem::directory_iterator(fake.folder()))
            if (each.path().string().find(".fanout-") != std::string::npos) return false;
        return true;
    }));
}

TEST_CASE("a job that LSF still shows, but as one that has ended, has ended") {
    const fake_scheduler fake("bsub", "bkill", "bjobs", 0, "Job <77> is submitted to queue <short>.", "");
    fake.script("bjobs", "echo 'JOBID USER STAT QUEUE'; echo '77 me EXIT short'\n");
    CHECK_THAT(failure_on(with_wishes<lsf>(fake)), containing("job 77 of lsf has ended"));
}

TEST_CASE("bad wishes are refused before anything is submitted") {
    CHECK_THROWS_AS(parallel(-1, tcp{.workers = pbs{}})(delayed([](int i) { return i; }), std::vector{1}),
                    std::invalid_argument);
    CHECK_THROWS_AS(failure_on(pbs{.folder = "/no/such/folder"}), std::system_error);
    CHECK_THROWS_AS(failure_on(pbs{.folder = "/tmp", .program = "/it's"}), std::invalid_argument);
    const std::string odd = "/tmp/fanout-test-%j";
    std::filesystem::create_directory(odd);
    CHECK_THROWS_AS(failure_on(pbs{.folder = odd}), std::invalid_argument);
    CHECK(std::filesystem::remove(odd));
}

TEST_CASE("what a program runs under is found in its environment") {
    for (const char* each :
         {"SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SGE_TASK_ID", "PBS_JOBID", "LSB_JOBID", "_CONDOR_JOB_AD"})
        unsetenv(each);
    CHECK(detail::engine_around_us() == "none");
    CHECK(parallel(2, tcp{.workers = engine{}})(delayed([](int i) { return i; }), std::vector{1, 2}) ==
          std::vector{1, 2});
    for (const auto& [variable, name] : std::vector<std::pair<const char*, std::string>>{{"_CONDOR_JOB_AD", "htcondor"},
                                                                                         {"LSB_JOBID", "lsf"},
                                                                                         {"PBS_JOBID", "pbs"},
                                                                                         {"SGE_TASK_ID", "sge"},
                                                                                         {"SLURM_JOB_ID", "slurm"}}) {
        setenv(variable, "", 1);
        CHECK(detail::engine_around_us() != name);
        setenv(variable, "1", 1);
        CHECK(detail::engine_around_us() == name);
        setenv(variable, "undefined", 1);  // so says SGE of a job without parts
        CHECK(detail::engine_around_us() == name);
        CHECK(launcher(engine{})->is_local() == false);
    }
    for (const char* each : {"SLURM_JOB_ID", "SGE_TASK_ID", "PBS_JOBID", "LSB_JOBID", "_CONDOR_JOB_AD"}) unsetenv(each);
}
