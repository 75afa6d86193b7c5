// Which settings are in force in this thread, and how they get to where a call's tasks run.
#pragma once

namespace fanout::detail {

struct settings;  // in settings.hpp

/// What `config` scopes and the environment say, or null if they say nothing. They live at least as long as they are in
/// force, and as every call that began meanwhile.
struct in_force {
    const settings* what = nullptr;
    bool knows_environment = false;  // whether `what` could only be null if the environment says nothing
};
inline constinit thread_local in_force settings_here;

/// As long as it lives, these are in force in this thread: a worker's, while it runs tasks of a call, so that these see
/// what the caller saw. Nothing is owned.
class settings_on_loan {
public:
    explicit settings_on_loan(const settings* what) noexcept : before_(settings_here.what) {
        settings_here.what = what;
    }
    settings_on_loan(const settings_on_loan&) = delete;
    settings_on_loan& operator=(const settings_on_loan&) = delete;
    ~settings_on_loan() { settings_here.what = before_; }

private:
    const settings* const before_;
};

}  // namespace fanout::detail
