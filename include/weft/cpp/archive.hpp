// SPDX-License-Identifier: MIT
/* archive.hpp - how an object becomes bytes, for communicators that span processes.
 *
 * An archive is walked with `archive & member`. The size archive counts bytes, the output archive writes them, the
 * input archive reads them back; all three take the same walk. A class says what its members are by one function, found
 * by argument-dependent lookup, or by a pair of them where reading differs from writing:
 *
 *     template <class Archive> void serdes(Archive &archive, request &r) { archive & r.id; archive & r.tokens; }
 *     template <class Archive> void save(Archive &archive, const tensor &t);
 *     template <class Archive> void load(Archive &archive, tensor &t);
 *
 * Known already: trivially copyable types that are no pointers (as their bytes), std::string, vector, array, pair,
 * tuple, optional, map, unordered_map, and unique_ptr and shared_ptr to what is known (as what they point to, so
 * sharing is not kept). Bytes are in the machine's own order. A type without a walk still compiles wherever it needs
 * none: see is_serializable_v; putting one into an archive throws std::logic_error. */
#ifndef WEFT_CPP_ARCHIVE_HPP
#define WEFT_CPP_ARCHIVE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weft {

class size_archive;
class output_archive;
class input_archive;

namespace detail {

template <class T, class = void>
inline constexpr bool is_complete_v = false;
template <class T>
inline constexpr bool is_complete_v<T, std::void_t<decltype(sizeof(T))>> = true;

template <class Archive, class T, class = void>
inline constexpr bool has_serdes_v = false;
template <class Archive, class T>
inline constexpr bool
    has_serdes_v<Archive, T, std::void_t<decltype(serdes(std::declval<Archive &>(), std::declval<T &>()))>> = true;

template <class T, class = void>
inline constexpr bool has_save_v = false;
template <class T>
inline constexpr bool
    has_save_v<T, std::void_t<decltype(save(std::declval<output_archive &>(), std::declval<const T &>())),
                              decltype(load(std::declval<input_archive &>(), std::declval<T &>()))>> = true;

template <class T>
constexpr bool has_own_walk()
{
    return has_save_v<T> || (has_serdes_v<output_archive, T> && has_serdes_v<input_archive, T>);
}

template <class T>
struct serializable;

/* Standard types whose parts are walked one by one. */
template <class T>
struct walk : std::false_type {
};

/* What can be made anew and then read. */
template <class T>
constexpr bool is_readable()
{
    if constexpr (std::is_object_v<T> && is_complete_v<T>)
        return std::is_default_constructible_v<T> && serializable<T>::value;
    else
        return false;
}

/* What a pointer may point to: nothing that may be only the base of the object that is there. */
template <class T>
constexpr bool is_pointee()
{
    if constexpr (is_readable<T>())
        return !std::is_polymorphic_v<T> || std::is_final_v<T>;
    else
        return false;
}

template <class T>
constexpr bool is_serializable()
{
    if constexpr (std::is_const_v<T> || !std::is_object_v<T> || !is_complete_v<T>)
        return false;
    else
        return has_own_walk<T>() || walk<T>::value || (std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
}
template <class T>
struct serializable : std::bool_constant<is_serializable<T>()> {
};

template <class Archive, class T>
void walk_any(Archive &archive, T &value)
{
    using plain = std::remove_const_t<T>;
    if constexpr (has_save_v<plain> && Archive::reads)
        load(archive, value);
    else if constexpr (has_save_v<plain>)
        save(archive, std::as_const(value));
    else if constexpr (has_own_walk<plain>())
        serdes(archive, const_cast<plain &>(value)); /* one function serves both directions; writing changes nothing */
    else if constexpr (walk<plain>::value)
        walk<plain>::apply(archive, value);
    else if constexpr (std::is_trivially_copyable_v<plain> && !std::is_pointer_v<plain>)
        archive.bytes(&value, sizeof value);
    else
        throw std::logic_error("weft: this type has no serdes function, so it cannot leave its process");
}

} // namespace detail

/* Whether objects of T can be put into an archive. */
template <class T>
inline constexpr bool is_serializable_v = detail::serializable<T>::value;

/* Counts the bytes that the output archive would write. */
class size_archive {
public:
    static constexpr bool reads = false;
    template <class T>
    size_archive &operator&(const T &value)
    {
        detail::walk_any(*this, value);
        return *this;
    }
    void bytes(const void *, std::size_t size) noexcept { size_ += size; }
    std::size_t size() const noexcept { return size_; }

private:
    std::size_t size_ = 0;
};

/* Writes to memory of the caller's, of a size that a size archive found. */
class output_archive {
public:
    static constexpr bool reads = false;
    output_archive(void *to, std::size_t size) noexcept : to_(static_cast<unsigned char *>(to)), left_(size) {}
    template <class T>
    output_archive &operator&(const T &value)
    {
        detail::walk_any(*this, value);
        return *this;
    }
    void bytes(const void *from, std::size_t size)
    {
        if (size > left_)
            throw std::length_error("weft: an object grew while it was serialised");
        if (size > 0)
            std::memcpy(to_, from, size);
        to_ += size;
        left_ -= size;
    }

private:
    unsigned char *to_;
    std::size_t left_;
};

/* Reads what an output archive wrote. Never past the end, whatever the bytes say. */
class input_archive {
public:
    static constexpr bool reads = true;
    input_archive(const void *from, std::size_t size) noexcept
        : from_(static_cast<const unsigned char *>(from)), left_(size)
    {
    }
    template <class T>
    input_archive &operator&(T &&value)
    {
        detail::walk_any(*this, value);
        return *this;
    }
    void bytes(void *to, std::size_t size)
    {
        if (size > left_)
            throw std::length_error("weft: serialised bytes end inside an object");
        if (size > 0)
            std::memcpy(to, from_, size);
        from_ += size;
        left_ -= size;
    }
    std::size_t left() const noexcept { return left_; }

private:
    const unsigned char *from_;
    std::size_t left_;
};

namespace detail {

/* A container's length goes first. */
template <class Archive, class Container>
std::size_t walk_length(Archive &archive, const Container &container)
{
    std::uint64_t length = container.size();
    walk_any(archive, length);
    return static_cast<std::size_t>(length);
}

template <class Archive, class Container>
void walk_elements(Archive &archive, Container &container)
{
    using value_type = typename Container::value_type;
    if constexpr (std::is_trivially_copyable_v<value_type> && !std::is_pointer_v<value_type> &&
                  !has_own_walk<value_type>())
        archive.bytes(container.data(), container.size() * sizeof(value_type));
    else
        for (auto &element : container)
            walk_any(archive, element);
}

/* std::string and std::vector. Reading grows no larger than the bytes that are there. */
template <class Archive, class Container>
void walk_sequence(Archive &archive, Container &container)
{
    const std::size_t length = walk_length(archive, container);
    if constexpr (Archive::reads) {
        using value_type = typename Container::value_type;
        constexpr std::size_t least = std::is_trivially_copyable_v<value_type> ? sizeof(value_type) : 1;
        if (length > archive.left() / least)
            throw std::length_error("weft: serialised bytes end inside a container");
        container.clear();
        container.resize(length);
    }
    walk_elements(archive, container);
}

template <class Archive, class Map>
void walk_map(Archive &archive, Map &map)
{
    const std::size_t length = walk_length(archive, map);
    if constexpr (Archive::reads) {
        map.clear();
        for (std::size_t i = 0; i < length; i++) {
            std::pair<typename Map::key_type, typename Map::mapped_type> entry{};
            walk_any(archive, entry.first);
            walk_any(archive, entry.second);
            map.insert(std::move(entry));
        }
    } else {
        for (auto &entry : map) {
            walk_any(archive, entry.first);
            walk_any(archive, entry.second);
        }
    }
}

/* std::optional and the owning pointers: whether there is one, then what it holds. make() fills an empty one. */
template <class Archive, class Holder, class Make>
void walk_holder(Archive &archive, Holder &holder, Make make)
{
    unsigned char full = holder ? 1 : 0;
    walk_any(archive, full);
    if constexpr (Archive::reads) {
        if (full != 0)
            make(holder);
        else
            holder.reset();
    }
    if (full != 0)
        walk_any(archive, *holder);
}

template <class Char>
struct walk<std::basic_string<Char>> : std::true_type {
    template <class Archive, class T>
    static void apply(Archive &archive, T &text)
    {
        walk_sequence(archive, text);
    }
};

template <class E, class A>
struct walk<std::vector<E, A>> : std::bool_constant<is_readable<E>()> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &vector)
    {
        walk_sequence(archive, vector);
    }
};

