// A web server on this computer whose pages take their time, for examples that should not bother anybody else's.
#pragma once

#include <httplib.h>
#include <sys/socket.h>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

class demo_server {
public:
    // `connections` is how many clients may be connected at once: each keeps one thread of the server.
    demo_server(int connections, std::chrono::milliseconds latency) {
        server_.new_task_queue = [connections] { return new httplib::ThreadPool(connections); };
        server_.set_keep_alive_max_count(1'000'000);
        server_.set_keep_alive_timeout(1);  // seconds; also how long the server's end waits for idle clients
        server_.set_tcp_nodelay(true);      // else each page would wait 40 ms for the client's acknowledgement

        server_.Get(R"(/page/(\d+))", [latency](const httplib::Request& request, httplib::Response& response) {
            std::this_thread::sleep_for(latency);
            response.set_content(page(std::stoi(request.matches[1])), "text/plain");
        });
        server_.Get(R"(/moved/(\d+))", [](const httplib::Request& request, httplib::Response& response) {
            response.set_redirect("/page/" + request.matches[1].str());
        });

        server_.set_socket_options([this](socket_t socket) { socket_ = socket; });
        port_ = server_.bind_to_any_port("127.0.0.1");
        if (port_ < 0) throw std::runtime_error("the demo server found no free port on 127.0.0.1");
        // cpp-httplib lets 5 clients wait for a connection and drops the others, who retry a second later. That would
        // be most of the time of a short demonstration, so this makes the queue longer.
        ::listen(socket_, connections);
        listener_ = std::jthread([this] { server_.listen_after_bind(); });
        while (!server_.is_running()) std::this_thread::yield();  // stop() does nothing before that
    }

    ~demo_server() { server_.stop(); }

    demo_server(const demo_server&) = delete;
    demo_server& operator=(const demo_server&) = delete;

    // One address in ten answers with a redirection to the page.
    std::string url(int number) const {
        const std::string path = number % 10 == 9 ? "/moved/" : "/page/";
        return "http://127.0.0.1:" + std::to_string(port_) + path + std::to_string(number);
    }

    // What the server answers for url(number).
    static std::string page(int number) { return "This is page " + std::to_string(number) + ".\n"; }

private:
    httplib::Server server_;
    socket_t socket_ = INVALID_SOCKET;
    int port_ = 0;
    std::jthread listener_;
};
