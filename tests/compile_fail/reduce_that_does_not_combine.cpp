// error: fanout: reduce(init, op, delayed(f), range): op(so_far, result) takes what init is
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

int f(const std::vector<int>& numbers) {
    const auto length_of = [](const std::vector<int>& so_far, int) { return so_far.size(); };
    const auto add = [](int so_far, int next) { return so_far + next; };
#ifndef CORRECTED
    return parallel(2).reduce(0, length_of, delayed(square), numbers);
#else
    static_cast<void>(length_of);
    return parallel(2).reduce(0, add, delayed(square), numbers);
#endif
}
