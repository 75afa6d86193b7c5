// Input that has to be walked: read once, without a known size, or endless. One worker at a time reads, and what has
// been read is kept only until its task is finished.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/backend.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/lock.hpp"

namespace fanout::detail {

// Iterators that can be copied point into something that stays; those of a read-once range may refer to a place that
// the next element overwrites.
template <class R>
inline constexpr bool elements_stay =
    std::ranges::forward_range<R> && std::is_lvalue_reference_v<std::ranges::range_reference_t<R>>;

/// Ranges whose elements can be kept from the time they are read until their task is finished.
template <class R>
concept holds_its_elements =
    elements_stay<R> ||
    std::constructible_from<std::remove_cvref_t<std::ranges::range_reference_t<R>>, std::ranges::range_reference_t<R>>;

/// An element between the time it is read and the end of its task: where it stands, if it will go on standing there,
/// else the element itself.
template <holds_its_elements R>
class held_element {
    using reference = std::ranges::range_reference_t<R>;
    static constexpr bool stays = elements_stay<R>;
    using kept = std::conditional_t<stays, std::remove_reference_t<reference>*, std::remove_cvref_t<reference>>;

    static kept keep(reference&& element) {
        if constexpr (stays)
            return std::addressof(element);
        else
            return kept(static_cast<reference&&>(element));
    }

public:
    explicit held_element(const std::ranges::iterator_t<R>& at) : kept_(keep(*at)) {}

    /// As the function would have got it in a plain loop.
    reference&& get() {
        if constexpr (stays)
            return static_cast<reference&&>(*kept_);
        else
            return static_cast<reference&&>(kept_);
    }

private:
    kept kept_;
};

/// Several ranges, walked in step as far as the shortest goes. Refers to the ranges, which outlive the call.
template <class... Rs>
class read_once_input {
    using element = std::tuple<held_element<Rs>...>;

    /// What one claim has read.
    struct batch {
        std::size_t first = 0;
        std::size_t unfinished = 0;
        std::vector<element> elements;
        std::unique_ptr<batch> next;
    };

public:
    /// One after another: a chain of pointers that destroys itself goes as deep as it is long.
    ~read_once_input() {
        for (std::unique_ptr<batch>* list : {&open_, &spare_})
            while (*list) *list = std::move((*list)->next);
    }

    /// `window`: how many tasks may be claimed and not finished.
    read_once_input(std::size_t window, Rs&... ranges)
        : window_(window), iterators_(std::ranges::begin(ranges)...), sentinels_(std::ranges::end(ranges)...) {}

    /// Reads up to `most` elements. Waits while the window is full, unless `ending()`. Throws what the input throws,
    /// when the elements before it have been claimed.
    template <class Ending, class Announce>
    task_range claim(std::size_t most, Ending ending, Announce announce) {
        const lock_guard reading(reader_);
        if (broken_) break_off();
        if (ended_) return {};
        if (const std::size_t room = wait_for_room(ending); room < most) most = room;
        if (most == 0) return {};

        std::unique_ptr<batch> read = spare_batch();
        read->first = read_;
        try {
            while (read->elements.size() < most && !ending() && step_to_next())
                read->elements.push_back(current_elements());
        } catch (...) {
            broken_ = std::current_exception();
            if (read->elements.empty()) break_off();
        }
        try {
            announce(read_ + read->elements.size());
        } catch (...) {
            broken_ = std::current_exception();
            break_off();
        }
        read->unfinished = read->elements.size();
        if (read->unfinished == 0) return {};
        read_ += read->unfinished;
        const task_range tasks{read->first, read_};
        const lock_guard lock(batches_);
        unfinished_ += read->unfinished;
        read->next = std::move(open_);
        open_ = std::move(read);
        return tasks;
    }

    /// Whether there is nothing left to read. While others read: there was something a moment ago.
    bool has_ended() const noexcept { return ended_.load(std::memory_order_relaxed); }

    /// How many elements have been read, which is how many tasks there are once the input has ended.
    std::size_t size() const {
        const lock_guard reading(reader_);
        return read_;
    }

    /// The elements of claimed tasks, held as long as this object lives.
    class held_elements {
    public:
        held_elements(read_once_input& input, task_range tasks)
            : input_(input), tasks_(tasks), batch_(input.batch_of(tasks)) {}
        held_elements(const held_elements&) = delete;
        held_elements& operator=(const held_elements&) = delete;
        ~held_elements() { input_.finish(batch_, tasks_.size()); }

