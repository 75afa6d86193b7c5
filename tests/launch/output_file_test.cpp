#include <fanout/launch/output_file.hpp>

#include <sys/stat.h>

#include <string>

#include "catch.hpp"

using namespace fanout::detail;

static void write_to(const output_file& file, const std::string& text) {
    REQUIRE(write(file.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

TEST_CASE("what is written is read once, and its end is kept") {
    output_file file;
    CHECK(file.news().empty());
    CHECK(file.tail().empty());
    write_to(file, "one\n");
    CHECK(file.news() == "one\n");
    CHECK(file.news().empty());
    write_to(file, "two\n\n");
    CHECK(file.news() == "two\n\n");
    CHECK(file.tail() == "one\ntwo");
}

TEST_CASE("long output takes no memory once it has been read") {
    output_file file;
    write_to(file, std::string(1 << 20, 'x') + "the end\n");
    CHECK(file.news().size() == (1 << 20) + 8);
    CHECK(file.tail().size() < 3000);
    CHECK(file.tail().ends_with("the end"));
    struct stat about{};
    REQUIRE(fstat(file.number(), &about) == 0);
    CHECK(about.st_blocks * 512 <= 8192);
}

TEST_CASE("it can be moved with what it knows") {
    output_file first;
    write_to(first, "words");
    first.news();
    const output_file second(std::move(first));
    CHECK(second.tail() == "words");
    CHECK(first.number() == -1);
    CHECK(first.news().empty());
}
