// How fast values become bytes and values again, beside a plain copy and beside cereal over the same memory.
#include <benchmark/benchmark.h>

#include <cereal/archives/binary.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fanout/serialize/codec.hpp>
#include <fanout/serialize/memory.hpp>
#include <istream>
#include <memory>
#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

namespace {

struct record {
    std::int64_t id;
    double x, y;
    std::string name;
    std::vector<double> values;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(id, x, y, name, values);
    }
};

/// The same without a serialize function, for fanout.
struct aggregate {
    std::int64_t id;
    double x, y;
    std::string name;
    std::vector<double> values;
};

struct particle {
    double x, y, z;
};

std::vector<double> doubles() { return std::vector<double>(12'500'000, 0.5); }  // 100 MB
std::vector<particle> particles() { return std::vector<particle>(2'000'000, particle{1, 2, 3}); }
std::vector<std::vector<double>> rows() { return std::vector(10'000, std::vector<double>(1000, 0.5)); }
std::vector<std::string> strings() {
    std::vector<std::string> all;
    for (int i = 0; i < 1'000'000; ++i) all.push_back("string number " + std::to_string(i) + " of a million");
    return all;
}
template <class T>
std::vector<T> records() {
    std::vector<T> all;
    for (int i = 0; i < 300'000; ++i)
        all.push_back({i, i * 0.5, i * 0.25, "record number " + std::to_string(i), std::vector<double>(3, i)});
    return all;
}

/// Memory for cereal: as fast a stream buffer as can be had.
class write_buffer : public std::streambuf {
public:
    explicit write_buffer(std::size_t room) : bytes_(std::make_unique_for_overwrite<char[]>(room)) {
        setp(bytes_.get(), bytes_.get() + room);
    }
    const char* data() const { return bytes_.get(); }
    std::size_t size() const { return static_cast<std::size_t>(pptr() - pbase()); }
    void clear() { setp(pbase(), epptr()); }

protected:
    std::streamsize xsputn(const char* from, std::streamsize size) override {
        if (epptr() - pptr() < size) return 0;
        std::memcpy(pptr(), from, static_cast<std::size_t>(size));
        setp_behind(size);
        return size;
    }

private:
    void setp_behind(std::streamsize size) {
        while (size > 1'000'000'000) pbump(1'000'000'000), size -= 1'000'000'000;
        pbump(static_cast<int>(size));
    }
    std::unique_ptr<char[]> bytes_;
};

class read_buffer : public std::streambuf {
public:
    read_buffer(const char* data, std::size_t size) {
        char* begin = const_cast<char*>(data);
        setg(begin, begin, begin + size);
    }

protected:
    std::streamsize xsgetn(char* to, std::streamsize size) override {
        if (egptr() - gptr() < size) return 0;
        std::memcpy(to, gptr(), static_cast<std::size_t>(size));
        setg(eback(), gptr() + size, egptr());
        return size;
    }
};

constexpr std::size_t room = 160'000'000;

struct with_fanout {
    fanout::detail::memory_sink sink{room};

    template <class T>
    void encode(const T& value) {
        sink.clear();
        fanout::writer to(sink);
        to(value);
    }
    template <class T>
    T decode() {
        // Believed as bytes of our own child are, and as bytes of a stranger.
        fanout::detail::memory_source source(sink);
        fanout::reader from(source);
        return from.read<T>();
    }
};

struct with_fanout_believing_nothing : with_fanout {
    template <class T>
    T decode() {
        fanout::detail::memory_source source(sink.data(), sink.size(), 65'536);
        fanout::reader from(source);
        return from.read<T>();
    }
};

struct with_cereal {
    write_buffer buffer{room};

    template <class T>
    void encode(const T& value) {
        buffer.clear();
        std::ostream stream(&buffer);
        cereal::BinaryOutputArchive archive(stream);
        archive(value);
    }
    template <class T>
    T decode() {
        read_buffer bytes(buffer.data(), buffer.size());
        std::istream stream(&bytes);
        cereal::BinaryInputArchive archive(stream);
        T value;
        archive(value);
        return value;
    }
};

/// For contiguous values: the bytes to memory that is there, and to fresh memory, page by page as it is touched.
struct with_memcpy {
    std::unique_ptr<std::byte[]> bytes = std::make_unique_for_overwrite<std::byte[]>(room);
    std::size_t size = 0;

    template <class T>
    void encode(const std::vector<T>& value) {
        size = value.size() * sizeof(T);
        std::memcpy(bytes.get(), value.data(), size);
    }
    template <class T>
    std::unique_ptr<std::byte[]> decode() {
        auto fresh = std::make_unique_for_overwrite<std::byte[]>(size);
        std::memcpy(fresh.get(), bytes.get(), size);
        return fresh;
    }
};

template <class Library, auto Make>
void encode(benchmark::State& state) {
    const auto value = Make();
    Library library;
    library.encode(value);  // its pages are touched
    for (auto _ : state) {
        library.encode(value);
        benchmark::ClobberMemory();
    }
}

template <class Library, auto Make>
void decode(benchmark::State& state) {
    using value_type = decltype(Make());
    Library library;
    library.encode(Make());
    for (auto _ : state) {
        auto value = library.template decode<value_type>();
        benchmark::DoNotOptimize(value);
        state.PauseTiming();
        {
            auto gone = std::move(value);
        }
        state.ResumeTiming();
    }
}

template <class Library, auto Make>
void both_ways(const std::string& what, const std::string& library) {
    for (auto* run : {benchmark::RegisterBenchmark(("encode/" + what + "/" + library).c_str(), encode<Library, Make>),
                      benchmark::RegisterBenchmark(("decode/" + what + "/" + library).c_str(), decode<Library, Make>)})
        run->Unit(benchmark::kMillisecond)->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
    both_ways<with_memcpy, doubles>("vector_double_100MB", "memcpy");
    both_ways<with_fanout, doubles>("vector_double_100MB", "fanout");
    both_ways<with_fanout_believing_nothing, doubles>("vector_double_100MB", "fanout_believing_nothing");
    both_ways<with_cereal, doubles>("vector_double_100MB", "cereal");
    both_ways<with_memcpy, particles>("vector_pod_48MB", "memcpy");
    both_ways<with_fanout, particles>("vector_pod_48MB", "fanout");
    both_ways<with_fanout, rows>("vector_vector_double_80MB", "fanout");
    both_ways<with_cereal, rows>("vector_vector_double_80MB", "cereal");
    both_ways<with_fanout, strings>("vector_string_1e6", "fanout");
    both_ways<with_cereal, strings>("vector_string_1e6", "cereal");
    both_ways<with_fanout, records<aggregate>>("vector_aggregate_3e5", "fanout");
    both_ways<with_fanout, records<record>>("vector_aggregate_3e5", "fanout_by_serialize");
    both_ways<with_cereal, records<record>>("vector_aggregate_3e5", "cereal");
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
}
