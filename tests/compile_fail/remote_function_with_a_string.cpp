// error: fanout: this function holds something that cannot be sent to another process
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <string>
#include <vector>

using fanout::delayed, fanout::parallel, fanout::tcp;

struct greeting {
    std::string text;
    std::string operator()(int i) const { return text + std::to_string(i); }
};

void f(const std::vector<int>& numbers, const std::string& text) {
#ifndef CORRECTED
    parallel(2, tcp{})(delayed([text](int i) { return text + std::to_string(i); }), numbers);
#else
    parallel(2, tcp{})(delayed(greeting{text}), numbers);
#endif
}
