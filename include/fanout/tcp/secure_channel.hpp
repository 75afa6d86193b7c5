// A connection that nobody can listen to or forge: TLS 1.3 with a key that both sides have been given before.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "fanout/core/concat.hpp"
#include "fanout/tcp/frames.hpp"

namespace fanout::detail {

/// The other side does not have the key.
class key_mismatch : public protocol_error {
public:
    using protocol_error::protocol_error;
};

/// 256 bits. Printed nowhere.
struct secret_key {
    static constexpr std::size_t size = 32;
    unsigned char bytes[size] = {};

    static secret_key fresh() {
        secret_key key;
        if (RAND_bytes(key.bytes, size) != 1) throw protocol_error("fanout: the system has no random numbers to give");
        return key;
    }

    std::string text() const {
        static constexpr char digits[] = "0123456789abcdef";
        std::string all;
        for (const unsigned char each : bytes) all.append(1, digits[each >> 4]).append(1, digits[each & 15]);
        return all;
    }

    /// False if this is not the text of a key; white space around it does not matter.
    static bool parse(std::string text, secret_key& to) {
        while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
        if (text.size() != 2 * size) return false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c = text[i];
            const int digit = c >= '0' && c <= '9' ? c - '0' : (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
            if (digit < 0) return false;
            to.bytes[i / 2] = static_cast<unsigned char>(i % 2 == 0 ? digit << 4 : to.bytes[i / 2] | digit);
        }
        return true;
    }
};

/// Bytes that come in at one end and go out at the other. Empty, it keeps little memory: there may be thousands.
class byte_queue {
public:
    /// Where so many bytes can be put; `pushed` says how many have been. If none have, `pop(0)` lets go of the room.
    char* room_for(std::size_t more) {
        if (room_ - end_ < more) make_room(more);
        return bytes_.get() + end_;
    }
    void pushed(std::size_t size) noexcept { end_ += size; }
    void push(const char* data, std::size_t size) {
        if (size == 0) return;
        std::memcpy(room_for(size), data, size);
        pushed(size);
    }

    const char* data() const noexcept { return bytes_.get() + begin_; }
    std::size_t size() const noexcept { return end_ - begin_; }
    void pop(std::size_t size) noexcept {
        begin_ += size;
        if (begin_ < end_) return;
        begin_ = end_ = 0;
        if (room_ <= most_kept) return;
        bytes_.reset();
        room_ = 0;
    }

    /// Up to `size` bytes. Gives how many.
    std::size_t take(char* to, std::size_t size) noexcept {
        if (size > this->size()) size = this->size();
        if (size > 0) std::memcpy(to, data(), size);
        pop(size);
        return size;
    }

private:
    static constexpr std::size_t most_kept = 1024;

    void make_room(std::size_t more) {
        const std::size_t here = size();
        if (room_ < here + more || begin_ < here) {
            const std::size_t wanted = here + more > 2 * room_ ? here + more : 2 * room_;
            std::unique_ptr<char[]> longer(new char[wanted]);  // std::make_unique would fill it
            if (here > 0) std::memcpy(longer.get(), data(), here);
            bytes_ = std::move(longer);
            room_ = wanted;
        } else {
            std::memcpy(bytes_.get(), data(), here);
        }
        begin_ = 0;
        end_ = here;
    }

    std::unique_ptr<char[]> bytes_;
    std::size_t room_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// What lies between the bytes of a socket and those of frames. One thread at a time; does no input or output itself.
class channel {
public:
    channel() = default;
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    virtual ~channel() = default;

    /// Bytes that have come from the socket.
    byte_queue& incoming() noexcept { return in_; }
    /// Bytes that are to be sent through it.
    byte_queue& outgoing() noexcept { return out_; }

    /// Goes on with the handshake, as far as it goes now. True when the other side has proved who it is. Throws
    /// `key_mismatch`, `protocol_error`.
    virtual bool shake_hands() = 0;

    /// Up to `size` bytes of what the other side has written; 0 if there are none now.
    virtual std::size_t read(char* to, std::size_t size) = 0;

