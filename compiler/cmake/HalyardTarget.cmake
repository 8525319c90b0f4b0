# halyard_target(FOLDER): adds the targets of a folder beside the caller's CMakeLists.txt. That folder has a
# CMakeLists.txt, which names its sources by halyard_target_sources, and one of them defines
#
#   void halyard::addFOLDERTargets(TargetRegistry &registry)
#
# (targets/Common/TargetRegistry.h). Targets are listed in the order of the calls. They go into the compiler's
# library, or into the program that the variable HALYARD_TARGETS_OF names, which then has them beside all others and
# compiles ${CMAKE_CURRENT_BINARY_DIR}/TargetList.cpp.
function(halyard_target folder)
  add_subdirectory(${folder})
  set_property(GLOBAL APPEND PROPERTY HALYARD_TARGET_FOLDERS${HALYARD_TARGETS_OF} ${folder})
  get_property(folders GLOBAL PROPERTY HALYARD_TARGET_FOLDERS)
  if(HALYARD_TARGETS_OF)
    get_property(more GLOBAL PROPERTY HALYARD_TARGET_FOLDERS${HALYARD_TARGETS_OF})
    list(APPEND folders ${more})
  endif()
  halyard_write_target_list(${CMAKE_CURRENT_BINARY_DIR}/TargetList.cpp ${folders})
endfunction()

# halyard_target_sources(SOURCES...): files that are compiled with what all targets' kernels share.
function(halyard_target_sources)
  if(HALYARD_TARGETS_OF)
    target_sources(${HALYARD_TARGETS_OF} PRIVATE ${ARGN})
  else()
    target_sources(HalyardKernels PRIVATE ${ARGN})
  endif()
endfunction()

# The function that Targets.cpp calls, for the folders given.
function(halyard_write_target_list file)
  set(declarations "")
  set(calls "")
  foreach(folder IN LISTS ARGN)
    string(APPEND declarations "void add${folder}Targets(TargetRegistry &registry);\n")
    string(APPEND calls "  add${folder}Targets(registry);\n")
  endforeach()
  file(CONFIGURE OUTPUT ${file} @ONLY CONTENT
"// Written by CMake: the folders that are named by halyard_target.
#include \"targets/Common/TargetRegistry.h\"

namespace halyard {
@declarations@
void addAllTargets(TargetRegistry &registry) {
@calls@}
} // namespace halyard
")
endfunction()
