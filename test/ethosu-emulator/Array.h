// A list that grows. The C++ library's wants exceptions, which programs without an operating system do not
// have.
#ifndef HALYARD_TEST_ETHOSU_EMULATOR_ARRAY_H
#define HALYARD_TEST_ETHOSU_EMULATOR_ARRAY_H

#include <stddef.h>
#include <stdlib.h>

namespace ethosu {

/// Elements are plain numbers. There is always memory enough.
template <typename T> class Array {
public:
  Array() = default;
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;
  ~Array() { free(elements); }

  void add(T value, size_t times = 1) {
    if (count + times > room) {
      room = 2 * (count + times);
      elements = static_cast<T *>(realloc(elements, room * sizeof(T)));
      if (!elements)
        abort();
    }
    for (; times; --times)
      elements[count++] = value;
  }
  void clear() { count = 0; }
  size_t size() const { return count; }
  T *data() { return elements; }
  const T *data() const { return elements; }
  T &operator[](size_t at) { return elements[at]; }
  const T &operator[](size_t at) const { return elements[at]; }

private:
  T *elements = nullptr;
  size_t count = 0, room = 0;
};

} // namespace ethosu

#endif