    virtual void write(const char* data, std::size_t size) = 0;

private:
    byte_queue in_, out_;
};

/// For who has asked for it by name.
class plain_channel final : public channel {
public:
    bool shake_hands() override { return true; }
    std::size_t read(char* to, std::size_t size) override { return incoming().take(to, size); }
    void write(const char* data, std::size_t size) override { outgoing().push(data, size); }
};

/// Between memory and memory, so that the sockets are ours: OpenSSL would write to them in a way that may kill the
/// process (SIGPIPE), and would have to be waited for.
class secure_channel final : public channel {
public:
    /// Both sides have the key; `transcript`, what they said in the clear before, has to be the same on both sides.
    secure_channel(role mine, const secret_key& key, const std::string& transcript) : mine_(mine) {
        derive_key(key, transcript);
        const bool serves = mine == role::coordinator;
        // It may be in use until the very end, by threads that do not know that the program exits.
        static const int never_cleaned_up = OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
        static_cast<void>(never_cleaned_up);
        context_ = SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method());
        if (!context_) fail("no TLS");
        SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
        SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256");
        SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
        // A ticket would be written after the handshake, to a peer that perhaps only writes and has gone.
        SSL_CTX_set_num_tickets(context_, 0);
        // Without this a client would believe a server that does not have the key, but any certificate. A server of
        // ours has none, so that it can be talked to with the key only.
        if (!serves) SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        if (serves)
            SSL_CTX_set_psk_find_session_callback(context_, find_session);
        else
            SSL_CTX_set_psk_use_session_callback(context_, use_session);
        tls_ = SSL_new(context_);
        BIO* const queues = BIO_new(way_to_queues());
        if (!tls_ || !queues) fail("no memory for TLS");
        BIO_set_data(queues, this);
        BIO_set_init(queues, 1);
        SSL_set_bio(tls_, queues, queues);
        SSL_set_ex_data(tls_, own_index(), this);
        serves ? SSL_set_accept_state(tls_) : SSL_set_connect_state(tls_);
    }
    ~secure_channel() override {
        if (tls_) SSL_free(tls_);  // and the BIO
        if (context_) SSL_CTX_free(context_);
        OPENSSL_cleanse(key_, sizeof key_);
    }

    bool shake_hands() override {
        if (done_) return true;
        ERR_clear_error();
        const int result = SSL_do_handshake(tls_);
        if (result != 1) {
            const int error = SSL_get_error(tls_, result);
            if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
            throw key_mismatch(concat({"the key of the ", mine_ == role::coordinator ? "worker" : "coordinator",
                                       " is another one, or somebody else has answered (TLS: ", last_error(), ")"}));
        }
        // The handshake must have been one with the key, and not with a certificate.
        if (SSL_session_reused(tls_) != 1 || has_certificate())
            throw key_mismatch("the other side has shown a certificate instead of the key");
        return done_ = true;
    }

    std::size_t read(char* to, std::size_t size) override {
        std::size_t got = 0;
        if (size == 0) return 0;
        ERR_clear_error();
        const int result = SSL_read_ex(tls_, to, size < most ? size : most, &got);
        if (result == 1) return got;
        const int error = SSL_get_error(tls_, result);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN) return 0;
        throw protocol_error(concat({"what came over the connection is not what was sent (TLS: ", last_error(), ")"}));
    }

    void write(const char* data, std::size_t size) override {
        while (size > 0) {
            std::size_t written = 0;
            ERR_clear_error();
            if (SSL_write_ex(tls_, data, size < most ? size : most, &written) != 1)
                throw protocol_error(concat({"TLS cannot write: ", last_error()}));
            data += written;
            size -= written;
        }
    }

private:
    static constexpr std::size_t most = 1 << 20;  // OpenSSL counts in int
    static constexpr unsigned char suite[] = {0x13, 0x01};
    static constexpr const char* identity = "fanout";

