// Workers that Kubernetes runs: the manifest of a Job, written here, to be applied by its user.
#pragma once

#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "fanout/core/concat.hpp"

namespace fanout {

namespace detail {

/// A text as JSON writes it.
inline std::string json_quoted(const std::string& text) {
    std::string quoted = "\"";
    for (const char each : text) {
        const auto code = static_cast<unsigned char>(each);
        if (each == '"' || each == '\\') {
            quoted += '\\';
            quoted += each;
        } else if (code < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", unsigned(code));
            quoted += escaped;
        } else {
            quoted += each;
        }
    }
    return quoted += '"';
}

}  // namespace detail

/// An Indexed Job of workers, for a program that waits for them with `external`:
///
///     parallel(50, tcp{.workers = external{.key_file = "key"}, .listen = "0.0.0.0:7077"})
///
///     kubectl create secret generic fanout-key --from-file=key=key
///     kubectl apply -f job.json        # what manifest() gives; kubectl takes JSON as it takes YAML
///
/// A worker that dies is replaced, up to five times; one that has to make room for others is replaced without counting.
/// Another key or another build ends the Job, since starting it again would not help. A pod that is told to leave
/// finishes what it runs, for at most 45 s.
struct kubernetes {
    /// The image of the workers, with this very program in it.
    std::string image = {};

    /// The program's path in the image.
    std::string program = "/app";

    /// Where the workers find the program that they work for: host:port, with commas if there are several. In the
    /// cluster that is a headless Service in front of its pod.
    std::string coordinator = "fanout:7077";

    /// How many, and how many tasks each runs at once, which is also the CPUs that it asks for.
    int workers = 1;
    int slots = 1;

    /// Of each worker, as Kubernetes writes it: "2Gi". Not set: none is asked for.
    std::string memory = {};

    /// Of the Job.
    std::string name = "fanout-workers";

    /// The Secret with the key, and the name of the key in it.
    std::string secret = "fanout-key";
    std::string secret_key = "key";

    /// Throws `std::invalid_argument` for what Kubernetes would refuse.
    std::string manifest() const {
        using detail::concat, detail::json_quoted;
        validate();
        const std::string cpus = json_quoted(std::to_string(slots));
        const std::string resources = memory.empty()
                                          ? concat({"{\"cpu\": ", cpus, "}"})
                                          : concat({"{\"cpu\": ", cpus, ", \"memory\": ", json_quoted(memory), "}"});
        std::string command;
        for (const std::string& each : {program, std::string("--fanout-worker"), coordinator, std::string("--slots"),
                                        std::to_string(slots), std::string("--grace"), std::string("45")})
            command += (command.empty() ? "" : ", ") + json_quoted(each);
        return concat({R"({
  "apiVersion": "batch/v1",
  "kind": "Job",
  "metadata": {"name": )",
                       json_quoted(name), R"(, "labels": {"app.kubernetes.io/name": "fanout"}},
  "spec": {
    "completionMode": "Indexed",
    "completions": )",
                       std::to_string(workers), R"(,
    "parallelism": )",
                       std::to_string(workers), R"(,
    "backoffLimitPerIndex": 5,
    "podReplacementPolicy": "Failed",
    "podFailurePolicy": {
      "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"containerName": "worker", "operator": "In", "values": [77, 78]}}
      ]
    },
    "template": {
      "metadata": {"labels": {"app.kubernetes.io/name": "fanout"}},
      "spec": {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 60,
        "containers": [
          {
            "name": "worker",
            "image": )",
                       json_quoted(image), R"(,
            "command": [)",
                       command, R"(],
            "env": [
              {"name": "FANOUT_WORKER", "value": "1"},
              {"name": "FANOUT_MAX_CPUS", "value": )",
                       cpus, R"(},
              {"name": "FANOUT_KEY", "valueFrom": {"secretKeyRef": {"name": )",
                       json_quoted(secret), R"(, "key": )", json_quoted(secret_key), R"(}}}
            ],
            "resources": {"requests": )",
                       resources, R"(}
          }
        ]
      }
    }
  }
}
)"});
    }

    /// What manifest() asks first.
    void validate() const {
        const auto require = [](bool good, const std::string& what) {
            if (!good) throw std::invalid_argument("fanout: kubernetes: " + what);
        };
        require(!image.empty(), "the workers need an image; give .image = \"registry/program:tag\"");
        require(!program.empty() && program[0] == '/',
                "'" + program + "' is no path in an image; give .program = \"/path\"");
        require(coordinator.find(':') != coordinator.npos,
                "'" + coordinator + "' is no address; give .coordinator = \"host:port\"");
        require(workers >= 1, "workers = " + std::to_string(workers) + " has no meaning; give 1 or more");
        require(slots >= 1, "slots = " + std::to_string(slots) + " has no meaning; give 1 or more");
        for (const std::string& each : {name, secret}) {
            bool good = !each.empty() && each.size() <= 63 && each.front() != '-' && each.back() != '-';
            for (const char letter : each)
                good = good && ((letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-');
            require(good, "'" + each + "' is no name there; use small letters, digits and -, 63 at most");
        }
        require(!secret_key.empty(), "the key has to have a name in its Secret; leave .secret_key out for \"key\"");
    }
};

}  // namespace fanout
