// SPDX-License-Identifier: MIT
/* test_archive.cpp - objects become bytes and objects again, by the functions that weft_type and HostComm carry. */
#include "support.hpp"

#include <weft/host_comm.hpp>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace app {

struct node {
    int number = 0;
    std::vector<std::shared_ptr<node>> children;
};
template <class Archive>
void serdes(Archive &archive, node &n)
{
    archive &n.number &n.children;
}

/* Reading differs from writing. */
class temperature {
public:
    double celsius = 0;
};
template <class Archive>
void save(Archive &archive, const temperature &t)
{
    archive &(t.celsius + 273.15);
}
template <class Archive>
void load(Archive &archive, temperature &t)
{
    double kelvin = 0;
    archive &kelvin;
    t.celsius = kelvin - 273.15;
}

struct closed_class {
    std::string text;
};
struct base {
    virtual ~base() = default;
    int number = 0;
};
template <class Archive>
void serdes(Archive &archive, base &b)
{
    archive &b.number;
}

} // namespace app

namespace {

/* Through the functions of a weft_type, as a transport calls them. */
template <class T>
void round_trip(const T *source, T *target, std::size_t count)
{
    const weft_type *type = weft::type_of<T>();
    std::size_t size = 0;
    if (!EXPECT(type->serialize != nullptr) || !EXPECT(type->serialized_size(type, source, count, &size) == WEFT_OK))
        return;
    std::vector<unsigned char> bytes(size);
    EXPECT(type->serialize(type, source, count, bytes.data(), size) == WEFT_OK);
    EXPECT(type->deserialize(type, bytes.data(), size, target, count) == WEFT_OK);
    /* Cut off anywhere, bytes are refused and nothing is read past their end. */
    for (std::size_t cut = 0; cut < size; cut++) {
        T scratch{};
        const std::vector<unsigned char> less(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
        if (count == 1)
            CHECK(type->deserialize(type, less.data(), cut, &scratch, 1) == WEFT_ERR_CALLBACK, "%s cut at %zu",
                  type->name, cut);
    }
    weft::detail::callback_exception() = nullptr;
}

template <class T>
void expect_round_trip(const T &value)
{
    T copy{};
    round_trip(&value, &copy, 1);
    CHECK(copy == value, "%s", weft::type_of<T>()->name);
}

void standard_types_survive(void **)
{
    expect_round_trip(std::string("a string that is longer than any small string"));
    expect_round_trip(std::u16string(u"wide"));
    expect_round_trip(std::vector<int>{1, 2, 3});
    expect_round_trip(std::vector<int>{});
    expect_round_trip(std::vector<bool>{true, false, true});
    expect_round_trip(std::vector<std::string>{"a", "", "c"});
    expect_round_trip(std::array<std::string, 2>{"x", "y"});
    expect_round_trip(std::tuple<int, std::string, double>(1, "two", 3.0));
    expect_round_trip(std::pair<std::string, std::vector<char>>("k", {'v'}));
    expect_round_trip(std::optional<std::string>("here"));
    expect_round_trip(std::optional<std::string>());
    expect_round_trip(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
    expect_round_trip(std::unordered_map<int, std::string>{{1, "one"}, {2, "two"}});
    expect_round_trip(std::vector<std::tuple<std::string, std::optional<int>>>{{"a", 1}, {"b", std::nullopt}});
    finish_case();
}

void classes_and_pointers_survive(void **)
{
    auto root = std::make_shared<app::node>();
    root->number = 1;
    root->children = {std::make_shared<app::node>(), nullptr};
    root->children[0]->number = 2;
    std::shared_ptr<app::node> copy;
    round_trip(&root, &copy, 1);
    EXPECT(copy && copy != root && copy->number == 1 && copy->children.size() == 2);
    EXPECT(copy->children[0]->number == 2 && copy->children[1] == nullptr);

    std::shared_ptr<app::node> empty;
    round_trip(&empty, &copy, 1);
    EXPECT(copy == nullptr);

    const std::vector<app::temperature> warm{{36.6}, {-40.0}};
    std::vector<app::temperature> read;
    round_trip(&warm, &read, 1);
    EXPECT(read.size() == 2 && read[0].celsius > 36.5 && read[0].celsius < 36.7);

    const std::string several[3] = {"one", "", "three"};
    std::string back[3];
    round_trip(several, back, 3);
    EXPECT(back[0] == "one" && back[1].empty() && back[2] == "three");
    finish_case();
}

void unknown_types_are_told_apart(void **)
{
    EXPECT(weft::is_serializable_v<app::node> && weft::is_serializable_v<app::temperature>);
    EXPECT(weft::is_serializable_v<std::unique_ptr<app::node>> && weft::is_serializable_v<app::base>);
    EXPECT(!weft::is_serializable_v<app::closed_class> && !weft::is_serializable_v<std::map<int, app::closed_class>>);
    EXPECT(!weft::is_serializable_v<int *> && !weft::is_serializable_v<std::shared_ptr<void>>);
    EXPECT(!weft::is_serializable_v<std::shared_ptr<app::base>>); /* may point to more than a base */
    weft::size_archive archive;
    EXPECT(throws<std::logic_error>([&] { archive &app::closed_class{}; }));
    finish_case();
}

void a_length_from_nowhere_is_refused(void **)
{
    const std::uint64_t length = UINT64_MAX / 2;
    weft::input_archive archive(&length, sizeof length);
    std::vector<double> vector;
    EXPECT(throws<std::length_error>([&] { archive &vector; }));
    weft::input_archive again(&length, sizeof length);
    std::vector<std::string> strings;
    EXPECT(throws<std::length_error>([&] { again &strings; }));
    finish_case();
}

void host_serialisers_keep_offsets(void **)
{
    std::vector<std::string> source{"a", "bb", "ccc", "dddd"};
    std::vector<std::string> target(4);
    weft::host::ser_fn ser = weft::host::detail::serializer<std::string>();
    weft::host::des_fn des = weft::host::detail::deserializer<std::string>();
    std::size_t size = 0;
    ser(source.data(), 1, 2, size, nullptr);
    std::vector<char> bytes(size);
    ser(source.data(), 1, 2, size, bytes.data());
    des(target.data(), 2, 2, bytes.data(), size);
    EXPECT(target == std::vector<std::string>{"", "", "bb", "ccc"});
    EXPECT(weft::host::detail::serializer<app::closed_class>() == nullptr);
    EXPECT(weft::host::detail::deserializer<app::closed_class>() == nullptr);
    finish_case();
}

void host_blocks_carry_the_serialisers(void **)
{
    using weft::host::detail::block;
    const weft_type *type = weft::host::detail::block_type(true);
    std::vector<std::string> from{"a", "bb", "ccc", "dddd"}, to(4);
    block source[2], target[2];
    for (int i = 0; i < 2; i++) {
        source[i] = {from.data(),
                     2,
                     2 * i,
                     nullptr,
                     weft::host::detail::serializer<std::string>(),
                     weft::host::detail::deserializer<std::string>(),
                     nullptr};
        target[i] = source[i];
        target[i].data = to.data();
    }
    std::size_t size = 0;
    EXPECT(type->serialized_size(type, source, 2, &size) == WEFT_OK);
    std::vector<unsigned char> bytes(size);
    EXPECT(type->serialize(type, source, 2, bytes.data(), size) == WEFT_OK);
    EXPECT(type->deserialize(type, bytes.data(), size, target, 2) == WEFT_OK);
    EXPECT(to == from);
    EXPECT(type->deserialize(type, bytes.data(), size - 1, target, 2) == WEFT_ERR_CALLBACK);
    EXPECT(target[0].exception == nullptr && target[1].exception != nullptr);
    EXPECT(weft::host::detail::block_type(false)->serialize == nullptr);
    finish_case();
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(standard_types_survive),        TEST(classes_and_pointers_survive),
        TEST(unknown_types_are_told_apart),  TEST(a_length_from_nowhere_is_refused),
        TEST(host_serialisers_keep_offsets), TEST(host_blocks_carry_the_serialisers),
    };
    return RUN_TESTS("cpp archive", tests);
}
