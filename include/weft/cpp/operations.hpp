// SPDX-License-Identifier: MIT
/* operations.hpp - what a reduction combines with: the library's own operations, and any function of two values.
 *
 *     comm.allreduce(x, weft::max{});                          built in: checked when it is compiled
 *     comm.allreduce(x, std::plus<>{});                        the standard's function objects of the same meaning
 *     comm.allreduce(x, weft::op::max);                        built in, chosen at run time
 *     comm.allreduce(x, [](A a, A b) { return f(a, b); });     anything else
 *
 * A function gets the operand of the lower ranks first and must be associative; ranks are combined in the contract's
 * tree, so results are the same everywhere and in every run. Operands are never swapped, unless commutative() says that
 * they may be. A function may run on several threads at once, so its call must be const. Ranks must pass functions of
 * one type. */
#ifndef WEFT_CPP_OPERATIONS_HPP
#define WEFT_CPP_OPERATIONS_HPP

#include <weft/cpp/error.hpp>
#include <weft/cpp/types.hpp>
#include <weft/weft.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weft {

/* The built-in operations as values. */
enum class op { sum, prod, min, max, avg, band, bor, bxor, land, lor, lxor, minloc, maxloc };

/* The built-in operations as types. On a type of yours they use its operators: sum adds, min asks for <. */
struct sum {
    template <class T>
    constexpr auto operator()(const T &a, const T &b) const -> decltype(static_cast<T>(a + b))
    {
        return static_cast<T>(a + b);
    }
};
struct prod {
    template <class T>
    constexpr auto operator()(const T &a, const T &b) const -> decltype(static_cast<T>(a * b))
    {
        return static_cast<T>(a * b);
    }
};
struct min {
    template <class T>
    constexpr auto operator()(const T &a, const T &b) const -> decltype(static_cast<void>(b < a), T(a))
    {
        return b < a ? b : a;
    }
};
struct max {
    template <class T>
    constexpr auto operator()(const T &a, const T &b) const -> decltype(static_cast<void>(a < b), T(a))
    {
        return a < b ? b : a;
    }
};
struct band {
    template <class T>
    constexpr auto operator()(const T &a, const T &b) const -> decltype(static_cast<T>(a & b))
    {
        return static_cast<T>(a & b);
    }
};
struct bor {
    template <class T>
    constexpr auto operator()(const T &a, const T &b) const -> decltype(static_cast<T>(a | b))
    {
        return static_cast<T>(a | b);
    }
};
struct bxor {
    template <class T>
    constexpr auto operator()(const T &a, const T &b) const -> decltype(static_cast<T>(a ^ b))
    {
        return static_cast<T>(a ^ b);
    }
};
/* Built-in types alone. avg: the sum divided by the number of ranks, integers toward zero. minloc, maxloc:
 * weft::indexed. */
struct avg {};
struct land {};
struct lor {};
struct lxor {};
struct minloc {};
struct maxloc {};

/* A function whose operands may be swapped. */
template <class Function>
struct commutative_function {
    Function function;
    template <class T>
    constexpr auto operator()(const T &a, const T &b) const -> decltype(function(a, b))
    {
        return function(a, b);
    }
};
template <class Function>
commutative_function<std::decay_t<Function>> commutative(Function &&function)
{
    return {std::forward<Function>(function)};
}

