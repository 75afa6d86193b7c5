// error: fanout: an exception that is to be registered needs a constructor that takes its text as a std::string
#include <fanout/serialize/exceptions.hpp>
#include <stdexcept>
#include <string>

struct parse_error : std::runtime_error {
#ifndef CORRECTED
    parse_error(const std::string& text, int) : std::runtime_error(text) {}
#else
    using std::runtime_error::runtime_error;
#endif
};

FANOUT_EXCEPTION(parse_error);