template <class A>
struct walk<std::vector<bool, A>> : std::true_type {
    template <class Archive, class T>
    static void apply(Archive &archive, T &vector)
    {
        std::vector<unsigned char> each(vector.begin(), vector.end());
        walk_sequence(archive, each);
        if constexpr (Archive::reads)
            vector.assign(each.begin(), each.end());
    }
};

template <class E, std::size_t N>
struct walk<std::array<E, N>> : serializable<E> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &array)
    {
        walk_elements(archive, array);
    }
};

template <class A, class B>
struct walk<std::pair<A, B>> : std::bool_constant<serializable<A>::value && serializable<B>::value> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &pair)
    {
        walk_any(archive, pair.first);
        walk_any(archive, pair.second);
    }
};

template <class... Es>
struct walk<std::tuple<Es...>> : std::bool_constant<(serializable<Es>::value && ...)> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &tuple)
    {
        std::apply([&archive](auto &...elements) { (walk_any(archive, elements), ...); }, tuple);
    }
};

template <class E>
struct walk<std::optional<E>> : std::bool_constant<is_readable<E>()> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &optional)
    {
        walk_holder(archive, optional, [](auto &empty) { empty.emplace(); });
    }
};

template <class E>
struct walk<std::unique_ptr<E>> : std::bool_constant<is_pointee<E>()> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &pointer)
    {
        walk_holder(archive, pointer, [](auto &empty) { empty = std::make_unique<E>(); });
    }
};

template <class E>
struct walk<std::shared_ptr<E>> : std::bool_constant<is_pointee<E>()> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &pointer)
    {
        walk_holder(archive, pointer, [](auto &empty) { empty = std::make_shared<E>(); });
    }
};

template <class K, class V, class C, class A>
struct walk<std::map<K, V, C, A>> : std::bool_constant<is_readable<K>() && is_readable<V>()> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &map)
    {
        walk_map(archive, map);
    }
};

template <class K, class V, class H, class Q, class A>
struct walk<std::unordered_map<K, V, H, Q, A>> : std::bool_constant<is_readable<K>() && is_readable<V>()> {
    template <class Archive, class T>
    static void apply(Archive &archive, T &map)
    {
        walk_map(archive, map);
    }
};

} // namespace detail
} // namespace weft
#endif
