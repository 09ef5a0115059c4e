// SPDX-License-Identifier: MIT
/* test_types.cpp - which C type and operation stand for a C++ one, and the 16-bit floats. */
#include "support.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace {

enum class color : short { red };
enum flags : unsigned { none };
struct pixel {
    unsigned char r, g, b;
};
struct incomplete;
struct closed_class { /* copyable, but nothing says what it is made of */
    std::string text;
};

template <class T>
void expect_type(const weft_type *type, const char *what)
{
    CHECK(weft::type_of<T>() == type, "%s is %s", what, weft::type_of<T>()->name);
}

void numbers_map_by_size_and_sign(void **)
{
    expect_type<signed char>(WEFT_INT8, "signed char");
    expect_type<unsigned char>(WEFT_UINT8, "unsigned char");
    expect_type<char>(std::numeric_limits<char>::is_signed ? WEFT_INT8 : WEFT_UINT8, "char");
    expect_type<std::byte>(WEFT_UINT8, "std::byte");
    expect_type<bool>(WEFT_UINT8, "bool");
    expect_type<short>(WEFT_INT16, "short");
    expect_type<unsigned short>(WEFT_UINT16, "unsigned short");
    expect_type<char16_t>(WEFT_UINT16, "char16_t");
    expect_type<char32_t>(WEFT_UINT32, "char32_t");
    expect_type<int>(WEFT_INT32, "int");
    expect_type<unsigned>(WEFT_UINT32, "unsigned");
    expect_type<long>(sizeof(long) == 8 ? WEFT_INT64 : WEFT_INT32, "long");
    expect_type<unsigned long>(sizeof(long) == 8 ? WEFT_UINT64 : WEFT_UINT32, "unsigned long");
    expect_type<long long>(WEFT_INT64, "long long");
    expect_type<unsigned long long>(WEFT_UINT64, "unsigned long long");
    expect_type<std::size_t>(sizeof(std::size_t) == 8 ? WEFT_UINT64 : WEFT_UINT32, "std::size_t");
    expect_type<color>(WEFT_INT16, "an enum of short");
    expect_type<flags>(WEFT_UINT32, "an enum of unsigned");
    expect_type<float>(WEFT_FLOAT32, "float");
    expect_type<double>(WEFT_FLOAT64, "double");
    expect_type<weft::float16>(WEFT_FLOAT16, "weft::float16");
    expect_type<weft::bfloat16>(WEFT_BFLOAT16, "weft::bfloat16");
    expect_type<weft::detail::native_float16>(WEFT_FLOAT16, "the compiler's float16");
    expect_type<weft::detail::native_bfloat16>(WEFT_BFLOAT16, "the compiler's bfloat16");
    expect_type<weft::indexed<std::int32_t>>(WEFT_INT32_INDEX, "indexed int32");
    expect_type<weft::indexed<std::int64_t>>(WEFT_INT64_INDEX, "indexed int64");
    expect_type<weft::indexed<float>>(WEFT_FLOAT32_INDEX, "indexed float");
    expect_type<weft::indexed<double>>(WEFT_FLOAT64_INDEX, "indexed double");
    finish_case();
}

void classes_map_to_bytes_or_objects(void **)
{
    const weft_type *plain = weft::type_of<pixel>();
    EXPECT(plain == weft::type_of<pixel>());
    EXPECT(plain->size == 3 && plain->copy == nullptr && plain->serialize == nullptr);
    EXPECT(std::strstr(plain->name, "pixel") != nullptr);
    EXPECT(weft::type_of<long double>()->size == sizeof(long double) && weft::type_of<int *>()->copy == nullptr);

    const weft_type *object = weft::type_of<std::map<std::string, std::vector<int>>>();
    EXPECT(object->copy != nullptr && object->serialized_size != nullptr && object->serialize != nullptr &&
           object->deserialize != nullptr);
    EXPECT(weft::type_of<std::tuple<int, double>>()->copy != nullptr);

    /* What has no serialisers compiles, and has a copy function alone. */
    for (const weft_type *local : {weft::type_of<closed_class>(), weft::type_of<std::shared_ptr<incomplete>>(),
                                   weft::type_of<std::shared_ptr<void>>(), weft::type_of<std::vector<closed_class>>(),
                                   weft::type_of<std::vector<int *>>(), weft::type_of<std::function<void()>>()})
        CHECK(local->copy != nullptr && local->serialize == nullptr && local->deserialize == nullptr, "%s",
              local->name);
    finish_case();
}