        /// Calls `use` with the elements of task `index`, once.
        template <class Use>
        decltype(auto) apply(std::size_t index, Use&& use) {
            return std::apply([&](auto&... each) -> decltype(auto) { return use(each.get()...); },
                              batch_.elements[index - batch_.first]);
        }

    private:
        read_once_input& input_;
        task_range tasks_;
        batch& batch_;
    };

    held_elements elements(task_range tasks) { return held_elements(*this, tasks); }

    /// Calls `use` with the elements of task `index`, which are held until `let_go(index)`.
    template <class Use>
    void look_at(std::size_t index, Use&& use) {
        batch& at = batch_of({index, index + 1});
        std::apply([&](auto&... each) { use(each.get()...); }, at.elements[index - at.first]);
    }

    /// For who waits for room, to see whether the call is ending: perhaps no task will be finished any more.
    void wake() noexcept {
        const lock_guard lock(batches_);
        room_.notify_one();
    }

    void let_go(std::size_t index) { finish(batch_of({index, index + 1}), 1); }

private:
    [[noreturn]] void break_off() {
        ended_ = true;
        std::rethrow_exception(exchanged(broken_, nullptr));
    }

    // The step to the next element is put off until it is wanted: what comes next may be a line that nobody has typed.
    bool step_to_next() {
        if (exchanged(stands_on_used_, true))
            std::apply([](auto&... iterators) { (static_cast<void>(++iterators), ...); }, iterators_);
        const bool ended = at_end(std::index_sequence_for<Rs...>());
        ended_.store(ended, std::memory_order_relaxed);
        return !ended;
    }

    template <std::size_t... I>
    bool at_end(std::index_sequence<I...>) const {
        return ((std::get<I>(iterators_) == std::get<I>(sentinels_)) || ...);
    }

    element current_elements() const {
        return std::apply([](const auto&... at) { return element(held_element<Rs>(at)...); }, iterators_);
    }

    template <class Ending>
    std::size_t wait_for_room(Ending ending) {
        unique_lock lock(batches_);
        room_.wait(lock, [&] { return unfinished_ < window_ || ending(); });
        return ending() ? 0 : window_ - unfinished_;
    }

    std::unique_ptr<batch> spare_batch() {
        const lock_guard lock(batches_);
        if (!spare_) return std::make_unique<batch>();
        std::unique_ptr<batch> taken = std::move(spare_);
        spare_ = std::move(taken->next);
        return taken;
    }

    // There are about as many open batches as workers, so a walk is cheap beside the lock.
    batch& batch_of(task_range tasks) {
        const lock_guard lock(batches_);
        batch* candidate = open_.get();
        while (tasks.first < candidate->first || tasks.last > candidate->first + candidate->elements.size())
            candidate = candidate->next.get();
        return *candidate;
    }

    void finish(batch& finished, std::size_t tasks) {
        std::unique_ptr<batch> emptied;
        {
            const lock_guard lock(batches_);
            unfinished_ -= tasks;
            finished.unfinished -= tasks;
            if (finished.unfinished == 0) emptied = unlink(finished);
        }
        room_.notify_one();
        if (!emptied) return;
        emptied->elements.clear();  // outside the lock: these are the user's destructors
        const lock_guard lock(batches_);
        emptied->next = std::move(spare_);
        spare_ = std::move(emptied);
    }

    std::unique_ptr<batch> unlink(const batch& finished) {
        std::unique_ptr<batch>* link = &open_;
        while (link->get() != &finished) link = &(*link)->next;
        std::unique_ptr<batch> taken = std::move(*link);
        *link = std::move(taken->next);
        return taken;
    }

    const std::size_t window_;

    mutable mutex reader_;  // held while the input is read, which may take any time
    std::tuple<std::ranges::iterator_t<Rs>...> iterators_;
    std::tuple<std::ranges::sentinel_t<Rs>...> sentinels_;
    bool stands_on_used_ = false;
    std::exception_ptr broken_;  // what the input has thrown, behind elements that were not there yet
    std::atomic<bool> ended_ = false;
    std::size_t read_ = 0;

    mutex batches_;  // held for moments only, so that a task never waits for the input of another
    condition_variable room_;
    std::size_t unfinished_ = 0;
    std::unique_ptr<batch> open_;
    std::unique_ptr<batch> spare_;
};

}  // namespace fanout::detail
