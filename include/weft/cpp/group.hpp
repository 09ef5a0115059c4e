// SPDX-License-Identifier: MIT
/* group.hpp - how ranks find each other, and the settings that they make a communicator with. */
#ifndef WEFT_CPP_GROUP_HPP
#define WEFT_CPP_GROUP_HPP

#include <weft/cpp/error.hpp>
#include <weft/weft.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <istream>
#include <ostream>
#include <string>
#include <utility>

namespace weft {

inline constexpr int any_rank = WEFT_ANY_RANK;
inline constexpr int no_color = WEFT_NO_COLOR;

/* How ranks find each other: a plain value, safe to copy, print and send. Made once, known to all. */
class group_id {
public:
    static constexpr std::size_t text_size = WEFT_GROUP_ID_TEXT_SIZE - 1;

    group_id() = default; /* names no group */
    static group_id create()
    {
        group_id made;
        detail::check(weft_group_id_create(&made.id_));
        return made;
    }
    /* From text(): throws (WEFT_ERR_GROUP) if it is anything else. */
    static group_id from_text(const std::string &text)
    {
        group_id made;
        detail::check(weft_group_id_from_text(text.c_str(), &made.id_));
        return made;
    }
    /* text_size hexadecimal digits. */
    std::string text() const
    {
        char text[WEFT_GROUP_ID_TEXT_SIZE];
        detail::check(weft_group_id_to_text(&id_, text));
        return text;
    }
    /* Puts the text into a stream, and takes it out again: exactly text_size characters, whatever stands behind
     * them. */
    void write(std::ostream &stream) const { stream.write(text().data(), static_cast<std::streamsize>(text_size)); }
    static group_id read(std::istream &stream)
    {
        std::string text(text_size, '\0');
        if (!stream.read(text.data(), static_cast<std::streamsize>(text_size)))
            throw error(WEFT_ERR_GROUP, "weft::group_id::read: the stream ends inside the group id");
        return from_text(text);
    }
    /* Gives up a group that not every rank has joined; those who did get WEFT_ERR_RANK_LOST. */
    void destroy() const { detail::check(weft_group_id_destroy(&id_)); }
    const weft_group_id &native() const noexcept { return id_; }
    friend bool operator==(const group_id &a, const group_id &b) noexcept
    {
        return std::memcmp(&a.id_, &b.id_, sizeof a.id_) == 0;
    }
    friend bool operator!=(const group_id &a, const group_id &b) noexcept { return !(a == b); }

private:
    weft_group_id id_{};
};

enum class wait_policy { automatic = WEFT_WAIT_AUTO, spin = WEFT_WAIT_SPIN, block = WEFT_WAIT_BLOCK };

/* Settings of a communicator, one by one: weft::config().name("layers").timeout(std::chrono::seconds(5)). */
class config {
public:
    /* Shown in messages, reports and traces. */
    config &name(std::string name)
    {
        name_ = std::move(name);
        return *this;
    }
    config &wait(wait_policy policy) noexcept
    {
        wait_ = policy;
        return *this;
    }
    /* How long a call may wait for its peers before it fails; 0: for ever. */
    config &timeout(std::chrono::nanoseconds timeout) noexcept
    {
        timeout_ = timeout;
        return *this;
    }
    /* "allreduce:grid,broadcast:pull" forces algorithms by name. The same on all ranks. */
    config &algorithms(std::string algorithms)
    {
        algorithms_ = std::move(algorithms);
        return *this;
    }
    /* Points into this object. */
    weft_config native() const noexcept
    {
        weft_config made = WEFT_CONFIG_INIT;
        made.name = name_.empty() ? nullptr : name_.c_str();
        made.wait = static_cast<weft_wait>(wait_);
        made.timeout_ns = timeout_.count();
        made.algorithms = algorithms_.empty() ? nullptr : algorithms_.c_str();
        return made;
    }

private:
    std::string name_;
    std::string algorithms_;
    std::chrono::nanoseconds timeout_{0};
    wait_policy wait_ = wait_policy::automatic;
};

} // namespace weft
#endif
