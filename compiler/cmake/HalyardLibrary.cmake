# halyard_library(NAME SOURCES... [DEPENDS targets...] [LINK libraries...] [HALIDE])
#
# A static library of the compiler: no RTTI and no exceptions, as LLVM is built. HALIDE marks the few libraries that
# include Halide.h; they alone are built with exceptions, which Halide's headers need. All libraries share one
# precompiled header of MLIR.
function(halyard_library name)
  cmake_parse_arguments(arg "HALIDE" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  halyard_compile_options(${name})
  if(arg_DEPENDS)
    add_dependencies(${name} ${arg_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${arg_LINK} MLIR LLVM)
  if(arg_HALIDE)
    target_link_libraries(${name} PUBLIC Halide::Halide)
    target_compile_options(${name} PRIVATE -fexceptions)
  else()
    halyard_use_mlir_pch(${name})
  endif()
endfunction()

function(halyard_compile_options name)
  target_compile_options(${name} PRIVATE -fno-rtti -Wall -Wextra -Wno-unused-parameter
    $<$<CXX_COMPILER_ID:Clang>:-fpch-instantiate-templates>)
  if(NOT LLVM_ENABLE_EH)
    target_compile_options(${name} PRIVATE -fno-exceptions)
  endif()
endfunction()

# One precompiled header serves every library that does not include Halide.h.
function(halyard_use_mlir_pch name)
  if(NOT TARGET halyard_pch)
    file(WRITE ${CMAKE_BINARY_DIR}/halyard_pch.cpp "")
    add_library(halyard_pch STATIC ${CMAKE_BINARY_DIR}/halyard_pch.cpp)
    halyard_compile_options(halyard_pch)
    target_precompile_headers(halyard_pch PRIVATE ${CMAKE_SOURCE_DIR}/compiler/cmake/MLIRPrecompiled.h)
  endif()
  # An executable would be compiled with -fPIE, which does not fit a header compiled with -fPIC.
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM halyard_pch)
endfunction()

# halyard_dialect(NAME FILE.td): dialect, operation, type and attribute declarations from TableGen.
function(halyard_dialect name td)
  get_filename_component(stem ${td} NAME_WE)
  set(LLVM_TARGET_DEFINITIONS ${td})
  mlir_tablegen(${stem}Ops.h.inc -gen-op-decls)
  mlir_tablegen(${stem}Ops.cpp.inc -gen-op-defs)
  mlir_tablegen(${stem}Dialect.h.inc -gen-dialect-decls -dialect=${name})
  mlir_tablegen(${stem}Dialect.cpp.inc -gen-dialect-defs -dialect=${name})
  mlir_tablegen(${stem}Types.h.inc -gen-typedef-decls -typedefs-dialect=${name})
  mlir_tablegen(${stem}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${name})
  mlir_tablegen(${stem}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${stem}Enums.cpp.inc -gen-enum-defs)
  mlir_tablegen(${stem}Attributes.h.inc -gen-attrdef-decls -attrdefs-dialect=${name})
  mlir_tablegen(${stem}Attributes.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${name})
  add_public_tablegen_target(Halyard${stem}IncGen)
endfunction()
