// The type and the text of the exception that is being handled, whatever was thrown.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <typeinfo>

namespace fanout::detail {

inline std::string demangled(const char* name) {
    int status = 0;
    char* readable = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string text = status == 0 ? readable : name;
    std::free(readable);
    return text;
}

/// Only inside a catch block.
inline std::string current_exception_type() {
    const std::type_info* type = abi::__cxa_current_exception_type();
    if (!type) return "unknown exception";
    if (*type == typeid(std::string)) return "std::string";
    std::string name = demangled(type->name());
    // What std::throw_with_nested makes of the class that was thrown.
    constexpr std::string_view wrapped = "std::_Nested_exception<";
    if (name.starts_with(wrapped)) name = name.substr(wrapped.size(), name.size() - wrapped.size() - 1);
    return name;
}

/// Only inside a catch block. Numbers and strings can be thrown too, and then they are the text.
inline std::string current_exception_text() {
    try {
        throw;
    } catch (const std::exception& e) {
        return e.what() ? e.what() : "(null)";
    } catch (const std::string& text) {
        return text;
    } catch (const char* text) {
        return text ? text : "(null)";
    } catch (int number) {
        return std::to_string(number);
    } catch (...) {
        return "(not a std::exception, so there is no text)";
    }
}

}  // namespace fanout::detail
