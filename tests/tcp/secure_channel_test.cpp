#include <openssl/evp.h>
#include <openssl/x509.h>
#include <cstring>
#include <fanout/tcp/secure_channel.hpp>
#include <string>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

/// Carries what each side has to send to the other, until neither has anything.
static void carry(channel& a, channel& b) {
    for (bool moved = true; moved;) {
        moved = false;
        for (channel* from : {&a, &b}) {
            channel& to = from == &a ? b : a;
            byte_queue& out = from->outgoing();
            if (out.size() == 0) continue;
            to.incoming().push(out.data(), out.size());
            out.pop(out.size());
            moved = true;
        }
    }
}

static bool shake_hands(channel& server, channel& client) {
    bool server_done = false, client_done = false;
    for (int i = 0; i < 10 && !(server_done && client_done); ++i) {
        client_done = client.shake_hands();
        carry(server, client);
        server_done = server.shake_hands();
        carry(server, client);
    }
    return server_done && client_done;
}

static std::string failure_of_handshake(channel& server, channel& client) {
    try {
        return shake_hands(server, client) ? "succeeded" : "never ended";
    } catch (const key_mismatch& e) {
        return e.what();
    }
}

/// Somebody with a certificate and no key: OpenSSL, as it is without what we ask of it.
class rogue final : public channel {
public:
    explicit rogue(bool serves) {
        context_ = SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method());
        key_ = EVP_RSA_gen(2048);
        certificate_ = X509_new();
        ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate_), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
        X509_set_pubkey(certificate_, key_);
        X509_NAME* const name = X509_get_subject_name(certificate_);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("rogue"), -1, -1,
                                   0);
        X509_set_issuer_name(certificate_, name);
        X509_sign(certificate_, key_, EVP_sha256());
        SSL_CTX_use_certificate(context_, certificate_);
        SSL_CTX_use_PrivateKey(context_, key_);
        SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
        tls_ = SSL_new(context_);
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        SSL_set_bio(tls_, in_, out_);
        serves ? SSL_set_accept_state(tls_) : SSL_set_connect_state(tls_);
    }
    ~rogue() override {
        SSL_free(tls_);
        SSL_CTX_free(context_);
        X509_free(certificate_);
        EVP_PKEY_free(key_);
    }
    bool shake_hands() override {
        BIO_write(in_, incoming().data(), static_cast<int>(incoming().size()));
        incoming().pop(incoming().size());
        const bool done = SSL_do_handshake(tls_) == 1;
        char* data = nullptr;
        const long size = BIO_get_mem_data(out_, &data);
        outgoing().push(data, static_cast<std::size_t>(size));
        static_cast<void>(BIO_reset(out_));
        return done;
    }
    std::size_t read(char*, std::size_t) override { return 0; }
    void write(const char*, std::size_t) override {}

private:
    SSL_CTX* context_;
    EVP_PKEY* key_;
    X509* certificate_;
    SSL* tls_;
    BIO* in_;
    BIO* out_;
};

TEST_CASE("two sides with the same key understand each other") {
    const secret_key key = secret_key::fresh();
    secure_channel server(role::coordinator, key, "hello"), client(role::worker, key, "hello");
    REQUIRE(shake_hands(server, client));

    std::string sent(3'000'000, '\0');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 7);
    for (const bool up : {false, true}) {
        channel& from = up ? static_cast<channel&>(client) : server;
        channel& to = up ? static_cast<channel&>(server) : client;
        from.write(sent.data(), sent.size());
        carry(server, client);
        std::string got(sent.size(), '\0');
        std::size_t have = 0;
        while (const std::size_t part = to.read(got.data() + have, got.size() - have)) have += part;
        CHECK(have == sent.size());
        CHECK(got == sent);
    }
    char more;
    CHECK(client.read(&more, 1) == 0);
}

