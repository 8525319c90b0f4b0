/* Time by kernel call, for `halyard bench --profile`, which builds an artifact's library with HALYARD_PROFILE
 * defined; without it nothing of this is compiled. Each call of a kernel in generated code is a site: it
 * counts calls and time and remembers the buffers it was given last. Sites are found by the library's
 * function halyard_profile_sites.
 */
#ifndef HALYARD_PROFILE_H
#define HALYARD_PROFILE_H

#include "kernel.h"

#include <time.h>

extern "C" {

#define HALYARD_PROFILE_ARGUMENTS 32

/* A buffer argument; extents are 0 for arguments that are numbers. */
typedef struct halyard_profile_argument {
  int64_t elements;
  int32_t columns; /* extent of the innermost dimension */
  int32_t element_bits;
} halyard_profile_argument;

typedef struct halyard_profile_site {
  struct halyard_profile_site *next; /* null at the end of the list */
  const char *kernel;
  const char *stage; /* encode, bind (what follows in the generated function encode), step, ... */
  uint64_t calls;
  uint64_t nanoseconds;
  int32_t arguments; /* those beyond HALYARD_PROFILE_ARGUMENTS are left out */
  halyard_profile_argument argument[HALYARD_PROFILE_ARGUMENTS];
} halyard_profile_site;

/* The first of all sites that were reached since the library was loaded. */
halyard_profile_site *halyard_profile_sites(void);
}

#ifdef HALYARD_PROFILE

namespace halyard::rt {

inline halyard_profile_site *&firstSite() {
  static halyard_profile_site *first = nullptr;
  return first;
}

/* A site, in the list from when it is first reached. */
struct ProfileSite : halyard_profile_site {
  explicit ProfileSite(const char *name) : halyard_profile_site{} {
    kernel = name;
    next = firstSite();
    firstSite() = this;
  }
};

/* A kernel that is called like the kernel itself. */
template <typename Kernel> struct Profiled {
  halyard_profile_site &site;
  Kernel *kernel;

  Profiled(halyard_profile_site &site, const char *stage, Kernel *kernel) : site(site), kernel(kernel) {
    site.stage = stage;
  }

  template <typename... Arguments> int32_t operator()(Arguments &&...arguments) {
    site.arguments = 0;
    (note(arguments), ...);
    uint64_t start = now();
    int32_t status = kernel(arguments...);
    site.nanoseconds += now() - start;
    ++site.calls;
    return status;
  }

private:
  static uint64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1000000000u + static_cast<uint64_t>(time.tv_nsec);
  }
  void add(const halyard_profile_argument &argument) {
    if (site.arguments < HALYARD_PROFILE_ARGUMENTS)
      site.argument[site.arguments++] = argument;
  }
  void note(int32_t) { add({0, 0, 0}); }
  void note(const halyard_buffer &buffer) {
    int64_t elements = 1;
    for (int32_t i = 0; i < buffer.dimensions; ++i)
      elements *= buffer.dim[i].extent;
    add({elements, buffer.dimensions ? buffer.dim[0].extent : 1, buffer.type.bits});
  }
};

} // namespace halyard::rt

extern "C" inline __attribute__((used, visibility("default"))) halyard_profile_site *
halyard_profile_sites(void) {
  return halyard::rt::firstSite();
}

/* A function is a stage under its own name, up to where HALYARD_STAGE in it hides this. */
static constexpr const char *halyard_stage = nullptr;
#define HALYARD_STAGE(name) [[maybe_unused]] static constexpr const char *halyard_stage = #name

#define HALYARD_KERNEL(kernel)                                                                               \
  halyard::rt::Profiled(                                                                                     \
      []() -> halyard_profile_site & {                                                                       \
        static halyard::rt::ProfileSite site(#kernel);                                                       \
        return site;                                                                                         \
      }(),                                                                                                   \
      halyard_stage ? halyard_stage : __func__, kernel)

#endif
#endif
