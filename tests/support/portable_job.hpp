// A job for backends that run tasks in other processes: a function of the index, to a text or a number.
#pragma once

#include <fanout/core/backend.hpp>
#include <fanout/core/describe.hpp>
#include <fanout/core/errors.hpp>
#include <fanout/core/portable_tasks.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

inline void write_text(fanout::byte_sink& to, const std::string& text) {
    const std::uint64_t size = text.size();
    to.write(&size, sizeof size);
    to.write(text.data(), text.size());
}

inline std::string read_text(fanout::byte_source& from) {
    std::uint64_t size = 0;
    from.read(&size, sizeof size);
    if (size > from.left()) throw std::length_error("a text that is longer than its message");
    std::string text(size, '\0');
    from.read(text.data(), size);
    return text;
}

/// Keeps what is stored, and counts how often that is.
class portable_job final : public fanout::job, fanout::portable_tasks {
public:
    struct how {
        std::optional<std::size_t> size = {};
        bool flat = false;
        bool fail_fast = false;
        bool portable = true;
        std::optional<std::size_t> batch = {};
        std::optional<double> timeout = {};
    };
    using text_function = std::function<std::string(std::size_t)>;
    using number_function = std::function<std::int64_t(std::size_t)>;
    using input_function = std::function<std::optional<std::string>(std::size_t)>;

    portable_job(how what, text_function f) : portable_job(what) { text_ = std::move(f); }
    portable_job(how what, number_function f) : portable_job(what) {
        what_.flat = true;
        number_ = std::move(f);
    }

    /// Input that is read once: `input` gives one element after the other, `f` gets each.
    portable_job(how what, input_function input, std::function<std::string(const std::string&)> f)
        : portable_job(what) {
        input_ = std::move(input);
        of_element_ = std::move(f);
    }

    /// Called with each task that has been stored, in whatever way.
    std::function<void(std::size_t)> on_stored;
    /// Writes a text after another way has been tried: to fail half-way.
    std::function<void(std::size_t, fanout::byte_sink&)> write_first;
    std::function<void(std::size_t, fanout::byte_source&)> read_first;

    /// Called before an exception is written.
    std::function<void()> write_exception_first;

    /// Called before elements are written.
    std::function<void(std::size_t)> write_elements_first;

    void cancel() { end(); }

    std::vector<std::optional<std::string>> texts;
    std::vector<std::int64_t> numbers;
    std::vector<std::optional<fanout::failure>> failures;
    std::vector<int> stored;  // how often

    std::size_t times_stored() const {
        std::size_t sum = 0;
        for (const int each : stored) sum += static_cast<std::size_t>(each);
        return sum;
    }
    bool each_stored_once() const {
        for (const int each : stored)
            if (each != 1) return false;
        return true;
    }

    fanout::task_range claim(std::size_t most) noexcept override {
        if (stopping()) return {};
        const std::lock_guard reading(reader_);
        if (size()) {
            const std::size_t first = next_;
            next_ = *size() - first < most ? *size() : first + most;
            return {first, next_};
        }
        element_ = input_(next_);
        if (!element_) return {};
        const std::lock_guard lock(mutex_);
        grow(next_ + 1);
        ++next_;
        return {next_ - 1, next_};
    }
    std::size_t unclaimed() const noexcept override { return size() ? *size() - next_ : static_cast<std::size_t>(-1); }
    void run(fanout::task_range, int) noexcept override {}
    void when_stopping(void (*wake)(void*), void* of) noexcept override {
        const std::lock_guard lock(mutex_);
        wake_ = wake;
        of_ = of;
        if (wake_ && stopping()) wake_(of_);
    }
    fanout::portable_tasks* portable() noexcept override { return what_.portable ? this : nullptr; }

private:
    explicit portable_job(how what)
        : job(what.size, what.batch,
              std::chrono::duration_cast<fanout::detail::clock::duration>(
                  std::chrono::duration<double>(what.timeout.value_or(0)))),
          what_(what) {
        grow(what.size.value_or(0));
    }

    void grow(std::size_t size) {
        texts.resize(size);
        numbers.resize(size);
        failures.resize(size);
        stored.resize(size);
    }

    void end() {
        const std::lock_guard lock(mutex_);
        if (stopping_.exchange(true)) return;
        if (wake_) wake_(of_);
    }

    std::size_t flat_result_size() const noexcept override { return what_.flat ? sizeof(std::int64_t) : 0; }

    void run_task(const site& at, fanout::byte_sink& result) override {
        if (number_) {
            const std::int64_t number = number_(at.index);
            at.task_returned();
            if (at.place)
                *static_cast<std::int64_t*>(at.place) = number;
            else
                result.write(&number, sizeof number);
            return;
        }
        const std::string text = of_element_ ? of_element_(read_text(*at.elements)) : text_(at.index);
        at.task_returned();
        if (write_first) write_first(at.index, result);
        write_text(result, text);
    }

    void write_exception(fanout::byte_sink& to) override {
        if (write_exception_first) write_exception_first();
        write_text(to, fanout::detail::current_exception_type());
        write_text(to, fanout::detail::current_exception_text());
    }

    void write_elements(std::size_t index, fanout::byte_sink& to) override {
        if (write_elements_first) write_elements_first(index);
        write_text(to, *element_);
    }

    void store_written(std::size_t index, fanout::byte_source& result) override {
        if (read_first) read_first(index, result);
        if (number_) {
            std::int64_t number = 0;
            result.read(&number, sizeof number);
            note(index, [&] { numbers[index] = number; });
            return;
        }
        std::string text = read_text(result);
        note(index, [&] { texts[index] = std::move(text); });
    }

    void store_flat(std::size_t first, std::size_t count, const void* results) noexcept override {
        for (std::size_t i = 0; i < count; ++i)
            note(first + i, [&] { numbers[first + i] = static_cast<const std::int64_t*>(results)[i]; });
    }

    void store_exception(fanout::failure known, fanout::byte_source& exception) override {
        known.type = read_text(exception);
        known.what = read_text(exception);
        known.exception = std::make_exception_ptr(std::runtime_error(known.what));
        store_failure(std::move(known));
    }

    [[noreturn]] void rethrow(fanout::byte_source& exception) override {
        const std::string type = read_text(exception);
        throw std::runtime_error(type + ": " + read_text(exception));
    }

    void store_failure(fanout::failure why) noexcept override {
        const std::size_t index = why.index;
        note(index, [&] { failures[index] = std::move(why); });
        if (what_.fail_fast) end();
    }

    template <class Store>
    void note(std::size_t index, const Store& store) {
        {
            const std::lock_guard lock(mutex_);
            store();
            ++stored[index];
        }
        if (on_stored) on_stored(index);
    }

    how what_;
    text_function text_;
    number_function number_;
    input_function input_;
    std::function<std::string(const std::string&)> of_element_;
    std::mutex reader_;
    std::mutex mutex_;
    std::optional<std::string> element_;
    std::size_t next_ = 0;
    void (*wake_)(void*) = nullptr;
    void* of_ = nullptr;
};
