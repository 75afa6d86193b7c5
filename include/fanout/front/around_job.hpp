// A job around a job: backends see the outer one, which passes on what it does not do in its own way.
#pragma once

#include <atomic>
#include <cstddef>

#include "fanout/core/backend.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/front/sleeper.hpp"

namespace fanout::detail {

/// Destroyed when no backend is at it any more.
template <class Job>
class around_job : public job {
public:
    explicit around_job(Job& inner) : job(inner.size(), inner.batch_size(), inner.time_limit()), inner_(inner) {
        inner_.when_stopping([](void* me) { static_cast<around_job*>(me)->pass_on_stop(); }, this);
    }

    task_range claim(std::size_t most) noexcept override { return inner_.claim(most); }
    std::size_t unclaimed() const noexcept final { return inner_.unclaimed(); }
    void when_stopping(void (*wake)(void*), void* of) noexcept final { sleeper_.set(wake, of, this->stopping_); }
    portable_tasks* portable() noexcept override { return inner_.portable(); }
    run_observer* observer() noexcept override { return inner_.observer(); }

protected:
    ~around_job() { inner_.when_stopping(nullptr, nullptr); }

    Job& inner() const noexcept { return inner_; }

private:
    void pass_on_stop() noexcept {
        this->stopping_.store(true, std::memory_order_relaxed);
        sleeper_.wake();
    }

    Job& inner_;
    sleeper sleeper_;
};

}  // namespace fanout::detail