template <class T, class Op>
const weft_op *op_of(Op operation)
{
    return weft::detail::bound_op<T, Op>(operation).get();
}

void operations_map_to_built_in_ones(void **)
{
    EXPECT(op_of<int>(weft::sum{}) == WEFT_SUM && op_of<double>(weft::prod{}) == WEFT_PROD);
    EXPECT(op_of<float>(weft::min{}) == WEFT_MIN && op_of<weft::float16>(weft::max{}) == WEFT_MAX);
    EXPECT(op_of<int>(weft::avg{}) == WEFT_AVG && op_of<unsigned>(weft::band{}) == WEFT_BAND);
    EXPECT(op_of<flags>(weft::bor{}) == WEFT_BOR && op_of<char>(weft::bxor{}) == WEFT_BXOR);
    EXPECT(op_of<int>(weft::land{}) == WEFT_LAND && op_of<bool>(weft::lor{}) == WEFT_LOR);
    EXPECT(op_of<bool>(weft::lxor{}) == WEFT_LXOR);
    EXPECT(op_of<weft::indexed<float>>(weft::minloc{}) == WEFT_MINLOC);
    EXPECT(op_of<weft::indexed<std::int64_t>>(weft::maxloc{}) == WEFT_MAXLOC);
    EXPECT(op_of<int>(std::plus<>{}) == WEFT_SUM && op_of<long>(std::plus<long>{}) == WEFT_SUM);
    EXPECT(op_of<double>(std::multiplies<>{}) == WEFT_PROD && op_of<int>(std::bit_and<int>{}) == WEFT_BAND);
    EXPECT(op_of<int>(std::bit_or<>{}) == WEFT_BOR && op_of<int>(std::bit_xor<>{}) == WEFT_BXOR);
    EXPECT(op_of<bool>(std::logical_and<>{}) == WEFT_LAND && op_of<bool>(std::logical_or<>{}) == WEFT_LOR);
    EXPECT(op_of<int>(WEFT_MAX) == WEFT_MAX);
    EXPECT(op_of<bool>(weft::sum{}) == WEFT_LOR && op_of<bool>(weft::op::sum) == WEFT_LOR);

    constexpr weft::op codes[] = {weft::op::sum,  weft::op::prod,   weft::op::min,   weft::op::max,  weft::op::avg,
                                  weft::op::band, weft::op::bor,    weft::op::bxor,  weft::op::land, weft::op::lor,
                                  weft::op::lxor, weft::op::minloc, weft::op::maxloc};
    const weft_op *ops[] = {WEFT_SUM,  WEFT_PROD, WEFT_MIN, WEFT_MAX,  WEFT_AVG,    WEFT_BAND,  WEFT_BOR,
                            WEFT_BXOR, WEFT_LAND, WEFT_LOR, WEFT_LXOR, WEFT_MINLOC, WEFT_MAXLOC};
    for (std::size_t i = 0; i < std::size(codes); i++)
        EXPECT(op_of<int>(codes[i]) == ops[i]);
    finish_case();
}

pixel brightest(pixel a, pixel b)
{
    return a.r + a.g + a.b < b.r + b.g + b.b ? b : a;
}

void functions_become_operations(void **)
{
    const weft::detail::bound_op<pixel, pixel (*)(pixel, pixel)> function(&brightest);
    pixel low[2] = {{1, 1, 1}, {9, 9, 9}};
    pixel high[2] = {{2, 2, 2}, {3, 3, 3}};
    EXPECT(!function.get()->commutative);
    EXPECT(function.get()->combine(function.get(), weft::type_of<pixel>(), low, high, 2) == WEFT_OK);
    EXPECT(high[0].r == 2 && high[1].r == 9);

    /* Anywhere in memory, aligned or not. */
    const auto difference = [](long double a, long double b) { return a - b; };
    const auto swapped = weft::commutative(difference);
    const weft::detail::bound_op<long double, std::decay_t<decltype(swapped)>> free_order(swapped);
    EXPECT(free_order.get()->commutative);
    unsigned char memory[2][sizeof(long double) + 1];
    const long double five = 5, three = 3;
    std::memcpy(&memory[0][1], &five, sizeof five);
    std::memcpy(&memory[1][1], &three, sizeof three);
    EXPECT(free_order.get()->combine(free_order.get(), weft::type_of<long double>(), &memory[0][1], &memory[1][1], 1) ==
           WEFT_OK);
    long double result;
    std::memcpy(&result, &memory[1][1], sizeof result);
    EXPECT(result == 2.0L);

    const auto throwing = [](int, int) -> int { throw mishap(); };
    const weft::detail::bound_op<int, decltype(throwing)> bad(throwing);
    int a = 1, b = 2;
    EXPECT(bad.get()->combine(bad.get(), WEFT_INT32, &a, &b, 1) == WEFT_ERR_CALLBACK && b == 2);
    EXPECT(throws<mishap>([] { weft::detail::check(WEFT_ERR_CALLBACK); }));
    EXPECT(failure_of([] { weft::detail::check(WEFT_ERR_CALLBACK); }) == WEFT_ERR_CALLBACK); /* thrown once */
    finish_case();
}

