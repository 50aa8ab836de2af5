. "$TRIALS/case.sh"
# CMake and ctest with a header-only test framework of the repository's own
init; mkdir src tests
printf 'cmake_minimum_required(VERSION 3.10)\nproject(acme CXX)\nenable_testing()\nfile(GLOB TESTS tests/*_test.cpp)\nforeach(T ${TESTS})\n  get_filename_component(N ${T} NAME_WE)\n  add_executable(${N} ${T} src/calc.cpp)\n  target_include_directories(${N} PRIVATE src tests)\n  add_test(NAME ${N} COMMAND ${N})\nendforeach()\n' > CMakeLists.txt
printf '#pragma once\nint add(int a, int b);\n' > src/calc.hpp; printf '#include "calc.hpp"\nint add(int a, int b) { return a + b; }\n' > src/calc.cpp
printf '#pragma once\n#include <cstdio>\n#include <cstdlib>\n#define CHECK(x) do { if (!(x)) { std::fprintf(stderr, "%%s:%%d: CHECK failed: %%s\\n", __FILE__, __LINE__, #x); std::exit(1); } } while (0)\n' > tests/check.hpp
printf '#include "calc.hpp"\n#include "check.hpp"\nint main() { CHECK(add(1, 2) == 3); }\n' > tests/add_test.cpp
printf 'build\n' > .gitignore; done_
test_file tests/double_test.cpp <<'Y'
#include "calc.hpp"
#include "check.hpp"
int main() { CHECK(twice(4) == 8); }
Y
code_does "printf 'int twice(int n);\n' >> src/calc.hpp; printf 'int twice(int n) { return n * 2; }\n' >> src/calc.cpp"
hands_in tests/double_test.cpp double_test src/calc.hpp src/calc.cpp
