// error: cannot be sent to another process
#include <fanout/fanout.hpp>
#include <string>
#include <vector>

using fanout::delayed, fanout::parallel, fanout::processes;

void f(const std::vector<std::string>& texts) {
#ifndef CORRECTED
    parallel(2, processes{})(delayed([](const std::string& text) { return text.data(); }), texts);
#else
    parallel(2, processes{})(delayed([](const std::string& text) { return std::string(text.data()); }), texts);
#endif
}
