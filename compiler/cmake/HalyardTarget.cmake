# halyard_target(FOLDER): adds the targets of a folder beside the caller's CMakeLists.txt. That folder has a
# CMakeLists.txt, which names its sources by halyard_target_sources, and one of them defines
#
#   void halyard::addFOLDERTargets(TargetRegistry &registry)
#
# (targets/Common/TargetRegistry.h). Targets are listed in the order of the calls.
function(halyard_target folder)
  add_subdirectory(${folder})
  set_property(GLOBAL APPEND PROPERTY HALYARD_TARGET_FOLDERS ${folder})
  get_property(folders GLOBAL PROPERTY HALYARD_TARGET_FOLDERS)
  halyard_write_target_list(${CMAKE_BINARY_DIR}/targets/TargetList.cpp ${folders})
endfunction()

# halyard_target_sources(SOURCES...): files that are compiled with what all targets' kernels share.
function(halyard_target_sources)
  target_sources(HalyardKernels PRIVATE ${ARGN})
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
"// Written by CMake: the folders that targets/CMakeLists.txt names.
#include \"targets/Common/TargetRegistry.h\"

namespace halyard {
@declarations@
void addAllTargets(TargetRegistry &registry) {
@calls@}
} // namespace halyard
")
endfunction()
