// Paths as values to be sent. Opt-in, for <filesystem> takes as long to include as all of fanout.
#pragma once

#include <filesystem>
#include <string>

#include "fanout/serialize/codec.hpp"

/// As it is written, in the form of the system: both processes run on the same kind.
template <>
struct fanout::codec<std::filesystem::path> {
    static void write(writer& to, const std::filesystem::path& value) { to(value.native()); }
    static std::filesystem::path read(reader& from) { return from.read<std::filesystem::path::string_type>(); }
};
