// An object for each worker: made n_jobs times, not once a task.
#pragma once

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/current_worker.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/forks.hpp"
#include "fanout/core/lock.hpp"

namespace fanout {

/// What tasks need and what is not worth making for each of them: a connection, a random generator, a buffer.
///
///     fanout::per_worker generators([] { return std::mt19937(std::random_device()()); });
///     parallel(8)(delayed([&](int i) { return simulate(i, generators.local()); }), range);
///
/// A worker gets the same object in every task and in every call, unless another task has it just then: a call inside
/// of a task, or one from another thread, is given others. So no object is ever used by two tasks at once, and there
/// are at most as many as tasks have run at once. T need be neither copied nor moved.
///
/// They are destroyed with the per_worker, in the thread that destroys it, when no task uses it any more. A worker
/// process makes its own, also where its parent has made some before, and they end with it, without a destructor.
template <class T>
class per_worker {
public:
    /// `make()` gives an object; several workers may be in it at once. What it throws is thrown by `local`.
    template <class Make>
        requires std::is_invocable_r_v<T, Make&>
    explicit per_worker(Make make)
        : how_(new Make(std::move(make))),
          make_(&make_one<Make>),
          forget_([](const void* how) { delete static_cast<const Make*>(how); }) {
        detail::count_forks();
    }

    per_worker()
        requires std::is_default_constructible_v<T>
        : per_worker([] { return T(); }) {}

    per_worker(const per_worker&) = delete;
    per_worker& operator=(const per_worker&) = delete;

    ~per_worker() {
        if (store* const mine = store_.load(std::memory_order_acquire); mine && mine->is_of_this_process()) delete mine;
        forget_(how_);
    }

    /// In a task: the object of its worker, which keeps it until the task is done, at least. Some nanoseconds; 50 more
    /// for the first task of a chunk. Throws `std::logic_error` outside of tasks.
    T& local() {
        detail::worker_frame* const worker = detail::innermost_worker;
        if (!worker)
            throw std::logic_error(
                "fanout: per_worker::local() was called outside of a task, where there is no worker; make an object of "
                "your own there, or run the loop with fanout::sequential");
        store& mine = store_here();
        if (detail::borrowed* const has = worker->borrowed_from(&mine)) return static_cast<kept*>(has)->value;
        kept* taken = mine.take(worker->slot());
        if (!taken) {
            taken = make_(how_);
            taken->lender = &mine;
            taken->slot = worker->slot();
            taken->give_back = [](detail::borrowed& back) noexcept { store::put_back(static_cast<kept&>(back)); };
        }
        worker->borrow(*taken);
        return taken->value;
    }

private:
    struct kept : detail::borrowed {
        template <class Make>
        explicit kept(const Make& make) : value(make()) {}

        int slot = 0;
        kept* next_free = nullptr;
        T value;
    };

    /// The objects of one process that no task has at the moment, each with the worker that had it last.
    class store {
    public:
        store() = default;
        store(const store&) = delete;
        store& operator=(const store&) = delete;
        ~store() {
            detail::worker_frame::return_all_to(this);
            for (kept* each : free_)
                while (each) delete exchanged(each, each->next_free);
        }

        bool is_of_this_process() const noexcept {
            return generation_ == detail::fork_generation.load(std::memory_order_relaxed);
        }

        /// Null: there is none, but there will be room for one when it is put back.
        kept* take(int slot) {
            const auto place = static_cast<std::size_t>(slot);
            const detail::lock_guard lock(mutex_);
            if (place >= free_.size()) free_.resize(place + 1);
            kept* const first = free_[place];
            if (first) free_[place] = first->next_free;
            return first;
        }

        static void put_back(kept& back) noexcept {
            store& home = *static_cast<store*>(const_cast<void*>(back.lender));
            const detail::lock_guard lock(home.mutex_);
            back.next_free = exchanged(home.free_[static_cast<std::size_t>(back.slot)], &back);
        }

    private:
        const unsigned generation_ = detail::fork_generation.load(std::memory_order_relaxed);
        detail::mutex mutex_;
        std::vector<kept*> free_;  // for each slot those that follow one another in `next_free`
    };

    template <class Make>
    static kept* make_one(const void* how) {
        static_assert(
            std::is_invocable_v<const Make&>,
            "fanout: per_worker: several workers make their objects at once, so the function must be callable "
            "as const: no mutable lambda");
        if constexpr (std::is_invocable_v<const Make&>)
            return new kept(*static_cast<const Make*>(how));
        else
            return nullptr;
    }

    /// That of the parent is left alone in a forked child: its objects are the parent's, and its lock may be held for
    /// ever by a thread that is not there.
    store& store_here() {
        store* mine = store_.load(std::memory_order_acquire);  // pairs with the exchange that put it there
        while (!mine || !mine->is_of_this_process()) {
            auto* const made = new store();
            if (store_.compare_exchange_strong(mine, made, std::memory_order_acq_rel)) return *made;
            delete made;  // another thread was faster
        }
        return *mine;
    }

    const void* how_;
    kept* (*make_)(const void*);
    void (*forget_)(const void*);
    std::atomic<store*> store_ = nullptr;
};

template <class Make>
per_worker(Make) -> per_worker<std::invoke_result_t<Make&>>;

}  // namespace fanout
