// A process beside the tested one that kills its workers at random moments.
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

/// Kills while it lives. A process and not a thread, so that the tested one has only one.
class killer {
public:
    /// Whom it kills: whoever there is, or mostly those who have begun to work, which is when they have forked. Where
    /// it takes longer to begin than from kill to kill nothing would ever be done.
    enum class victims { all, rarely_beginners };

    killer(unsigned seed, int most_microseconds, victims whom = victims::all) : whom_(whom) {
        shared_ = static_cast<std::atomic<int>*>(
            mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        const pid_t parent = getpid();
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            kill_at_random(parent, seed, most_microseconds);
        }
    }
    killer(const killer&) = delete;
    killer& operator=(const killer&) = delete;
    ~killer() {
        kill(pid_, SIGKILL);
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0) {
        }
        munmap(shared_, 4096);
    }

    int kills() const { return shared_[0]; }

private:
    [[noreturn]] void kill_at_random(pid_t parent, unsigned seed, int most) const {
        std::mt19937 random(seed);
        for (;;) {
            usleep(static_cast<useconds_t>(random() % static_cast<unsigned>(most)));
            const std::vector<int> workers = children_of(parent);
            if (workers.empty()) continue;
            const int victim = workers[random() % workers.size()];
            if (whom_ == victims::rarely_beginners && children_of(victim).empty() && random() % 32 != 0) continue;
            if (kill(victim, SIGKILL) == 0) ++shared_[0];
        }
    }

    static std::vector<int> children_of(int process) {
        const std::string its = std::to_string(process);
        std::vector<int> all;
        if (std::FILE* const list = std::fopen(("/proc/" + its + "/task/" + its + "/children").c_str(), "re")) {
            for (int pid = 0; std::fscanf(list, "%d", &pid) == 1;)
                if (pid != getpid()) all.push_back(pid);
            std::fclose(list);
        }
        return all;
    }

    const victims whom_;
    std::atomic<int>* shared_;
    pid_t pid_;
};