/* The value of 16 bits by their definition. */
double reference_value(unsigned bits, int exponent_bits)
{
    const int fraction_bits = 15 - exponent_bits;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    const int fraction = static_cast<int>(bits) & ((1 << fraction_bits) - 1);
    const double sign = (bits & 0x8000U) != 0 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1)
        return fraction != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
    if (exponent == 0)
        return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
    return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

template <class Half>
void check_half(int exponent_bits, float largest)
{
    const unsigned infinity = ((1U << exponent_bits) - 1U) << (15 - exponent_bits);
    for (unsigned bits = 0; bits <= 0xffffU; bits++) {
        const float value = Half::from_bits(static_cast<std::uint16_t>(bits));
        const double expected = reference_value(bits, exponent_bits);
        if (std::isnan(expected)) {
            CHECK(std::isnan(value) && std::isnan(static_cast<float>(Half(value))), "%04x is %g", bits, value);
            continue;
        }
        const unsigned back = Half(value).bits;
        CHECK(static_cast<double>(value) == expected && back == bits, "%04x is %g and then %04x", bits, value, back);
        /* Halfway to the next, ties go to even; a little more or less goes to the nearest. */
        if (bits + 1 < infinity) {
            const double next = reference_value(bits + 1, exponent_bits);
            const float middle = static_cast<float>((expected + next) / 2);
            const unsigned even = (bits & 1U) != 0 ? bits + 1 : bits;
            CHECK(Half(middle).bits == even, "%a rounds to %04x", middle, Half(middle).bits);
            CHECK(Half(std::nextafter(middle, 0.0F)).bits == bits, "%a rounds up", middle);
            CHECK(Half(std::nextafter(middle, largest)).bits == bits + 1, "%a rounds down", middle);
        }
    }
    EXPECT(Half(std::numeric_limits<float>::infinity()).bits == infinity);
    EXPECT(Half(-std::numeric_limits<float>::max()).bits == (0x8000U | infinity));
    EXPECT(std::isnan(static_cast<float>(Half(std::nan("")))));
    EXPECT(Half(3).bits == Half(3.0).bits && Half(1.5) + Half(2) == 3.5F);
}

void float16_converts_as_ieee_says(void **)
{
    check_half<weft::float16>(5, 65504.0F);
    EXPECT(weft::float16(65519.9F).bits == 0x7bff && weft::float16(65520.0F).bits == 0x7c00);
    EXPECT(weft::float16(std::ldexp(1.0F, -25)).bits == 0);
    EXPECT(weft::float16(std::nextafter(std::ldexp(1.0F, -25), 1.0F)).bits == 1);
    EXPECT(weft::float16(std::numeric_limits<float>::denorm_min()).bits == 0);
#ifdef WEFT_CPP_NATIVE_FLOAT16
    std::uint64_t state = test_seed();
    for (int i = 0; i < 1000000; i++) {
        const float value = weft::detail::float_of(static_cast<std::uint32_t>(random_next(&state)));
        const weft::detail::native_float16 native = static_cast<weft::detail::native_float16>(value);
        std::uint16_t bits;
        std::memcpy(&bits, &native, sizeof bits);
        CHECK(std::isnan(value) || weft::float16(value).bits == bits, "%a is %04x", value, bits);
    }
#endif
    finish_case();
}

void bfloat16_converts_as_ieee_says(void **)
{
    check_half<weft::bfloat16>(8, std::numeric_limits<float>::max());
    finish_case();
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_map_by_size_and_sign),    TEST(classes_map_to_bytes_or_objects),
        TEST(operations_map_to_built_in_ones), TEST(functions_become_operations),
        TEST(float16_converts_as_ieee_says),   TEST(bfloat16_converts_as_ieee_says),
    };
    return RUN_TESTS("cpp types", tests);
}