    /// How OpenSSL reads and writes: from and to our queues. Its own kind of memory would copy everything once more.
    static BIO_METHOD* way_to_queues() {
        static BIO_METHOD* const way = [] {
            BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fanout");
            if (!made) fail("no memory for TLS");
            BIO_meth_set_read_ex(made, [](BIO* of, char* to, std::size_t size, std::size_t* got) {
                *got = static_cast<secure_channel*>(BIO_get_data(of))->incoming().take(to, size);
                BIO_clear_retry_flags(of);
                if (*got == 0) BIO_set_retry_read(of);
                return *got > 0 ? 1 : 0;
            });
            BIO_meth_set_write_ex(made, [](BIO* of, const char* data, std::size_t size, std::size_t* written) {
                *written = 0;
                try {
                    static_cast<secure_channel*>(BIO_get_data(of))->outgoing().push(data, size);
                } catch (const std::bad_alloc&) {
                    return 0;
                }
                *written = size;
                return 1;
            });
            BIO_meth_set_ctrl(made, [](BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1L : 0L; });
            return made;
        }();
        return way;
    }

    /// A key of its own for each connection: who has changed what was said in the clear does not have it.
    void derive_key(const secret_key& key, const std::string& transcript) {
        std::string material(reinterpret_cast<const char*>(key.bytes), secret_key::size);
        material += "fanout 1 tls ";
        material += transcript;
        unsigned size = sizeof key_;
        if (EVP_Digest(material.data(), material.size(), key_, &size, EVP_sha256(), nullptr) != 1) fail("no SHA-256");
        OPENSSL_cleanse(material.data(), material.size());
    }

    bool has_certificate() const {
        X509* const certificate = peer_certificate_of(tls_);
        if (certificate) X509_free(certificate);
        return certificate != nullptr;
    }
    static X509* peer_certificate_of(const SSL* tls) {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
        return SSL_get1_peer_certificate(tls);
#else
        return SSL_get_peer_certificate(tls);
#endif
    }

    static int own_index() {
        static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return index;
    }

    /// The session that stands for the key; OpenSSL gets it. Null if there is no memory.
    SSL_SESSION* make_session(SSL* tls) const {
        SSL_SESSION* const session = SSL_SESSION_new();
        const SSL_CIPHER* const cipher = SSL_CIPHER_find(tls, suite);
        if (session && cipher && SSL_SESSION_set1_master_key(session, key_, sizeof key_) == 1 &&
            SSL_SESSION_set_cipher(session, cipher) == 1 &&
            SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
            return session;
        SSL_SESSION_free(session);
        return nullptr;
    }

    static int find_session(SSL* tls, const unsigned char* name, std::size_t size, SSL_SESSION** session) {
        *session = nullptr;
        const auto* const me = static_cast<const secure_channel*>(SSL_get_ex_data(tls, own_index()));
        // 0 ends the handshake: 1 without a session would go on with certificates.
        if (size != std::strlen(identity) || std::memcmp(name, identity, size) != 0) return 0;
        *session = me->make_session(tls);
        return *session ? 1 : 0;
    }

    static int use_session(SSL* tls, const EVP_MD* digest, const unsigned char** name, std::size_t* size,
                           SSL_SESSION** session) {
        *session = nullptr;
        const auto* const me = static_cast<const secure_channel*>(SSL_get_ex_data(tls, own_index()));
        SSL_SESSION* const made = me->make_session(tls);
        if (!made) return 0;
        // The second time it is told which digest the other side has chosen.
        if (digest && digest != SSL_CIPHER_get_handshake_digest(SSL_SESSION_get0_cipher(made))) {
            SSL_SESSION_free(made);
            return 1;
        }
        *name = reinterpret_cast<const unsigned char*>(identity);
        *size = std::strlen(identity);
        *session = made;
        return 1;
    }

    static std::string last_error() {
        char text[256] = "no more is known";
        if (const unsigned long error = ERR_peek_last_error()) ERR_error_string_n(error, text, sizeof text);
        return text;
    }

    [[noreturn]] static void fail(const char* what) {
        throw protocol_error(concat({"fanout: ", what, " (OpenSSL: ", last_error(), ")"}));
    }

    const role mine_;
    unsigned char key_[32];
    SSL_CTX* context_ = nullptr;
    SSL* tls_ = nullptr;
    bool done_ = false;
};

}  // namespace fanout::detail
