// Hosts on one machine: network namespaces, each joined to the tested process by a cable of its own. Needs root.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

class network_namespace {
public:
    /// `number`, from 1 to 250, makes its addresses.
    explicit network_namespace(int number) : number_(number), name_("fo-" + std::to_string(getpid()) + "-" + text()) {
        works_ = run("ip netns add " + name_) &&
                 run("ip link add " + cable() + " type veth peer name eth0 netns " + name_) &&
                 run("ip addr add " + here() + "/30 dev " + cable()) && run("ip link set " + cable() + " up") &&
                 inside("ip addr add " + there() + "/30 dev eth0") && inside("ip link set eth0 up") &&
                 inside("ip link set lo up");
    }
    network_namespace(const network_namespace&) = delete;
    network_namespace& operator=(const network_namespace&) = delete;
    ~network_namespace() {
        run("ip link del " + cable());
        run("ip netns del " + name_);
    }

    /// False: this machine does not let us.
    bool works() const { return works_; }

    /// The address of the tested process, as it is seen from there, and of what is there.
    std::string here() const { return subnet() + ".1"; }
    std::string there() const { return subnet() + ".2"; }

    /// Words in front of a command, so that it is run there.
    std::vector<std::string> in_front() const { return {"ip", "netns", "exec", name_}; }
    bool inside(const std::string& command) const { return run("ip netns exec " + name_ + " " + command); }

    /// `process` is /proc/PID.
    bool holds(const std::filesystem::path& process) const {
        std::error_code gone;
        return std::filesystem::equivalent("/run/netns/" + name_, process / "ns/net", gone);
    }

    void cut() const { run("ip link set " + cable() + " down"); }
    void heal() const { run("ip link set " + cable() + " up"); }

    /// Each packet takes so long. False: this kernel has no netem.
    bool delay(int milliseconds) const {
        return run("tc qdisc add dev " + cable() + " root netem delay " + std::to_string(milliseconds) + "ms");
    }

private:
    /// Tests may run side by side.
    std::string subnet() const { return "10." + std::to_string(100 + getpid() % 150) + "." + text(); }
    std::string text() const { return std::to_string(number_); }
    std::string cable() const { return "fo" + std::to_string(getpid()) + "-" + text(); }
    static bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

    const int number_;
    const std::string name_;
    bool works_ = false;
};

/// What a test says that this machine cannot run.
inline void say_that_it_is_left_out(const char* why) { std::fprintf(stderr, "LEFT OUT: %s\n", why); }
