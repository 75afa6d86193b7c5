// Where a coordinator can be reached: finding addresses, listening on them, connecting to them.
#pragma once

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "fanout/core/concat.hpp"
#include "fanout/processes/system.hpp"

namespace fanout::detail {

struct address {
    std::string host;
    std::string port;

    std::string text() const {
        const bool bare = host.find(':') == host.npos;
        return bare ? concat({host, ":", port}) : concat({"[", host, "]:", port});
    }

    /// "host:port", "[::1]:port". Throws `std::invalid_argument`.
    static address parse(const std::string& text) {
        const std::size_t colon = text.rfind(':');
        const bool bracketed = !text.empty() && text[0] == '[';
        if (colon == text.npos || colon + 1 == text.size() || colon == 0 || (bracketed && text[colon - 1] != ']'))
            throw std::invalid_argument(concat({"fanout: '", text, "' is no address; give host:port, or [::1]:port"}));
        address result{text.substr(0, colon), text.substr(colon + 1)};
        if (bracketed) result.host = text.substr(1, colon - 2);
        bool is_number = result.port.size() <= 5;
        for (const char each : result.port) is_number = is_number && each >= '0' && each <= '9';
        if (!is_number || std::strtol(result.port.c_str(), nullptr, 10) > 65535)
            throw std::invalid_argument(concat({"fanout: '", result.port, "' is no port; give a number up to 65535"}));
        return result;
    }

    /// Several, with commas.
    static std::vector<address> parse_list(const std::string& text) {
        std::vector<address> all;
        for (std::size_t at = 0; at <= text.size();) {
            std::size_t end = text.find(',', at);
            if (end == text.npos) end = text.size();
            all.push_back(parse(text.substr(at, end - at)));
            at = end + 1;
        }
        return all;
    }
};

/// Owns what getaddrinfo gives.
class resolved {
public:
    /// Throws `std::invalid_argument` if nobody knows the name.
    resolved(const address& of, bool to_listen) {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = (to_listen ? AI_PASSIVE : 0) | AI_NUMERICSERV;
        const int error = getaddrinfo(of.host.empty() ? nullptr : of.host.c_str(), of.port.c_str(), &hints, &first_);
        if (error != 0)
            throw std::invalid_argument(
                concat({"fanout: the address '", of.text(), "' cannot be found: ", gai_strerror(error)}));
    }
    resolved(const resolved&) = delete;
    resolved& operator=(const resolved&) = delete;
    ~resolved() { freeaddrinfo(first_); }

    const addrinfo* first() const noexcept { return first_; }

private:
    addrinfo* first_ = nullptr;
};

inline std::string port_of(const descriptor& socket) {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    getsockname(socket.number(), reinterpret_cast<sockaddr*>(&bound), &size);
    char port[16] = {};
    getnameinfo(reinterpret_cast<const sockaddr*>(&bound), size, nullptr, 0, port, sizeof port, NI_NUMERICSERV);
    return port;
}

inline bool is_loopback(const sockaddr* at) noexcept {
    if (at->sa_family == AF_INET)
        return (ntohl(reinterpret_cast<const sockaddr_in*>(at)->sin_addr.s_addr) >> 24) == 127;
    if (at->sa_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(at)->sin6_addr);
    return false;
}

/// A socket that listens there. `loopback_only`: refuses any other. Throws `std::invalid_argument`,
/// `std::system_error`.
inline descriptor listen_at(const address& at, bool loopback_only) {
    const resolved found(at, true);
    int error = 0;
    for (const addrinfo* each = found.first(); each; each = each->ai_next) {
        if (loopback_only && !is_loopback(each->ai_addr))
            throw std::invalid_argument(concat(
                {"fanout: tcp would listen on ", at.text(),
                 " in plain TCP, where anybody could send it code to run; leave `plain` out, or listen on 127.0.0.1"}));
        descriptor socket(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket) {
            error = errno;
            continue;
        }
        const int yes = 1, no = 0;
        setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (each->ai_family == AF_INET6) setsockopt(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
        if (bind(socket.number(), each->ai_addr, each->ai_addrlen) == 0 && listen(socket.number(), 1024) == 0)
            return socket;
        error = errno;
    }
    throw_system_error(error, concat({"fanout: tcp cannot listen on ", at.text(),
                                      error == EADDRINUSE ? " (another program, or another coordinator, has that port; "
                                                            "leave the port out to have a free one)"
                                                          : ""}));
}

/// A socket that is connected to this address within so many milliseconds; none if that is not possible, and why.
inline descriptor connect_to(const address& to, int milliseconds, std::string& why) {
    const resolved found(to, false);
    for (const addrinfo* each = found.first(); each; each = each->ai_next) {
        descriptor socket(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket) {
            why = std::generic_category().message(errno);
            continue;
        }
        if (connect(socket.number(), each->ai_addr, each->ai_addrlen) == 0) return socket;
        if (errno != EINPROGRESS) {
            why = std::generic_category().message(errno);
            continue;
        }
        pollfd waiting{socket.number(), POLLOUT, 0};
        int ready = 0;
        do {
            ready = poll(&waiting, 1, milliseconds);
        } while (ready < 0 && errno == EINTR);
        int error = ready > 0 ? 0 : ETIMEDOUT;
        socklen_t size = sizeof error;
        if (ready > 0) getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0) return socket;
        why = std::generic_category().message(error);
    }
    return {};
}

/// All addresses under which others may reach this machine, loopback last.
inline std::vector<std::string> own_addresses() {
    std::vector<std::string> all;
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return {"127.0.0.1"};
    for (const bool loopback : {false, true}) {
        for (const ifaddrs* each = first; each; each = each->ifa_next) {
            if (!each->ifa_addr || !(each->ifa_flags & IFF_UP)) continue;
            const int family = each->ifa_addr->sa_family;
            if ((family != AF_INET && family != AF_INET6) || is_loopback(each->ifa_addr) != loopback) continue;
            if (family == AF_INET6 &&
                IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr))
                continue;
            char host[NI_MAXHOST];
            const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
            if (getnameinfo(each->ifa_addr, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) == 0)
                all.emplace_back(host);
        }
    }
    freeifaddrs(first);
    return all;
}

inline std::string host_name() {
    char name[256] = "unknown";
    gethostname(name, sizeof name - 1);
    return name;
}

}  // namespace fanout::detail