TEST_CASE("nothing that was sent can be read on the way") {
    const secret_key key = secret_key::fresh();
    secure_channel server(role::coordinator, key, ""), client(role::worker, key, "");
    REQUIRE(shake_hands(server, client));
    client.write("a secret that is long enough", 28);
    CHECK(std::string(client.outgoing().data(), client.outgoing().size()).find("secret") == std::string::npos);
}

TEST_CASE("what was changed on the way is noticed") {
    const secret_key key = secret_key::fresh();
    secure_channel server(role::coordinator, key, ""), client(role::worker, key, "");
    REQUIRE(shake_hands(server, client));
    client.write("ten bytes.", 10);
    std::string changed(client.outgoing().data(), client.outgoing().size());
    changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
    server.incoming().push(changed.data(), changed.size());
    char got[10];
    CHECK_THROWS_AS(server.read(got, sizeof got), protocol_error);
}

TEST_CASE("another key, or another beginning of the conversation, is no key") {
    const secret_key key = secret_key::fresh();
    {
        secure_channel server(role::coordinator, key, ""), client(role::worker, secret_key::fresh(), "");
        CHECK_THAT(failure_of_handshake(server, client), containing("key of the"));
    }
    {
        secure_channel server(role::coordinator, key, "plain, please"), client(role::worker, key, "TLS, please");
        CHECK_THAT(failure_of_handshake(server, client), containing("key of the"));
    }
}

TEST_CASE("a server with a certificate instead of the key is not believed") {
    rogue server(true);
    secure_channel client(role::worker, secret_key::fresh(), "");
    CHECK_THAT(failure_of_handshake(server, client), containing("somebody else has answered"));
}

TEST_CASE("a client with a certificate instead of the key is not let in") {
    rogue client(false);
    secure_channel server(role::coordinator, secret_key::fresh(), "");
    CHECK_THAT(failure_of_handshake(server, client), containing("key of the worker"));
}

TEST_CASE("a server that has shaken hands has nothing more to say: a ticket could hit a peer that is gone") {
    const secret_key key = secret_key::fresh();
    secure_channel server(role::coordinator, key, ""), client(role::worker, key, "");
    REQUIRE(shake_hands(server, client));
    CHECK(server.outgoing().size() == 0);
}

TEST_CASE("keys are 64 hexadecimal digits, fresh each time") {
    const secret_key key = secret_key::fresh();
    secret_key again;
    REQUIRE(secret_key::parse(key.text() + "\n", again));
    CHECK(again.text() == key.text());
    CHECK(key.text().size() == 64);
    CHECK(secret_key::fresh().text() != key.text());
    CHECK(!secret_key::parse("", again));
    CHECK(!secret_key::parse(key.text() + "0", again));
    CHECK(!secret_key::parse(key.text().substr(1), again));
    for (const char wrong : {'g', 'A', '/', ':', '`'}) CHECK(!secret_key::parse(wrong + key.text().substr(1), again));
    REQUIRE(secret_key::parse(key.text() + " \r\n", again));
    CHECK(again.text() == key.text());
}

TEST_CASE("a plain channel passes bytes on") {
    plain_channel a, b;
    CHECK(a.shake_hands());
    a.write("hello", 5);
    carry(a, b);
    char got[8];
    CHECK(b.read(got, 3) == 3);
    CHECK(b.read(got + 3, 5) == 2);
    CHECK(std::string(got, 5) == "hello");
    CHECK(b.read(got, 1) == 0);
}

TEST_CASE("a queue of bytes gives them in their order, however they come and go") {
    byte_queue queue;
    CHECK(queue.size() == 0);
    queue.push(nullptr, 0);
    std::string sent, got;
    for (std::size_t round = 1; round < 300; ++round) {
        const std::string some(round * 7 % 1900, static_cast<char>('a' + round % 26));
        std::memcpy(queue.room_for(2000), some.data(), some.size());
        queue.pushed(some.size());
        sent += some;
        char taken[1500];
        got.append(taken, queue.take(taken, sizeof taken));
    }
    got.append(queue.data(), queue.size());
    queue.pop(queue.size());
    CHECK(got == sent);
    CHECK(queue.size() == 0);
}
