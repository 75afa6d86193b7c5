// A backend that runs the second chunk before the first, in the calling thread, and then the others as they come.
#pragma once

#include <fanout/core/backend.hpp>

struct second_chunk_first {
    static constexpr const char* name = "second_chunk_first";

    void run(fanout::job& work, int) const {
        const std::size_t size = work.batch_size().value_or(1);
        const fanout::task_range first = work.claim(size);
        const fanout::task_range second = work.claim(size);
        const fanout::task_range third = work.claim(size);
        for (const fanout::task_range each : {second, first, third}) work.run(each, 0);
        while (const fanout::task_range next = work.claim(size)) work.run(next, 0);
    }
};