namespace detail {

/* `Op` is the standard's function object Standard, for any type or for T. */
template <template <class> class Standard, class Op, class T>
inline constexpr bool is_standard_v = std::is_same_v<Op, Standard<void>> || std::is_same_v<Op, Standard<T>>;

inline constexpr int no_code = -1;
/* Which built-in operation `Op` is on elements of T; no_code if none. */
template <class Op, class T>
constexpr int code_of()
{
    constexpr bool is_named[] = {
        std::is_same_v<Op, sum> || is_standard_v<std::plus, Op, T>,
        std::is_same_v<Op, prod> || is_standard_v<std::multiplies, Op, T>,
        std::is_same_v<Op, min>,
        std::is_same_v<Op, max>,
        std::is_same_v<Op, avg>,
        std::is_same_v<Op, band> || is_standard_v<std::bit_and, Op, T>,
        std::is_same_v<Op, bor> || is_standard_v<std::bit_or, Op, T>,
        std::is_same_v<Op, bxor> || is_standard_v<std::bit_xor, Op, T>,
        std::is_same_v<Op, land> || is_standard_v<std::logical_and, Op, T>,
        std::is_same_v<Op, lor> || is_standard_v<std::logical_or, Op, T>,
        std::is_same_v<Op, lxor>,
        std::is_same_v<Op, minloc>,
        std::is_same_v<Op, maxloc>,
    }; /* in the order of op */
    for (int code = 0; code <= static_cast<int>(op::maxloc); code++)
        if (is_named[code])
            return code;
    return no_code;
}
/* `Op` on elements of T is an operation of the library's. */
template <class Op, class T>
inline constexpr bool is_builtin_op_v = is_builtin_v<T> &&code_of<Op, T>() != no_code;

/* Combines elements, whatever they are a part of. */
template <class Op>
inline constexpr bool is_named_v = std::is_same_v<Op, op> || std::is_convertible_v<Op, const weft_op *> ||
                                   code_of<Op, void>() != no_code;

template <class T>
constexpr bool is_defined(op code)
{
    if (code == op::minloc || code == op::maxloc)
        return is_indexed_v<T>;
    if (is_indexed_v<T>)
        return false;
    return code <= op::avg || is_builtin_integer_v<T>;
}

/* bool is stored as 0 or 1, and the sum of two of them is true or false, not 2. */
template <class T>
const weft_op *builtin_op(op code)
{
    switch (code) {
    case op::sum:
        return std::is_same_v<T, bool> ? WEFT_LOR : WEFT_SUM;
    case op::prod:
        return WEFT_PROD;
    case op::min:
        return WEFT_MIN;
    case op::max:
        return WEFT_MAX;
    case op::avg:
        return WEFT_AVG;
    case op::band:
        return WEFT_BAND;
    case op::bor:
        return WEFT_BOR;
    case op::bxor:
        return WEFT_BXOR;
    case op::land:
        return WEFT_LAND;
    case op::lor:
        return WEFT_LOR;
    case op::lxor:
        return WEFT_LXOR;
    case op::minloc:
        return WEFT_MINLOC;
    case op::maxloc:
        return WEFT_MAXLOC;
    }
    return nullptr;
}

template <class Op, class T>
inline constexpr bool combines_v = std::is_invocable_r_v<T, const Op &, const T &, const T &>;

template <class Function>
inline constexpr bool is_commutative_v = false;
template <class Function>
inline constexpr bool is_commutative_v<commutative_function<Function>> = true;

/* Element i of a buffer that the library may have placed anywhere. */
template <class T>
struct element {
    alignas(T) unsigned char bytes[sizeof(T)];
    element(const void *buffer, std::size_t i) noexcept
    {
        std::memcpy(bytes, static_cast<const unsigned char *>(buffer) + i * sizeof(T), sizeof(T));
    }
    const T &value() const noexcept { return *std::launder(reinterpret_cast<const T *>(bytes)); }
};

template <class T, class Function>
weft_status combine(const weft_op *self, const weft_type *, const void *in, void *inout, std::size_t count)
{
    return guarded([=] {
        const Function &function = *static_cast<const Function *>(self->context);
        for (std::size_t i = 0; i < count; i++) {
            const element<T> lower(in, i);
            const element<T> upper(inout, i);
            const T result = static_cast<T>(function(lower.value(), upper.value()));
            std::memcpy(static_cast<unsigned char *>(inout) + i * sizeof(T), &result, sizeof(T));
        }
    });
}

/* The weft_op of an operation on plain elements of T, for the time of one call. */
template <class T, class Op>
class bound_op {
public:
    /* The operation is a function of the program's. */
    static constexpr bool runs_here =
        !std::is_same_v<Op, op> && !std::is_convertible_v<Op, const weft_op *> && !is_builtin_op_v<Op, T>;

    explicit bound_op(const Op &operation) : operation_(operation)
    {
        if constexpr (std::is_convertible_v<Op, const weft_op *>) {
            used_ = operation;
        } else if constexpr (std::is_same_v<Op, op>) {
            static_assert(is_builtin_v<T>, "weft: built-in operations chosen at run time need a built-in type");
            used_ = builtin_op<T>(operation);
        } else if constexpr (!runs_here) {
            constexpr op code = static_cast<op>(code_of<Op, T>());
            static_assert(is_defined<T>(code), "weft: this operation is not defined for this type");
            used_ = builtin_op<T>(code);
        } else {
            static_assert(combines_v<Op, T>,
                          "weft: the operation must take two elements, return one, and have a const call");
            own_.name = type_name<Op>();
            own_.commutative = is_commutative_v<Op>;
            own_.combine = &combine<T, Op>;
            own_.context = const_cast<void *>(static_cast<const void *>(std::addressof(operation_)));
            used_ = &own_;
        }
    }
    bound_op(const bound_op &) = delete;
    bound_op &operator=(const bound_op &) = delete;
    const weft_op *get() const noexcept { return used_; }

private:
    Op operation_;
    weft_op own_{};
    const weft_op *used_ = nullptr;
};

} // namespace detail
} // namespace weft
#endif
