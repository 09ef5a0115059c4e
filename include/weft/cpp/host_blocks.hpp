// SPDX-License-Identifier: MIT
/* host_blocks.hpp - how the HostComm interface moves elements whose size only a copy function knows.
 *
 * Each rank hands Weft an object that says where its elements are, and with which functions they are copied and
 * serialised. Weft broadcasts and gathers these objects like any others: copying one runs the copy function. So one
 * collective exchanges the addresses, copies, holds every rank until all have copied, and makes a failure known to
 * all. */
#ifndef WEFT_CPP_HOST_BLOCKS_HPP
#define WEFT_CPP_HOST_BLOCKS_HPP

#include <weft/cpp/archive.hpp>
#include <weft/cpp/error.hpp>
#include <weft/cpp/host_types.hpp>
#include <weft/weft.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

namespace weft::host::detail {

/* What the ranks exchange where the element size is unknown: one block of n elements, in memory that its rank knows.
 * Copying one block to another copies its elements. Blocks of one rank share their memory and differ in offset. */
struct block {
    void *data = nullptr;
    int count = 0;
    int offset = 0;
    copy_fn copy = nullptr;
    ser_fn ser = nullptr;
    des_fn des = nullptr;
    std::exception_ptr exception; /* what copying to this block threw */
};

inline void copy_block(const block &from, block &to)
{
    if (from.count != to.count)
        throw error(WEFT_ERR_MISMATCH, "weft::host: one rank sends " + std::to_string(from.count) +
                                           " objects, another expects " + std::to_string(to.count));
    if (to.count == 0)
        return;
    if (to.copy == nullptr || from.data == nullptr || to.data == nullptr)
        throw error(WEFT_ERR_ARGUMENT, "weft::host: objects need a copy function and memory on every rank");
    if (from.data == to.data) /* ranks may share the memory that they receive in, as each would write the same */
        return;
    to.copy(from.data, to.count, to.data, to.offset);
}

inline std::size_t block_bytes(const block &from)
{
    std::size_t size = 0;
    from.ser(from.data, from.offset, from.count, size, nullptr);
    return size;
}

/* Runs `each` on every block of a callback; keeps what it throws for the block's own rank. */
template <class Each>
weft_status for_blocks(block *blocks, std::size_t n_blocks, Each each) noexcept
{
    for (std::size_t i = 0; i < n_blocks; i++) {
        try {
            each(i);
        } catch (...) {
            blocks[i].exception = std::current_exception();
            return WEFT_ERR_CALLBACK;
        }
    }
    return WEFT_OK;
}

inline weft_status copy_blocks(const weft_type *, const void *source, void *target, std::size_t n_blocks)
{
    const block *from = static_cast<const block *>(source);
    block *to = static_cast<block *>(target);
    return for_blocks(to, n_blocks, [=](std::size_t i) { copy_block(from[i], to[i]); });
}

/* Between processes, each block is its length and its bytes. */
inline weft_status count_block_bytes(const weft_type *, const void *source, std::size_t n_blocks, std::size_t *size)
{
    return weft::detail::guarded([=] {
        *size = 0;
        for (std::size_t i = 0; i < n_blocks; i++)
            *size += sizeof(std::uint64_t) + block_bytes(static_cast<const block *>(source)[i]);
    });
}

inline weft_status write_blocks(const weft_type *, const void *source, std::size_t n_blocks, void *bytes,
                                std::size_t size)
{
    return weft::detail::guarded([=] {
        output_archive archive(bytes, size);
        for (std::size_t i = 0; i < n_blocks; i++) {
            const block &from = static_cast<const block *>(source)[i];
            std::size_t length = block_bytes(from);
            std::vector<unsigned char> buffer(length + 1);
            from.ser(from.data, from.offset, from.count, length, buffer.data());
            const std::uint64_t prefix = length;
            weft::detail::walk_any(archive, prefix);
            archive.bytes(buffer.data(), length);
        }
    });
}

inline weft_status read_blocks(const weft_type *, const void *bytes, std::size_t size, void *target,
                               std::size_t n_blocks)
{
    input_archive archive(bytes, size);
    block *to = static_cast<block *>(target);
    return for_blocks(to, n_blocks, [&](std::size_t i) {
        std::uint64_t length = 0;
        weft::detail::walk_any(archive, length);
        if (length > archive.left())
            throw error(WEFT_ERR_CALLBACK, "weft::host: serialised bytes end inside a block");
        std::vector<unsigned char> buffer(static_cast<std::size_t>(length) + 1);
        archive.bytes(buffer.data(), static_cast<std::size_t>(length));
        to[i].des(to[i].data, to[i].offset, to[i].count, buffer.data(), static_cast<std::size_t>(length));
    });
}

inline weft_type make_block_type(bool with_serializers) noexcept
{
    weft_type made{};
    made.name = with_serializers ? "host objects, serialisable" : "host objects";
    made.size = sizeof(block);
    made.copy = &copy_blocks;
    if (with_serializers) {
        made.serialized_size = &count_block_bytes;
        made.serialize = &write_blocks;
        made.deserialize = &read_blocks;
    }
    return made;
}

inline const weft_type *block_type(bool with_serializers) noexcept
{
    static const weft_type local = make_block_type(false);
    static const weft_type serialisable = make_block_type(true);
    return with_serializers ? &serialisable : &local;
}

} // namespace weft::host::detail
#endif
