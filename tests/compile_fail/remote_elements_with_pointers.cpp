// error: a pointer
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <vector>

using fanout::delayed, fanout::parallel, fanout::tcp;

void f(std::vector<int>& numbers) {
#ifndef CORRECTED
    std::vector<int*> pointers{&numbers[0]};
    parallel(2, tcp{})(delayed([](int* each) { return *each; }), pointers);
#else
    parallel(2, tcp{})(delayed([](int each) { return each; }), numbers);
#endif
}
